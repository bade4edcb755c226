// What changed since an epoch: which land another class holds, and with which epoch one compares.
import { expect, it } from "vitest";
import type { Territory } from "../src/protocol/source";
import { changedLand } from "../src/state/changes";
import { sinceOf } from "../src/state/since";
import { fakeRun } from "./fake/answers";
import { storeOver } from "./fake/store";

/** A square of so many cells along a side. */
function territory(resolution: number, kindAt: (x: number, y: number) => number): Territory {
  const cells = new Uint16Array(2 * resolution ** 2);
  for (let i = 0; i < resolution ** 2; i++) {
    const [x, y] = [i % resolution, Math.floor(i / resolution)];
    cells[2 * i] = kindAt((x + 0.5) / resolution, (y + 0.5) / resolution);
  }
  return { resolution, cells, shade: new Uint8Array(resolution ** 2) };
}

const halves = (border: number) => (x: number) => (x < border ? 0 : 1);

it.each([40, 80])("is the land between an old border and a new one, on a map of %s cells", (r) => {
  const { side, values } = changedLand(territory(40, halves(0.25)), territory(r, halves(0.75)));
  expect(side).toBe(r);
  const at = (x: number, y: number) => values[Math.floor(y * r) * r + Math.floor(x * r)] as number;
  for (const y of [0.01, 0.5, 0.99]) {
    expect([0.1, 0.5, 0.9].map((x) => at(x, y))).toEqual([0, 255, 0]);
    const along = Array.from({ length: r / 2 }, (_, i) => at((i + 0.5) / r, y));
    expect([...along].sort((p, q) => p - q)).toEqual(along);
    expect(along.findIndex((value) => value >= 128)).toBe(r / 4);
  }
});

it("is not seen in single cells, nor where nothing changed", () => {
  const before = territory(40, halves(0.5));
  expect(Math.max(...changedLand(before, before).values)).toBe(0);
  const speck = territory(40, (x, y) => (Math.hypot(x - 0.2, y - 0.2) < 0.03 ? 7 : halves(0.5)(x)));
  expect(Math.max(...changedLand(before, speck).values)).toBeLessThan(128);
});

it("is counted from the epoch before, or from the one that was chosen", async () => {
  const store = await storeOver(fakeRun({ n: 10, epochs: [2, 5, 9] }), { epoch: 9 });
  expect(sinceOf(store)).toBe(1);
  store.view.since.value = 2;
  expect(sinceOf(store)).toBe(0);
  store.view.since.value = 4;
  expect(sinceOf(store)).toBe(1);
  store.playhead.seek(0);
  expect(sinceOf(store)).toBe(0);
});
