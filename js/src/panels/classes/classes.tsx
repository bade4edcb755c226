// All classes in a list: colour, name, number of samples, and how many of them are right; a click selects them.
import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { Choice } from "../../pieces/choice";
import { classHue, Named } from "../../pieces/swatch";
import { count, percent } from "../../pieces/words";
import { joins } from "../../state/selection";
import type { Store } from "../../state/store";

const ORDERS = ["as given", "fewest right first", "most samples first"] as const;

export function Classes({ store }: { store: Store }) {
  const { hello, playhead } = store;
  const order = useSignal<string>(ORDERS[0]);
  store.frames.revision.value;
  const position = playhead.passing.value;
  const frame = store.frames.get(position);
  const visible = store.visible.value;
  const rows = useMemo(() => {
    const of = hello.classes.map((_, i) => ({ index: i as number | null, samples: 0, right: 0 }));
    const none = { index: null, samples: 0, right: Number.NaN };
    hello.labels.forEach((label, i) => {
      const row = of[label] ?? none;
      if (visible?.[i] !== 0) {
        row.samples++;
        row.right += label === frame?.predictions[i] ? 1 : 0;
      }
    });
    return none.samples > 0 ? [...of, none] : of;
  }, [hello, frame, visible]);
  const sorted = rows.toSorted(
    (p, q) =>
      (order.value === ORDERS[1] && p.right / p.samples - q.right / q.samples) ||
      (order.value === ORDERS[2] && q.samples - p.samples) ||
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
        <span class="dvi-count">right at epoch {store.epochs[position]}</span>
      </div>
      <ul
        class="dvi-classes"
        style={{
          "--dvi-most": `${count(Math.max(...store.labelCounts, store.unlabelled)).length}ch`,
        }}
        aria-label="All classes"
        data-testid="classes"
      >
        {sorted.map(({ index, samples, right }) => (
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
              <span class="dvi-count">{count(samples)}</span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
