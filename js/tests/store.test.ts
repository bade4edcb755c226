// The store: how picks join the selection, what is shared, and what one sample is.
import { beforeEach, describe, expect, it } from "vitest";
import { combine, combineMasks, fromText, selectionOf, toText } from "../src/state/selection";
import type { Store } from "../src/state/store";
import { fakeRun } from "./fake/answers";
import { text } from "./fake/model";
import { storeOver } from "./fake/store";
import { eventually } from "./fake/waiting";

async function opened(options: Parameters<typeof fakeRun>[0] = {}): Promise<Store> {
  const store = await storeOver(fakeRun({ n: 30, epochs: [2, 4, 8], ...options }));
  await eventually(() => expect(store.frames.get(0)).toBeDefined());
  return store;
}

const picked = (store: Store): number[] => Array.from(store.selection.value.indices);

describe("a selection", () => {
  it("is ascending, without repeats, and has no samples that do not exist", () => {
    expect(Array.from(selectionOf([5, 1, 5, 99, -1, 2.5], 10).indices)).toEqual([1, 5]);
  });

  it.each([
    ["replace", [2, 3]],
    ["add", [1, 2, 3]],
    ["subtract", [1]],
  ] as const)("takes a pick to %s", (how, expected) => {
    const before = selectionOf([1, 2], 6);
    expect(Array.from(combine(before, [2, 3], how).indices)).toEqual(expected);
    const mask = selectionOf([2, 3], 6).mask;
    expect(Array.from(combineMasks(before, mask, how).indices)).toEqual(expected);
    expect(Array.from(before.indices)).toEqual([1, 2]);
  });

  it("is kept as a bitmask in base64 without the zeros at its end", () => {
    for (const [indices, written] of [
      [[], ""],
      [[0, 3, 8], "CQE="],
      [[3], "CA=="],
    ] as const) {
      const { mask } = selectionOf(indices, 30);
      expect(toText(mask)).toBe(written);
      expect(fromText(written, 30)).toEqual(mask);
    }
    const half = Uint8Array.from({ length: 1_000_000 }, (_, i) => i & 1);
    expect(toText(half).length).toBeLessThan(167_000);
    expect(fromText(toText(half), half.length)).toEqual(half);
  });

  it.each(["AQ&", "?", "ü", "////////"])(
    "is empty or within the samples for the text %j",
    (own) => {
      const mask = fromText(own, 4);
      expect(mask).toHaveLength(4);
      expect(new Set(mask).size).toBe(1);
    },
  );
});

describe("the store", () => {
  let store: Store;
  beforeEach(async () => {
    store = await opened();
  });

  it("selects in the way chosen, or as told", () => {
    store.select([3]);
    store.combine.value = "add";
    store.select([1]);
    expect(picked(store)).toEqual([1, 3]);
    store.select([1], "subtract");
    expect(picked(store)).toEqual([3]);
    store.clear();
    expect(picked(store)).toEqual([]);
  });

  it("lets go of the pinned sample when it is no longer selected", () => {
    store.select([3, 4]);
    store.pin(3);
    store.selectMask(selectionOf([3, 5], 30).mask);
    expect(store.raised.value).toBe(3);
    store.selectMask(selectionOf([5], 30).mask);
    expect(store.raised.value).toBeNull();
  });

  it("lets go of the pinned sample when the host selects others, or nothing", () => {
    for (const selection of [[5, 9], []]) {
      store.select([3, 4], "replace");
      store.pin(3);
      store.receive({ selection: text([3, 5, 9]) });
      expect(store.pinned.value).toBe(3);
      store.receive({ selection: text(selection) });
      expect(store.pinned.value).toBeNull();
    }
  });

  it("raises the hovered sample over the pinned one", () => {
    store.pin(3);
    store.hover(8);
    expect(store.raised.value).toBe(8);
    store.hover(null);
    expect(store.raised.value).toBe(3);
  });

  it("knows a sample by its original index", () => {
    const { labels, split } = store.hello;
    const frame = store.frames.get(0);
    expect(store.sample(17, 0)).toEqual({
      index: 17,
      split: split[17] === 1 ? "test" : "train",
      label: labels[17],
      prediction: frame?.predictions[17],
      confidence: (frame?.confidence[17] as number) / 60_000,
    });
  });

  it("counts labels, and samples without one", async () => {
    const half = await opened({ n: 200, unlabelled: 50 });
    const labelled = half.labelCounts.reduce((sum, count) => sum + count, 0);
    expect(labelled + half.unlabelled).toBe(200);
    expect(half.unlabelled).toBeGreaterThan(50);
  });

  it("tells epochs by their recorded number", () => {
    store.playhead.seek(2);
    expect(store.epoch.value).toBe(8);
    store.receive({ epoch: 4 });
    expect(store.playhead.time.value).toBe(1);
  });

  it("keeps what a reload brings back, and passes over what it does not know", () => {
    store.receive({ _view: { speed: 2, loop: "yes", mood: 1 }, selections: { odd: text([1, 3]) } });
    expect(store.view.speed.value).toBe(2);
    expect(store.view.loop.value).toBe(false);
    const told: [string, unknown][] = [];
    const stop = store.share((name, value) => told.push([name, value]));
    store.view.loop.value = true;
    store.selections.value = new Map([...store.selections.value, ["__proto__", [2]]]);
    stop();
    expect(told[0]).toEqual(["_view", expect.objectContaining({ speed: 2, loop: true })]);
    expect(JSON.stringify(told[1])).toBe('["selections",{"odd":"Cg==","__proto__":"BA=="}]');
  });

  it("speaks of the side pointed at, over the epochs of both", async () => {
    const both = await opened({ second: { name: "other", epochs: [3, 8] } });
    expect(both.epochs).toEqual([2, 3, 4, 8]);
    expect(both.landscape.name).toBe("made-up run");
    const before = both.sample(5, 0);
    both.active.value = 1;
    expect(both.landscape.name).toBe("other");
    both.playhead.seek(2);
    expect(both.side.value.epoch(both.playhead.position.value)).toBe(3);
    expect(both.frames.get(0)).not.toBe(both.sides[0]?.frames.get(0));
    expect(both.sample(5, 0).label).toBe(before.label);
  });

  it("tells the host of changes only, and of each once", () => {
    const told: [string, unknown][] = [];
    const stop = store.share((name, value) => told.push([name, value]));
    expect(told).toEqual([]);
    store.select([2]);
    store.hover(4);
    store.hover(4);
    expect(told).toEqual([
      ["selection", text([2])],
      ["hovered", 4],
    ]);
    stop();
    store.select([5]);
    expect(told).toHaveLength(2);
  });
});
