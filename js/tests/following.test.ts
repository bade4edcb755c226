// Following samples: what trails and links are made of, whom they follow, and where the camera goes to keep them in view.
import { describe, expect, it } from "vitest";
import { framing, pairsOf } from "../src/canvas/following";
import { LINE_BYTES, type Lines, links, spread, trails } from "../src/canvas/lines";
import { toScreen } from "../src/canvas/viewport";
import { FULL } from "../src/protocol/source";
import { density } from "../src/state/density";

interface Piece {
  a: number[];
  b: number[];
  times: number[];
  color: number[];
}

/** Pieces as the GPU reads them. */
function read({ data, count }: Lines): Piece[] {
  return Array.from({ length: count }, (_, i) => {
    const words = Array.from(new Uint16Array(data, i * LINE_BYTES, 10));
    const color = Array.from(new Uint8Array(data, i * LINE_BYTES + 20, 3));
    return { a: words.slice(0, 4), b: words.slice(4, 8), times: words.slice(8), color };
  });
}

describe("trails", () => {
  const epochs = [
    Uint16Array.of(0, 0, 10, 11, 20, 21),
    undefined,
    Uint16Array.of(1, 2, 30, 31, 40, 41),
    Uint16Array.of(3, 4, 50, 51, 60, 61),
  ];
  const at = (position: number) => epochs[position];

  it("join a sample's places over the epochs at hand, in order and with their times", () => {
    const pieces = read(trails(Uint32Array.of(1), 4, at, (_, position) => [position, 7, 9]));
    expect(pieces.map(({ a, times }) => [a, times])).toEqual([
      [
        [10, 11, 30, 31],
        [0, 2],
      ],
      [
        [30, 31, 50, 51],
        [2, 3],
      ],
    ]);
    expect(pieces.map(({ color }) => color)).toEqual([
      [2, 7, 9],
      [3, 7, 9],
    ]);
    expect(pieces.every(({ a, b }) => a.join() === b.join())).toBe(true);
  });

  it("are none where nothing is selected or one epoch is at hand", () => {
    expect(trails(new Uint32Array(0), 4, at, () => [0, 0, 0]).count).toBe(0);
    expect(trails(Uint32Array.of(1, 2), 1, at, () => [0, 0, 0]).count).toBe(0);
  });

  it("follow a part of many samples, taken evenly from all", () => {
    const many = Uint32Array.from({ length: 1000 }, (_, i) => 2 * i);
    const some = spread(many, 300);
    expect(some).toHaveLength(300);
    expect(new Set(some).size).toBe(300);
    expect(some[0]).toBe(0);
    expect(some[299]).toBeGreaterThan(1980);
    expect(Array.from(spread(Uint32Array.of(4, 9), 300))).toEqual([4, 9]);
  });
});

describe("links", () => {
  const found = { samples: [5, 0], near: Int32Array.of(1, 2, 3, 4), k: 2 };

  it("tie each sample to each of its own neighbours", () => {
    expect(pairsOf(found)).toEqual([
      [5, 1],
      [5, 2],
      [0, 3],
      [0, 4],
    ]);
  });

  it("know where both ends are at both epochs", () => {
    const a = Uint16Array.of(0, 1, 2, 3);
    const b = Uint16Array.of(10, 11, 12, 13);
    expect(read(links([[1, 0]], a, b, [1, 2, 3]))).toEqual([
      { a: [2, 3, 0, 1], b: [12, 13, 10, 11], times: [0, 0], color: [1, 2, 3] },
    ]);
  });
});

describe("the camera that keeps samples in view", () => {
  const seen = { width: 800, height: 400, aspect: 1, k: 1, x: 0, y: 0 };

  it("puts their middle into the middle, as large as fits", () => {
    const places: [number, number][] = [
      [0.2 * FULL, 0.7 * FULL],
      [0.4 * FULL, 0.8 * FULL],
    ];
    const view = framing(seen, places);
    const on = { ...seen, ...view };
    const [x, y] = toScreen(on, 0.3 * FULL, 0.75 * FULL);
    expect([x, y]).toEqual([expect.closeTo(400, 6), expect.closeTo(200, 6)]);
    const [left] = toScreen(on, ...(places[0] as [number, number]));
    const [right] = toScreen(on, ...(places[1] as [number, number]));
    expect(right - left).toBeLessThan(800);
    expect(view?.k).toBeGreaterThan(2);
  });

  it("comes no nearer than makes sense, and passes over a straggler among many", () => {
    expect(framing(seen, [[5, 5]])?.k).toBe(8);
    const crowd = Array.from({ length: 100 }, (_, i): [number, number] => [
      (0.5 + i * 1e-3) * FULL,
      0.5 * FULL,
    ]);
    expect(framing(seen, [...crowd, [0, 0]])?.k).toBe(framing(seen, crowd)?.k);
    expect(framing(seen, [])).toBeNull();
  });
});

describe("density", () => {
  it("is highest where most samples are, nothing where none are, and loses nobody at the edge", () => {
    const positions = new Uint16Array(2 * 110);
    for (let i = 0; i < 100; i++) {
      positions.set([16000, 48000], 2 * i);
    }
    for (let i = 100; i < 110; i++) {
      positions.set([65535, 65535], 2 * i);
    }
    const { side, values } = density(positions);
    const at = (x: number, y: number) =>
      values[Math.floor((y * side) / 65536) * side + Math.floor((x * side) / 65536)] as number;
    expect(at(16000, 48000)).toBe(255);
    expect(at(48000, 16000)).toBe(0);
    expect(at(65535, 65535)).toBeGreaterThan(0);
    expect(at(65535, 65535)).toBeLessThan(255);
  });
});
