// All panels, within a group in the order of their tabs.
import type { Panel } from "../pieces/panel";
import { takesGuests } from "../state/guests";
import { canDecode } from "../state/markers";
import { offers } from "../state/sides";
import type { Store } from "../state/store";
import {
  aboutAll,
  aboutFound,
  aboutModel,
  aboutOne,
  aboutPlaces,
  aboutScope,
  aboutSelected,
} from "./about";
import { Charts } from "./charts/charts";
import { Classes } from "./classes/classes";
import { Confusion } from "./confusion/confusion";
import { Explain } from "./explain/explain";
import { Images } from "./images/images";
import { Layers } from "./layers/layers";
import { Lists } from "./lists/lists";
import { Markers } from "./markers/markers";
import { Measures } from "./measures/measures";
import { Models } from "./models/models";
import { Overview } from "./overview/overview";
import { Sample } from "./sample/sample";
import { Similar } from "./similar/similar";
import { Solid } from "./solid/solid";
import { Why } from "./why/why";

const hasModels = ({ hello }: Store): boolean => hello.models.length > 0;
const hasLists = ({ hello }: Store): boolean => hello.lists.length > 0;
const hasAutoencoder = (store: Store): boolean => hasModels(store) && store.hello.vae !== null;
const hasNeighbors = ({ sides }: Store): boolean => offers(sides, "neighbors");
const hasPlaces = (store: Store): boolean => canDecode(store) || takesGuests(store);
const isSolid = ({ hello }: Store): boolean => hello.solid;
const hasMeasures = ({ sides }: Store): boolean =>
  offers(sides, "measures") || offers(sides, "boundary");

type Placed = Omit<Panel, "group">;

const OVERVIEW: readonly Placed[] = [
  { id: "overview", title: "Overview", content: Overview, about: aboutAll },
  { id: "charts", title: "Charts", content: Charts, about: aboutFound },
];
const SELECTION: readonly Placed[] = [
  { id: "images", title: "Samples", content: Images, about: aboutSelected },
  { id: "sample", title: "One sample", content: Sample, about: aboutOne },
  { id: "similar", title: "Similar", content: Similar, about: aboutOne, applies: hasNeighbors },
];
const ERRORS: readonly Placed[] = [
  { id: "confusion", title: "Confusion", content: Confusion, about: aboutScope("confusion") },
  { id: "classes", title: "Classes", content: Classes, about: aboutScope("classes") },
  {
    id: "lists",
    title: "To review",
    content: Lists,
    about: aboutScope("lists"),
    applies: hasLists,
  },
];
const MODEL: readonly Placed[] = [
  { id: "why", title: "Why", content: Why, about: aboutOne, applies: hasAutoencoder },
  { id: "explain", title: "Heatmaps", content: Explain, about: aboutOne, applies: hasModels },
  { id: "layers", title: "Layers", content: Layers, about: aboutModel, applies: hasModels },
  { id: "models", title: "Compare", content: Models, about: aboutModel, applies: hasModels },
];
const MAP: readonly Placed[] = [
  {
    id: "measures",
    title: "Quality",
    content: Measures,
    about: aboutScope("measures"),
    applies: hasMeasures,
  },
  { id: "markers", title: "Places", content: Markers, about: aboutPlaces, applies: hasPlaces },
  { id: "solid", title: "3-D", content: Solid, about: aboutAll, applies: isSolid },
];

const grouped = (group: Panel["group"], panels: readonly Placed[]): Panel[] =>
  panels.map((panel) => ({ ...panel, group }));

export const PANELS: readonly Panel[] = [
  ...grouped("overview", OVERVIEW),
  ...grouped("selection", SELECTION),
  ...grouped("errors", ERRORS),
  ...grouped("model", MODEL),
  ...grouped("map", MAP),
];
