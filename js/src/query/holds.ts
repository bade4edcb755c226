// Which samples a filter shows.
import type { Condition, Query, Relation } from "./grammar";

/** The predictions of one epoch. */
export interface Outputs {
  predictions: ArrayLike<number>;
  confidence: ArrayLike<number>;
}

export interface Samples {
  /** -1 where there is none. */
  labels: ArrayLike<number>;
  /** 0 train, 1 test. */
  split: ArrayLike<number>;
  groups: ReadonlyMap<string, ArrayLike<number>>;
  /** The epoch that conditions without an epoch of their own speak of. */
  epoch: number;
  /** The outputs of an epoch named by `epochsNeeded`. */
  outputs(epoch: number): Outputs;
  /** The confidence that stands for 1. */
  certainty: number;
}

/** The epochs whose outputs decide a filter. */
export function epochsNeeded({ conditions }: Query, now: number): number[] {
  const needed = conditions.flatMap((condition): readonly number[] => {
    switch (condition.kind) {
      case "changed":
        return condition.values;
      case "pred":
      case "conf":
      case "correct":
      case "wrong":
        return [now];
      default:
        return [];
    }
  });
  return [...new Set(needed)];
}

/** A byte per sample, 1 where all conditions hold. */
export function holds({ conditions }: Query, samples: Samples): Uint8Array {
  const n = samples.labels.length;
  const mask = new Uint8Array(n).fill(1);
  for (const condition of conditions) {
    const test = testOf(condition, samples);
    for (let i = 0; i < n; i++) {
      if (mask[i] === 1 && test(i) === condition.negated) {
        mask[i] = 0;
      }
    }
  }
  return mask;
}

function testOf(condition: Condition, samples: Samples): (sample: number) => boolean {
  const { labels, split, certainty } = samples;
  const now = (): Outputs => samples.outputs(samples.epoch);
  switch (condition.kind) {
    case "label":
    case "pred": {
      const classes = condition.kind === "label" ? labels : now().predictions;
      const wanted = new Uint8Array(Math.max(...condition.values) + 2);
      for (const number of condition.values) {
        wanted[number + 1] = 1;
      }
      return (i) => wanted[(classes[i] as number) + 1] === 1;
    }
    case "conf": {
      const { confidence } = now();
      const test = levelTest(condition.values);
      return (i) => test((confidence[i] as number) / certainty);
    }
    case "split": {
      const wanted = condition.values[0] === "test" ? 1 : 0;
      return (i) => split[i] === wanted;
    }
    case "group": {
      const members = samples.groups.get(condition.values[0]);
      return (i) => members?.[i] === 1;
    }
    case "changed": {
      const [before, after] = condition.values.map((epoch) => samples.outputs(epoch).predictions);
      return (i) => before?.[i] !== after?.[i];
    }
    case "index":
      return (i) => condition.values.some(([first, last]) => i >= first && i <= last);
    default: {
      const { predictions } = now();
      const right = condition.kind === "correct";
      return (i) => (labels[i] as number) >= 0 && (labels[i] === predictions[i]) === right;
    }
  }
}

/**
 * Exact for levels of four digits (see CERTAINTY). Within one step of any other level a sample may fall on the
 * other side than in Python, which compares unrounded values.
 */
function levelTest([relation, low, high = low]: readonly [Relation, number, number?]): (
  value: number,
) => boolean {
  switch (relation) {
    case "<":
      return (value) => value < low;
    case "<=":
      return (value) => value <= low;
    case ">":
      return (value) => value > low;
    case ">=":
      return (value) => value >= low;
    case "in":
      return (value) => value >= low && value <= high;
  }
}
