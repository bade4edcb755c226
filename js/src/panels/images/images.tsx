// The selected samples, or without a selection those that fit the filter: a grid of pictures, or rows.
import { useComputed } from "@preact/signals";
import { useLayoutEffect, useMemo } from "preact/hooks";
import { Problem } from "../../pieces/asked";
import { Choice } from "../../pieces/choice";
import { List, stepFocus, useRows, useScrolled } from "../../pieces/list";
import { Pixels } from "../../pieces/pixels";
import { SampleText } from "../../pieces/sample";
import { classHue, Named, Swatch } from "../../pieces/swatch";
import { percent, plural } from "../../pieces/words";
import type { Picture } from "../../protocol/pictures";
import { indicesOf } from "../../state/selection";
import type { Store } from "../../state/store";
import { OrderBy, useOrdered } from "./order_by";

/** Sides of pictures that can be chosen, in CSS pixels; 0 stands for rows. */
const SIZES = [32, 64, 128, 0] as const;
const ROW_PX = 28;
const RIM_PX = 6;
const GAP_PX = 4;
/** Larger pictures are fetched in full size. */
const SMALL_PX = 64;

export function Images({ store }: { store: Store }) {
  const { hello, view } = store;
  const selected = store.selection.value.indices;
  const visible = store.visible.value;
  const chosen = useMemo(
    () => (selected.length > 0 || visible === null ? selected : indicesOf(visible)),
    [selected, visible],
  );
  const { indices, error, retry } = useOrdered(store, chosen);
  if (chosen.length === 0) {
    return (
      <p class="dvi-empty" data-testid="images-empty">
        {visible === null
          ? `Draw around points to see their ${hello.images === null ? "rows" : "pictures"}.`
          : "No sample fits the filter."}
        {visible === null && <small>Hold shift and drag, or take the lasso from the tools.</small>}
      </p>
    );
  }
  const size = hello.images === null ? 0 : view.size.value;
  const what = selected.length > 0 ? "selected sample" : "sample";
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
        name={`${size === 0 ? "Rows" : "Pictures"} of ${plural(chosen.length, what, `${what}s`)}`}
      />
    </>
  );
}

interface GridProperties {
  store: Store;
  /** In their order. */
  indices: Uint32Array;
  /** The same in any order: other samples are shown from their start. */
  chosen: Uint32Array;
  size: number;
  name: string;
}

function Grid({ store, indices, chosen, size, name }: GridProperties) {
  const scrolled = useScrolled(chosen);
  const { width } = scrolled;
  const pictures = size > SMALL_PX ? store.pictures : store.thumbnails;
  const rows = size === 0;
  const side = rows ? ROW_PX - RIM_PX : pictureSide(store, size);
  const step = rows ? ROW_PX : side + RIM_PX + GAP_PX;
  const columns = rows ? 1 : Math.max(1, Math.floor((width.value + GAP_PX) / step));
  // The rest of the width goes between the columns.
  const rest = Math.max(0, width.value + GAP_PX - columns * step);
  const pitch = step + (columns > 1 ? rest / (columns - 1) : 0);
  const lines = Math.ceil(indices.length / columns);
  const { first, end } = useRows(scrolled, lines, step);
  const start = first * columns;
  const drawn = Array.from(indices.subarray(start, end * columns));

  // A sample pinned on the canvas scrolls into view.
  const pinned = store.pinned.value;
  useLayoutEffect(() => {
    const position = pinned === null ? -1 : indices.indexOf(pinned);
    const box = scrolled.box.current;
    const y = Math.floor(position / columns) * step;
    if (
      box !== null &&
      position >= 0 &&
      (y < box.scrollTop || y + step > box.scrollTop + box.clientHeight)
    ) {
      box.scrollTop = y - (box.clientHeight - step) / 2;
    }
  }, [pinned]);

  pictures.revision.value;
  const failure = pictures.failure.value;
  const wants = store.hello.images !== null;
  useLayoutEffect(() => {
    if (wants) {
      pictures.want(drawn);
    }
  }, [pictures, wants, indices, start, drawn.length, failure]);

  return (
    <>
      {failure !== null && <Problem error={failure} retry={() => pictures.retry()} />}
      {rows && !store.hello.texts && <RowHead store={store} />}
      <List
        scrolled={scrolled}
        name={name}
        testid="images"
        totalHeight={lines * step - GAP_PX}
        leave={() => store.hover(null)}
      >
        {drawn.map((index, i) => {
          const position = start + i;
          return (
            <Tile
              key={index}
              store={store}
              index={index}
              picture={pictures.get(index)}
              side={side}
              rows={rows}
              position={position}
              total={indices.length}
              x={(position % columns) * pitch}
              y={Math.floor(position / columns) * step}
              columns={columns}
            />
          );
        })}
      </List>
    </>
  );
}

