// What samples are coloured and sized by: columns of numbers or of categories, in few bytes per sample.
import { CERTAINTY, type Frame } from "../protocol/source";
import type { Answer } from "../protocol/wire";

/** The value of a sample that has none. */
export const MISSING = 0xffff;
/** The value that stands for the upper end of a scale; 0 stands for the lower. */
export const TOP = 0xfffe;

export interface Column {
  /** Of the categories; empty for numbers. */
  names: readonly string[];
  /** The ends of the scale of numbers. */
  low: number;
  high: number;
  /** One per sample: the place of its category, or its place between the ends of the scale; MISSING for none. */
  values: Uint16Array;
}

/** What people colour by besides classes, as the page computes or asks for it. */
export interface ColumnChoice {
  name: string;
  kind: "category" | "number";
  /** Whether it has other values at every epoch. */
  moves: boolean;
}

export function categories(names: readonly string[], values: ArrayLike<number>): Column {
  return { names, low: 0, high: 1, values: Uint16Array.from(values) };
}

export function confidenceOf({ confidence }: Frame): Column {
  const values = Uint16Array.from(confidence, (value) => Math.round((value / CERTAINTY) * TOP));
  return { names: [], low: 0, high: 1, values };
}

export function readColumn({ names, low, high, values }: Answer<"column">): Column {
  const span = high > low ? high - low : 1;
  const place = (value: number): number =>
    names.length > 0 ? value : TOP * Math.min(1, Math.max(0, (value - low) / span));
  return {
    names,
    low,
    high,
    values: Uint16Array.from(values.data, (value) =>
      Number.isNaN(value) ? MISSING : Math.round(place(value)),
    ),
  };
}
