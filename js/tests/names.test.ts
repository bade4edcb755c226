// Names on the land: on their own supported territory, clear of samples and of each other, more of them as one zooms.
import { expect, it } from "vitest";
import { landOf } from "../src/canvas/land";
import {
  apart,
  blendNames,
  type Name,
  type NamePlace,
  namePlaces,
  namesIn,
} from "../src/canvas/names";
import { toScreen, type Viewport, widthOf } from "../src/canvas/viewport";
import { FULL, type Territory } from "../src/protocol/source";

const R = 200;
const SIZE = { width: 40, height: 16 };

function territory(kindAt: (x: number, y: number) => number): Territory {
  const cells = new Uint16Array(2 * R * R);
  for (let i = 0; i < R * R; i++) {
    cells[2 * i] = kindAt(((i % R) + 0.5) / R, (Math.floor(i / R) + 0.5) / R);
    cells[2 * i + 1] = 255;
  }
  return { resolution: R, cells, shade: new Uint8Array(R * R) };
}

/** Samples on a lattice in a box, in shares of the map. */
function lattice(x0: number, x1: number, y0: number, y1: number, step: number): number[] {
  const places = [];
  for (let y = y0; y <= y1; y += step) {
    for (let x = x0; x <= x1; x += step) {
      places.push(Math.round(x * FULL), Math.round(y * FULL));
    }
  }
  return places;
}

const view = (k: number, x = 0, y = 0): Viewport => ({
  width: 600,
  height: 600,
  aspect: 1,
  k,
  x: x * 600 * k,
  y: y * 600 * k,
});

/** Left 0, right 1, and a small square of 2 in the upper right corner. */
const three = territory((x, y) => (x > 0.93 && y > 0.93 ? 2 : x < 0.5 ? 0 : 1));
const samples = Uint16Array.from([
  ...lattice(0.1, 0.3, 0.1, 0.4, 0.01),
  ...lattice(0.6, 0.8, 0.5, 0.8, 0.01),
  ...lattice(0.95, 0.98, 0.95, 0.98, 0.01),
]);
const places = namePlaces(landOf(three, samples), samples, [SIZE, SIZE, SIZE], 1);
const placeOf = (kind: number): NamePlace =>
  places.find((place) => place.class === kind) as NamePlace;

/** Left, right, low and high of a name on a map of a width, in shares of it. */
function boxOf({ x, y }: { x: number; y: number }, width: number) {
  const [w, h] = [SIZE.width / width / 2, SIZE.height / width / 2];
  return [x / FULL - w, x / FULL + w, y / FULL - h, y / FULL + h] as const;
}

it("cover few samples on a small map, and none on a larger one", () => {
  const dense = Uint16Array.from(lattice(0.05, 0.45, 0.05, 0.95, 0.01));
  const found = namePlaces(landOf(three, dense), dense, [SIZE], 1).sort((p, q) => p.from - q.from);
  const hidden = found.map((place) => {
    const [left, right, low, high] = boxOf(place, place === found[0] ? place.opaque : place.from);
    let count = 0;
    for (let i = 0; i < dense.length; i += 2) {
      const [x, y] = [(dense[i] as number) / FULL, (dense[i + 1] as number) / FULL];
      count += x > left && x < right && y > low && y < high ? 1 : 0;
    }
    return count / (dense.length / 2);
  });
  expect(found).toHaveLength(2);
  expect(hidden[0]).toBeLessThan(0.1);
  expect(hidden[0]).toBeGreaterThan(0);
  expect(hidden[1]).toBe(0);
  // The name does not flicker where one place takes over.
  const opacities = [1, 1.01].map((share) => {
    const width = share * (found[1] as NamePlace).from;
    const seen = { ...view(1), width, height: width };
    return namesIn(namePlaces(landOf(three, dense), dense, [SIZE], 1), seen, [SIZE]).map(
      (name) => name.opacity,
    );
  });
  expect(opacities).toEqual([[1], [1]]);
});

it("lie on the land of their class, near its samples and over none of them", () => {
  const large = { ...view(1), width: 800, height: 800 };
  for (const kind of [0, 1]) {
    const [name] = namesIn(places, large, [SIZE, SIZE, SIZE]).filter((one) => one.class === kind);
    expect(name?.opacity).toBe(1);
    const [left, right, low, high] = boxOf(name as Name, 800);
    expect(kind === 0 ? [left > 0, right < 0.5] : [left > 0.5, right < 1]).toEqual([true, true]);
    const hidden = [];
    let nearest = 1;
    for (let i = 0; i < samples.length; i += 2) {
      const [x, y] = [(samples[i] as number) / FULL, (samples[i + 1] as number) / FULL];
      if (x > left && x < right && y > low && y < high) {
        hidden.push([x, y]);
      }
      nearest = Math.min(nearest, Math.hypot(x - (left + right) / 2, y - (low + high) / 2));
    }
    expect(hidden).toEqual([]);
    expect(nearest).toBeLessThan(0.15);
  }
});

