// The density of samples: counted on a grid, smoothed, on a logarithmic scale that keeps thin regions visible.
const SIDE = 160;
/** Radius of a moving average in cells, and how often it is taken along each axis. */
const BLUR = 3;
const PASSES = 3;
/** Differences are visible from this share of the highest density on. */
const MIN_VISIBLE = 0.03;

export interface Field {
  /** Cells along each side; row 0 is lowest. */
  side: number;
  values: Uint8Array;
}

export function density(positions: Uint16Array): Field {
  let cells = new Float32Array(SIDE * SIDE);
  for (let i = 0; i < positions.length; i += 2) {
    const column = ((positions[i] as number) * SIDE) >> 16;
    const row = ((positions[i + 1] as number) * SIDE) >> 16;
    const cell = row * SIDE + column;
    cells[cell] = (cells[cell] as number) + 1;
  }
  // Three moving averages along each axis approximate a Gaussian; each pass transposes the grid.
  for (let pass = 0; pass < 2 * PASSES; pass++) {
    cells = smoothedAndTransposed(cells);
  }
  let most = 0;
  for (const value of cells) {
    most = Math.max(most, value);
  }
  const scale = 255 / Math.log1p(1 / MIN_VISIBLE);
  const values = Uint8Array.from(cells, (value) =>
    Math.round(Math.log1p(value / (most || 1) / MIN_VISIBLE) * scale),
  );
  return { side: SIDE, values };
}

function smoothedAndTransposed(cells: Float32Array): Float32Array<ArrayBuffer> {
  const transposed = new Float32Array(cells.length);
  for (let row = 0; row < SIDE; row++) {
    let sum = 0;
    for (let column = -BLUR; column < SIDE; column++) {
      sum += column + BLUR < SIDE ? (cells[row * SIDE + column + BLUR] as number) : 0;
      sum -= column > BLUR ? (cells[row * SIDE + column - BLUR - 1] as number) : 0;
      if (column >= 0) {
        transposed[column * SIDE + row] = sum / (2 * BLUR + 1);
      }
    }
  }
  return transposed;
}
