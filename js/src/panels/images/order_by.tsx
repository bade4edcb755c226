// The order of the images: by index, by confidence, by probabilities, or by a measure of training dynamics.
import { useMemo } from "preact/hooks";
import { HOVER_DELAY_MS, useReply } from "../../pieces/asked";
import { Choice } from "../../pieces/choice";
import { DYNAMICS, dynamicsOf } from "../../pieces/dynamics";
import type { Store } from "../../state/store";
import { ordered } from "./order";

/** Asking for more probabilities than this is not offered. */
const MAX_PROBABILITIES = 2e6;
const BY_PROBABILITIES = ["margin", "own"];
const DYNAMICS_PREFIX = "dynamics ";

/** The measure of training dynamics that an order goes by. */
function measureOf(order: string): string | undefined {
  return order.startsWith(DYNAMICS_PREFIX) ? order.slice(DYNAMICS_PREFIX.length) : undefined;
}

function isOffered({ hello, landscape }: Store, order: string, samples: number): boolean {
  const { services } = landscape;
  if (BY_PROBABILITIES.includes(order)) {
    return services.includes("logits") && samples * hello.classes.length <= MAX_PROBABILITIES;
  }
  return measureOf(order) === undefined || services.includes("dynamics");
}

interface Ordered {
  indices: Uint32Array;
  error?: string | undefined;
  retry?: (() => void) | undefined;
}

/** Some samples in the order chosen, or by index until what it goes by has arrived. */
export function useOrdered(store: Store, chosen: Uint32Array): Ordered {
  const { view, hello } = store;
  const order = view.order.value;
  const descending = view.descending.value;
  const side = store.side.value;
  const position = store.playhead.resting.value;
  side.frames.revision.value;
  const frame = order === "confidence" ? side.frames.get(position) : undefined;
  const epoch = side.epoch(position);
  const measure = measureOf(order);
  const asks = chosen.length > 0 && isOffered(store, order, chosen.length);
  const landscape = side.index;
  const probabilities = useReply(
    store,
    "probabilities",
    useMemo(
      () =>
        asks && BY_PROBABILITIES.includes(order)
          ? { landscape, epoch, indices: Array.from(chosen) }
          : null,
      [asks, order, chosen, landscape, epoch],
    ),
    HOVER_DELAY_MS,
  );
  const dynamics = useReply(
    store,
    "dynamics",
    useMemo(
      () => (asks && measure !== undefined ? { landscape } : null),
      [asks, measure, landscape],
    ),
    HOVER_DELAY_MS,
  );
  const indices = useMemo(() => {
    if (frame !== undefined) {
      return ordered(chosen, (index) => frame.confidence[index] as number, descending);
    }
    if (measure !== undefined && dynamics.answer !== undefined) {
      const values = dynamicsOf(dynamics.answer, measure);
      return ordered(chosen, (index) => values[index] as number, descending);
    }
    if (probabilities.answer !== undefined) {
      const { data } = probabilities.answer.probabilities;
      const classes = hello.classes.length;
      const value =
        order === "own"
          ? (index: number, i: number) => labelOf(data, i * classes, hello.labels[index] as number)
          : (_: number, i: number) => margin(data, i * classes, classes);
      return ordered(chosen, value, descending);
    }
    return descending ? chosen.slice().reverse() : chosen;
  }, [hello, chosen, order, measure, descending, frame, dynamics.answer, probabilities.answer]);
  const { error, retry } = measure === undefined ? probabilities : dynamics;
  return { indices, error, retry };
}

/** The probability of the label in a row of probabilities; NaN without a label. */
function labelOf(probabilities: Float32Array, row: number, label: number): number {
  return label < 0 ? Number.NaN : (probabilities[row + label] as number);
}

/** The difference of the two largest in a row of probabilities. */
function margin(probabilities: Float32Array, row: number, classes: number): number {
  let first = 0;
  let second = 0;
  for (let at = row; at < row + classes; at++) {
    const value = probabilities[at] as number;
    second = Math.max(second, Math.min(first, value));
    first = Math.max(first, value);
  }
  return first - second;
}

export function OrderBy({ store, samples }: { store: Store; samples: number }) {
  const { view, landscape } = store;
  const measures = landscape.services.includes("dynamics") ? Object.keys(DYNAMICS) : [];
  const choice = (value: string, words: string) => ({
    value,
    words,
    disabled: !isOffered(store, value, samples),
  });
  const descending = view.descending.value;
  const direction = descending ? "Highest first" : "Lowest first";
  return (
    <>
      <Choice
        name="Order"
        testid="images-order"
        value={view.order.value}
        choices={[
          choice("index", "by index"),
          choice("confidence", "by confidence"),
          choice("margin", "by margin of the two likeliest"),
          choice("own", "by probability of the label"),
          ...measures.map((name) =>
            choice(DYNAMICS_PREFIX + name, `by ${name.replaceAll("_", " ")} over all epochs`),
          ),
        ]}
        choose={(order) => {
          view.order.value = order;
        }}
      />
      <button
        type="button"
        class="dvi-tool"
        data-testid="images-direction"
        aria-label={direction}
        title={direction}
        onClick={() => {
          view.descending.value = !descending;
        }}
      >
        {descending ? "↓" : "↑"}
      </button>
    </>
  );
}
