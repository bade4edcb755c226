// Points become pictures: of the samples in sight, while they are few, and none over another.
import { expect, it } from "vitest";
import type { Viewport } from "../src/canvas/viewport";
import { inSight } from "../src/on_map/pictures";
import { type Frame, FULL } from "../src/protocol/source";

const view = (k: number): Viewport => ({
  width: 500,
  height: 500,
  aspect: 1,
  k,
  x: 0,
  y: 500 * (1 - k),
});
const frame = (places: readonly (readonly [number, number])[]): Frame =>
  ({
    positions: Uint16Array.from(places.flatMap(([x, y]) => [x * FULL, y * FULL])),
  }) as unknown as Frame;

it("shows those in sight that the filter shows", () => {
  const found = frame([
    [0.05, 0.05],
    [0.1, 0.02],
    [0.02, 0.12],
    [0.9, 0.9],
  ]);
  expect(inSight(found, view(5), null)).toEqual([0, 1, 2]);
  expect(inSight(found, view(5), Uint8Array.of(1, 0, 1, 1))).toEqual([0, 2]);
});

it("hides no picture under another, and shows both once there is room", () => {
  const near = frame([
    [0.05, 0.05],
    [0.055, 0.05],
  ]);
  expect(inSight(near, view(5), null)).toEqual([0]);
  expect(inSight(near, view(14), null)).toEqual([0, 1]);
});

it("leaves many samples as points", () => {
  const many = (n: number) =>
    frame(Array.from({ length: n }, (_, i) => [(i % 8) / 8, Math.floor(i / 8) / 9] as const));
  expect(inSight(many(60), view(1), null)).toHaveLength(60);
  expect(inSight(many(61), view(1), null)).toBeNull();
});
