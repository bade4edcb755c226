// Two landscapes over one time: whose epochs there are, what a side shows at each, and that nothing is asked for twice.
import { describe, expect, it, vi } from "vitest";
import type { LandscapeInfo, Source } from "../src/protocol/source";
import { epochsOf, Side } from "../src/state/sides";
import { eventually } from "./fake/waiting";

const infoOf = (epochs: number[]): LandscapeInfo => ({
  name: "run",
  epochs,
  extent: [0, 1, 0, 1],
  resolution: 4,
  accuracy: { train: [], test: [] },
  services: [],
  columns: [],
  scalars: {},
});

describe("a side", () => {
  const own = infoOf([2, 5, 6]);
  const epochs = epochsOf([own, infoOf([1, 2, 4, 6, 9])]);
  const frame = vi.fn((_: number, epoch: number) =>
    Promise.resolve({
      positions: new Uint16Array(2),
      predictions: Uint8Array.of(epoch),
      confidence: new Uint16Array(1),
    }),
  );
  const source = { frame, territory: () => new Promise(() => {}) } as unknown as Source;
  const side = new Side(
    source,
    { groups: new Map(), split: new Uint8Array(1) },
    1,
    own,
    epochs,
    0.5,
  );

  it("has its place among the epochs of both", () => {
    expect(epochs).toEqual([1, 2, 4, 5, 6, 9]);
  });

  it("shows its nearest epoch before the one asked for, else its first", () => {
    expect(epochs.map((_, position) => side.epoch(position))).toEqual([2, 2, 2, 5, 6, 6]);
    expect(epochs.map((_, position) => side.ownIndex(position))).toEqual([0, 0, 0, 1, 2, 2]);
    expect(epochs.map((_, position) => side.at(position))).toEqual([0, 0, 0, 3, 4, 4]);
  });

  it("loads each of its epochs once and shows it wherever it is the nearest", async () => {
    side.frames.want([2, 1, 3, 0, 4, 5]);
    await eventually(() => expect(side.frames.get(2)?.predictions[0]).toBe(2));
    side.frames.want([2, 1, 3, 0, 4, 5]);
    await eventually(() => expect(side.frames.get(5)?.predictions[0]).toBe(6));
    expect(side.frames.get(0)?.predictions[0]).toBe(2);
    expect(frame.mock.calls.map(([landscape, epoch]) => [landscape, epoch])).toEqual([
      [1, 2],
      [1, 5],
      [1, 6],
    ]);
  });
});
