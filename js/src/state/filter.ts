// The filter at work: it reads its text, waits for the epochs it names, and says which samples are visible.
import { batch, computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { CERTAINTY, type Frame, type Hello } from "../protocol/source";
import type { EpochWindow } from "../protocol/window";
import type { Kind, Query, Vocabulary } from "../query/grammar";
import { epochsNeeded, holds } from "../query/holds";
import { parse } from "../query/parse";

export interface Filter {
  /** The names that a filter may use. */
  readonly known: Vocabulary;
  /** 1 for each sample that fits; null while all do. */
  visible: ReadonlySignal<Uint8Array | null>;
  count: ReadonlySignal<number>;
  /** The same without the conditions of some kinds; reads signals. */
  without: (kinds: readonly Kind[]) => Uint8Array | null;
  /** Recorded numbers of the epochs it waits for. */
  missing: ReadonlySignal<readonly number[]>;
  stop: () => void;
}

interface FilterOptions {
  hello: Hello;
  text: ReadonlySignal<string>;
  epochs: ReadonlySignal<readonly number[]>;
  /** Position of the epoch that a filter without an epoch of its own speaks of. */
  resting: ReadonlySignal<number>;
  frames: EpochWindow<Frame>;
}

export function startFilter({ hello, text, epochs, resting, frames }: FilterOptions): Filter {
  const { n, classes, groups, labels, split } = hello;
  const names = [...groups.keys()];
  const known = computed(() => ({ n, classes, groups: names, epochs: epochs.value }));
  const query = computed(() => parse(text.value, known.value));
  const visible = signal<Uint8Array | null>(null);
  const missing: Signal<readonly number[]> = signal([]);
  let before: readonly (Query | Frame | undefined)[] = [];
  /** 1 for each sample that fits; every epoch needed must have arrived. */
  const fitting = (asked: Query, epoch: number): Uint8Array | null =>
    asked.conditions.length === 0
      ? null
      : holds(asked, {
          labels,
          split,
          groups,
          epoch,
          outputs: (number) => frames.get(epochs.peek().indexOf(number)) as Frame,
          certainty: CERTAINTY,
        });
  const stop = effect(() => {
    frames.revision.value;
    const epoch = epochs.value[resting.value] as number;
    const needed = epochsNeeded(query.value, epoch);
    const positions = needed.map((number) => epochs.value.indexOf(number));
    const loaded = positions.map((position) => frames.get(position));
    frames.hold(positions);
    const now = [query.value, ...loaded];
    if (now.length === before.length && now.every((value, i) => value === before[i])) {
      return;
    }
    before = now;
    batch(() => {
      missing.value = needed.filter((_, i) => loaded[i] === undefined);
      // The visible samples stay as they are until every epoch has arrived.
      if (missing.value.length === 0) {
        visible.value = fitting(query.value, epoch);
      }
    });
  });
  const without = (kinds: readonly Kind[]): Uint8Array | null => {
    const conditions = query.value.conditions.filter(
      ({ kind, negated }) => negated || !kinds.includes(kind),
    );
    if (missing.value.length > 0 || conditions.length === query.value.conditions.length) {
      return visible.value;
    }
    return fitting({ ...query.value, conditions }, epochs.value[resting.value] as number);
  };
  const count = computed(() => visible.value?.reduce((sum, one) => sum + one, 0) ?? n);
  return {
    get known() {
      return known.value;
    },
    visible,
    count,
    without,
    missing,
    stop,
  };
}
