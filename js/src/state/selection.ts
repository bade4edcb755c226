// Which samples are selected: original indices, and how a new pick joins them.

/** As many arguments as a function surely takes. */
const CHUNK_BYTES = 1 << 13;

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
  return selectionOfMask(mask);
}

/** The same for a byte per sample, 1 where selected. */
export function selectionOfMask(mask: Uint8Array): Selection {
  return { indices: indicesOf(mask), mask };
}

/**
 * A selection as the host keeps it: base64 of a bitmask, the lowest bit of the first byte for sample 0, without
 * the zero bytes at its end. Equal selections are equal texts; a million samples take 167 kB at most.
 */
export function toText(mask: Uint8Array): string {
  const bytes = new Uint8Array(Math.ceil(mask.length / 8));
  for (let i = 0; i < mask.length; i++) {
    bytes[i >> 3] = (bytes[i >> 3] as number) | ((mask[i] as number) << (i & 7));
  }
  let length = bytes.length;
  while (bytes[length - 1] === 0) {
    length--;
  }
  let characters = "";
  for (let start = 0; start < length; start += CHUNK_BYTES) {
    const chunk = bytes.subarray(start, Math.min(length, start + CHUNK_BYTES));
    characters += String.fromCharCode(...chunk);
  }
  return btoa(characters);
}

/** The mask of n samples that such a text stands for; nothing is selected by a text that is none. */
export function fromText(text: string, n: number): Uint8Array {
  const mask = new Uint8Array(n);
  let characters: string;
  try {
    characters = atob(text);
  } catch {
    return mask;
  }
  for (let i = 0; i < Math.min(n, 8 * characters.length); i++) {
    mask[i] = (characters.charCodeAt(i >> 3) >> (i & 7)) & 1;
  }
  return mask;
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
  // Every index is written and the next one takes its place unless it is set: half of a million branches would be
  // guessed wrong.
  const indices = new Uint32Array(count + 1);
  let next = 0;
  for (let i = 0; i < mask.length; i++) {
    indices[next] = i;
    next += mask[i] as number;
  }
  return indices.subarray(0, count);
}

export function combine(current: Selection, picked: Iterable<number>, how: Combine): Selection {
  const mask =
    how === "replace" ? new Uint8Array(current.mask.length) : Uint8Array.from(current.mask);
  const value = how === "subtract" ? 0 : 1;
  for (const index of picked) {
    mask[index] = value;
  }
  return selectionOfMask(mask);
}

/** The same for picks given as a byte per sample, 1 where picked. */
export function combineMasks(current: Selection, picked: Uint8Array, how: Combine): Selection {
  if (how === "replace") {
    return selectionOfMask(picked);
  }
  const mask = Uint8Array.from(current.mask);
  for (let i = 0; i < mask.length; i++) {
    if (picked[i] === 1) {
      mask[i] = how === "add" ? 1 : 0;
    }
  }
  return selectionOfMask(mask);
}
