// A spatial index of one epoch: samples sorted by cell of a grid, for hovering and for the lasso.

/** Corners of a polygon x0, y0, x1, y1, … in the units of positions, 0..65535. */
export type Polygon = Float64Array;

const SIDE = 65536;
/** Samples of a cell where they lie evenly. */
const CROWD = 16;

export class GridIndex {
  private readonly shift: number;
  private readonly cells: number;
  /** The start of each cell's samples in `members`; one more entry than there are cells. */
  private readonly starts: Uint32Array;
  private readonly members: Uint32Array;

  constructor(private readonly positions: Uint16Array) {
    const n = positions.length / 2;
    const bits = Math.min(8, Math.max(2, Math.round(Math.log2(Math.sqrt(n / CROWD + 1)))));
    const shift = 16 - bits;
    const cells = 1 << bits;
    const starts = new Uint32Array(cells * cells + 1);
    const members = new Uint32Array(n);
    // Both coordinates are read at once, y in the upper half; cells are few enough to stay in the processor's cache.
    const aligned = positions.byteOffset % 4 === 0 ? positions : positions.slice();
    const pairs = new Uint32Array(aligned.buffer, aligned.byteOffset, n);
    const row = (cells - 1) << bits;
    for (let i = 0; i < n; i++) {
      const both = pairs[i] as number;
      const cell = ((both >>> (shift - bits + 16)) & row) | ((both & 0xffff) >> shift);
      starts[cell] = (starts[cell] as number) + 1;
    }
    let sum = 0;
    for (let cell = 0; cell < starts.length; cell++) {
      sum += starts[cell] as number;
      starts[cell] = sum;
    }
    // Backwards: then the ends have become the starts, and a cell's samples are in order.
    for (let i = n - 1; i >= 0; i--) {
      const both = pairs[i] as number;
      const cell = ((both >>> (shift - bits + 16)) & row) | ((both & 0xffff) >> shift);
      const at = (starts[cell] as number) - 1;
      starts[cell] = at;
      members[at] = i;
    }
    this.shift = shift;
    this.cells = cells;
    this.starts = starts;
    this.members = members;
  }

  /** The visible sample nearest to a location within an ellipse of radii rx, ry (a circle on the screen); -1 for none. */
  nearest(x: number, y: number, rx: number, ry: number, visible: Uint8Array | null = null): number {
    const { positions, starts, members, cells, shift } = this;
    const column = (value: number): number => Math.min(cells - 1, Math.max(0, value >> shift));
    const left = column(x - rx);
    const right = column(x + rx);
    const top = column(y + ry);
    let best = -1;
    let least = 1;
    for (let row = column(y - ry); row <= top; row++) {
      const end = starts[row * cells + right + 1] as number;
      for (let slot = starts[row * cells + left] as number; slot < end; slot++) {
        const i = members[slot] as number;
        const dx = ((positions[2 * i] as number) - x) / rx;
        const dy = ((positions[2 * i + 1] as number) - y) / ry;
        const distance = dx * dx + dy * dy;
        const nearer = distance < least || (distance === least && best < 0);
        if (nearer && visible?.[i] !== 0) {
          least = distance;
          best = i;
        }
      }
    }
    return best;
  }

