// How the explorer stands apart from the data: what a reload of the page brings back, one signal per thing.
import { batch, type Signal, signal } from "@preact/signals";

/** Everything that is kept, with what it is at first: numbers, texts and truths only. Each panel adds its own. */
const START = {
  /** The landscape that the panels speak of. */
  side: 0,
  /** A name of hello's palettes; the first one where it is none of them. */
  palette: "",
  /** How fast time plays, 1 being normal. */
  speed: 1,
  loop: false,
  /** Name of the recorded scalar on the slider; the accuracies where there is none of that name. */
  scalar: "",
  /** The panel whose tab is chosen, and the one kept beside it; the first and none where they are none of them. */
  panel: "",
  beside: "",
  /** Of the samples in the confusion matrix: all, train or test. */
  split: "all",
  /** The ranked list chosen; the first where it is none of them. */
  list: "",
  /** What the images are ordered by, and how large they are; 0 stands for rows. */
  order: "index",
  descending: false,
  size: 32,
  /** How pictures are explained, how much of the map lies over them, and the layer looked into. */
  method: "gradient",
  blend: 0.8,
  layer: "",
  /** Markers on the landscapes, and the numbers of the two that a way leads between (see markers.ts). */
  markers: "",
  way: "",
  /** What lies on the territories: "confidence", "trust", "density", or nothing. */
  overlay: "",
  points: true,
  trails: true,
  /** Whether the selected are tied to their nearest neighbours: how many, and among which (all, "train", "test", a group). */
  neighbors: false,
  k: 10,
  among: "",
  /** Whether the camera keeps the selected in view. */
  keep: false,
};

type Start = typeof START;

/** As it travels: the trait `_view`, or the session storage of an exported page. */
export type ViewState = Readonly<Record<string, unknown>>;

export type View = { readonly [Name in keyof Start]: Signal<Start[Name]> };

const NAMES = Object.keys(START) as (keyof Start)[];

export function createView(state: ViewState): View {
  const view = Object.fromEntries(
    NAMES.map((name) => [name, signal<unknown>(START[name])]),
  ) as unknown as View;
  readView(view, state);
  return view;
}

/** Take over what is known and of the right type. */
export function readView(view: View, state: ViewState): void {
  batch(() => {
    for (const name of NAMES) {
      const value = state[name];
      if (typeof value === typeof START[name]) {
        (view[name] as Signal<unknown>).value = value;
      }
    }
  });
}

export function viewState(view: View): ViewState {
  return Object.fromEntries(NAMES.map((name) => [name, view[name].value]));
}
