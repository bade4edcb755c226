// What colours and marks of the points stand for: an entry per class, or for right and wrong, and one per mark.
import { toHex } from "../state/colors";
import type { Store } from "../state/store";
import { lookOf } from "./look";

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
  const entries: MarkEntry[] = [];
  const tests = split.reduce((sum, test) => sum + test, 0);
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

/** The entries for the epoch passed. */
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
