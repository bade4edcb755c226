// All panels, within a group in the order of their tabs.
import type { Panel } from "../pieces/panel";
import { canDecode } from "../state/markers";
import { offers } from "../state/sides";
import type { Store } from "../state/store";
import { Classes } from "./classes/classes";
import { Confusion } from "./confusion/confusion";
import { Explain } from "./explain/explain";
import { Images } from "./images/images";
import { Layers } from "./layers/layers";
import { Lists } from "./lists/lists";
import { Markers } from "./markers/markers";
import { Measures } from "./measures/measures";
import { Models } from "./models/models";
import { Sample } from "./sample/sample";
import { Why } from "./why/why";

const hasModels = ({ hello }: Store): boolean => hello.models.length > 0;
const hasLists = ({ hello }: Store): boolean => hello.lists.length > 0;
const hasAutoencoder = (store: Store): boolean => hasModels(store) && store.hello.vae !== null;
const hasMeasures = ({ sides }: Store): boolean =>
  offers(sides, "measures") || offers(sides, "boundary");

export const PANELS: readonly Panel[] = [
  { id: "images", title: "Images", group: "selection", content: Images },
  { id: "sample", title: "Sample", group: "selection", content: Sample },
  { id: "confusion", title: "Confusion", group: "errors", content: Confusion },
  { id: "classes", title: "Classes", group: "errors", content: Classes },
  { id: "lists", title: "Lists", group: "errors", content: Lists, applies: hasLists },
  { id: "why", title: "Why", group: "model", content: Why, applies: hasAutoencoder },
  { id: "explain", title: "Explain", group: "model", content: Explain, applies: hasModels },
  { id: "layers", title: "Layers", group: "model", content: Layers, applies: hasModels },
  { id: "models", title: "Models", group: "model", content: Models, applies: hasModels },
  { id: "markers", title: "Markers", group: "map", content: Markers, applies: canDecode },
  { id: "measures", title: "Measures", group: "map", content: Measures, applies: hasMeasures },
];
