// A view as a short text: what differs from how an explorer opens, written as in the address of a page.
import type { SharedState, Store } from "./store";
import { createView, viewState } from "./view";

/** A longer selection is left out: addresses have an end. */
const MAX_SELECTION_CHARACTERS = 1500;

/** The view now. `explorer.view` in Python and the address of an exported page take it. */
export function linkOf(store: Store, state: SharedState): string {
  const link = new URLSearchParams({ epoch: String(state.epoch) });
  const texts = {
    color_by: [state.color_by, "label"],
    size_by: [state.size_by, ""],
    filter: [state.filter, ""],
  } as const;
  for (const [name, [value, initial]] of Object.entries(texts)) {
    if (value !== initial) {
      link.set(name, value);
    }
  }
  if (state.selection !== "" && state.selection.length <= MAX_SELECTION_CHARACTERS) {
    link.set("selection", state.selection);
  }
  const initial = viewState(createView({}));
  for (const [name, value] of Object.entries(viewState(store.view))) {
    const text = JSON.stringify(value);
    if (text !== JSON.stringify(initial[name])) {
      link.set(name, text);
    }
  }
  return link.toString();
}

/** Read such a text; what is not understood is left out. */
export function readLink(text: string): Partial<SharedState> {
  const state: Partial<SharedState> = {};
  const view: Record<string, unknown> = {};
  for (const [name, value] of new URLSearchParams(text)) {
    if (name === "epoch") {
      state.epoch = Number(value);
    } else if (
      name === "color_by" ||
      name === "size_by" ||
      name === "filter" ||
      name === "selection"
    ) {
      state[name] = value;
    } else {
      try {
        view[name] = JSON.parse(value);
      } catch {
        // Not ours.
      }
    }
  }
  return Object.keys(view).length > 0 ? { ...state, _view: view } : state;
}