function RowHead({ store }: { store: Store }) {
  const columns = [
    "#",
    "label",
    "pred",
    "conf",
    ...(store.hello.groups.size > 0 ? ["groups"] : []),
  ];
  return (
    <div class="dvi-row dvi-row-head" aria-hidden="true">
      {columns.map((column) => (
        <span key={column}>{column}</span>
      ))}
    </div>
  );
}

/** The whole multiple of the pictures' own size nearest to the one chosen, so that all pixels are equally large. */
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
  /** In the order chosen. */
  position: number;
  total: number;
  x: number;
  y: number;
  columns: number;
}

function Tile(properties: TileProperties) {
  const { store, index, picture, side, rows, position, total, x, y, columns } = properties;
  const { playhead } = store;
  const hovered = useComputed(() => store.hovered.value?.index === index);
  const pinned = useComputed(() => store.pinned.value === index);
  const { label } = store.sample(index, 0);
  // Computed, so that while time passes only the tiles that look different are rendered.
  const now = (what: "prediction" | "confidence") =>
    useComputed(() => {
      store.frames.revision.value;
      return store.sample(index, playhead.passing.value)[what];
    });
  const prediction = now("prediction").value;
  const confidence = now("confidence").value;
  const name =
    `Sample ${index}, label ${store.className(label)}` +
    (prediction === null ? "" : `, predicted ${store.className(prediction)}`);
  const look = {
    width: `${side + RIM_PX}px`,
    height: `${side + RIM_PX}px`,
    "--dvi-hue": classHue(store, label ?? prediction),
  };
  return (
    <button
      type="button"
      class={`${rows ? "dvi-row" : "dvi-tile"}${hovered.value ? " dvi-hovered" : ""}${pinned.value ? " dvi-pinned" : ""}`}
      role="option"
      aria-selected={pinned.value}
      aria-label={name}
      aria-setsize={total}
      aria-posinset={position + 1}
      data-testid="thumbnail"
      data-index={index}
      tabIndex={pinned.value || position === 0 ? 0 : -1}
      style={{ transform: `translate(${x}px, ${y}px)`, ...(rows ? {} : look) }}
      onPointerEnter={() => store.hover(index, "panel")}
      onFocus={() => store.hover(index, "panel")}
      onClick={() => store.pin(pinned.peek() ? null : index)}
      onKeyDown={(event) => stepFocus(event, columns)}
    >
      <TileContent
        store={store}
        index={index}
        picture={picture}
        side={side}
        rows={rows}
        label={label}
        prediction={prediction}
        confidence={confidence}
      />
    </button>
  );
}

interface ContentProperties
  extends Pick<TileProperties, "store" | "index" | "picture" | "side" | "rows"> {
  label: number | null;
  prediction: number | null;
  confidence: number | null;
}

function TileContent(properties: ContentProperties) {
  const { store, index, picture, side, rows, label, prediction, confidence } = properties;
  const wrong = label !== null && prediction !== null && label !== prediction;
  const pixels = picture !== undefined && <Pixels picture={picture} side={side} />;
  if (!rows) {
    return (
      <>
        {pixels}
        {wrong && <span class="dvi-mark" style={{ background: classHue(store, prediction) }} />}
      </>
    );
  }
  if (store.hello.texts) {
    return (
      <>
        <span>
          <Swatch store={store} index={label} /> {index}
        </span>
        <SampleText store={store} index={index} />
      </>
    );
  }
  const groups = [...store.hello.groups].filter(([, members]) => members[index] === 1);
  return (
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
      <span>{confidence !== null && percent(confidence)}</span>
      {store.hello.groups.size > 0 && <span>{groups.map(([name]) => name).join(", ")}</span>}
    </>
  );
}
