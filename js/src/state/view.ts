// View state: what a reload of the page brings back besides the data, one signal per setting.
import { batch, type Signal, signal } from "@preact/signals";

/** A point that somebody marked on a landscape. */
export interface Marker {
  /** Counts up; a removed marker's number is not used again while later ones exist. */
  number: number;
  /** Index of the landscape. */
  side: number;
  /** In units of positions, y upwards. */
  x: number;
  y: number;
}

/** The least and largest height of the landscape with its lines, in CSS pixels; as in Python's explorer. */
export const MIN_HEIGHT_PX = 320;
export const MAX_HEIGHT_PX = 2000;

/** Every setting with its initial value. */
const INITIAL = {
  /** Index of the landscape that the panels speak of. */
  side: 0,
  /** Name of one of hello's palettes; any other name stands for the first. */
  palette: "",
  /** Speed of play, 1 being normal. */
  speed: 1,
  loop: false,
  /** Name of the recorded scalar on the slider; any other name stands for the accuracies. */
  scalar: "",
  /** Which epochs the timeline marks and goes to: those where test accuracy or a class "fell", two classes "parted" or "merged", or all with an event. */
  moments: "",
  /** Indices of the classes that must be among them: none, one or two. */
  momentsOf: [] as readonly number[],
  /** Ids of the selected panel and of the one pinned beside it; unknown ids stand for the first and for none. */
  panel: "",
  beside: "",
  /** Samples in the confusion matrix: test, train or all; any other text for test, where there are any. */
  split: "",
  /** Whether its numbers are shares of the row. */
  shares: false,
  /** Name of the ranked list; any other name stands for the first. */
  list: "",
  /** Order and size in pixels of the images; size 0 stands for rows. */
  order: "index",
  descending: false,
  size: 32,
  /** Whether similar samples stand beside those whose pixels are similar. */
  pixels: false,
  /** Attribution method, opacity of its map over the picture, and the layer inspected. */
  method: "gradient",
  blend: 0.8,
  layer: "",
  markers: [] as readonly Marker[],
  /** Numbers of the markers that the path runs between: none, one or two. */
  path: [] as readonly number[],
  /** Overlay on the territories: "confidence", "trust", "density", "changes" or none. */
  overlay: "",
  /** The recorded number of the epoch since which changes are shown; any other number stands for the epoch before. */
  since: -1,
  /** Margin between the two likeliest classes up to which land is shown as undecided; as in Python's colors. */
  delta: 0.02,
  points: true,
  /** Whether the land carries the names of its classes. */
  names: true,
  /** Whether the samples that were synthesised on the boundary are drawn. */
  boundary: false,
  trails: true,
  /** Whether the selected samples are linked to their nearest neighbours; how many, and among which samples. */
  neighbors: false,
  k: 10,
  among: "",
  /** Height of the landscape with its lines, in CSS pixels; 0 for the usual one. */
  height: 0,
  /** Whether the camera keeps the selected samples in view. */
  keep: false,
};

type Initial = typeof INITIAL;
type Name = keyof Initial;

/** The settings as the host stores them: the trait `_view`, or the session storage of an exported page. */
export type ViewState = Readonly<Record<string, unknown>>;

export type View = { readonly [N in Name]: Signal<Initial[N]> };

const NAMES = Object.keys(INITIAL) as Name[];

export function createView(state: ViewState): View {
  const view = Object.fromEntries(
    NAMES.map((name) => [name, signal<unknown>(INITIAL[name])]),
  ) as unknown as View;
  readView(view, state);
  return view;
}

/** Take over the settings that are known and well formed. */
export function readView(view: View, state: ViewState): void {
  batch(() => {
    for (const name of NAMES) {
      const value = state[name];
      if (isValid(name, value)) {
        (view[name] as Signal<unknown>).value = value;
      }
    }
  });
}

export function viewState(view: View): ViewState {
  return Object.fromEntries(NAMES.map((name) => [name, view[name].value]));
}

function isValid(name: Name, value: unknown): boolean {
  if (name === "markers") {
    return Array.isArray(value) && value.every(isMarker);
  }
  if (name === "path" || name === "momentsOf") {
    return Array.isArray(value) && value.length <= 2 && value.every(Number.isFinite);
  }
  return typeof value === typeof INITIAL[name];
}

function isMarker(value: unknown): value is Marker {
  const { number, side, x, y } = (value ?? {}) as Partial<Marker>;
  return [number, side, x, y].every(Number.isFinite);
}
