// The spatial index answers as brute force does: the nearest sample, and the samples inside a lasso.
import { describe, expect, it } from "vitest";
import { GridIndex, type Polygon, winding } from "../src/canvas/grid";
import { random } from "./fake/answers";

type Points = Uint16Array;

function scattered(n: number, seed: number): Points {
  const next = random(seed);
  return Uint16Array.from({ length: 2 * n }, () => Math.floor(next() * 65536));
}

function heaped(n: number, seed: number): Points {
  const next = random(seed);
  const points = new Uint16Array(2 * n);
  for (let i = 0; i < n; i++) {
    const heap = Math.floor(next() * 5);
    points[2 * i] = 9000 + heap * 11000 + Math.floor(next() * 900);
    points[2 * i + 1] = 60000 - heap * 9000 + Math.floor(next() * 900);
  }
  return points;
}

const CLOUDS: Record<string, Points> = {
  "no point": new Uint16Array(0),
  "one point": Uint16Array.of(32768, 32768),
  "corners of the extent": Uint16Array.of(0, 0, 65535, 0, 0, 65535, 65535, 65535),
  "all at one place": new Uint16Array(200).fill(12345),
  "3,000 scattered": scattered(3000, 1),
  "20,000 in heaps": heaped(20000, 2),
};

function nearestByHand(points: Points, x: number, y: number, rx: number, ry: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < points.length / 2; i++) {
    const dx = ((points[2 * i] as number) - x) / rx;
    const dy = ((points[2 * i + 1] as number) - y) / ry;
    best = Math.min(best, dx * dx + dy * dy);
  }
  return best < 1 ? best : Number.POSITIVE_INFINITY;
}

function insideByHand(points: Points, polygon: Polygon): Uint8Array {
  const edges = Array.from({ length: polygon.length / 2 }, (_, edge) => edge);
  return Uint8Array.from({ length: points.length / 2 }, (_, i) =>
    winding(polygon, edges, points[2 * i] as number, points[2 * i + 1] as number) === 0 ? 0 : 1,
  );
}

function lassos(seed: number): Record<string, Polygon> {
  const next = random(seed);
  const star = (corners: number, spread: number, center: number): Polygon =>
    Float64Array.from({ length: 2 * corners }, (_, i) => {
      const angle = (2 * Math.PI * Math.floor(i / 2)) / corners;
      const radius = spread * (0.3 + 0.7 * next());
      return center + radius * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
    });
  return {
    round: star(60, 20000, 32768),
    "beyond the extent": star(40, 90000, 40000),
    tiny: star(12, 300, 12345),
    "crossing itself": Float64Array.from({ length: 30 }, () => next() * 65536),
    "a square on cell borders": Float64Array.of(
      16384,
      16384,
      49152,
      16384,
      49152,
      49152,
      16384,
      49152,
    ),
    "wound twice": Float64Array.of(
      9000,
      9000,
      60000,
      9000,
      60000,
      60000,
      9000,
      60000,
      9000,
      9000,
      60000,
      9000,
      60000,
      60000,
      9000,
      60000,
    ),
    "a line": Float64Array.of(0, 0, 65535, 65535),
    outside: Float64Array.of(70000, 70000, 90000, 70000, 80000, 90000),
  };
}

describe.each(Object.entries(CLOUDS))("with %s", (_, points) => {
  const grid = new GridIndex(points);

  it("finds a nearest sample within the radius, or none", () => {
    const next = random(5);
    for (let round = 0; round < 300; round++) {
      const x = next() * 80000 - 7000;
      const y = next() * 80000 - 7000;
      const rx = 200 + next() * 6000;
      const ry = rx * (0.5 + next());
      const found = grid.nearest(x, y, rx, ry);
      const least = nearestByHand(points, x, y, rx, ry);
      if (found < 0) {
        expect(least).toBe(Number.POSITIVE_INFINITY);
      } else {
        const dx = ((points[2 * found] as number) - x) / rx;
        const dy = ((points[2 * found + 1] as number) - y) / ry;
        expect(dx * dx + dy * dy).toBe(least);
      }
    }
  });

  it.each(Object.entries(lassos(11)))("selects by a lasso that is %s", (_name, polygon) => {
    expect(grid.inside(polygon)).toEqual(insideByHand(points, polygon));
  });
});

it("selects by a hundred random lassos as brute force does", () => {
  const points = scattered(2000, 3);
  const grid = new GridIndex(points);
  for (let seed = 100; seed < 200; seed++) {
    const next = random(seed);
    const polygon = Float64Array.from({ length: 2 * (3 + Math.floor(next() * 40)) }, () =>
      Math.floor(next() * 80000 - 7000),
    );
    expect(grid.inside(polygon)).toEqual(insideByHand(points, polygon));
  }
});

it("counts what a lasso winds round twice as inside", () => {
  const twice = lassos(1)["wound twice"] as Polygon;
  expect(new GridIndex(Uint16Array.of(30000, 30000)).inside(twice)).toEqual(Uint8Array.of(1));
});

describe("what a filter hides", () => {
  const points = CLOUDS["3,000 scattered"] as Points;
  const shown = Uint8Array.from({ length: points.length / 2 }, (_, i) => (i % 3 === 0 ? 1 : 0));
  const grid = new GridIndex(points);

  it("is not hovered: the nearest of the others is", () => {
    const kept = [...shown.keys()].filter((i) => shown[i] === 1);
    const others = new GridIndex(
      Uint16Array.from(kept.flatMap((i) => [...points.subarray(2 * i, 2 * i + 2)])),
    );
    const next = random(5);
    for (let trial = 0; trial < 200; trial++) {
      const [x, y] = [65535 * next(), 65535 * next()];
      const found = grid.nearest(x, y, 3000, 2000, shown);
      const wanted = others.nearest(x, y, 3000, 2000);
      expect(found).toBe(wanted < 0 ? -1 : kept[wanted]);
    }
  });

  it("is not caught by a lasso", () => {
    const everything = Float64Array.of(-1, -1, 70000, -1, 70000, 70000, -1, 70000);
    expect(grid.inside(everything, shown)).toEqual(shown);
  });
});
