// A training that goes on: answers that come unasked, a store that grows, and time that follows or stays.
// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createBridge, listen } from "../src/hosts/bridge";
import type { Territory } from "../src/protocol/source";
import { type Extent, moveFrame, moveTerritory } from "../src/state/extent";
import { Store } from "../src/state/store";
import { type FakeRun, fakeRun } from "./fake/answers";
import { type FakeModel, fakeModel } from "./fake/model";
import { environment } from "./fake/store";

const EXTENT: Extent = [0, 10, 0, 10];
const LARGER: Extent = [-10, 10, -5, 15];

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const later = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);

const runOf = (epochs: number[], extent: Extent = EXTENT): FakeRun =>
  fakeRun({ n: 40, epochs, extent: [...extent], resolution: 4 });

/** What a kernel pushes: its introduction, and the epochs named. */
function pushed(run: FakeRun, ...epochs: number[]): object[] {
  const questions: [string, Record<string, unknown>][] = [["hello", {}]];
  for (const epoch of epochs) {
    questions.push(["frame", { landscape: 0, epoch }], ["canvas", { landscape: 0, epoch }]);
  }
  return questions.map(([op, args]) => {
    const { buffers, ...answer } = run.answer(op, args);
    const views = buffers.map(
      (part) => new DataView(part.buffer, part.byteOffset, part.byteLength),
    );
    return { op, args, ...answer, buffers: views };
  });
}

/** An explorer of a kernel that hears nothing, as one that trains. */
async function busy(token: string): Promise<{ model: FakeModel; store: Store; close: () => void }> {
  const model = fakeModel(runOf([0]), {
    deaf: Number.POSITIVE_INFINITY,
    state: { _token: token, _pushed: pushed(runOf([0]), 0) },
  });
  const stop = listen(model);
  const bridge = createBridge(model);
  const store = new Store(
    bridge.source,
    await bridge.source.hello(),
    bridge.state(),
    environment(),
  );
  bridge.onGrowth?.((hello) => store.grow(hello));
  await later(0);
  const close = (): void => {
    store.close();
    bridge.close();
    stop();
  };
  return { model, store, close };
}

const push = async (model: FakeModel, epochs: number[], sent: number[], extent?: Extent) => {
  model.receive("_pushed", pushed(runOf(epochs, extent), ...sent));
  await later(0);
};

describe("what comes unasked", () => {
  it("opens an explorer, and shows each further epoch, without a word to the kernel", async () => {
    const { model, store, close } = await busy("a");
    expect(store.frames.get(0)).toBeDefined();
    expect(store.territories.get(0)).toBeDefined();
    await push(model, [0, 1], [1]);
    await push(model, [0, 1, 5], [5]);
    expect(store.epochs).toEqual([0, 1, 5]);
    expect(store.landscape.epochs).toEqual([0, 1, 5]);
    expect([1, 2].map((position) => store.frames.get(position)?.positions.length)).toEqual([
      80, 80,
    ]);
    expect(store.epoch.value).toBe(5);
    expect(model.sent).toEqual([]);
    close();
  });

  it("is kept for a view that is mounted later", async () => {
    const { model, close } = await busy("b");
    await push(model, [0, 1], [1]);
    const second = createBridge(model);
    const hello = await second.source.hello();
    expect(hello.landscapes[0]?.epochs).toEqual([0, 1]);
    expect((await second.source.frame(0, 0)).positions).toHaveLength(80);
    expect(model.sent).toEqual([]);
    close();
    expect(model.listeners()).toBe(2); // of the second view
  });

  it("begins at the last epoch, unless somebody looked back", async () => {
    const { model, store, close } = await busy("i");
    const unseen = fakeModel(runOf([0]), {
      deaf: Number.POSITIVE_INFINITY,
      state: { epoch: 0, _token: "j", _pushed: pushed(runOf([0, 1, 2]), 2) },
    });
    const stop = listen(unseen);
    expect(unseen.get("epoch")).toBe(2);
    unseen.set("epoch", 1);
    unseen.receive("_pushed", pushed(runOf([0, 1, 2, 3]), 3));
    expect(unseen.get("epoch")).toBe(1);
    stop();
    await push(model, [0, 1], [1]);
    expect(store.epoch.value).toBe(1);
    close();
  });

  it("answers a question that is waiting", async () => {
    const { model, store, close } = await busy("c");
    await push(model, [0, 1, 2], [2]);
    store.playhead.seek(1);
    await later(0);
    expect(model.sent.map(({ op }) => op).sort()).toEqual(["canvas", "frame"]);
    expect(store.frames.get(1)).toBeUndefined();
    await push(model, [0, 1, 2], [1]);
    expect(store.frames.get(1)).toBeDefined();
    close();
  });

  it("without its buffers is asked for instead", async () => {
    const { model, store, close } = await busy("h");
    const answers = pushed(runOf([0, 1]), 1);
    const lost = answers.map((answer) => ({ ...answer, buffers: [null, null, null] }));
    model.receive("_pushed", [answers[0], ...lost.slice(1)]);
    await later(0);
    expect(store.epochs).toEqual([0, 1]);
    expect(model.sent.map(({ op }) => op).sort()).toEqual(["canvas", "frame"]);
    close();
  });

  it("of another run is not taken for this one's", async () => {
    const { model, store, close } = await busy("d");
    model.receive("_pushed", pushed(fakeRun({ n: 7, epochs: [0, 1] }), 1));
    await later(0);
    expect(store.epochs).toEqual([0]);
    close();
  });
});

