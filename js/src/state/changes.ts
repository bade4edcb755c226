// Land that another class holds than at an earlier epoch.
import type { Territory } from "../protocol/source";
import type { Field } from "./density";

/** Times that each line of cells is smoothed. */
const SMOOTHED = 3;

/** 255 where another class holds the land, 0 elsewhere, and smooth between: single cells are no change to be seen. */
export function changedLand(before: Territory, after: Territory): Field {
  const side = after.resolution;
  const values = new Uint8Array(side * side);
  const was = before.resolution;
  for (let row = 0; row < side; row++) {
    const below = Math.floor(((row + 0.5) * was) / side) * was;
    for (let column = 0; column < side; column++) {
      const cell = row * side + column;
      const old = below + Math.floor(((column + 0.5) * was) / side);
      values[cell] = before.cells[2 * old] === after.cells[2 * cell] ? 0 : 255;
    }
  }
  for (const [step, stride] of [
    [1, side],
    [side, 1],
  ] as const) {
    for (let pass = 0; pass < SMOOTHED; pass++) {
      smooth(values, step, stride, side);
    }
  }
  return { side, values };
}

/** Weigh every cell of every line with its two neighbours, 1 : 2 : 1. */
function smooth(values: Uint8Array, step: number, stride: number, side: number): void {
  for (let line = 0; line < side; line++) {
    let before = values[line * stride] as number;
    for (let i = 0; i < side; i++) {
      const at = line * stride + i * step;
      const own = values[at] as number;
      const after = i + 1 < side ? (values[at + step] as number) : own;
      values[at] = (before + 2 * own + after + 2) >> 2;
      before = own;
    }
  }
}
