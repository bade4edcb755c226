// Names where one has zoomed in: on land in sight, still while one pans, clear of samples where there is room.
import { expect, it } from "vitest";
import { kindAt, landOf } from "../src/canvas/land";
import { type Name, namePlaces, namesIn, outOfSight } from "../src/canvas/names";
import { namesInView, type Place } from "../src/canvas/names_in_view";
import { toPosition, toScreen, type Viewport } from "../src/canvas/viewport";
import { FULL, type Territory } from "../src/protocol/source";

const R = 200;
const SIZES = [40, 40].map((width) => ({ width, height: 16 }));

/** Left 0 and right 1, with samples all over. */
const cells = new Uint16Array(2 * R * R);
for (let i = 0; i < R * R; i++) {
  cells[2 * i] = i % R < R / 2 ? 0 : 1;
  cells[2 * i + 1] = 255;
}
const halves: Territory = { resolution: R, cells, shade: new Uint8Array(R * R) };
const everywhere: number[] = [];
for (let y = 0.005; y < 1; y += 0.01) {
  for (let x = 0.005; x < 1; x += 0.01) {
    everywhere.push(Math.round(x * FULL), Math.round(y * FULL));
  }
}
const samples = Uint16Array.from(everywhere);
const land = landOf(halves, samples);
const places = namePlaces(land, samples, SIZES, 1);

/** A view, zoomed k times, with a place of the map (in shares) in its middle. */
const view = (k: number, x: number, y: number): Viewport => ({
  width: 600,
  height: 500,
  aspect: 1,
  k,
  x: 300 - k * (50 + x * 500),
  y: 250 - k * (1 - y) * 500,
});

function named(seen: Viewport, kept = new Map<number, Place>()): Name[] {
  const names = namesIn(places, seen, SIZES);
  const others = namesInView(land, seen, SIZES, outOfSight(places, seen, names), kept);
  return [...names, ...others];
}

function expectInside(seen: Viewport, { x, y }: Place): void {
  const [left, top] = toScreen(seen, x, y);
  expect(left).toBeGreaterThanOrEqual(20);
  expect(left).toBeLessThanOrEqual(580);
  expect(top).toBeGreaterThanOrEqual(8);
  expect(top).toBeLessThanOrEqual(492);
}

it.each([1, 2, 4, 8, 16, 64, 250, 1000])(
  "is named where its land fills the view, %s times",
  (k) => {
    for (const [x, y] of [
      [0.2, 0.15],
      [0.33, 0.85],
      [0.75, 0.4],
    ] as const) {
      const seen = view(k, x, y);
      const own = named(seen).filter((name) => name.class === (x < 0.5 ? 0 : 1));
      expect(own).toHaveLength(1);
      const [name] = own as [Name];
      expect(name.opacity).toBe(1);
      expectInside(seen, name);
      expect(kindAt(land, name.x / FULL, name.y / FULL)).toBe(name.class);
    }
  },
);

it("is named on either side of a border, and not where no land of its own is seen", () => {
  expect(
    named(view(30, 0.5, 0.3))
      .map((name) => name.class)
      .sort(),
  ).toEqual([0, 1]);
  expect(named(view(30, 0.3, 0.3)).map((name) => name.class)).toEqual([0]);
});

it("stands still on the map while one pans, until it leaves the view", () => {
  const kept = new Map<number, Place>();
  const course = Array.from({ length: 40 }, (_, i) => view(20, 0.15 + 0.002 * i, 0.2));
  const names = course.map((seen) => {
    const [name] = named(seen, kept) as [Name];
    expectInside(seen, name);
    return name.x;
  });
  const moves = names.filter((x, i) => i > 0 && x !== names[i - 1]);
  // Panned by two widths of the view.
  expect(moves.length).toBeGreaterThan(0);
  expect(moves.length).toBeLessThan(8);
});

it("hides no samples where there is room for it beside them", () => {
  const seen = view(8, 0.2, 0.2);
  const [x0, y1] = toPosition(seen, 0, 0);
  const [x1] = toPosition(seen, 300, 0);
  // Samples above all of the view's left half.
  const left: number[] = [];
  for (let y = y1 - 9000; y < y1; y += 100) {
    for (let x = x0; x < x1; x += 100) {
      left.push(Math.max(0, x), Math.max(0, y));
    }
  }
  const crowded = landOf(halves, Uint16Array.from(left));
  const [name] = namesInView(crowded, seen, SIZES, new Map([[0, 1]]), new Map()) as [Name];
  expect(name.x - 20 * (FULL / 4000)).toBeGreaterThan(x1 - FULL / 128);
});
