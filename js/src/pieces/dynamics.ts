// The measures of training dynamics: their definitions, and one of them out of an answer.
import type { Answer } from "../protocol/wire";

/** Definitions by name, each with its source. */
export const DYNAMICS: Readonly<Record<string, string>> = {
  aum: "Area under the margin: the label's logit less the highest other, averaged over the epochs; below zero hints at a wrong label (Pleiss et al. 2020)",
  confidence: "Probability of the label, averaged over the epochs (Swayamdipta et al. 2020)",
  variability:
    "Standard deviation of the label's probability over the epochs (Swayamdipta et al. 2020)",
  correctness: "Share of the epochs that predict the label (Swayamdipta et al. 2020)",
  forgetting_events:
    "Number of times it was right at one epoch and wrong at the next (Toneva et al. 2019)",
  first_learned: "First epoch that predicts the label (Toneva et al. 2019)",
  right_at_last: "Whether the last epoch predicts the label",
  boundary_gap:
    "Difference of the two highest logits at the last epoch, as a share of the range of all (DeepVisualInsight, Definition 2)",
};

/** One measure, a number per sample. */
export function dynamicsOf({ columns, values }: Answer<"dynamics">, measure: string): Float32Array {
  const row = columns.indexOf(measure);
  const n = values.shape[1] ?? 0;
  return values.data.subarray(row * n, (row + 1) * n);
}
