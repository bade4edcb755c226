// Markers and the path between two of them, decoded at the current epoch; and the measures in words.
// @vitest-environment happy-dom
import type { ComponentType } from "preact";
import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createBridge } from "../src/hosts/bridge";
import { Markers } from "../src/panels/markers/markers";
import { Measures } from "../src/panels/measures/measures";
import {
  dropMarker,
  inUnits,
  markersOn,
  pathOn,
  removeMarker,
  toggleEnd,
} from "../src/state/markers";
import type { Side } from "../src/state/sides";
import { Store } from "../src/state/store";
import { viewState } from "../src/state/view";
import { type FakeOptions, fakeRun } from "./fake/answers";
import { fakeModel } from "./fake/model";
import { environment } from "./fake/store";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  render(null, document.body);
  vi.useRealTimers();
});

async function stored(options: FakeOptions = {}, state: Record<string, unknown> = {}) {
  const run = fakeRun({ n: 40, epochs: [0, 5], services: ["decode", "classify"], ...options });
  const model = fakeModel(run, { state });
  const bridge = createBridge(model);
  const asked = bridge.source.hello();
  await vi.advanceTimersByTimeAsync(10);
  const store = new Store(bridge.source, await asked, bridge.state(), environment());
  return { model, store, side: store.sides[0] as Side };
}

async function shown(Content: ComponentType<{ store: Store }>, store: Store) {
  render(<Content store={store} />, document.body);
  await settle();
  return (id: string) => document.querySelector<HTMLElement>(`[data-testid="${id}"]`);
}

const settle = () => vi.advanceTimersByTimeAsync(100);

describe("markers", () => {
  it("are numbered in the order of dropping, whichever are taken away", async () => {
    const { store, side } = await stored();
    expect([1, 2, 3].map((i) => dropMarker(store, side, [i * 1000.1, 5]))).toEqual([1, 2, 3]);
    const [, second] = markersOn(store, side);
    removeMarker(store, second as NonNullable<typeof second>);
    dropMarker(store, side, [7, 8]);
    expect(markersOn(store, side)).toEqual([
      { number: 1, side: 0, x: 1000, y: 5 },
      { number: 3, side: 0, x: 3000, y: 5 },
      { number: 4, side: 0, x: 7, y: 8 },
    ]);
  });

  it("come back with the page, and nonsense does not", async () => {
    const marker = { number: 1, side: 0, x: 1, y: 1 };
    for (const markers of ["1:0:1:1", [{ ...marker, x: "1" }], [marker, null], marker]) {
      const { store, side } = await stored({}, { _view: { markers, path: "1 2" } });
      expect(markersOn(store, side)).toEqual([]);
      expect(store.view.path.value).toEqual([]);
    }
    const { store, side } = await stored(
      {},
      { _view: { markers: [{ number: 2, side: 0, x: 9, y: 8 }], path: [2, 9] } },
    );
    expect(markersOn(store, side)).toEqual([{ number: 2, side: 0, x: 9, y: 8 }]);
    expect(pathOn(store, side)).toBeNull();
  });

  it("fit into what a page may keep", async () => {
    const { store, side } = await stored();
    for (let i = 0; i < 300; i++) {
      dropMarker(store, side, [65535, 65535]);
    }
    expect(JSON.stringify(viewState(store.view)).length).toBeLessThan(8192);
    expect(markersOn(store, side).at(-1)?.number).toBe(300);
  });

  it("are asked for in the landscape's own units", async () => {
    const { side } = await stored({ extent: [-10, 30, 100, 140] });
    expect(inUnits(side, { x: 0, y: 65535 })).toEqual([-10, 140]);
  });

  it("put a path between the two last chosen", async () => {
    const { store, side } = await stored();
    for (const x of [1, 2, 3]) {
      dropMarker(store, side, [x, x]);
    }
    for (const number of [1, 2, 3]) {
      toggleEnd(store, { number });
    }
    expect(pathOn(store, side)?.map(({ number }) => number)).toEqual([2, 3]);
    toggleEnd(store, { number: 2 });
    expect(pathOn(store, side)).toBeNull();
  });
});