describe("following", () => {
  it("ends where somebody looks back, counts what is new, and comes back", async () => {
    const { model, store, close } = await busy("e");
    const { playhead } = store;
    expect(playhead.news.value).toBeNull();
    await push(model, [0, 1], [1]);
    expect([playhead.following.value, playhead.news.value]).toEqual([true, 0]);
    playhead.seek(0);
    await push(model, [0, 1, 2], [2]);
    await push(model, [0, 1, 2, 3], [3]);
    expect([playhead.following.value, playhead.news.value]).toEqual([false, 2]);
    expect(store.epoch.value).toBe(0);
    playhead.follow();
    expect([playhead.following.value, playhead.news.value, store.epoch.value]).toEqual([
      true,
      0,
      3,
    ]);
    await push(model, [0, 1, 2, 3, 4], [4]);
    expect(store.epoch.value).toBe(4);
    close();
  });

  it("does not pull the slider out of a hand", async () => {
    const { model, store, close } = await busy("f");
    await push(model, [0, 1], [1]);
    store.playhead.drag(1);
    await push(model, [0, 1, 2], [2]);
    expect(store.playhead.time.value).toBe(1);
    close();
  });
});

describe("a landscape that outgrew its extent", () => {
  it("has its earlier epochs where they were", async () => {
    const { model, store, close } = await busy("g");
    const before = store.frames.get(0)?.positions as Uint16Array;
    await push(model, [0, 1], [1], LARGER);
    const after = store.frames.get(0)?.positions as Uint16Array;
    expect(store.landscape.extent).toEqual([...LARGER]);
    for (let i = 0; i < before.length; i += 2) {
      const x = (10 * (before[i] as number)) / 65535;
      const y = (10 * (before[i + 1] as number)) / 65535;
      expect((20 * (after[i] as number)) / 65535 - 10).toBeCloseTo(x, 3);
      expect((20 * (after[i + 1] as number)) / 65535 - 5).toBeCloseTo(y, 3);
    }
    close();
  });

  it("moves frames and land alike, and leaves new land unpainted", () => {
    const frame = {
      positions: Uint16Array.of(0, 0, 65535, 65535),
      predictions: Uint8Array.of(0, 1),
      confidence: Uint16Array.of(1, 2),
      predicted: Uint32Array.of(1, 1),
      correct: 2,
    };
    expect(Array.from(moveFrame(frame, EXTENT, LARGER).positions)).toEqual([
      32768, 16384, 65535, 49151,
    ]);
    const land: Territory = {
      resolution: 2,
      cells: Uint16Array.of(1, 11, 2, 12, 3, 13, 4, 14),
      shade: Uint8Array.of(21, 22, 23, 24),
    };
    const moved = moveTerritory(land, [0, 2, 0, 2], [0, 4, -2, 2]);
    // Two cells across become one: the old land is the upper left quarter.
    expect(Array.from(moved.cells)).toEqual([0xffff, 255, 0xffff, 255, 4, 14, 0xffff, 255]);
    expect(Array.from(moved.shade)).toEqual([0, 0, 24, 0]);
  });
});
