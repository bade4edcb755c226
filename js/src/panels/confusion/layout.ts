// The sizes of a confusion matrix in the room that a panel leaves it.

/** Sides of cells, in CSS pixels, from which on there is room for names, gaps and numbers. */
const NAMED_PX = 11;
const SPACED_PX = 6;
const NUMBERED_PX = 15;
const MAX_CELL_PX = 56;
/** Of the names' gutter: its minimum, and its maximum where the cells leave more. */
const MIN_GUTTER_PX = 72;
const MAX_GUTTER_PX = 160;
/** Width of a character in a name, on average. */
const CHARACTER_PX = 7;
/** The stripe of colour beside each row and column. */
export const STRIPE_PX = 4;

export interface Layout {
  /** Classes per block: cells smaller than a device pixel are pooled. */
  block: number;
  /** Blocks per side. */
  blocks: number;
  named: boolean;
  numbered: boolean;
  /** Width of the names and stripes, left of the cells and above them. */
  gutter: number;
  /** Side of a cell, gap included. */
  cell: number;
  gap: number;
  /** Side of the whole matrix. */
  side: number;
}

/** Fit a matrix into a square of `room` CSS pixels, `ratio` device pixels each. */
export function layOut(classes: readonly string[], room: number, ratio: number): Layout {
  const n = classes.length;
  const block = Math.ceil(n / (room * ratio));
  const blocks = Math.ceil(n / block);
  const named = block === 1 && (room - MIN_GUTTER_PX) / n >= NAMED_PX;
  const longest = Math.max(...classes.map((name) => name.length));
  const free = Math.min(MAX_GUTTER_PX, room - STRIPE_PX - MAX_CELL_PX * n);
  const gutter =
    STRIPE_PX + (named ? Math.min(Math.max(MIN_GUTTER_PX, free), 8 + CHARACTER_PX * longest) : 0);
  const whole = Math.min(MAX_CELL_PX, Math.floor((room - gutter) / blocks));
  const cell = whole >= SPACED_PX ? whole : (room - gutter) / blocks;
  return {
    block,
    blocks,
    named,
    numbered: cell >= NUMBERED_PX,
    gutter,
    cell,
    gap: cell >= SPACED_PX ? 1 : 0,
    side: gutter + cell * blocks,
  };
}
