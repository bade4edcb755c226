// Names on the land: where a class' name has room on its own territory, and which names are seen from a view.
import { FULL, UNPAINTED } from "../protocol/source";
import { counted, kindAt, type Land } from "./land";
import { toScreen, type Viewport, widthOf } from "./viewport";

/** CSS pixels. */
export interface Size {
  width: number;
  height: number;
}

/** A place for a name: mostly on a piece of connected land of its class, from some width of the map on. */
export interface NamePlace {
  class: number;
  /** The middle of the name, in units of positions. */
  x: number;
  y: number;
  /** Widths of the whole map from which on the name stands here, and from which on it is opaque, in CSS pixels. */
  from: number;
  opaque: number;
  /** The number of samples on the piece of land. */
  samples: number;
}

export interface Name {
  class: number;
  /** The middle of the name, in units of positions. */
  x: number;
  y: number;
  opacity: number;
}

/** More cells along a side than this are thinned out: no name needs its place more exactly. */
const MAX_CELLS = 320;
/** Room around a name, in CSS pixels. */
export const ROOM_PX = 3;
/** The share of a name, with the room around it, that lies on its own land. */
export const MIN_OWN = 0.8;
/** Widths of the map for which names are fitted: from a small one to far zoomed in, three to a doubling. */
const WIDTHS = Array.from({ length: 23 }, (_, step) => 256 * 2 ** (step / 3));
/** The share of the samples on its land that a name may cover. */
const MAX_HIDDEN = 0.25;
/** Pieces of land with fewer cells get no name. */
const MIN_PIECE_CELLS = 4;
/** A name starts to appear at this share of the width from which on it fits. */
const APPEARS = 0.88;
/** From one epoch to the next a name moves at most this share of the map; farther away, it appears anew. */
const MAX_SLIDE = 0.15;

/** The places of names on land, for names of these sizes; the land with the most samples first. */
export function namePlaces(
  land: Land,
  positions: Uint16Array,
  sizes: readonly Size[],
  aspect: number,
): NamePlace[] {
  const side = Math.min(land.territory.resolution, MAX_CELLS);
  const crowd = summed(side, side, counted(positions, side));
  const places: NamePlace[] = [];
  for (const piece of piecesOf(supportedLand(land, side), side)) {
    const size = sizes[piece.class];
    if (size !== undefined) {
      places.push(...fit(piece, size, side, aspect, crowd));
    }
  }
  // Of two on the same land, the one for the larger map first.
  return places.sort((p, q) => q.samples - p.samples || q.from - p.from);
}

/** The class of every cell that samples support, of so many along a side; UNPAINTED elsewhere. */
function supportedLand(land: Land, side: number): Uint16Array {
  const kinds = new Uint16Array(side * side);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      kinds[row * side + column] = kindAt(land, (column + 0.5) / side, (row + 0.5) / side);
    }
  }
  return kinds;
}

/** Sums of all values below and left of each corner, from which those of any box follow. */
interface Sums {
  columns: number;
  values: Int32Array;
}

function summed(columns: number, rows: number, values: Int32Array | Uint32Array): Sums {
  const stride = columns + 1;
  const sums = new Int32Array(stride * (rows + 1));
  for (let row = 0; row < rows; row++) {
    let line = 0;
    for (let column = 0; column < columns; column++) {
      line += values[row * columns + column] as number;
      sums[(row + 1) * stride + column + 1] = (sums[row * stride + column + 1] as number) + line;
    }
  }
  return { columns: stride, values: sums };
}

function boxSum({ columns, values }: Sums, x: number, y: number, w: number, h: number): number {
  const at = (column: number, row: number): number => values[row * columns + column] as number;
  return at(x + w, y + h) - at(x, y + h) - at(x + w, y) + at(x, y);
}

interface Piece {
  class: number;
  cells: number[];
}

/** The pieces of connected land of one class. */
function piecesOf(land: Uint16Array, side: number): Piece[] {
  const done = new Uint8Array(land.length);
  const pieces: Piece[] = [];
  for (let first = 0; first < land.length; first++) {
    const own = land[first] as number;
    if (done[first] === 1 || own === UNPAINTED) {
      continue;
    }
    const cells = [first];
    done[first] = 1;
    const visit = (cell: number): void => {
      if (done[cell] === 0 && land[cell] === own) {
        done[cell] = 1;
        cells.push(cell);
      }
    };
    for (let next = 0; next < cells.length; next++) {
      const cell = cells[next] as number;
      const column = cell % side;
      column > 0 && visit(cell - 1);
      column < side - 1 && visit(cell + 1);
      cell >= side && visit(cell - side);
      cell < land.length - side && visit(cell + side);
    }
    if (cells.length >= MIN_PIECE_CELLS) {
      pieces.push({ class: own, cells });
    }
  }
  return pieces;
}

