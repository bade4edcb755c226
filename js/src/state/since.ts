// The epoch since which changes are shown.
import type { Store } from "./store";

/** The position that is compared with: of the epoch chosen, else of the one before where time rests. */
export function sinceOf({ view, epochs, playhead }: Store): number {
  const chosen = epochs.indexOf(view.since.value);
  return chosen >= 0 ? chosen : Math.max(0, playhead.resting.value - 1);
}