  /** A byte per sample: 1 for visible samples inside the polygon (winding number not zero). Cells wholly inside or outside are decided at once. */
  inside(polygon: Polygon, visible: Uint8Array | null = null): Uint8Array {
    const { positions, starts, members, cells } = this;
    const mask = new Uint8Array(members.length);
    const side = SIDE / cells;
    const edges = edgesByRow(polygon, cells, side);
    const crossed = new Uint8Array(cells);
    for (let row = 0; row < cells; row++) {
      const rowEdges = edges[row];
      if (rowEdges === undefined) {
        continue;
      }
      crossed.fill(0);
      markCrossed(crossed, polygon, rowEdges, row * side, side);
      const middle = (row + 0.5) * side;
      let column = 0;
      while (column < cells) {
        const first = column;
        const cell = row * cells + first;
        if (crossed[first] === 1) {
          column++;
          const end = starts[cell + 1] as number;
          for (let slot = starts[cell] as number; slot < end; slot++) {
            const i = members[slot] as number;
            const x = positions[2 * i] as number;
            const y = positions[2 * i + 1] as number;
            if (winding(polygon, rowEdges, x, y) !== 0) {
              mask[i] = 1;
            }
          }
          continue;
        }
        // A run of cells that no edge touches lies on one side altogether.
        while (column < cells && crossed[column] === 0) {
          column++;
        }
        if (winding(polygon, rowEdges, (first + 0.5) * side, middle) !== 0) {
          const end = starts[row * cells + column] as number;
          for (let slot = starts[cell] as number; slot < end; slot++) {
            mask[members[slot] as number] = 1;
          }
        }
      }
    }
    for (let i = 0; visible !== null && i < mask.length; i++) {
      mask[i] = (mask[i] as number) & (visible[i] as number);
    }
    return mask;
  }
}

/** For each row of cells, the edges that reach into it, each by the index of its first corner. */
function edgesByRow(polygon: Polygon, cells: number, side: number): (number[] | undefined)[] {
  const rows: (number[] | undefined)[] = new Array(cells);
  const corners = polygon.length / 2;
  for (let edge = 0; edge < corners; edge++) {
    const y0 = polygon[2 * edge + 1] as number;
    const y1 = polygon[2 * ((edge + 1) % corners) + 1] as number;
    const first = Math.max(0, Math.floor(Math.min(y0, y1) / side));
    const last = Math.min(cells - 1, Math.floor(Math.max(y0, y1) / side));
    for (let row = first; row <= last; row++) {
      const list = rows[row];
      if (list === undefined) {
        rows[row] = [edge];
      } else {
        list.push(edge);
      }
    }
  }
  return rows;
}

/** Mark the cells of one row that an edge may touch. */
function markCrossed(
  crossed: Uint8Array,
  polygon: Polygon,
  edges: readonly number[],
  bottom: number,
  side: number,
): void {
  const corners = polygon.length / 2;
  for (const edge of edges) {
    const other = (edge + 1) % corners;
    const x0 = polygon[2 * edge] as number;
    const y0 = polygon[2 * edge + 1] as number;
    const x1 = polygon[2 * other] as number;
    const y1 = polygon[2 * other + 1] as number;
    let from = x0;
    let to = x1;
    if (y0 !== y1) {
      const along = (y: number): number => {
        const t = Math.min(1, Math.max(0, (y - y0) / (y1 - y0)));
        return x0 + t * (x1 - x0);
      };
      from = along(bottom);
      to = along(bottom + side);
    }
    // A hair wider than the arithmetic says, against its rounding.
    const first = Math.max(0, Math.floor(Math.min(from, to) / side - 0.001));
    const last = Math.min(crossed.length - 1, Math.floor(Math.max(from, to) / side + 0.001));
    if (first <= last) {
      crossed.fill(1, first, last + 1);
    }
  }
}

/** The winding number of the polygon around a location, counted along a ray to the right. */
export function winding(polygon: Polygon, edges: readonly number[], x: number, y: number): number {
  const corners = polygon.length / 2;
  let turns = 0;
  for (const edge of edges) {
    const other = edge + 1 === corners ? 0 : edge + 1;
    const y0 = polygon[2 * edge + 1] as number;
    const y1 = polygon[2 * other + 1] as number;
    if (y0 <= y === y1 <= y) {
      continue;
    }
    const x0 = polygon[2 * edge] as number;
    const x1 = polygon[2 * other] as number;
    if (x0 + ((y - y0) / (y1 - y0)) * (x1 - x0) > x) {
      turns += y0 <= y ? 1 : -1;
    }
  }
  return turns;
}
