// All classes in a list: colour, name, number of samples, and how many of them are right; a click selects them.
import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { Choice } from "../../pieces/choice";
import { classHue, Named } from "../../pieces/swatch";
import { count, percent } from "../../pieces/words";
import { scopeOf } from "../../state/scope";
import { joins } from "../../state/selection";
import type { Store } from "../../state/store";

const ORDERS = [
  "as given",
  "lowest recall first",
  "most samples first",
  "lowest precision first",
] as const;

export function Classes({ store }: { store: Store }) {
  const { hello, playhead } = store;
  const order = useSignal<string>(ORDERS[0]);
  store.frames.revision.value;
  const position = playhead.passing.value;
  const frame = store.frames.get(position);
  const visible = scopeOf(store, "classes").mask;
  const rows = useMemo(() => {
    const of = hello.classes.map((_, i) => ({
      index: i as number | null,
      samples: 0,
      right: 0,
      predicted: 0,
    }));
    const none = { index: null, samples: 0, right: Number.NaN, predicted: 0 };
    hello.labels.forEach((label, i) => {
      const row = of[label] ?? none;
      if (visible?.[i] !== 0) {
        row.samples++;
        row.right += label === frame?.predictions[i] ? 1 : 0;
        const taken = label < 0 ? undefined : of[frame?.predictions[i] as number];
        if (taken !== undefined) {
          taken.predicted++;
        }
      }
    });
    return none.samples > 0 ? [...of, none] : of;
  }, [hello, frame, visible]);
  const sorted = rows.toSorted(
    (p, q) =>
      (order.value === ORDERS[1] && p.right / p.samples - q.right / q.samples) ||
      (order.value === ORDERS[2] && q.samples - p.samples) ||
      (order.value === ORDERS[3] && p.right / p.predicted - q.right / q.predicted) ||
      0,
  );
  return (
    <>
      <div class="dvi-bar-above">
        <Choice
          name="Order"
          testid="classes-order"
          value={order.value}
          choices={ORDERS.map((value) => ({ value, words: value }))}
          choose={(value) => {
            order.value = value;
          }}
        />
        <span class="dvi-count">epoch {store.epochs[position]}</span>
      </div>
      <p class="dvi-classes-head" aria-hidden="true">
        <span>recall</span>
        <span>precision</span>
        <span>samples</span>
      </p>
      <ul
        class="dvi-classes"
        style={{
          "--dvi-most": `${count(Math.max(...store.labelCounts, store.unlabelled)).length}ch`,
        }}
        aria-label="All classes"
        data-testid="classes"
      >
        {sorted.map(({ index, samples, right, predicted }) => (
          <li key={index}>
            <button
              type="button"
              title={`Select all labelled ${store.className(index)} (shift adds, alt removes)`}
              onClick={(event) =>
                store.selectWhere(
                  (i) =>
                    Math.max(-1, hello.labels[i] as number) === (index ?? -1) && visible?.[i] !== 0,
                  joins(event, store.combine.peek()),
                )
              }
            >
              <Named store={store} index={index} />
              <span class="dvi-bar" aria-hidden="true">
                <span
                  style={{
                    width: `${(100 * right) / samples || 0}%`,
                    background: classHue(store, index),
                  }}
                />
              </span>
              <span class="dvi-count">
                {frame && right >= 0 && samples > 0 ? percent(right / samples) : "–"}
              </span>
              <span class="dvi-count">
                {frame && right >= 0 && predicted > 0 ? percent(right / predicted) : "–"}
              </span>
              <span class="dvi-count">{count(samples)}</span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
