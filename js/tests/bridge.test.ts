// The bridge: requests and answers over a model that is deaf at first, slow, or wrong; traits in both directions.
// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createBridge } from "../src/hosts/bridge";
import { Store } from "../src/state/store";
import { fakeRun } from "./fake/answers";
import { type FakeModelOptions, fakeModel, selected, text } from "./fake/model";
import { environment } from "./fake/store";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const later = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);

function bridged(options: FakeModelOptions = {}) {
  const run = fakeRun({ n: 40, epochs: [0, 5, 10] });
  const model = fakeModel(run, options);
  return { run, model, bridge: createBridge(model) };
}

async function stored(options: FakeModelOptions = {}) {
  const { run, model, bridge } = bridged(options);
  const asked = bridge.source.hello();
  await later(10);
  const store = new Store(bridge.source, await asked, bridge.state(), environment());
  const unbind = bridge.bind(store);
  await later(100);
  return { run, model, bridge, store, unbind };
}

describe("requests", () => {
  it("repeats hello every two seconds until it is answered", async () => {
    const { model, bridge } = bridged({ deaf: 3 });
    const hello = bridge.source.hello();
    await later(5900);
    expect(model.sent).toHaveLength(3);
    await later(200);
    expect((await hello).n).toBe(40);
    await later(20000);
    expect(model.sent).toHaveLength(4);
    expect(new Set(model.sent.map(({ id }) => id)).size).toBe(4);
  });

  it("shows an unfinished answer, and does without one whose buffers were lost", async () => {
    const { run, model, bridge } = bridged({ delay: 5000 });
    const heard: (number | undefined)[] = [];
    const asked = bridge.source.territory(0, 5, {
      progress: (_, __, soFar) => heard.push(soFar?.cells[0]),
    });
    const { id } = model.sent.at(-1) as { id: number };
    const { arrays, buffers } = run.answer("canvas", { landscape: 0, epoch: 5 });
    const coarse = { id, progress: 0.3, text: "Painting", arrays };
    model.emit("msg:custom", coarse, buffers);
    model.emit("msg:custom", coarse, []);
    model.emit("msg:custom", { id, progress: 0.4, text: "Painting" }, []);
    await later(5100);
    const { cells } = await asked;
    expect(heard).toEqual([cells[0], undefined, undefined]);
  });

  it("takes the first answer where several come, as from a slow kernel", async () => {
    const { model, bridge } = bridged({ delay: 5000 });
    const hello = bridge.source.hello();
    await later(5100);
    expect((await hello).classes).toHaveLength(10);
    const asked = model.sent.length;
    await later(30000);
    expect(model.sent).toHaveLength(asked);
  });

  it("numbers requests apart from those of another view of the same model", () => {
    const { model, bridge } = bridged();
    const other = createBridge(model);
    void bridge.source.thumbnails([1], null);
    void other.source.thumbnails([1], null);
    const [mine, theirs] = model.sent.map(({ id }) => id) as [number, number];
    expect(Number.isSafeInteger(mine) && Number.isSafeInteger(theirs)).toBe(true);
    expect(Math.abs(mine - theirs)).toBeGreaterThan(1);
  });

  it("passes on what the kernel says when it cannot answer", async () => {
    const { bridge } = bridged({ failures: { thumbnails: "Sample 99 does not exist." } });
    const asked = expect(bridge.source.thumbnails([99], null)).rejects.toThrow(
      "Sample 99 does not exist.",
    );
    await later(1);
    await asked;
  });

  it("reports progress before the answer", async () => {
    const { bridge } = bridged({ delay: 100, progress: [0.25, 0.75] });
    const told: number[] = [];
    const asked = bridge.source.territory(0, 5, { progress: (fraction) => told.push(fraction) });
    await later(110);
    await asked;
    expect(told).toEqual([0.25, 0.75]);
  });

  it("cancels at the kernel, and ignores an answer that comes all the same", async () => {
    const { model, bridge } = bridged({ delay: 50 });
    const abort = new AbortController();
    const asked = expect(
      bridge.source.thumbnails([1], null, { signal: abort.signal }),
    ).rejects.toThrow("Cancelled");
    abort.abort();
    await asked;
    const [request, cancel] = model.sent;
    expect(cancel).toMatchObject({ op: "cancel", args: { id: request?.id } });
    await later(100);
  });

  it("is not put off by messages that are none of its own", async () => {
    const { model, bridge } = bridged();
    const hello = bridge.source.hello();
    model.emit("msg:custom", { id: 12, ok: true, result: {} }, []);
    model.emit("msg:custom", "words", []);
    await later(1);
    expect((await hello).n).toBe(40);
  });
});

describe("traits", () => {
  it("start the store where the host is", async () => {
    const { store } = await stored({
      state: { epoch: 10, selection: text([7, 3]), hovered: 2, color_by: "prediction" },
    });
    expect(store.epoch.value).toBe(10);
    expect(Array.from(store.selection.value.indices)).toEqual([3, 7]);
    expect(store.hovered.value?.index).toBe(2);
    expect(store.colorBy.value).toBe("prediction");
  });

  it("follow what a person does, each change told once", async () => {
    const { model, store } = await stored();
    store.select([4, 2]);
    store.playhead.seek(1);
    store.colorBy.value = "correctness";
    await later(50);
    expect(model.saved).toEqual([{ epoch: 5, selection: text([2, 4]), color_by: "correctness" }]);
    store.select([4, 2]);
    await later(50);
    expect(model.saved).toHaveLength(1);
  });

  it("lead the store, and nothing is told back", async () => {
    const { model, store } = await stored();
    model.receive("epoch", 10);
    model.receive("selection", text([1, 5]));
    model.receive("hovered", 8);
    await later(50);
    expect(store.epoch.value).toBe(10);
    expect(Array.from(store.selection.value.indices)).toEqual([1, 5]);
    expect(store.hovered.value).toEqual({ index: 8, from: "host", side: null });
    expect(model.saved).toEqual([]);
  });

  it("that make no sense here are passed over", async () => {
    const { model, store } = await stored();
    model.receive("epoch", 3);
    model.receive("hovered", 4000);
    model.receive("color_by", "mood");
    expect(store.epoch.value).toBe(0);
    expect(store.hovered.value).toBeNull();
    expect(store.colorBy.value).toBe("label");
  });

  it("keep what was changed just before the view closes", async () => {
    const { model, store, unbind } = await stored();
    store.select([5, 6]);
    unbind();
    await later(1000);
    expect(selected(model)).toEqual([5, 6]);
  });

  it("are let go of when the view closes", async () => {
    const { model, bridge, store, unbind } = await stored();
    unbind();
    store.close();
    bridge.close();
    expect(model.listeners()).toBe(0);
    store.select([1]);
    await later(50);
    expect(model.saved).toEqual([]);
  });
});
