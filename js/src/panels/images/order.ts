// Samples put in the order of a number each has.

const PLACES = 2 ** 22;
const LEVELS = 2 ** 30;

/** The indices by their values; ties keep the order of the indices, and what has no value comes last either way. */
export function ordered(
  indices: Uint32Array,
  value: (index: number, place: number) => number,
  descending: boolean,
): Uint32Array {
  // Plain loops: at a million samples they take a tenth of the time that mapping an array takes.
  const keys = new Float64Array(indices.length);
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let place = 0; place < keys.length; place++) {
    const each = value(indices[place] as number, place);
    keys[place] = each;
    if (Number.isFinite(each)) {
      low = Math.min(low, each);
      high = Math.max(high, each);
    }
  }
  // Level and place in one number: sorting plain numbers takes a tenth of the time of comparing by a function.
  const scale = (LEVELS - 1) / (high - low || 1);
  for (let place = 0; place < keys.length; place++) {
    const each = keys[place] as number;
    const level = Math.round((descending ? high - each : each - low) * scale);
    keys[place] = (Number.isFinite(each) ? level : LEVELS) * PLACES + place;
  }
  keys.sort();
  const sorted = new Uint32Array(keys.length);
  for (let place = 0; place < keys.length; place++) {
    const key = keys[place] as number;
    sorted[place] = indices[key - Math.floor(key / PLACES) * PLACES] as number;
  }
  return sorted;
}
