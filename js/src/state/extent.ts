// A landscape that outgrew its extent: what was drawn over the old one is moved into the new one.
import { type Frame, FULL, FULL_MARGIN, type Territory, UNPAINTED } from "../protocol/source";

/** x0, x1, y0, y1. */
export type Extent = readonly [number, number, number, number];

/** Positions within one extent as positions within another one that holds it. */
export function moveFrame(frame: Frame, from: Extent, to: Extent): Frame {
  const x = between(from[0], from[1], to[0], to[1]);
  const y = between(from[2], from[3], to[2], to[3]);
  const positions = new Uint16Array(frame.positions.length);
  for (let i = 0; i < positions.length; i += 2) {
    positions[i] = Math.round(FULL * x((frame.positions[i] as number) / FULL));
    positions[i + 1] = Math.round(FULL * y((frame.positions[i + 1] as number) / FULL));
  }
  return { ...frame, positions };
}

/** Cells within one extent as cells within another one; those beyond the old extent are unpainted. */
export function moveTerritory(land: Territory, from: Extent, to: Extent): Territory {
  const side = land.resolution;
  const x = between(to[0], to[1], from[0], from[1]);
  const y = between(to[2], to[3], from[2], from[3]);
  const cells = new Uint16Array(land.cells.length);
  const shade = new Uint8Array(land.shade.length);
  for (let row = 0; row < side; row++) {
    const fromRow = Math.floor(side * y((row + 0.5) / side));
    for (let column = 0; column < side; column++) {
      const fromColumn = Math.floor(side * x((column + 0.5) / side));
      const inside = fromRow >= 0 && fromRow < side && fromColumn >= 0 && fromColumn < side;
      const source = fromRow * side + fromColumn;
      const target = row * side + column;
      cells[2 * target] = inside ? (land.cells[2 * source] as number) : UNPAINTED;
      cells[2 * target + 1] = inside ? (land.cells[2 * source + 1] as number) : FULL_MARGIN;
      shade[target] = inside ? (land.shade[source] as number) : 0;
    }
  }
  return { resolution: side, cells, shade };
}

/** From shares of one interval to shares of another. */
function between(a0: number, a1: number, b0: number, b1: number): (share: number) => number {
  return (share) => (a0 + share * (a1 - a0) - b0) / (b1 - b0);
}
