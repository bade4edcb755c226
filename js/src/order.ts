// Samples put in the order of a number each has.

const PLACES = 2 ** 22;
const LEVELS = 2 ** 30;

/** The indices by their values; ties keep the order of the indices, and what has no value comes last either way. */
export function ordered(
  indices: Uint32Array,
  value: (index: number, place: number) => number,
  descending: boolean,
): Uint32Array {
  const values = Float64Array.from(indices, value);
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const each of values) {
    if (Number.isFinite(each)) {
      low = Math.min(low, each);
      high = Math.max(high, each);
    }
  }
  // Level and place in one number: sorting plain numbers takes a tenth of the time of comparing by a function.
  const scale = (LEVELS - 1) / (high - low || 1);
  for (let place = 0; place < values.length; place++) {
    const each = values[place] as number;
    const level = Math.round((descending ? high - each : each - low) * scale);
    values[place] = (Number.isFinite(each) ? level : LEVELS) * PLACES + place;
  }
  values.sort();
  return Uint32Array.from(values, (key) => indices[key % PLACES] as number);
}
