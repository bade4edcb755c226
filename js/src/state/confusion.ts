// The confusion matrix, counted in one pass.

export interface Confusion {
  classes: number;
  /** Row label, column prediction. */
  counts: Uint32Array;
  /** The number of samples counted, and of those predicted right. */
  samples: number;
  right: number;
}

/** Count the labelled visible samples of a split: 0 train, 1 test, null both. */
export function confusionOf(
  labels: Int32Array,
  predictions: ArrayLike<number>,
  classes: number,
  split: Uint8Array,
  wanted: number | null,
  visible: Uint8Array | null,
): Confusion {
  const counts = new Uint32Array(classes * classes);
  let samples = 0;
  let right = 0;
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] as number;
    if (label >= 0 && (wanted === null || split[i] === wanted) && visible?.[i] !== 0) {
      const prediction = predictions[i] as number;
      const at = label * classes + prediction;
      counts[at] = (counts[at] as number) + 1;
      samples++;
      right += label === prediction ? 1 : 0;
    }
  }
  return { classes, counts, samples, right };
}

/** The cells off the diagonal with the most samples, largest first. */
export function largestErrors({ classes, counts }: Confusion, most: number): number[] {
  const largest: number[] = [];
  for (let at = 0; at < counts.length; at++) {
    const count = counts[at] as number;
    const last = largest.at(-1);
    const full = largest.length === most;
    if (
      count > 0 &&
      at % (classes + 1) !== 0 &&
      (!full || count > (counts[last as number] as number))
    ) {
      const rank = largest.findIndex((other) => (counts[other] as number) < count);
      largest.splice(rank < 0 ? largest.length : rank, 0, at);
      largest.length = Math.min(most, largest.length);
    }
  }
  return largest;
}

/** Pool cells in blocks of `block` rows and columns: of each the cell with the most samples, errors before the diagonal; -1 if empty. */
export function pooled({ classes, counts }: Confusion, block: number): Int32Array {
  const side = Math.ceil(classes / block);
  const cells = new Int32Array(side * side).fill(-1);
  for (let at = 0; at < counts.length; at++) {
    const count = counts[at] as number;
    if (count > 0) {
      const row = Math.floor(at / classes);
      const pool = Math.floor(row / block) * side + Math.floor((at - row * classes) / block);
      const before = cells[pool] as number;
      const beforeRight = before >= 0 && before % (classes + 1) === 0;
      const right = at % (classes + 1) === 0;
      if (
        before < 0 ||
        (beforeRight === right ? count > (counts[before] as number) : beforeRight)
      ) {
        cells[pool] = at;
      }
    }
  }
  return cells;
}
