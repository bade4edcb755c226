// The field of what is known of the land: 1 at samples, 0 far from all of them.
import { expect, it } from "vitest";
import { SUPPORT_CELLS, support } from "../src/state/support";

const at = (field: Uint8Array, x: number, y: number): number =>
  field[Math.floor(y * SUPPORT_CELLS) * SUPPORT_CELLS + Math.floor(x * SUPPORT_CELLS)] as number;

it("falls with the distance to the nearest of the samples", () => {
  const places = [
    [0.25, 0.25],
    [0.8, 0.6],
    [0.82, 0.6],
  ] as const;
  const field = support(Uint16Array.from(places.flat(), (value) => Math.round(65535 * value)));
  for (const [x, y] of places) {
    expect(at(field, x, y)).toBe(255);
  }
  const away = [0.01, 0.03, 0.05, 0.1, 0.3].map((far) => at(field, 0.25 + far, 0.25));
  expect(away[0]).toBe(255);
  expect([...away].sort((a, b) => b - a)).toEqual(away);
  expect(away[1]).toBeLessThan(255);
  expect(away[2]).toBeGreaterThan(0);
  expect(away.slice(3)).toEqual([0, 0]);
});

it("is exact: brute force over all cells agrees", () => {
  const marks = [
    [3, 5],
    [77, 40],
    [120, 127],
  ] as const;
  const field = support(Uint16Array.from(marks.flat(), (cell) => 512 * cell + 7));
  for (const [column, row] of [
    [0, 0],
    [10, 9],
    [70, 44],
    [127, 127],
    [5, 5],
  ] as const) {
    const far = Math.min(...marks.map(([x, y]) => Math.hypot(x - column, y - row))) / SUPPORT_CELLS;
    const share = Math.min(1, Math.max(0, (far - 0.02) / 0.05));
    const expected = Math.round(255 * (1 - share * share * (3 - 2 * share)));
    expect(field[row * SUPPORT_CELLS + column]).toBe(expected);
  }
});

it("knows nothing of a land without samples", () => {
  expect(Math.max(...support(new Uint16Array(0)))).toBe(0);
});
