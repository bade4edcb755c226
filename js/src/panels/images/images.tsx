// The samples selected, else those the filter shows: a grid of pictures, or rows, that draws only what is in view.
import { useComputed, useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { Words } from "../../on_map/card";
import { Problem, useReply } from "../../pieces/asked";
import { Choice } from "../../pieces/choice";
import { Pixels } from "../../pieces/pixels";
import { useSize } from "../../pieces/size";
import { classHue, Named, Swatch } from "../../pieces/swatch";
import { className, percent, plural } from "../../pieces/words";
import type { Picture } from "../../protocol/source";
import { indicesOf } from "../../state/selection";
import type { Store } from "../../state/store";
import { DYNAMICS, dynamicsOf } from "../sample/sample";
import { ordered } from "./order";

/** What pictures may measure, in CSS pixels; 0 stands for rows of words. */
const SIZES = [32, 64, 128, 0] as const;
const ROW = 28;
const RIM = 6;
const GAP = 4;
/** Pictures shown larger than this are fetched as they are. */
const SMALL = 64;
/** Rows drawn and fetched beyond those in view. */
const BEYOND = 4;
/** So many probabilities may be asked for to put samples in order. */
const MOST_ASKED = 2e6;
const DELAY_MS = 80;

export function Images({ store }: { store: Store }) {
  const { hello, view } = store;
  const selected = store.selection.value.indices;
  const shown = store.shown.value;
  const chosen = useMemo(
    () => (selected.length > 0 || shown === null ? selected : indicesOf(shown)),
    [selected, shown],
  );
  const { indices, error, retry } = useOrdered(store, chosen);
  if (chosen.length === 0) {
    return (
      <p class="dvi-empty" data-testid="images-empty">
        {shown === null
          ? `Draw around points to see their ${hello.images === null ? "rows" : "pictures"}.`
          : "No sample fits the filter."}
        {shown === null && <small>Hold shift and drag, or take the lasso from the tools.</small>}
      </p>
    );
  }
  const size = hello.images === null ? 0 : view.size.value;
  return (
    <>
      <div class="dvi-bar-above dvi-order">
        <OrderBy store={store} samples={chosen.length} />
        {hello.images !== null && (
          <Choice
            name="Size"
            testid="images-size"
            value={String(size)}
            choices={SIZES.map((side) => ({
              value: String(side),
              words: side === 0 ? "rows" : `${side} px`,
            }))}
            choose={(side) => {
              view.size.value = Number(side);
            }}
          />
        )}
      </div>
      {error !== undefined && <Problem error={error} retry={retry} />}
      <Grid
        store={store}
        indices={indices}
        chosen={chosen}
        size={size}
        of={selected.length > 0 ? ["selected sample", "selected samples"] : ["sample", "samples"]}
      />
    </>
  );
}

/** The indices in the order chosen, as far as what it goes by is known. */
function useOrdered(
  store: Store,
  chosen: Uint32Array,
): { indices: Uint32Array; error?: string | undefined; retry?: (() => void) | undefined } {
  const { view } = store;
  const by = view.order.value;
  const descending = view.descending.value;
  const side = store.side.value;
  const position = store.playhead.resting.value;
  side.frames.revision.value;
  const frame = by === "confidence" ? side.frames.get(position) : undefined;
  const epoch = side.epoch(position);
  const asks = chosen.length > 0 && isOffered(store, by, chosen.length);
  const args = useMemo(() => {
    const landscape = side.index;
    if (asks && OF_PROBABILITIES.includes(by)) {
      return { landscape, epoch, indices: Array.from(chosen) };
    }
    return asks && measureOf(by) !== undefined ? { landscape } : null;
  }, [asks, by, chosen, side, epoch]);
  const op = measureOf(by) === undefined ? "probabilities" : "dynamics";
  const { answer, error, retry } = useReply(store, op, args, DELAY_MS);
  const indices = useMemo(() => {
    const measure = measureOf(by);
    const values =
      measure === undefined
        ? answer?.arrays.get("probabilities")?.data
        : answer && dynamicsOf(answer, measure, store.hello.n);
    if (frame !== undefined) {
      return ordered(chosen, (index) => frame.confidence[index] as number, descending);
    }
    if (values !== undefined) {
      return ordered(chosen, reading(store, by, values), descending);
    }
    return descending ? chosen.slice().reverse() : chosen;
  }, [store, chosen, by, descending, frame, answer]);
  return { indices, error, retry };
}

const OF_PROBABILITIES = ["margin", "own"];

/** The measure of training dynamics that an order goes by. */
function measureOf(by: string): string | undefined {
  return by.startsWith("dynamics ") ? by.slice(9) : undefined;
}

function isOffered(
  { hello, landscape: { services } }: Store,
  by: string,
  samples: number,
): boolean {
  if (OF_PROBABILITIES.includes(by)) {
    return services.includes("logits") && samples * hello.classes.length <= MOST_ASKED;
  }
  return measureOf(by) === undefined || services.includes("dynamics");
}

function reading({ hello }: Store, by: string, values: ArrayLike<number>) {
  const classes = hello.classes.length;
  return (index: number, place: number): number => {
    if (measureOf(by) !== undefined) {
      return values[index] as number;
    }
    const row = place * classes;
    const label = hello.labels[index] as number;
    if (by === "own") {
      return label < 0 ? Number.NaN : (values[row + label] as number);
    }
    let first = 0;
    let second = 0;
    for (let at = row; at < row + classes; at++) {
      const value = values[at] as number;
      second = Math.max(second, Math.min(first, value));
      first = Math.max(first, value);
    }
    return first - second;
  };
}

function OrderBy({ store, samples }: { store: Store; samples: number }) {
  const { view, landscape } = store;
  const measures = landscape.services.includes("dynamics") ? Object.keys(DYNAMICS) : [];
  const choice = (value: string, words: string) => ({
    value,
    words,
    disabled: !isOffered(store, value, samples),
  });
  const down = view.descending.value;
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
            choice(`dynamics ${name}`, `by ${name.replaceAll("_", " ")} over all epochs`),
          ),
        ]}
        choose={(by) => {
          view.order.value = by;
        }}
      />
      <button
        type="button"
        class="dvi-tool"
        data-testid="images-direction"
        aria-label={down ? "Highest first" : "Lowest first"}
        title={down ? "Highest first" : "Lowest first"}
        onClick={() => {
          view.descending.value = !down;
        }}
      >
        {down ? "↓" : "↑"}
      </button>
    </>
  );
}

