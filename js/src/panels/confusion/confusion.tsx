// The confusion matrix at an epoch, and its largest errors; a click on a cell selects its samples.
import { useSignal } from "@preact/signals";
import { useMemo, useRef } from "preact/hooks";
import { Choice } from "../../pieces/choice";
import { useSize } from "../../pieces/size";
import { Named } from "../../pieces/swatch";
import { count, percent, plural } from "../../pieces/words";
import { type Confusion as Counts, confusionOf, largestErrors } from "../../state/confusion";
import { scopeOf } from "../../state/scope";
import { joins } from "../../state/selection";
import { numberOf, SPLITS, splitOf } from "../../state/split";
import type { Store } from "../../state/store";
import { Course } from "./course";
import { Plane } from "./plane";

const MAX_LISTED = 20;
/** With more samples the matrix follows only epochs that time rests at. */
const MAX_LIVE = 2e5;
/** Beside a matrix at least so much wider than high, the errors stand at its right. */
const WIDE = 1.4;
const PAD_PX = 24;

export function Confusion({ store }: { store: Store }) {
  const { hello, playhead, view } = store;
  const box = useRef<HTMLDivElement>(null);
  const { width, height } = useSize(box);
  const position = (hello.n > MAX_LIVE ? playhead.resting : playhead.position).value;
  store.frames.revision.value;
  const frame = store.frames.get(position);
  const visible = scopeOf(store, "confusion").mask;
  const split = splitOf(store);
  const only = numberOf(split);
  const confusion = useMemo(
    () =>
      frame &&
      confusionOf(
        hello.labels,
        frame.predictions,
        hello.classes.length,
        hello.split,
        only,
        visible,
      ),
    [hello, frame, only, visible],
  );
  const select = (cell: number, event: MouseEvent | KeyboardEvent): void => {
    const classes = hello.classes.length;
    store.selectWhere(
      (i) =>
        hello.labels[i] === Math.floor(cell / classes) &&
        frame?.predictions[i] === cell % classes &&
        (only === null || hello.split[i] === only) &&
        visible?.[i] !== 0,
      joins(event, store.combine.peek()),
    );
  };
  const wide = width.value > WIDE * height.value;
  const room = (wide ? height.value : width.value) - PAD_PX;
  /** The cell hovered or walked to. */
  const cell = useSignal<number | null>(null);
  return (
    <>
      <div class="dvi-bar-above">
        <Choice
          name="Which samples"
          testid="confusion-split"
          value={split}
          choices={SPLITS.map((value) => ({ value, words: value }))}
          choose={(value) => {
            view.split.value = value;
          }}
        />
        <Choice
          name="What the cells show"
          testid="confusion-shares"
          value={String(view.shares.value)}
          choices={[
            { value: "false", words: "counts" },
            { value: "true", words: "% of the label" },
          ]}
          choose={(value) => {
            view.shares.value = value === "true";
          }}
        />
        {confusion !== undefined && confusion.samples > 0 && (
          <span class="dvi-count">
            {percent(confusion.right / confusion.samples)} of {count(confusion.samples)} right at
            epoch {store.epochs[position]}
          </span>
        )}
      </div>
      <div class="dvi-confusion" ref={box} data-testid="confusion">
        {confusion?.samples === 0 && (
          <p class="dvi-empty">
            None of these samples has a label to compare its prediction with. Choose another split,
            or clear the filter.
          </p>
        )}
        {confusion !== undefined && confusion.samples > 0 && room > 0 && (
          <>
            <Plane
              store={store}
              confusion={confusion}
              room={room}
              shares={view.shares.value}
              select={select}
              point={(pointed) => {
                cell.value = pointed;
              }}
            />
            <section class="dvi-errors">
              <p class="dvi-confusion-words" role="status" data-testid="confusion-words">
                {cell.value === null
                  ? "Rows: label. Columns: prediction. A click selects (shift adds, alt removes)."
                  : cellWords(store, confusion, cell.value)}
              </p>
              {cell.value !== null && <Course store={store} cell={cell.value} split={split} />}
              <Errors store={store} confusion={confusion} select={select} />
            </section>
          </>
        )}
      </div>
    </>
  );
}

function cellWords(store: Store, { classes, counts }: Counts, cell: number): string {
  const label = Math.floor(cell / classes);
  const samples = counts[cell] as number;
  const prediction = cell % classes;
  const row = counts.subarray(label * classes, (label + 1) * classes);
  const labelled = row.reduce((sum, one) => sum + one, 0);
  const share = samples > 0 ? `, ${percent(samples / labelled)} of the label's` : "";
  if (label !== prediction) {
    return (
      `Label ${store.className(label)}, predicted ${store.className(prediction)}: ` +
      `${plural(samples, "sample", "samples")}${share}`
    );
  }
  let predicted = 0;
  for (let i = 0; i < classes; i++) {
    predicted += counts[i * classes + label] as number;
  }
  const rate = (of: number): string => (of > 0 ? percent(samples / of) : "–");
  return (
    `Label ${store.className(label)}, predicted ${store.className(label)}: ` +
    `${plural(samples, "sample", "samples")}, recall ${rate(labelled)}, precision ${rate(predicted)}`
  );
}

interface ErrorsProperties {
  store: Store;
  confusion: Counts;
  select: (cell: number, event: MouseEvent) => void;
}

function Errors({ store, confusion, select }: ErrorsProperties) {
  const { classes, counts } = confusion;
  const largest = useMemo(() => largestErrors(confusion, MAX_LISTED), [confusion]);
  return (
    <>
      <h3>Largest confusions</h3>
      {largest.length === 0 && <p>Every sample is predicted as labelled.</p>}
      <ul>
        {largest.map((cell) => (
          <li key={cell}>
            <button
              type="button"
              data-testid="error"
              title={cellWords(store, confusion, cell)}
              onClick={(event) => select(cell, event)}
            >
              <Named store={store} index={Math.floor(cell / classes)} />→
              <Named store={store} index={cell % classes} />
              <span class="dvi-count">{count(counts[cell] as number)}</span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
