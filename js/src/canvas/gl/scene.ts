// One picture, described without the GPU: its colours, its epochs, and where it is seen from.
import type { Frame, Territory } from "../../protocol/source";
import type { Rgb } from "../../state/colors";
import type { Column } from "../../state/columns";
import type { Field } from "../../state/density";

/** The colours of a picture. */
export interface Look {
  classes: readonly Rgb[];
  background: Rgb;
  ink: Rgb;
  unlabelled: Rgb;
  right: Rgb;
  wrong: Rgb;
  /** The colours of the column that samples are coloured by: of its categories, or 256 along its scale. */
  scale: readonly Rgb[];
  /** How much ink the rim of a point has, 0 to 1; the rest is its own colour. */
  rim: number;
  /** How much class colour a territory has where the shade is 0 and where it is 1. */
  strength: readonly [number, number];
}

/** Takes positions in the extent to clip space: scale x, y, offset x, y. */
export type View = readonly [number, number, number, number];

export interface Scene {
  /** Positions of the two epochs, and how far the first is blended into the second. */
  a: number;
  b: number;
  blend: number;
  /** From the snapshot (0) to the blend of `a` and `b` (1). */
  arrival: number;
  view: View;
  /** Device pixels. */
  width: number;
  height: number;
  /** Device pixels per CSS pixel. */
  ratio: number;
  /** Radius of a point in device pixels. */
  radius: number;
  opacity: number;
  /** How much points in foreign territory stand out, 0 to 1. */
  emphasis: number;
  /** How much the selected are ringed, 0 to 1. */
  ringing: number;
  /** Label, prediction, correctness, a column of categories, a column of numbers. */
  colorBy: 0 | 1 | 2 | 3 | 4;
  /** Whether samples have sizes of their own. */
  sized: boolean;
  /** Samples ringed above all others, the uppermost last. */
  raised: readonly number[];
  /** Overlay on the territories: none, confidence, trust, density, changes. */
  overlay: 0 | 1 | 2 | 3 | 4;
  /** Margin between the two likeliest classes up to which land is undecided. */
  delta: number;
  /** Whether samples that are neither selected nor raised are drawn. */
  points: boolean;
  /** How far trails have come, as a position in time. */
  time: number;
}

export type ColumnUse = "color" | "size";

/** The epochs that have arrived, by position. */
export interface Epochs {
  frame(position: number): Frame | undefined;
  territory(position: number): Territory | undefined;
  /** The values of the overlay, if it has one per location. */
  field(position: number): Field | undefined;
  /** The column that samples are coloured or sized by. */
  column(which: ColumnUse, position: number): Column | undefined;
}
