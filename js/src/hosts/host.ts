// What a host gives an explorer: answers, state that it stores and shares, and the moment to let go of both.
import type { ReadonlySignal } from "@preact/signals";
import type { Hello, Source } from "../protocol/source";
import type { SharedState, Store } from "../state/store";

export interface Host {
  source: Source;
  /** Whether whoever answered is gone for good; what has arrived stays. */
  lost: ReadonlySignal<boolean>;
  /** The state that the host remembers. */
  state: () => SharedState;
  /** Keep the host and the store in step until the function returned is called. */
  bind: (store: Store) => () => void;
  /** Call back when there are further epochs, until the function returned is called. */
  onGrowth?: (grow: (hello: Hello) => void) => () => void;
  close: () => void;
}
