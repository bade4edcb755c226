// Ranked lists: samples that deserve a look by their training dynamics, those that deserve it most first.
import { useComputed, useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { Asked } from "../../pieces/asked";
import { Pixels } from "../../pieces/pixels";
import { useSize } from "../../pieces/size";
import { Named } from "../../pieces/swatch";
import { className, count, measured, plural } from "../../pieces/words";
import type { Picture } from "../../protocol/source";
import type { Answer } from "../../protocol/wire";
import { joins } from "../../state/selection";
import type { Store } from "../../state/store";

/** Height of a row and side of its picture, in CSS pixels. */
const ROW = 36;
const PICTURE = 28;
/** Rows drawn and fetched beyond those in view. */
const BEYOND = 6;
/** So many rows are as high as browsers can scroll. */
const MOST = 200_000;
const FIRST = [50, 100];

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
          : "The lists need the logits of every epoch, and nobody here knows them. Take the landscape from a fitted model: DVI().fit(run).landscape()."}
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
        waiting="Looking through all epochs"
      >
        {(answer) => <Ranked store={store} answer={answer} />}
      </Asked>
    </div>
  );
}

/** The samples of a list that the filter shows. */
function Ranked({ store, answer }: { store: Store; answer: Answer }) {
  const element = useRef<HTMLDivElement>(null);
  const { height } = useSize(element);
  const top = useSignal(0);
  const shown = store.shown.value;
  const all = answer.arrays.get("indices")?.data as Int32Array;
  const values = answer.arrays.get("values")?.data as Float32Array;
  // Places in the list, of which only those are left that the filter shows.
  const places = useMemo(
    () => Uint32Array.from(all.keys()).filter((place) => shown?.[all[place] as number] !== 0),
    [all, shown],
  );
  const indexAt = (row: number): number => all[places[row] as number] as number;
  const first = useComputed(() => Math.max(0, Math.floor(top.value / ROW) - BEYOND)).value;
  const rows = Math.min(places.length, MOST);
  const last = Math.min(rows, first + Math.ceil(height.value / ROW) + 2 * BEYOND);
  const drawn = Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i);

  useLayoutEffect(() => {
    (element.current as HTMLDivElement).scrollTop = 0;
    top.value = 0;
  }, [all, top]);
  const { thumbnails, hello } = store;
  thumbnails.revision.value;
  useLayoutEffect(() => {
    if (hello.images !== null) {
      thumbnails.want(drawn.map(indexAt));
    }
  }, [thumbnails, places, first, last]);

  const measure = String(answer.result.measure ?? "value").replaceAll("_", " ");
  const select = (event: MouseEvent, most: number): void =>
    store.select(
      Array.from({ length: Math.min(most, places.length) }, (_, row) => indexAt(row)),
      joins(event, store.combine.peek()),
    );
  const beyond = places.length - rows;
  return (
    <>
      <p class="dvi-lists-line">
        <span role="status" data-testid="listed">
          {shown === null
            ? plural(all.length, "sample", "samples")
            : `${count(places.length)} of ${count(all.length)} found`}
        </span>
        {places.length > 0 && (
          <span class="dvi-lists-first">
            Select the first
            {[...FIRST.filter((most) => most < places.length), places.length].map((most) => (
              <button
                key={most}
                type="button"
                class="dvi-link"
                data-testid="select-first"
                title="Shift adds to the selection, alt takes away"
                onClick={(event) => select(event, most)}
              >
                {count(most)}
              </button>
            ))}
          </span>
        )}
      </p>
      {places.length > 0 && (
        <div class="dvi-ranked dvi-ranked-head" aria-hidden="true">
          <span />
          <span>#</span>
          <span>label → predicted</span>
          <span>{measure}</span>
        </div>
      )}
      {places.length === 0 && (
        <p class="dvi-empty">
          {shown === null
            ? "No sample is of this kind."
            : "The filter shows no sample of this list."}
        </p>
      )}
      <div
        class="dvi-images"
        ref={element}
        hidden={places.length === 0}
        role="listbox"
        tabIndex={-1}
        aria-label={`Ranked samples, ${measure}`}
        data-testid="ranked"
        data-lm-suppress-shortcuts="true"
        onScroll={(event) => {
          top.value = event.currentTarget.scrollTop;
        }}
        onPointerLeave={() => store.hover(null)}
      >
        <div class="dvi-images-all" style={{ height: `${rows * ROW}px` }}>
          {drawn.map((row) => (
            <Row
              key={indexAt(row)}
              store={store}
              index={indexAt(row)}
              picture={thumbnails.get(indexAt(row))}
              row={row}
              rows={rows}
              measure={measure}
              value={values[places[row] as number] as number}
            />
          ))}
        </div>
        {beyond > 0 && (
          <p class="dvi-hint">
            {count(beyond)} more, which the find field or a selection brings into reach
          </p>
        )}
      </div>
    </>
  );
}

interface RowProperties {
  store: Store;
  index: number;
  picture: Picture | undefined;
  row: number;
  rows: number;
  measure: string;
  value: number;
}

function Row({ store, index, picture, row, rows, measure, value }: RowProperties) {
  const { hello, playhead } = store;
  const hovered = useComputed(() => store.hovered.value?.index === index);
  const pinned = useComputed(() => store.pinned.value === index);
  store.frames.revision.value;
  const { label, prediction } = store.sample(index, playhead.passing.value);
  const said = Number.isInteger(value) ? count(value) : measured(value);
  return (
    <button
      type="button"
      class={`dvi-ranked${hovered.value ? " dvi-hovered" : ""}${pinned.value ? " dvi-pinned" : ""}`}
      role="option"
      aria-selected={pinned.value}
      title={`Sample ${index}, label ${className(hello, label)}, predicted ${
        prediction === null ? "not known yet" : className(hello, prediction)
      }, ${measure} ${said}`}
      aria-setsize={rows}
      aria-posinset={row + 1}
      data-testid="ranked-row"
      data-index={index}
      tabIndex={pinned.value || row === 0 ? 0 : -1}
      style={{ transform: `translateY(${row * ROW}px)` }}
      onPointerEnter={() => store.hover(index, "panel")}
      onFocus={() => store.hover(index, "panel")}
      onClick={(event) => {
        store.select([index], joins(event, store.combine.peek()));
        store.pin(event.altKey ? null : index);
      }}
      onKeyDown={step}
    >
      <span>{picture !== undefined && <Pixels picture={picture} side={PICTURE} />}</span>
      <span>{index}</span>
      <span>
        <Named store={store} index={label} />
        {prediction !== null && (
          <>
            →<Named store={store} index={prediction} />
          </>
        )}
      </span>
      <span>{said}</span>
    </button>
  );
}

/** Up and down walk over the rows. */
function step(event: KeyboardEvent & { currentTarget: HTMLElement }): void {
  const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (by !== undefined) {
    const place = Number(event.currentTarget.getAttribute("aria-posinset")) + by;
    const rows = event.currentTarget.parentElement;
    rows?.querySelector<HTMLElement>(`[aria-posinset="${place}"]`)?.focus();
    event.preventDefault();
    event.stopPropagation();
  }
}
