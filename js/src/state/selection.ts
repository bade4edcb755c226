// Which samples are selected: original indices, and how a new pick joins them.

export type Combine = "replace" | "add" | "subtract";

export interface Selection {
  /** Ascending and without repeats. */
  readonly indices: Uint32Array;
  /** One byte per sample, 1 where selected. */
  readonly mask: Uint8Array;
}

export function selectionOf(indices: Iterable<number>, n: number): Selection {
  const mask = new Uint8Array(n);
  for (const index of indices) {
    if (Number.isInteger(index) && index >= 0 && index < n) {
      mask[index] = 1;
    }
  }
  return { indices: indicesOf(mask), mask };
}

/** How a click on a name joins the selection: as the keys held down say, else as chosen. */
export function joins(event: MouseEvent | KeyboardEvent, chosen: Combine): Combine {
  const adds = event.shiftKey || event.ctrlKey || event.metaKey;
  return event.altKey ? "subtract" : adds ? "add" : chosen;
}

/** The indices whose byte is set, ascending. */
export function indicesOf(mask: Uint8Array): Uint32Array {
  let count = 0;
  for (let i = 0; i < mask.length; i++) {
    count += mask[i] as number;
  }
  const indices = new Uint32Array(count);
  let place = 0;
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 1) {
      indices[place++] = i;
    }
  }
  return indices;
}

export function combine(current: Selection, picked: Iterable<number>, how: Combine): Selection {
  const mask =
    how === "replace" ? new Uint8Array(current.mask.length) : Uint8Array.from(current.mask);
  const value = how === "subtract" ? 0 : 1;
  for (const index of picked) {
    mask[index] = value;
  }
  return { indices: indicesOf(mask), mask };
}

/** The same for picks given as a byte per sample, 1 where picked. */
export function combineMasks(current: Selection, picked: Uint8Array, how: Combine): Selection {
  if (how === "replace") {
    return { indices: indicesOf(picked), mask: picked };
  }
  const mask = Uint8Array.from(current.mask);
  for (let i = 0; i < mask.length; i++) {
    if (picked[i] === 1) {
      mask[i] = how === "add" ? 1 : 0;
    }
  }
  return { indices: indicesOf(mask), mask };
}

export function sameIndices(one: ArrayLike<number>, other: ArrayLike<number>): boolean {
  if (one.length !== other.length) {
    return false;
  }
  for (let i = 0; i < one.length; i++) {
    if (one[i] !== other[i]) {
      return false;
    }
  }
  return true;
}
