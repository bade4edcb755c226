// Ranked lists: samples that deserve a look by their training dynamics, the most suspicious first.
import { useComputed, useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo } from "preact/hooks";
import { Asked, useReply } from "../../pieces/asked";
import { Choice } from "../../pieces/choice";
import { DYNAMICS, dynamicsOf } from "../../pieces/dynamics";
import { List, stepFocus, useRows, useScrolled } from "../../pieces/list";
import { Pixels } from "../../pieces/pixels";
import { Named } from "../../pieces/swatch";
import { count, measured, plural } from "../../pieces/words";
import type { Picture } from "../../protocol/pictures";
import type { Answer } from "../../protocol/wire";
import { scopeOf } from "../../state/scope";
import { joins } from "../../state/selection";
import type { Store } from "../../state/store";

const ROW_PX = 36;
const PICTURE_PX = 28;
/** Browsers cannot scroll much farther than so many rows. */
const MAX_ROWS = 200_000;
/** Offered for selection at first. */
const FIRST = 50;

export function Lists({ store }: { store: Store }) {
  const { list } = store.view;
  const { lists } = store.hello;
  const { index, info } = store.side.value;
  const chosen = lists.find(({ name }) => name === list.value) ?? lists[0];
  if (chosen === undefined || !info.services.includes("dynamics")) {
    return (
      <p class="dvi-empty" data-testid="lists-empty">
        {info.epochs.length < 2
          ? "The lists compare the epochs of a training, and this landscape has one. Record more of them."
          : "The lists need the logits of every epoch, which this landscape lacks. Take it from a fitted model: DVI().fit(run).landscape()."}
      </p>
    );
  }
  return (
    <div class="dvi-lists">
      <fieldset class="dvi-lists-names" aria-label="Lists">
        {lists.map(({ name, definition }) => (
          <button
            key={name}
            type="button"
            aria-pressed={name === chosen.name}
            title={definition}
            data-testid="list-name"
            onClick={() => {
              list.value = name;
            }}
          >
            {name}
          </button>
        ))}
      </fieldset>
      <p class="dvi-hint" data-testid="definition">
        {chosen.definition}
      </p>
      <Asked
        store={store}
        op="list"
        args={{ landscape: index, name: chosen.name }}
        waiting="Going through all epochs"
      >
        {(answer) => <Sorted store={store} answer={answer} />}
      </Asked>
    </div>
  );
}

/** A list in its own order, or by another measure of training dynamics. */
function Sorted({ store, answer }: { store: Store; answer: Answer<"list"> }) {
  const by = useSignal("");
  const descending = useSignal(false);
  const { index } = store.side.value;
  const other = by.value === "" || by.value === answer.measure ? null : by.value;
  const dynamics = useReply(
    store,
    "dynamics",
    useMemo(() => (other === null ? null : { landscape: index }), [other, index]),
  ).answer;
  const sorted = useMemo(() => {
    const values = other === null || dynamics === undefined ? null : dynamicsOf(dynamics, other);
    const worth = (rank: number): number =>
      (values === null ? answer.values.data[rank] : values[answer.indices.data[rank] as number]) ??
      Number.NaN;
    const ranks = Array.from(answer.indices.data.keys());
    if (values !== null) {
      ranks.sort((p, q) => worth(p) - worth(q) || p - q);
    }
    if (descending.value) {
      ranks.reverse();
    }
    return {
      measure: values === null ? answer.measure : (other as string),
      indices: Int32Array.from(ranks, (rank) => answer.indices.data[rank] as number),
      values: Float32Array.from(ranks, worth),
    };
  }, [answer, dynamics, other, descending.value]);
  return (
    <>
      <p class="dvi-lists-line">
        <Choice
          name="Sorted by"
          testid="list-measure"
          value={other ?? answer.measure}
          choices={Object.keys(DYNAMICS).map((name) => ({
            value: name,
            words: `by ${name.replaceAll("_", " ")}${name === answer.measure ? ", as ranked" : ""}`,
          }))}
          choose={(value) => {
            by.value = value;
          }}
        />
        <button
          type="button"
          class="dvi-link"
          data-testid="list-direction"
          aria-pressed={descending.value}
          onClick={() => {
            descending.value = !descending.value;
          }}
        >
          {descending.value ? "reversed" : "reverse"}
        </button>
      </p>
      <Ranked store={store} {...sorted} />
    </>
  );
}

interface RankedProperties {
  store: Store;
  measure: string;
  /** In their order. */
  indices: Int32Array;
  /** The measure of each. */
  values: Float32Array;
}

