// A landscape in words, for those who cannot see the canvas.
import { count, plural } from "../pieces/words";
import type { Frame } from "../protocol/source";
import type { Side } from "../state/sides";
import type { Store } from "../state/store";

const MAX_CLASSES = 20;
const MAX_SELECTED_CLASSES = 5;

/** Describe the picture of a landscape at a position in time. */
export function describe(store: Store, side: Side, position: number): string {
  const { hello } = store;
  side.frames.revision.value;
  const frame = side.frames.get(position);
  const sentences = [
    `${side.info.name}: landscape of ${plural(hello.n, "sample", "samples")} at epoch ${side.epoch(position)}.`,
  ];
  if (frame !== undefined) {
    const labelled = hello.n - store.unlabelled;
    if (labelled > 0) {
      sentences.push(
        `${count(frame.correct)} of ${count(labelled)} labelled samples are predicted as labelled.`,
      );
    }
    sentences.push(predictionWords(store, frame));
  }
  sentences.push(selectionWords(store, frame));
  return sentences.join(" ");
}

function predictionWords(store: Store, frame: Frame): string {
  const most = Array.from(frame.predicted, (samples, i) => ({ samples, i }))
    .filter(({ samples }) => samples > 0)
    .sort((p, q) => q.samples - p.samples);
  const named = most
    .slice(0, MAX_CLASSES)
    .map(({ samples, i }) => `${store.className(i)} ${count(samples)}`);
  const more = most.length - named.length;
  return `Samples per predicted class: ${named.join(", ")}${more > 0 ? `, and ${more} more classes` : ""}.`;
}

function selectionWords(store: Store, frame: Frame | undefined): string {
  const { indices } = store.selection.value;
  if (indices.length === 0) {
    return "Nothing is selected.";
  }
  if (frame === undefined) {
    return `${count(indices.length)} selected.`;
  }
  const counts = new Uint32Array(store.hello.classes.length);
  for (let i = 0; i < indices.length; i++) {
    const prediction = frame.predictions[indices[i] as number] as number;
    counts[prediction] = (counts[prediction] as number) + 1;
  }
  const most = Array.from(counts, (samples, c) => ({ samples, c }))
    .filter(({ samples }) => samples > 0)
    .sort((p, q) => q.samples - p.samples)
    .slice(0, MAX_SELECTED_CLASSES)
    .map(({ samples, c }) => `${store.className(c)} ${count(samples)}`);
  return `${count(indices.length)} selected, predicted as ${most.join(", ")}.`;
}
