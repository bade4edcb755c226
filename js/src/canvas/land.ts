// The land of an epoch as names see it: which class holds a place that samples support, and how crowded it is.
import { FULL, type Territory, UNPAINTED } from "../protocol/source";
import { SUPPORT_CELLS, support } from "../state/support";

/** Land counts as supported where at least a quarter of its colour is left. */
const MIN_SUPPORT = 64;

export interface Land {
  territory: Territory;
  /** How near samples are, a byte per cell of SUPPORT_CELLS along a side. */
  known: Uint8Array;
  /** The number of samples in each of these cells. */
  crowd: Uint32Array;
}

export function landOf(territory: Territory, positions: Uint16Array): Land {
  return { territory, known: support(positions), crowd: counted(positions, SUPPORT_CELLS) };
}

/** The class that holds a place, in shares of the extent; UNPAINTED where no sample supports the land. */
export function kindAt({ territory, known }: Land, x: number, y: number): number {
  const { resolution, cells } = territory;
  const near = known[cellOf(SUPPORT_CELLS, x, y)] as number;
  return near < MIN_SUPPORT ? UNPAINTED : (cells[2 * cellOf(resolution, x, y)] as number);
}

/** The number of samples in the cell of SUPPORT_CELLS along a side that a place lies in. */
export function crowdAt({ crowd }: Land, x: number, y: number): number {
  return crowd[cellOf(SUPPORT_CELLS, x, y)] as number;
}

/** The number of samples in every cell. */
export function counted(positions: Uint16Array, side: number): Uint32Array {
  const counts = new Uint32Array(side * side);
  for (let i = 0; i < positions.length; i += 2) {
    const [x, y] = [positions[i] as number, positions[i + 1] as number];
    const at = cellOf(side, x / (FULL + 1), y / (FULL + 1));
    counts[at] = (counts[at] as number) + 1;
  }
  return counts;
}

function cellOf(side: number, x: number, y: number): number {
  const along = (share: number): number =>
    Math.min(side - 1, Math.max(0, Math.floor(share * side)));
  return along(y) * side + along(x);
}
