// Undo and redo, and the view as a text.
// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { linkOf, readLink } from "../src/state/link";
import type { Store } from "../src/state/store";
import { fakeRun } from "./fake/answers";
import { storeOver } from "./fake/store";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const rest = () => vi.advanceTimersByTimeAsync(1000);
const chosen = (store: Store) => Array.from(store.selection.value.indices);

describe("undo", () => {
  it("takes back selections, filters and settings one by one, and redo brings them again", async () => {
    const store = await storeOver(fakeRun({ n: 40 }));
    const { history, filter, view } = store;
    expect(history.undoable.value).toHaveLength(0);
    store.select([1, 2]);
    await rest();
    filter.value = "wrong";
    await rest();
    view.overlay.value = "density";
    await rest();
    history.undo();
    expect(view.overlay.value).toBe("");
    history.undo();
    expect(filter.value).toBe("");
    history.undo();
    expect(chosen(store)).toEqual([]);
    history.undo();
    history.redo();
    history.redo();
    expect([chosen(store), filter.value, view.overlay.value]).toEqual([[1, 2], "wrong", ""]);
  });

  it("takes what is changed without a rest as one step, and before it rested as well", async () => {
    const store = await storeOver(fakeRun({ n: 40 }));
    store.filter.value = "w";
    store.filter.value = "wrong";
    await rest();
    store.select([3]);
    store.history.undo();
    expect([chosen(store), store.filter.value]).toEqual([[], "wrong"]);
    store.history.undo();
    expect(store.filter.value).toBe("");
  });

  it("forgets what was undone when something else is done", async () => {
    const store = await storeOver(fakeRun({ n: 40 }));
    store.select([3]);
    await rest();
    store.history.undo();
    store.select([5]);
    await rest();
    store.history.redo();
    expect(chosen(store)).toEqual([5]);
  });

  it("leaves time and the open panel where they are", async () => {
    const store = await storeOver(fakeRun({ n: 40 }));
    store.select([3]);
    await rest();
    store.view.panel.value = "classes";
    store.playhead.seek(2);
    await rest();
    store.history.undo();
    expect([chosen(store), store.view.panel.value]).toEqual([[], "classes"]);
    expect(store.playhead.position.value).toBe(2);
  });
});

describe("a view as a text", () => {
  it("has what differs from how an explorer opens, and is read again", async () => {
    const store = await storeOver(fakeRun({ n: 40 }));
    expect(linkOf(store, store.state())).toBe(`epoch=${store.epoch.value}`);
    store.filter.value = 'label:"a b" & conf<0.5';
    store.select([1, 5]);
    store.colorBy.value = "prediction";
    store.view.panel.value = "confusion";
    store.view.delta.value = 0.1;
    const link = linkOf(store, store.state());
    const state = store.state();
    expect(readLink(link)).toEqual({
      epoch: state.epoch,
      filter: state.filter,
      selection: state.selection,
      color_by: "prediction",
      _view: { panel: "confusion", delta: 0.1 },
    });
  });

  it("is read as far as it makes sense", () => {
    expect(readLink("")).toEqual({});
    expect(readLink("epoch=3&panel=confusion&overlay=%22trust%22")).toEqual({
      epoch: 3,
      _view: { overlay: "trust" },
    });
  });
});
