// How numbers and names are put into words: one way for all panels.
import type { Frame, Hello } from "../protocol/source";
import type { Side } from "../state/sides";
import type { Store } from "../state/store";

const integer = new Intl.NumberFormat("en-US");

export function count(value: number): string {
  return withMinus(integer.format(value));
}

export function plural(value: number, one: string, many: string): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

const few = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });

const three = new Intl.NumberFormat("en-US", {
  minimumSignificantDigits: 3,
  maximumSignificantDigits: 3,
});

/** Any number, in three digits; what is none is a dash. */
export function number(value: number): string {
  return written(value, few);
}

/** A number that is read beside others: zeros at its end count. */
export function measured(value: number): string {
  return written(value, three);
}

function written(value: number, format: Intl.NumberFormat): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) {
    return "–";
  }
  return withMinus(
    size > 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(1) : format.format(value),
  );
}

/** Numbers have a minus, not a hyphen. */
function withMinus(digits: string): string {
  return digits.replaceAll("-", "−");
}

/** A rate as people say it; what is not quite all is never rounded up to all. */
export function percent(rate: number): string {
  const rounded = Math.round(rate * 1000) / 10;
  return withMinus(`${(rounded >= 100 && rate < 1 ? 99.9 : rounded).toFixed(1)} %`);
}

/** The name of a class; null stands for a sample without a label. */
export function className(hello: Hello, index: number | null): string {
  // A name that cannot be seen is none.
  return index === null ? "none" : hello.classes[index]?.trim() || `class ${index}`;
}

/** How many are selected, and as what most of them are predicted. */
function selectedWords({ hello, selection }: Store, frame: Frame | undefined): string {
  const { indices } = selection.value;
  if (frame === undefined) {
    return `${count(indices.length)} selected.`;
  }
  const counts = new Map<number, number>();
  for (const index of indices) {
    const own = frame.predictions[index] as number;
    counts.set(own, (counts.get(own) ?? 0) + 1);
  }
  const most = [...counts]
    .sort(([, p], [, q]) => q - p)
    .slice(0, 5)
    .map(([c, samples]) => `${className(hello, c)} ${count(samples)}`);
  return `${count(indices.length)} selected, predicted as ${most.join(", ")}.`;
}

/** What a canvas shows, for those who cannot see it. */
export function describe(store: Store, side: Side, position: number): string {
  const { hello } = store;
  const { indices } = store.selection.value;
  side.frames.revision.value;
  const frame = side.frames.get(position);
  const parts = [
    `${side.info.name}: landscape of ${plural(hello.n, "sample", "samples")} at epoch ${side.epoch(position)}.`,
  ];
  if (frame !== undefined) {
    const labelled = hello.n - store.unlabelled;
    if (labelled > 0) {
      parts.push(
        `${count(frame.correct)} of ${count(labelled)} labelled samples are predicted as labelled.`,
      );
    }
    const most = Array.from(frame.predicted, (samples, i) => ({ samples, i }))
      .filter(({ samples }) => samples > 0)
      .sort((p, q) => q.samples - p.samples);
    const named = most
      .slice(0, 20)
      .map(({ samples, i }) => `${className(hello, i)} ${count(samples)}`);
    const more = most.length - named.length;
    parts.push(
      `Samples per predicted class: ${named.join(", ")}${more > 0 ? `, and ${more} more classes` : ""}.`,
    );
  }
  parts.push(indices.length === 0 ? "Nothing is selected." : selectedWords(store, frame));
  return parts.join(" ");
}