interface GridProperties {
  store: Store;
  /** In their order. */
  indices: Uint32Array;
  /** The same, as they were chosen: another choice is looked at from its start. */
  chosen: Uint32Array;
  size: number;
  of: readonly [string, string];
}

function Grid({ store, indices, chosen, size, of }: GridProperties) {
  const element = useRef<HTMLDivElement>(null);
  const { width, height } = useSize(element);
  const top = useSignal(0);
  const pictures = size > SMALL ? store.pictures : store.thumbnails;
  const rows = size === 0;
  const side = rows ? ROW - RIM : pictureSide(store, size);
  const step = rows ? ROW : side + RIM + GAP;

  useLayoutEffect(() => {
    (element.current as HTMLDivElement).scrollTop = 0;
    top.value = 0;
  }, [chosen, top]);

  const columns = rows ? 1 : Math.max(1, Math.floor((width.value + GAP) / step));
  // What is left of the width goes between the columns.
  const spare = width.value + GAP - columns * step;
  const pitch = step + (columns > 1 ? Math.max(0, spare) / (columns - 1) : 0);
  const lines = Math.ceil(indices.length / columns);
  const firstLine = useComputed(() => Math.max(0, Math.floor(top.value / step) - BEYOND)).value;
  const lastLine = Math.min(lines, firstLine + Math.ceil(height.value / step) + 2 * BEYOND + 1);
  const first = firstLine * columns;
  const shown = Array.from(indices.subarray(first, lastLine * columns));

  // Whoever pins a point on the canvas finds its picture in view.
  const pinned = store.pinned.value;
  useLayoutEffect(() => {
    const place = pinned === null ? -1 : indices.indexOf(pinned);
    const box = element.current as HTMLDivElement;
    const y = Math.floor(place / columns) * step;
    if (place >= 0 && (y < box.scrollTop || y + step > box.scrollTop + box.clientHeight)) {
      box.scrollTop = y - (box.clientHeight - step) / 2;
    }
  }, [pinned]);

  pictures.revision.value;
  const failure = pictures.failure.value;
  const wants = store.hello.images !== null;
  useLayoutEffect(() => {
    if (wants) {
      pictures.want(shown);
    }
  }, [pictures, wants, indices, first, shown.length, failure]);

  const { groups } = store.hello;
  return (
    <>
      {failure !== null && <Problem error={failure} retry={() => pictures.retry()} />}
      {rows && !store.hello.texts && (
        <div class="dvi-row dvi-row-head" aria-hidden="true">
          {["#", "label", "pred", "conf", ...(groups.size > 0 ? ["groups"] : [])].map((head) => (
            <span key={head}>{head}</span>
          ))}
        </div>
      )}
      <div
        class="dvi-images"
        ref={element}
        role="listbox"
        tabIndex={-1}
        aria-label={`${rows ? "Rows" : "Pictures"} of ${plural(indices.length, ...of)}`}
        data-testid="images"
        data-lm-suppress-shortcuts="true"
        onScroll={(event) => {
          top.value = event.currentTarget.scrollTop;
        }}
        onPointerLeave={() => store.hover(null)}
      >
        <div class="dvi-images-all" style={{ height: `${lines * step - GAP}px` }}>
          {shown.map((index, i) => {
            const place = first + i;
            return (
              <Tile
                key={index}
                store={store}
                index={index}
                picture={pictures.get(index)}
                side={side}
                rows={rows}
                place={place}
                total={indices.length}
                x={(place % columns) * pitch}
                y={Math.floor(place / columns) * step}
                columns={columns}
              />
            );
          })}
        </div>
      </div>
    </>
  );
}

