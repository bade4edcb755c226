// How far the land is known: a field that falls with the distance to the samples of an epoch.

export const SUPPORT_CELLS = 128;

/** Distances to the nearest sample, in shares of the extent, from which and up to which the land fades. */
const NEAR = 0.02;
const FAR = 0.07;
/** Positions are in 0..65535. */
const POSITION_BITS = 16;

/** One byte per cell, row 0 lowest: 255 near samples, 0 where there are none. */
export function support(positions: Uint16Array): Uint8Array {
  const side = SUPPORT_CELLS;
  const shift = POSITION_BITS - Math.log2(side);
  const squares = new Float64Array(side * side).fill(Number.POSITIVE_INFINITY);
  for (let i = 0; i < positions.length; i += 2) {
    const column = (positions[i] as number) >> shift;
    const row = (positions[i + 1] as number) >> shift;
    squares[row * side + column] = 0;
  }
  const line = new Float64Array(side);
  for (const [step, stride] of [
    [1, side],
    [side, 1],
  ] as const) {
    for (let first = 0; first < side; first++) {
      for (let i = 0; i < side; i++) {
        line[i] = squares[first * stride + i * step] as number;
      }
      nearest(line);
      for (let i = 0; i < side; i++) {
        squares[first * stride + i * step] = line[i] as number;
      }
    }
  }
  return Uint8Array.from(squares, (square) => {
    const far = Math.min(1, Math.max(0, (Math.sqrt(square) / side - NEAR) / (FAR - NEAR)));
    return Math.round(255 * (1 - far * far * (3 - 2 * far)));
  });
}

/** Squared distances along a line, in place: the lower envelope of a parabola over each cell (Felzenszwalb 2012). */
function nearest(line: Float64Array): void {
  const size = line.length;
  const base = Float64Array.from(line);
  const centers: number[] = [];
  const starts: number[] = [];
  for (let q = 0; q < size; q++) {
    const height = base[q] as number;
    if (height === Number.POSITIVE_INFINITY) {
      continue;
    }
    let start = Number.NEGATIVE_INFINITY;
    while (centers.length > 0) {
      const v = centers.at(-1) as number;
      start = (height + q * q - (base[v] as number) - v * v) / (2 * (q - v));
      if (start > (starts.at(-1) as number)) {
        break;
      }
      centers.pop();
      starts.pop();
      start = Number.NEGATIVE_INFINITY;
    }
    centers.push(q);
    starts.push(start);
  }
  if (centers.length === 0) {
    return;
  }
  let at = 0;
  for (let i = 0; i < size; i++) {
    while (at + 1 < starts.length && (starts[at + 1] as number) < i) {
      at++;
    }
    const center = centers[at] as number;
    line[i] = (i - center) ** 2 + (base[center] as number);
  }
}
