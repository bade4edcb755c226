// Which samples a panel speaks of: the selected ones, else those that fit the filter, else all.
import type { Store } from "./store";

export interface Scope {
  kind: "selected" | "found" | "all";
  /** 1 for each sample meant; null for all. */
  mask: Uint8Array | null;
  samples: number;
}

/**
 * The scope of a panel. It does not follow a selection that was made in it: a click on a cell of the confusion matrix
 * would leave nothing but that cell.
 */
export function scopeOf(store: Store, panel: string): Scope {
  const { indices, mask } = store.selection.value;
  const visible = store.visible.value;
  if (indices.length > 0 && store.selectedIn.value !== panel) {
    return { kind: "selected", mask, samples: indices.length };
  }
  return visible === null
    ? { kind: "all", mask: null, samples: store.hello.n }
    : { kind: "found", mask: visible, samples: store.filtering.count.value };
}