/** The places of a name: where it hides the fewest samples on the smallest map that has room for it, and where none. */
function fit(
  { class: kind, cells }: Piece,
  size: Size,
  side: number,
  aspect: number,
  crowd: Sums,
): NamePlace[] {
  let [left, right, low, high] = [side, 0, side, 0];
  let [sumX, sumY, samples] = [0, 0, 0];
  for (const cell of cells) {
    const column = cell % side;
    const row = (cell - column) / side;
    left = Math.min(left, column);
    right = Math.max(right, column);
    low = Math.min(low, row);
    high = Math.max(high, row);
    sumX += column;
    sumY += row;
    samples += boxSum(crowd, column, row, 1, 1);
  }
  const columns = right - left + 1;
  const rows = high - low + 1;
  const own = new Int32Array(columns * rows);
  for (const cell of cells) {
    const column = cell % side;
    own[((cell - column) / side - low) * columns + column - left] = 1;
  }
  const sums = summed(columns, rows, own);
  const middle = [sumX / cells.length - left, sumY / cells.length - low] as const;
  const places: NamePlace[] = [];
  for (const width of WIDTHS) {
    const w = Math.ceil(((size.width + 2 * ROOM_PX) * side) / width);
    const h = Math.ceil(((size.height + 2 * ROOM_PX) * side * aspect) / width);
    let best: { x: number; y: number; hides: number; away: number } | null = null;
    for (let y = 0; y + h <= rows; y++) {
      for (let x = 0; x + w <= columns; x++) {
        const hides = boxSum(crowd, left + x, low + y, w, h);
        if (hides > MAX_HIDDEN * samples || boxSum(sums, x, y, w, h) < MIN_OWN * w * h) {
          continue;
        }
        const away = Math.hypot(
          x + (w - 1) / 2 - middle[0],
          (y + (h - 1) / 2 - middle[1]) / aspect,
        );
        if (best === null || hides < best.hides || (hides === best.hides && away < best.away)) {
          best = { x, y, hides, away };
        }
      }
    }
    if (best !== null) {
      const at = (first: number, size: number): number => ((first + size / 2) * FULL) / side;
      const place = { class: kind, x: at(left + best.x, w), y: at(low + best.y, h), samples };
      const first = places[0];
      if (first === undefined) {
        places.push({ ...place, from: APPEARS * width, opaque: width });
      } else if (best.hides === 0) {
        places.push({ ...place, from: width, opaque: first.opaque });
      }
      if (best.hides === 0) {
        break;
      }
    }
  }
  return places;
}

/** The names that a view has room for: each class on that piece of its land in sight which has the most samples. */
export function namesIn(
  places: readonly NamePlace[],
  seen: Viewport,
  sizes: readonly Size[],
): Name[] {
  const mapWidth = widthOf(seen);
  const named = new Set<number>();
  const names: Name[] = [];
  for (const { class: kind, x, y, from, opaque } of places) {
    if (mapWidth <= from || named.has(kind)) {
      continue;
    }
    const size = sizes[kind] as Size;
    const [left, top] = toScreen(seen, x, y);
    const [beside, over] = [size.width / 2, size.height / 2];
    if (left < beside || left > seen.width - beside || top < over || top > seen.height - over) {
      continue;
    }
    named.add(kind);
    names.push({ class: kind, x, y, opacity: opacityOf(opaque, mapWidth) });
  }
  return names;
}

function opacityOf(opaque: number, mapWidth: number): number {
  return Math.min(1, (mapWidth / opaque - APPEARS) / (1 - APPEARS));
}

/** How opaque the names are for which a map so large has room, but at places out of sight. */
export function outOfSight(
  places: readonly NamePlace[],
  seen: Viewport,
  names: readonly Name[],
): Map<number, number> {
  const mapWidth = widthOf(seen);
  const opacities = new Map<number, number>();
  for (const { class: kind, from, opaque } of places) {
    if (mapWidth > from && !opacities.has(kind)) {
      opacities.set(kind, opacityOf(opaque, mapWidth));
    }
  }
  for (const { class: kind } of names) {
    opacities.delete(kind);
  }
  return opacities;
}

/** The names on their way from one epoch to another: those with near places move, the others fade. */
export function blendNames(from: readonly Name[], to: readonly Name[], t: number): Name[] {
  if (t === 0 || from === to) {
    return [...from];
  }
  const before = new Map(from.map((name) => [name.class, name]));
  const after = new Set(to.map((name) => name.class));
  const blended = to.map((name) => {
    const old = before.get(name.class);
    if (old === undefined) {
      return { ...name, opacity: name.opacity * t };
    }
    const on = (p: number, q: number): number => p + (q - p) * t;
    if (Math.hypot(name.x - old.x, name.y - old.y) <= MAX_SLIDE * FULL) {
      const opacity = on(old.opacity, name.opacity);
      return { ...name, x: on(old.x, name.x), y: on(old.y, name.y), opacity };
    }
    return t < 0.5
      ? { ...old, opacity: old.opacity * (1 - 2 * t) }
      : { ...name, opacity: name.opacity * (2 * t - 1) };
  });
  const gone = from.filter((name) => !after.has(name.class));
  return [...blended, ...gone.map((name) => ({ ...name, opacity: name.opacity * (1 - t) }))];
}

/** The names that overlap none before them: names on their way may meet. */
export function apart(names: readonly Name[], seen: Viewport, sizes: readonly Size[]): Name[] {
  const boxes: { x: number; y: number; size: Size }[] = [];
  return names.filter((name) => {
    const [x, y] = toScreen(seen, name.x, name.y);
    const size = sizes[name.class] as Size;
    const free = boxes.every(
      (other) =>
        Math.abs(x - other.x) >= (size.width + other.size.width) / 2 ||
        Math.abs(y - other.y) >= (size.height + other.size.height) / 2,
    );
    if (free && name.opacity > 0) {
      boxes.push({ x, y, size });
    }
    return free && name.opacity > 0;
  });
}
