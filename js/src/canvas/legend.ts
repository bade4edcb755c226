// What colours and marks of the points stand for: an entry per class, or for right and wrong, and one per mark.
import { toHex } from "../state/colors";
import { MISSING } from "../state/columns";
import type { Store } from "../state/store";
import { lookOf, scaleColors } from "./look";

export interface LegendEntry {
  key: string;
  name: string;
  /** CSS colour. */
  hue: string;
  samples: number;
  picks: (index: number) => boolean;
}

/** A mark that points have besides their colour. */
export interface MarkEntry extends Omit<LegendEntry, "hue"> {
  mark: "disc" | "diamond" | "ring";
  meaning: string;
}

/** The marks of the epoch passed: shapes of the two splits, where there are two, and mistakes. */
export function markEntries(store: Store): MarkEntry[] {
  const { split, labels, n } = store.hello;
  const { tests } = store;
  const entries: MarkEntry[] = [];
  if (tests > 0 && tests < n) {
    const of = (test: number) => (sample: number) => split[sample] === test;
    entries.push(
      { key: "train", name: "train", mark: "disc", meaning: "", samples: n - tests, picks: of(0) },
      { key: "test", name: "test", mark: "diamond", meaning: "", samples: tests, picks: of(1) },
    );
  }
  if (store.unlabelled < n && store.colorBy.value !== "correctness") {
    store.frames.revision.value;
    const frame = store.frames.get(store.playhead.passing.value);
    entries.push({
      key: "wrong",
      name: "wrong",
      mark: "ring",
      meaning: "predicted otherwise than labelled: a ring, and a cross on large points",
      samples: n - store.unlabelled - (frame?.correct ?? 0),
      picks: (sample) =>
        (labels[sample] as number) >= 0 && frame?.predictions[sample] !== labels[sample],
    });
  }
  return entries;
}

/** A scale of numbers that colours or sizes stand for; null while it is not known, and for anything else. */
export function numberScale(
  store: Store,
  name: string,
): { low: number; high: number; hues: string[] } | null {
  const side = store.side.value;
  const column = side.column(name);
  column?.revision.value;
  const shown = column?.get(side.at(store.playhead.passing.value)) ?? column?.get(0);
  if (shown === undefined || shown.names.length > 0) {
    return null;
  }
  const colors = scaleColors(store, side);
  const hues = Array.from({ length: 9 }, (_, i) => colors[Math.round((i * 255) / 8)]);
  return { low: shown.low, high: shown.high, hues: hues.flatMap((hue) => (hue ? toHex(hue) : [])) };
}

/** The entries for the epoch passed; none where colours stand for numbers. */
export function legendEntries(store: Store): LegendEntry[] {
  const { hello } = store;
  const { labels } = hello;
  const by = store.colorBy.value;
  const look = lookOf(store.theme.value, store.colors.value);
  const classEntries = (
    samplesOf: (index: number) => number,
    picks: (sample: number, index: number) => boolean,
  ): LegendEntry[] =>
    hello.classes.map((_, i) => ({
      key: String(i),
      name: store.className(i),
      hue: toHex(look.classes[i] ?? look.unlabelled),
      samples: samplesOf(i),
      picks: (sample) => picks(sample, i),
    }));
  if (by === "label") {
    const entries = classEntries(
      (i) => store.labelCounts[i] as number,
      (sample, i) => labels[sample] === i,
    );
    if (store.unlabelled > 0) {
      entries.push({
        key: "none",
        name: "no label",
        hue: toHex(look.unlabelled),
        samples: store.unlabelled,
        picks: (sample) => (labels[sample] as number) < 0,
      });
    }
    return entries;
  }
  const side = store.side.value;
  const column = side.column(by);
  if (column !== null) {
    column.revision.value;
    const { names, values } = column.get(0) ?? { names: [], values: new Uint16Array(0) };
    const colors = scaleColors(store, side);
    const counts = new Uint32Array(names.length + 1);
    for (const value of values) {
      const at = value === MISSING ? names.length : value;
      counts[at] = (counts[at] as number) + 1;
    }
    const entries = names.map((name, i) => ({
      key: String(i),
      name: name.trim() || "none",
      hue: toHex(colors[i] ?? look.unlabelled),
      samples: counts[i] as number,
      picks: (sample: number) => values[sample] === i,
    }));
    const missing = counts[names.length] as number;
    return names.length === 0 || missing === 0
      ? entries
      : [
          ...entries,
          {
            key: "none",
            name: "no value",
            hue: toHex(look.unlabelled),
            samples: missing,
            picks: (sample: number) => values[sample] === MISSING,
          },
        ];
  }
  store.frames.revision.value;
  const frame = store.frames.get(store.playhead.passing.value);
  if (by === "prediction") {
    return classEntries(
      (i) => frame?.predicted[i] ?? 0,
      (sample, i) => frame?.predictions[sample] === i,
    );
  }
  const right = frame?.correct ?? 0;
  return [
    {
      key: "right",
      name: "right",
      hue: toHex(look.right),
      samples: right,
      picks: (sample) => frame?.predictions[sample] === labels[sample],
    },
    {
      key: "wrong",
      name: "wrong",
      hue: toHex(look.wrong),
      samples: hello.n - store.unlabelled - right,
      picks: (sample) =>
        (labels[sample] as number) >= 0 && frame?.predictions[sample] !== labels[sample],
    },
  ];
}
