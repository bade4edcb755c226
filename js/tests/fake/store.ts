// What a store needs besides answers: an environment that never changes, and the state of a fresh explorer.
import { signal } from "@preact/signals";
import { createSource } from "../../src/protocol/source";
import { type Args, type Ask, joinAnswer, type Op } from "../../src/protocol/wire";
import type { Theme } from "../../src/state/colors";
import { type SharedState, Store } from "../../src/state/store";
import type { FakeRun } from "./answers";

/** The state of a fresh explorer. */
export const FRESH: SharedState = {
  epoch: 0,
  selection: "",
  hovered: null,
  color_by: "label",
  size_by: "",
  filter: "",
  selections: {},
  _view: {},
};

/** A light theme, and all motion. */
export const environment = () => ({
  theme: signal<Theme>({ dark: false, background: [255, 255, 255], ink: [0, 0, 0] }),
  reducedMotion: signal(false),
});

/** Answers of a run, without a host between. */
export const askRun =
  (run: Pick<FakeRun, "answer">): Ask =>
  async <O extends Op>(op: O, args: Args<O>) => {
    const { result, arrays, buffers } = run.answer(op, args);
    return joinAnswer<O>(result, arrays, buffers);
  };

/** A store over a run. */
export async function storeOver(run: FakeRun, state: Partial<SharedState> = {}): Promise<Store> {
  const source = createSource(askRun(run));
  return new Store(source, await source.hello(), { ...FRESH, ...state }, environment());
}