/** The visible samples of a list. */
function Ranked({ store, indices, values, measure: name }: RankedProperties) {
  const visible = scopeOf(store, "lists").mask;
  const all = indices;
  const ranks = useMemo(
    () => Uint32Array.from(all.keys()).filter((rank) => visible?.[all[rank] as number] !== 0),
    [all, visible],
  );
  const indexAt = (row: number): number => all[ranks[row] as number] as number;
  const rows = Math.min(ranks.length, MAX_ROWS);
  const scrolled = useScrolled(all);
  const { first, end } = useRows(scrolled, rows, ROW_PX);
  const drawn = Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);

  const { thumbnails, hello } = store;
  thumbnails.revision.value;
  useLayoutEffect(() => {
    if (hello.images !== null) {
      thumbnails.want(drawn.map(indexAt));
    }
  }, [thumbnails, ranks, first, end]);

  const measure = name.replaceAll("_", " ");
  const beyond = ranks.length - rows;
  return (
    <>
      <p class="dvi-lists-line">
        <span role="status" data-testid="listed">
          {visible === null
            ? plural(all.length, "sample", "samples")
            : `${count(ranks.length)} of ${count(all.length)} found`}
        </span>
        <SelectFirst
          store={store}
          rows={ranks.length}
          samples={(most) => Array.from({ length: most }, (_, row) => indexAt(row))}
        />
      </p>
      {ranks.length > 0 && (
        <div class="dvi-ranked dvi-ranked-head" aria-hidden="true">
          <span />
          <span>#</span>
          <span>split</span>
          <span>label → predicted</span>
          <span>{measure}</span>
        </div>
      )}
      {ranks.length === 0 && (
        <p class="dvi-empty">
          {visible === null
            ? "No sample is of this kind."
            : "No sample of this list fits the filter."}
        </p>
      )}
      <List
        scrolled={scrolled}
        name={`Ranked samples, ${measure}`}
        testid="ranked"
        totalHeight={rows * ROW_PX}
        hidden={ranks.length === 0}
        leave={() => store.hover(null)}
        foot={
          beyond > 0 && (
            <p class="dvi-hint">
              {count(beyond)} more; narrow the list with the find field to reach them
            </p>
          )
        }
      >
        {drawn.map((row) => (
          <RankedSample
            key={indexAt(row)}
            store={store}
            index={indexAt(row)}
            picture={thumbnails.get(indexAt(row))}
            row={row}
            rows={rows}
            measure={measure}
            value={values[ranks[row] as number] as number}
          />
        ))}
      </List>
    </>
  );
}

interface SelectFirstProperties {
  store: Store;
  rows: number;
  samples: (most: number) => number[];
}

function SelectFirst({ store, rows, samples }: SelectFirstProperties) {
  const first = useSignal(FIRST);
  if (rows === 0) {
    return null;
  }
  const most = Math.min(rows, Math.max(1, first.value || 1));
  return (
    <form
      class="dvi-lists-first"
      onSubmit={(event) => {
        event.preventDefault();
        store.select(samples(most));
      }}
    >
      <label>
        first{" "}
        <input
          type="number"
          min={1}
          max={rows}
          data-testid="list-first"
          value={most}
          onInput={({ currentTarget }) => {
            first.value = currentTarget.valueAsNumber;
          }}
        />
      </label>
      <button type="submit" class="dvi-link" data-testid="select-first">
        Select
      </button>
      <button
        type="button"
        class="dvi-link"
        data-testid="select-all"
        title="Shift adds to the selection, alt removes from it"
        onClick={(event) => store.select(samples(rows), joins(event, store.combine.peek()))}
      >
        all {count(rows)}
      </button>
    </form>
  );
}

interface RankedSampleProperties {
  store: Store;
  index: number;
  picture: Picture | undefined;
  row: number;
  rows: number;
  measure: string;
  value: number;
}

function RankedSample(properties: RankedSampleProperties) {
  const { store, index, picture, row, rows, measure, value } = properties;
  const hovered = useComputed(() => store.hovered.value?.index === index);
  const pinned = useComputed(() => store.pinned.value === index);
  store.frames.revision.value;
  const { label, prediction, split } = store.sample(index, store.playhead.passing.value);
  const text = Number.isInteger(value) ? count(value) : measured(value);
  const predicted = prediction === null ? "not known yet" : store.className(prediction);
  return (
    <button
      type="button"
      class={`dvi-ranked${hovered.value ? " dvi-hovered" : ""}${pinned.value ? " dvi-pinned" : ""}`}
      role="option"
      aria-selected={pinned.value}
      title={`Sample ${index}, label ${store.className(label)}, predicted ${predicted}, ${measure} ${text}`}
      aria-setsize={rows}
      aria-posinset={row + 1}
      data-testid="ranked-row"
      data-index={index}
      tabIndex={pinned.value || row === 0 ? 0 : -1}
      style={{ transform: `translateY(${row * ROW_PX}px)` }}
      onPointerEnter={() => store.hover(index, "panel")}
      onFocus={() => store.hover(index, "panel")}
      onClick={(event) => {
        store.select([index], joins(event, store.combine.peek()));
        store.pin(event.altKey ? null : index);
      }}
      onKeyDown={(event) => stepFocus(event)}
    >
      <span>{picture !== undefined && <Pixels picture={picture} side={PICTURE_PX} />}</span>
      <span>{index}</span>
      <span class="dvi-count">{split}</span>
      <span>
        <Named store={store} index={label} />
        {prediction !== null && (
          <>
            →<Named store={store} index={prediction} />
          </>
        )}
      </span>
      <span>{text}</span>
    </button>
  );
}
