// The pictures of the selection: a grid that draws only what is in view and fetches pictures as they come.
import { useComputed, useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Picture as Pixels } from "../data/source";
import type { Store } from "../store";
import { className, plural } from "../words";
import { Picture } from "./picture";
import { classHue } from "./swatch";

const PICTURE = 44;
const RIM = 6;
const GAP = 4;
const MOST_OWN = 64;
/** Rows drawn and fetched beyond those in view. */
const BEYOND = 4;

export function Images({ store }: { store: Store }) {
  const { indices } = store.selection.value;
  if (store.hello.images === null) {
    return (
      <p class="dvi-empty">
        These samples have no pictures. Pass images= to the Explorer to see them here.
      </p>
    );
  }
  if (indices.length === 0) {
    return (
      <p class="dvi-empty" data-testid="images-empty">
        Draw around points to see their pictures.
        <small>Hold shift and drag, or take the lasso below the landscape.</small>
      </p>
    );
  }
  return <Grid store={store} />;
}

function Grid({ store }: { store: Store }) {
  const element = useRef<HTMLDivElement>(null);
  const width = useSignal(0);
  const height = useSignal(0);
  const top = useSignal(0);
  const { thumbnails } = store;
  const { indices } = store.selection.value;
  const side = pictureSide(store);
  const step = side + RIM + GAP;

  useLayoutEffect(() => {
    const box = element.current as HTMLDivElement;
    const sizes = new ResizeObserver(() => {
      width.value = box.clientWidth;
      height.value = box.clientHeight;
    });
    sizes.observe(box);
    return () => sizes.disconnect();
  }, [width, height]);

  useLayoutEffect(() => {
    (element.current as HTMLDivElement).scrollTop = 0;
    top.value = 0;
  }, [indices, top]);

  const columns = useComputed(() => Math.max(1, Math.floor((width.value + GAP) / step)));
  const firstRow = useComputed(() => Math.max(0, Math.floor(top.value / step) - BEYOND));
  // What is left of the width goes between the columns.
  const spare = width.value + GAP - columns.value * step;
  const pitch = step + (columns.value > 1 ? Math.max(0, spare) / (columns.value - 1) : 0);
  const rows = Math.ceil(indices.length / columns.value);
  const lastRow = Math.min(rows, firstRow.value + Math.ceil(height.value / step) + 2 * BEYOND + 1);
  const first = firstRow.value * columns.value;
  const shown = Array.from(indices.subarray(first, lastRow * columns.value));

  thumbnails.revision.value;
  const failure = thumbnails.failure.value;
  useLayoutEffect(() => {
    thumbnails.want(shown);
  }, [thumbnails, indices, first, shown.length, failure]);

  return (
    <>
      {failure !== null && (
        <p class="dvi-problem" role="alert">
          {failure}{" "}
          <button type="button" onClick={() => thumbnails.retry()}>
            Try again
          </button>
        </p>
      )}
      <div
        class="dvi-images"
        ref={element}
        role="listbox"
        tabIndex={-1}
        aria-label={`Pictures of ${plural(indices.length, "selected sample", "selected samples")}`}
        data-testid="images"
        data-lm-suppress-shortcuts="true"
        onScroll={(event) => {
          top.value = event.currentTarget.scrollTop;
        }}
        onPointerLeave={() => store.hover(null)}
      >
        <div class="dvi-images-all" style={{ height: `${rows * step - GAP}px` }}>
          {shown.map((index, i) => {
            const place = first + i;
            return (
              <Tile
                key={index}
                store={store}
                index={index}
                picture={thumbnails.get(index)}
                side={side}
                place={place}
                total={indices.length}
                x={(place % columns.value) * pitch}
                y={Math.floor(place / columns.value) * step}
                columns={columns.value}
              />
            );
          })}
        </div>
      </div>
    </>
  );
}

/** A whole multiple of the pictures' own size near to the one aimed at, so that every pixel is as large as the next. */
function pictureSide({ hello }: Store): number {
  const own = Math.min(MOST_OWN, Math.max(hello.images?.height ?? 1, hello.images?.width ?? 1));
  return own * Math.max(1, Math.round(PICTURE / own));
}

interface TileProperties {
  store: Store;
  index: number;
  picture: Pixels | undefined;
  side: number;
  place: number;
  total: number;
  x: number;
  y: number;
  columns: number;
}

function Tile({ store, index, picture, side, place, total, x, y, columns }: TileProperties) {
  const { hello, playhead } = store;
  const hovered = useComputed(() => store.hovered.value?.index === index);
  const pinned = useComputed(() => store.pinned.value === index);
  const sample = store.sample(index, playhead.resting.value);
  const wrong =
    sample.label !== null && sample.prediction !== null && sample.label !== sample.prediction;
  const name =
    `Sample ${index}, label ${className(hello, sample.label)}` +
    (sample.prediction === null ? "" : `, predicted ${className(hello, sample.prediction)}`);
  return (
    <button
      type="button"
      class={`dvi-tile${hovered.value ? " dvi-hovered" : ""}${pinned.value ? " dvi-pinned" : ""}`}
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
        width: `${side + RIM}px`,
        height: `${side + RIM}px`,
        "--dvi-hue": classHue(store, sample.label ?? sample.prediction),
      }}
      onPointerEnter={() => store.hover(index, "panel")}
      onFocus={() => store.hover(index, "panel")}
      onClick={() => store.pin(pinned.peek() ? null : index)}
      onKeyDown={(event) => stepFocus(event, columns)}
    >
      {picture !== undefined && <Picture picture={picture} side={side} />}
      {wrong && (
        <span class="dvi-mark" style={{ background: classHue(store, sample.prediction) }} />
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
