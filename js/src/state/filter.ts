// The filter at work: reads its text, asks for the epochs it speaks of, and says which samples it shows at rest.
import { batch, computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { CERTAINTY, type Frame } from "../protocol/source";
import { epochsNeeded, holds, parse, type Query, type Vocabulary } from "../query/query";
import type { Side } from "./sides";
import type { Store } from "./store";

export interface Filter {
  known: Vocabulary;
  query: ReadonlySignal<Query>;
  /** How many samples are shown. */
  count: ReadonlySignal<number>;
  /** Recorded numbers of the epochs that it waits for. */
  missing: ReadonlySignal<readonly number[]>;
}

const filters = new WeakMap<Store, Filter>();

/** The filter of an explorer, at work from the first call on; what it means is told by the first landscape. */
export function filterOf(store: Store): Filter {
  const filter = filters.get(store) ?? start(store);
  filters.set(store, filter);
  return filter;
}

function start(store: Store): Filter {
  const { n, classes, groups, labels, split } = store.hello;
  const { epochs, shown, playhead } = store;
  const { frames } = store.sides[0] as Side;
  const known = { n, classes, groups: [...groups.keys()], epochs };
  const query = computed(() => parse(store.filter.value, known));
  const missing: Signal<readonly number[]> = signal([]);
  let before: unknown[] = [];
  effect(() => {
    frames.revision.value;
    const epoch = epochs[playhead.resting.value] as number;
    const needed = epochsNeeded(query.value, epoch);
    const positions = needed.map((number) => epochs.indexOf(number));
    const found = positions.map((position) => frames.get(position));
    frames.hold(positions);
    const now = [query.value, ...found];
    if (now.length === before.length && now.every((value, i) => value === before[i])) {
      return;
    }
    before = now;
    batch(() => {
      missing.value = needed.filter((_, i) => found[i] === undefined);
      // Until all is there, what was shown stays.
      if (missing.value.length === 0) {
        shown.value =
          query.value.conditions.length === 0
            ? null
            : holds(query.value, {
                labels,
                split,
                groups,
                epoch,
                outputs: (number) => found[needed.indexOf(number)] as Frame,
                certainty: CERTAINTY,
              });
      }
    });
  });
  const count = computed(() => shown.value?.reduce((sum, one) => sum + one, 0) ?? n);
  return { known, query, count, missing };
}
