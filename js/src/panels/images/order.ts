// Samples ordered by a number that each has.

/** Positions fit below this power of two, levels above it, and both together into a double. */
const POSITIONS = 2 ** 22;
const LEVELS = 2 ** 30;

/**
 * The indices ordered by `value(index, position in the list)`. Ties keep the order of the indices; samples without
 * a finite value come last in both directions.
 */
export function ordered(
  indices: Uint32Array,
  value: (index: number, position: number) => number,
  descending: boolean,
): Uint32Array {
  // Plain loops: at a million samples they take a tenth of the time of mapping an array.
  const keys = new Float64Array(indices.length);
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < keys.length; i++) {
    const each = value(indices[i] as number, i);
    keys[i] = each;
    if (Number.isFinite(each)) {
      low = Math.min(low, each);
      high = Math.max(high, each);
    }
  }
  // Level and position in one number: sorting plain numbers takes a tenth of the time of comparing by a function.
  const scale = (LEVELS - 1) / (high - low || 1);
  for (let i = 0; i < keys.length; i++) {
    const each = keys[i] as number;
    const level = Math.round((descending ? high - each : each - low) * scale);
    keys[i] = (Number.isFinite(each) ? level : LEVELS) * POSITIONS + i;
  }
  keys.sort();
  const sorted = new Uint32Array(keys.length);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as number;
    sorted[i] = indices[key - Math.floor(key / POSITIONS) * POSITIONS] as number;
  }
  return sorted;
}
