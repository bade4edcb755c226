// The samples of a confusion matrix: by default the test samples, where there are any with a label.
import type { Store } from "./store";

export const SPLITS = ["test", "train", "all"] as const;
export type Split = (typeof SPLITS)[number];

export function splitOf({ labelledTests, view }: Store): Split {
  const chosen = SPLITS.find((one) => one === view.split.value);
  return chosen ?? (labelledTests > 0 ? "test" : "all");
}

/** As `hello.split` has it; null for both. */
export function numberOf(split: Split): number | null {
  return split === "all" ? null : split === "test" ? 1 : 0;
}