describe("the panel of markers", () => {
  it("says what to do while there is none", async () => {
    const { store } = await stored();
    const part = await shown(Markers, store);
    expect(part("markers-empty")?.textContent).toContain("a click drops one");
  });

  it("says what each is taken for at the epoch shown, and lets go of it", async () => {
    const { model, store, side } = await stored({ classes: ["<b>cat</b>", "dog"] });
    dropMarker(store, side, [20000, 30000]);
    dropMarker(store, side, [50000, 60000]);
    const part = await shown(Markers, store);
    const asked = () => model.sent.filter(({ op }) => op === "decode").map(({ args }) => args);
    expect(asked()).toHaveLength(2);
    const rows = () => [...(part("markers")?.querySelectorAll("li") ?? [])];
    expect(rows()[0]?.textContent).toMatch(/^1.*(<b>cat<\/b>|dog) \d+\.\d%nearest sample #0 $/);
    store.playhead.seek(1);
    await settle();
    expect(
      asked()
        .slice(2)
        .map(({ epoch }) => epoch),
    ).toEqual([5, 5]);
    rows()[0]?.querySelector<HTMLElement>('[aria-label="Remove marker 1"]')?.click();
    await settle();
    expect(rows().map((row) => row.textContent?.[0])).toEqual(["2"]);
    expect(asked()).toHaveLength(4);
  });

  it("says in words where the class changes on the way", async () => {
    const { store, side } = await stored();
    dropMarker(store, side, [3000, 3000]);
    dropMarker(store, side, [62000, 62000]);
    const part = await shown(Markers, store);
    expect(part("path")).toBeNull();
    for (const badge of document.querySelectorAll<HTMLElement>(".dvi-number")) {
      badge.click();
    }
    await settle();
    expect(part("path")?.textContent).toContain("Along the path from 1 to 2");
    expect(part("crossings")?.textContent).toMatch(/\d → \d at \d+\.\d%/);
    expect(part("path")?.querySelectorAll(".dvi-along li")).toHaveLength(8);
  });
});

describe("the measures", () => {
  it("say what each figure means, at the epoch shown", async () => {
    const { store } = await stored({
      services: ["measures"],
      measures: [
        { epoch: 0, split: "test", measure: "q_not_data", k: null, value: 0.734, placebo: 0.1 },
        { epoch: 0, split: "test", measure: "q_knn", k: 5, value: 0.95, placebo: null },
        { epoch: 5, split: "test", measure: "q_knn", k: 5, value: 0.1, placebo: null },
        { epoch: 0, split: "test", measure: "of our own", k: 5, value: 0.1, placebo: null },
      ],
    });
    const part = await shown(Measures, store);
    expect(
      [...(part("measures")?.querySelectorAll("dt, dd b") ?? [])].map(
        ({ textContent }) => textContent,
      ),
    ).toEqual(["Neighbours of one class", "95.0%", "Background right", "73.4%"]);
    expect(part("measures")?.textContent).toContain("by chance 10.0%");
    expect(part("measures")?.textContent).toContain("of the background is right");
    expect(part("measures")?.textContent).toContain("most of their 5 neighbours");
  });

  it("have one order, and claim nothing of what is not defined", async () => {
    const { store } = await stored({
      services: ["measures"],
      measures: [
        { epoch: 0, split: "train", measure: "margin", k: null, value: null, placebo: 0.01 },
        { epoch: 0, split: "train", measure: "looks_pure", k: 15, value: 0.2, placebo: 1 },
        { epoch: 0, split: "train", measure: "class_distance", k: null, value: -0.5, placebo: 0 },
      ],
    });
    const part = await shown(Measures, store);
    expect(
      [...(part("measures")?.querySelectorAll("dt, dd b") ?? [])].map(
        ({ textContent }) => textContent,
      ),
    ).toEqual([
      "Mixed, but looks pure",
      "0.200",
      "Distances of classes",
      "−0.500",
      "Distance to the border",
      "not defined",
    ]);
    // Worse than the worst there is to display: an empty bar, no broken one.
    const bars = part("measures")?.querySelectorAll<HTMLElement>(".dvi-range-bar span");
    expect([...(bars ?? [])].map(({ style }) => style.width)).toEqual(["80%", "0%"]);
  });
});
