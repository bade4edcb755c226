// From the extent to the screen and back, and how points look at any number and zoom.
import { expect, it } from "vitest";
import {
  around,
  pointLook,
  ringing,
  toClip,
  toPosition,
  toScreen,
  type Viewport,
} from "../src/canvas/viewport";

const VIEWS: Record<string, Viewport> = {
  whole: { width: 800, height: 500, aspect: 1, k: 1, x: 0, y: 0 },
  tall: { width: 300, height: 900, aspect: 1.5, k: 1, x: 0, y: 0 },
  zoomed: { width: 640, height: 480, aspect: 0.8, k: 7.5, x: -1200, y: -900 },
};

it.each(Object.entries(VIEWS))("there and back again: %s", (_, view) => {
  for (const [x, y] of [
    [0, 0],
    [65535, 65535],
    [1234, 54321],
  ] as const) {
    const [screenX, screenY] = toScreen(view, x, y);
    const [backX, backY] = toPosition(view, screenX, screenY);
    expect(backX).toBeCloseTo(x, 6);
    expect(backY).toBeCloseTo(y, 6);
    // The GPU must put it where the pointer finds it.
    const [scaleX, scaleY, offsetX, offsetY] = toClip(view);
    expect(((x / 65535) * scaleX + offsetX + 1) * 0.5 * view.width).toBeCloseTo(screenX, 6);
    expect((1 - (y / 65535) * scaleY - offsetY) * 0.5 * view.height).toBeCloseTo(screenY, 6);
  }
});

it("shows the whole extent, centred and not stretched", () => {
  const view = VIEWS.whole as Viewport;
  expect(toScreen(view, 0, 0)).toEqual([150, 500]);
  expect(toScreen(view, 65535, 65535)).toEqual([650, 0]);
});

it("makes dots of few points and a texture of many, growing with zoom", () => {
  const view = VIEWS.whole as Viewport;
  const looks = [10, 500, 12_000, 60_000, 1_000_000].map((n) => pointLook(view, n));
  for (let i = 1; i < looks.length; i++) {
    expect(looks[i]?.radius).toBeLessThanOrEqual(looks[i - 1]?.radius as number);
    expect(looks[i]?.opacity).toBeLessThanOrEqual(looks[i - 1]?.opacity as number);
  }
  expect(looks[0]?.emphasis).toBe(1);
  expect(looks.at(-1)?.emphasis).toBe(0);
  const near = pointLook({ ...view, k: 10 }, 1_000_000);
  expect(near.radius).toBeGreaterThan(looks.at(-1)?.radius as number);
});

it("rings a few selected samples, and not a hundred thousand", () => {
  const view = VIEWS.whole as Viewport;
  expect(ringing(view, 20)).toBe(1);
  expect(ringing(view, 101)).toBeLessThanOrEqual(ringing(view, 100) / 2);
  expect(ringing(view, 100_000)).toBe(0);
});

it("fits samples into the middle, whatever a straggler does", () => {
  const view = VIEWS.whole as Viewport;
  const positions = new Uint16Array(2 * 4000);
  for (let i = 0; i < 4000; i++) {
    positions[2 * i] = 20_000 + (i % 100) * 100;
    positions[2 * i + 1] = 30_000 + Math.floor(i / 100) * 100;
  }
  positions[0] = 65_000;
  positions[1] = 0;
  const seen = { ...around(view, positions), width: view.width, height: view.height };
  const at = (x: number, y: number) => toScreen({ ...view, ...seen }, x, y);
  const [left, bottom] = at(20_000, 30_000);
  const [right, top] = at(29_900, 33_900);
  expect((left + right) / 2).toBeCloseTo(view.width / 2, 0);
  expect((top + bottom) / 2).toBeCloseTo(view.height / 2, 0);
  expect(right - left).toBeGreaterThan(0.8 * Math.min(view.width, view.height));
  expect(right - left).toBeLessThan(Math.min(view.width, view.height));
  expect(around(view, new Uint16Array(0)).k).toBe(1);
});