it("come with zoom where the land is small, and disappear again", () => {
  const named = (k: number, x = 0, y = 0) =>
    namesIn(places, view(k, x, y), [SIZE, SIZE, SIZE]).map((name) => name.class);
  expect(named(1)).toEqual([0, 1]);
  const { x, y, opaque: width } = placeOf(2);
  expect(width).toBeGreaterThan(600);
  const k = (1.5 * width) / 600;
  const middle = 0.5 / k;
  expect(named(k, middle - x / FULL, middle - 1 + y / FULL)).toContain(2);
});

it("fade in with the width of the map", () => {
  const { opaque: width } = placeOf(0);
  const opacity = (share: number) =>
    namesIn(places, { ...view(1), width: width * share, height: width * share }, [
      SIZE,
      SIZE,
      SIZE,
    ]).find((name) => name.class === 0)?.opacity ?? 0;
  const course = [0.8, 0.9, 0.95, 1, 2].map(opacity);
  expect(course[0]).toBe(0);
  expect(course.slice(3)).toEqual([1, 1]);
  expect([...course].sort((p, q) => p - q)).toEqual(course);
  expect(new Set(course).size).toBe(4);
});

it("hide no small group of samples: it gets its name when there is room", () => {
  const one = Uint16Array.from([0.25 * FULL, 0.5 * FULL]);
  const lonely = namePlaces(landOf(three, one), one, [SIZE], 1);
  expect(lonely).toHaveLength(1);
  const place = lonely[0] as NamePlace;
  const [left, right, low, high] = boxOf(place, place.opaque);
  expect(left < 0.25 && right > 0.25 && low < 0.5 && high > 0.5).toBe(false);
  expect(place.opaque).toBeGreaterThan(400);
});

it("go to the land in sight with the most samples", () => {
  // Class 0 on two islands in a sea of 1.
  const islands = territory((x, y) => {
    const large = x < 0.45;
    const small = x > 0.7 && y > 0.6;
    return large || small ? 0 : 1;
  });
  const on = Uint16Array.from([
    ...lattice(0.1, 0.35, 0.1, 0.9, 0.05),
    ...lattice(0.8, 0.95, 0.7, 0.9, 0.05),
  ]);
  const found = namePlaces(landOf(islands, on), on, [SIZE, SIZE], 1).filter(
    (place) => place.class === 0,
  );
  expect(new Set(found.map((place) => place.samples)).size).toBe(2);
  const whole = namesIn(found, view(1), [SIZE, SIZE]);
  expect(whole.map(({ x }) => x < 0.45 * FULL)).toEqual([true]);
  const right = namesIn(found, view(2, -0.5, -0.05), [SIZE, SIZE]);
  expect(right.map(({ x }) => x > 0.7 * FULL)).toEqual([true]);
});

it("never overlap, at any zoom, among a hundred classes", () => {
  const hundred = territory((x, y) => Math.floor(10 * x) + 10 * Math.floor(10 * y));
  const dense = Uint16Array.from(lattice(0.005, 0.995, 0.005, 0.995, 0.012));
  const sizes = Array.from({ length: 100 }, (_, i) => ({ width: 18 + (i % 7) * 12, height: 16 }));
  const all = namePlaces(landOf(hundred, dense), dense, sizes, 1);
  let before = 0;
  for (const k of [1, 1.5, 2, 3, 4, 6]) {
    const seen = { ...view(k), width: 600 * k, height: 600 * k, k: 1 };
    const names = namesIn(all, seen, sizes);
    expect(apart(names, seen, sizes)).toEqual(names);
    expect(names.length).toBeGreaterThanOrEqual(before);
    before = names.length;
    expect(widthOf(seen)).toBe(600 * k);
  }
  expect(before).toBe(100);
});

it("move to near places as time does, and fade to far ones", () => {
  const name = { class: 0, x: 0.3 * FULL, y: 0.5 * FULL, opacity: 1 };
  const near = { ...name, x: 0.35 * FULL };
  const far = { ...name, x: 0.8 * FULL };
  expect(blendNames([name], [near], 0.5)[0]?.x).toBeCloseTo(0.325 * FULL);
  expect(blendNames([name], [near], 0.5)[0]?.opacity).toBe(1);
  const course = [0, 0.25, 0.75, 1].map((t) => blendNames([name], [far], t)[0]);
  expect(course.map((one) => one?.x)).toEqual([name.x, name.x, far.x, far.x]);
  expect(course.map((one) => one?.opacity)).toEqual([1, 0.5, 0.5, 1]);
  expect(blendNames([name], [], 0.75)[0]?.opacity).toBe(0.25);
  expect(blendNames([], [name], 0.75)[0]?.opacity).toBe(0.75);
});

it("give way to larger ones where they meet on their way", () => {
  const names = [
    { class: 0, x: 0.5 * FULL, y: 0.5 * FULL, opacity: 1 },
    { class: 1, x: 0.52 * FULL, y: 0.51 * FULL, opacity: 1 },
    { class: 2, x: 0.7 * FULL, y: 0.5 * FULL, opacity: 0 },
  ];
  expect(apart(names, view(1), [SIZE, SIZE, SIZE]).map((name) => name.class)).toEqual([0]);
  expect(toScreen(view(1), 0.5 * FULL, 0.5 * FULL)).toEqual([300, 300]);
});
