// The pictures of the selection: a grid that draws only what is in view and fetches pictures as they come.
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Store } from "../store";
import { className, plural } from "../words";
import { Picture } from "./picture";
import { classHue } from "./swatch";

const TILE = 48;
const GAP = 4;
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

  useEffect(() => {
    const box = element.current as HTMLDivElement;
    const sizes = new ResizeObserver(() => {
      width.value = box.clientWidth;
      height.value = box.clientHeight;
    });
    sizes.observe(box);
    return () => sizes.disconnect();
  }, [width, height]);

  useEffect(() => {
    (element.current as HTMLDivElement).scrollTop = 0;
    top.value = 0;
  }, [indices, top]);

  const columns = useComputed(() => Math.max(1, Math.floor((width.value + GAP) / (TILE + GAP))));
  const firstRow = useComputed(() => Math.max(0, Math.floor(top.value / (TILE + GAP)) - BEYOND));
  const rows = Math.ceil(indices.length / columns.value);
  const lastRow = Math.min(
    rows,
    firstRow.value + Math.ceil(height.value / (TILE + GAP)) + 2 * BEYOND + 1,
  );
  const first = firstRow.value * columns.value;
  const shown = Array.from(indices.subarray(first, lastRow * columns.value));

  thumbnails.revision.value;
  const failure = thumbnails.failure.value;
  useEffect(() => {
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
        <div class="dvi-images-all" style={{ height: `${rows * (TILE + GAP) - GAP}px` }}>
          {shown.map((index, i) => {
            const place = first + i;
            return (
              <Tile
                key={index}
                store={store}
                index={index}
                place={place}
                total={indices.length}
                x={(place % columns.value) * (TILE + GAP)}
                y={Math.floor(place / columns.value) * (TILE + GAP)}
                columns={columns.value}
              />
            );
          })}
        </div>
      </div>
    </>
  );
}

interface TileProperties {
  store: Store;
  index: number;
  place: number;
  total: number;
  x: number;
  y: number;
  columns: number;
}

function Tile({ store, index, place, total, x, y, columns }: TileProperties) {
  const { hello, thumbnails, playhead } = store;
  const hovered = useComputed(() => store.hovered.value?.index === index);
  const pinned = useComputed(() => store.pinned.value === index);
  const sample = store.sample(index, playhead.resting.value);
  const picture = thumbnails.get(index);
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
        width: `${TILE}px`,
        height: `${TILE}px`,
        "--dvi-hue": classHue(store, sample.label ?? sample.prediction),
      }}
      onPointerEnter={() => store.hover(index, "panel")}
      onFocus={() => store.hover(index, "panel")}
      onClick={() => store.pin(pinned.peek() ? null : index)}
      onKeyDown={(event) => stepFocus(event, columns)}
    >
      {picture !== undefined && <Picture picture={picture} side={TILE - 6} />}
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
