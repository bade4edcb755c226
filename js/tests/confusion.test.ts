// Labels against predictions: counted once each, listed by size, kept visible however small they are drawn.
import { expect, it } from "vitest";
import { confusionOf, largestErrors, pooled } from "../src/state/confusion";
import { random } from "./fake/answers";

function counted(n: number, classes: number) {
  const next = random(3);
  const labels = Int32Array.from({ length: n }, () => Math.floor(next() * (classes + 1)) - 1);
  const predictions = Int32Array.from({ length: n }, () => Math.floor(next() * classes));
  const split = Uint8Array.from({ length: n }, () => (next() < 0.3 ? 1 : 0));
  const shown = Uint8Array.from({ length: n }, () => (next() < 0.5 ? 1 : 0));
  return { labels, predictions, split, shown };
}

it("counts the labelled samples of a split that the filter shows", () => {
  const { labels, predictions, split, shown } = counted(500, 4);
  const confusion = confusionOf(labels, predictions, 4, split, 1, shown);
  const meant = [...labels.keys()].filter(
    (i) => (labels[i] as number) >= 0 && split[i] === 1 && shown[i] === 1,
  );
  expect(confusion.samples).toBe(meant.length);
  expect(confusion.right).toBe(meant.filter((i) => labels[i] === predictions[i]).length);
  for (let cell = 0; cell < 16; cell++) {
    expect(confusion.counts[cell]).toBe(
      meant.filter((i) => (labels[i] as number) * 4 + (predictions[i] as number) === cell).length,
    );
  }
});

it("lists the largest errors first, as sorting all of them does", () => {
  const { labels, predictions, split } = counted(3000, 30);
  const confusion = confusionOf(labels, predictions, 30, split, null, null);
  const errors = [...confusion.counts.keys()]
    .filter((cell) => cell % 31 !== 0 && (confusion.counts[cell] as number) > 0)
    .sort((p, q) => (confusion.counts[q] as number) - (confusion.counts[p] as number) || p - q);
  expect(largestErrors(confusion, 12)).toEqual(errors.slice(0, 12));
});

it("keeps an error in its block, however large the diagonal beside it is", () => {
  const counts = new Uint32Array(25);
  counts[0] = 90; // label 0, right
  counts[1] = 1; // label 0, predicted 1
  counts[24] = 7; // label 4, right
  const cells = pooled({ classes: 5, counts, samples: 98, right: 97 }, 2);
  expect([...cells]).toEqual([1, -1, -1, -1, -1, -1, -1, -1, 24]);
});