/** A whole multiple of the pictures' own size near to the one asked for, so that every pixel is as large as the next. */
function pictureSide({ hello }: Store, size: number): number {
  const own = Math.max(hello.images?.height ?? 1, hello.images?.width ?? 1);
  return own > size ? size : own * Math.round(size / own);
}

interface TileProperties {
  store: Store;
  index: number;
  picture: Picture | undefined;
  side: number;
  rows: boolean;
  place: number;
  total: number;
  x: number;
  y: number;
  columns: number;
}

function Tile(properties: TileProperties) {
  const { store, index, picture, side, rows, place, total, x, y, columns } = properties;
  const { hello, playhead } = store;
  const hovered = useComputed(() => store.hovered.value?.index === index);
  const pinned = useComputed(() => store.pinned.value === index);
  const { label } = store.sample(index, 0);
  // By themselves, so that while time passes only the tiles are rendered that look different then.
  const now = (what: "prediction" | "confidence") =>
    useComputed(() => {
      store.frames.revision.value;
      return store.sample(index, playhead.passing.value)[what];
    });
  const predicted = now("prediction");
  const sure = now("confidence");
  const prediction = predicted.value;
  const wrong = label !== null && prediction !== null && label !== prediction;
  const name =
    `Sample ${index}, label ${className(hello, label)}` +
    (prediction === null ? "" : `, predicted ${className(hello, prediction)}`);
  const pixels = picture !== undefined && <Pixels picture={picture} side={side} />;
  const groups = rows && [...hello.groups].filter(([, mask]) => mask[index] === 1);
  return (
    <button
      type="button"
      class={`${rows ? "dvi-row" : "dvi-tile"}${hovered.value ? " dvi-hovered" : ""}${pinned.value ? " dvi-pinned" : ""}`}
      role="option"
      aria-selected={pinned.value}
      aria-label={name}
      aria-setsize={total}
      aria-posinset={place + 1}
      data-testid="thumbnail"
      data-index={index}
      tabIndex={pinned.value || place === 0 ? 0 : -1}
      style={{
        transform: `translate(${x}px, ${y}px)`,
        ...(rows
          ? {}
          : {
              width: `${side + RIM}px`,
              height: `${side + RIM}px`,
              "--dvi-hue": classHue(store, label ?? prediction),
            }),
      }}
      onPointerEnter={() => store.hover(index, "panel")}
      onFocus={() => store.hover(index, "panel")}
      onClick={() => store.pin(pinned.peek() ? null : index)}
      onKeyDown={(event) => stepFocus(event, columns)}
    >
      {groups && hello.texts ? (
        <>
          <span>
            <Swatch store={store} index={label} /> {index}
          </span>
          <Words store={store} index={index} />
        </>
      ) : groups ? (
        <>
          <span>
            {pixels} {index}
          </span>
          <span>
            <Named store={store} index={label} />
          </span>
          <span class={wrong ? "dvi-wrong" : ""}>
            {prediction !== null && <Named store={store} index={prediction} />}
          </span>
          <span>{sure.value !== null && percent(sure.value)}</span>
          {hello.groups.size > 0 && <span>{groups.map(([group]) => group).join(", ")}</span>}
        </>
      ) : (
        <>
          {pixels}
          {wrong && <span class="dvi-mark" style={{ background: classHue(store, prediction) }} />}
        </>
      )}
    </button>
  );
}

const STEPS: Record<string, (columns: number) => number> = {
  ArrowLeft: () => -1,
  ArrowRight: () => 1,
  ArrowUp: (columns) => -columns,
  ArrowDown: (columns) => columns,
};

/** Arrow keys walk over the grid. */
function stepFocus(event: KeyboardEvent & { currentTarget: HTMLElement }, columns: number): void {
  const step = STEPS[event.key];
  if (step === undefined) {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
  const tile = event.currentTarget;
  const place = Number(tile.getAttribute("aria-posinset")) + step(columns);
  const next = tile.parentElement?.querySelector<HTMLElement>(`[aria-posinset="${place}"]`);
  next?.focus();
}
