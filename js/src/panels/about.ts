// Which samples a panel speaks of, in words.
import { count, plural } from "../pieces/words";
import { scopeOf } from "../state/scope";
import type { Store } from "../state/store";

export function aboutAll({ hello }: Store): string {
  return `Of all ${plural(hello.n, "sample", "samples")}`;
}

/** For a panel that follows the filter alone. */
export function aboutFound(store: Store): string {
  const found = store.filtering.count.value;
  return store.visible.value === null
    ? aboutAll(store)
    : `Of the ${plural(found, "sample", "samples")} found`;
}

/** For a panel that follows the selection and the filter. */
export const aboutScope =
  (panel: string) =>
  (store: Store): string => {
    const { kind, samples } = scopeOf(store, panel);
    return {
      all: aboutAll(store),
      found: `Of the ${plural(samples, "sample", "samples")} found`,
      selected: `Of the ${plural(samples, "selected sample", "selected samples")}`,
    }[kind];
  };

/** For a panel that shows the selection itself. */
export function aboutSelected(store: Store): string {
  const selected = store.selection.value.indices.length;
  if (selected > 0) {
    return `Of the ${plural(selected, "selected sample", "selected samples")}`;
  }
  return store.visible.value === null
    ? "Nothing is selected"
    : `Of the ${plural(store.filtering.count.value, "sample", "samples")} found`;
}

/** For a panel about the sample that is pointed at, pinned or alone selected. */
export function aboutOne(store: Store): string {
  const { indices } = store.selection.value;
  const index = store.raised.value ?? (indices.length === 1 ? indices[0] : undefined);
  return index === undefined ? "Of one sample" : `Of sample ${count(index)}`;
}

export function aboutModel({ hello }: Store): string {
  return hello.models.length === 1 ? "Of the model" : `Of ${count(hello.models.length)} models`;
}

export function aboutPlaces(): string {
  return "Of places on the map";
}
