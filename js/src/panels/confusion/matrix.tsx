// The confusion matrix at an epoch: rows are labels, columns predictions; a click on a cell selects its samples.
import { useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { pick } from "../../chrome/legend";
import { Choice } from "../../pieces/choice";
import { useSize } from "../../pieces/size";
import { Named } from "../../pieces/swatch";
import { className, count, percent, plural } from "../../pieces/words";
import { toHex } from "../../state/colors";
import type { Store } from "../../state/store";
import { type Confusion, confusionOf, largestErrors, pooled } from "./counts";

const LISTED = 20;
const SPLITS = ["all", "train", "test"] as const;
/** Up to so many samples the matrix follows every epoch that is passed, else those rested at. */
const LIVE = 2e5;
/** Sides of cells, in CSS pixels, from which on there is room for names, gaps and numbers. */
const NAMED = 11;
const SPACED = 6;
const NUMBERED = 15;
const LARGEST = 56;
/** For names: as much as is always theirs, and as much as they get where the cells leave it. */
const LEAST_GUTTER = 72;
const MOST_GUTTER = 160;
const STRIPE = 4;

export function Matrix({ store }: { store: Store }) {
  const { hello, playhead, view } = store;
  const box = useRef<HTMLDivElement>(null);
  const { width, height } = useSize(box);
  const position = (hello.n > LIVE ? playhead.resting : playhead.position).value;
  store.frames.revision.value;
  const frame = store.frames.get(position);
  const shown = store.shown.value;
  const wanted = SPLITS.indexOf(view.split.value as "all");
  const confusion = useMemo(
    () =>
      frame &&
      confusionOf(
        hello.labels,
        frame.predictions,
        hello.classes.length,
        hello.split,
        wanted > 0 ? wanted - 1 : null,
        shown,
      ),
    [hello, frame, wanted, shown],
  );
  const select = (cell: number, event: MouseEvent | KeyboardEvent): void => {
    const classes = hello.classes.length;
    pick(
      store,
      event,
      (i) =>
        hello.labels[i] === Math.floor(cell / classes) &&
        frame?.predictions[i] === cell % classes &&
        (wanted < 1 || hello.split[i] === wanted - 1) &&
        shown?.[i] !== 0,
    );
  };
  // Beside the list where the panel is wide and low, above it where it is not.
  const wide = width.value > 1.4 * height.value;
  const room = (wide ? height.value : width.value) - 24;
  /** The cell pointed at or walked to. */
  const cell = useSignal<number | null>(null);
  return (
    <>
      <div class="dvi-bar-above">
        <Choice
          name="Which samples"
          testid="matrix-split"
          value={SPLITS[Math.max(0, wanted)] as string}
          choices={SPLITS.map((value) => ({ value, words: value }))}
          choose={(split) => {
            view.split.value = split;
          }}
        />
        {confusion !== undefined && confusion.samples > 0 && (
          <span class="dvi-count">
            {percent(confusion.right / confusion.samples)} of {count(confusion.samples)} right at
            epoch {store.epochs[position]}
          </span>
        )}
      </div>
      <div class="dvi-matrix" ref={box} data-testid="matrix">
        {confusion?.samples === 0 ? (
          <p class="dvi-empty">
            None of these samples has a label to compare its prediction with. Choose another split,
            or clear the filter.
          </p>
        ) : (
          confusion !== undefined &&
          room > 0 && (
            <>
              <Plane
                store={store}
                confusion={confusion}
                room={room}
                select={select}
                point={(pointed) => {
                  cell.value = pointed;
                }}
              />
              <section class="dvi-errors">
                <p class="dvi-matrix-said" role="status" data-testid="matrix-said">
                  {cell.value === null
                    ? "Rows: label. Columns: prediction. A click selects (shift adds, alt takes away)."
                    : said(store, confusion, cell.value)}
                </p>
                <Errors store={store} confusion={confusion} select={select} />
              </section>
            </>
          )
        )}
      </div>
    </>
  );
}

type Select = (cell: number, event: MouseEvent | KeyboardEvent) => void;

interface PlaneProperties {
  store: Store;
  confusion: Confusion;
  room: number;
  select: Select;
  point: (cell: number | null) => void;
}

function Plane({ store, confusion, room, select, point }: PlaneProperties) {
  const { hello } = store;
  const { classes, counts } = confusion;
  const canvas = useRef<HTMLCanvasElement>(null);
  const pointed = useSignal<number | null>(null);
  const theme = store.theme.value;
  const hues = store.colors.value;
  const scale = window.devicePixelRatio || 1;
  const block = Math.ceil(classes / (room * scale));
  const blocks = Math.ceil(classes / block);
  const cells = useMemo(() => pooled(confusion, block), [confusion, block]);
  const named = block === 1 && (room - LEAST_GUTTER) / classes >= NAMED;
  const longest = Math.max(...hello.classes.map((name) => name.length));
  const free = Math.min(MOST_GUTTER, room - STRIPE - LARGEST * classes);
  const gutter = STRIPE + (named ? Math.min(Math.max(LEAST_GUTTER, free), 8 + 7 * longest) : 0);
  const whole = Math.min(LARGEST, Math.floor((room - gutter) / blocks));
  const cell = whole >= SPACED ? whole : (room - gutter) / blocks;
  const side = gutter + cell * blocks;

  useLayoutEffect(() => {
    const element = canvas.current as HTMLCanvasElement;
    const pen = element.getContext("2d");
    if (pen === null) {
      return;
    }
    const style = getComputedStyle(element);
    const ink = toHex(theme.ink);
    const wrong = style.getPropertyValue("--dvi-wrong");
    element.width = element.height = Math.round(side * scale);
    pen.scale(scale, scale);
    const size = Math.min(11, 0.42 * cell + 3);
    pen.font = `${size}px ${style.fontFamily}`;
    pen.textBaseline = "middle";
    const gap = cell >= SPACED ? 1 : 0;
    // How strong a count is, on the logarithmic scale of its kind.
    const most = [0, 0];
    for (const at of cells) {
      const kind = at % (classes + 1) === 0 ? 0 : 1;
      most[kind] = Math.max(most[kind] as number, counts[at] ?? 0);
    }
    cells.forEach((at, place) => {
      const x = gutter + (place % blocks) * cell;
      const y = gutter + Math.floor(place / blocks) * cell;
      const right = at >= 0 && at % (classes + 1) === 0;
      const samples = counts[at] ?? 0;
      const strength = Math.log1p(samples) / Math.log1p(most[right ? 0 : 1] as number);
      if (samples === 0 && gap === 0) {
        return;
      }
      pen.fillStyle = samples === 0 || right ? ink : wrong;
      pen.globalAlpha =
        samples === 0 ? 0.04 : right ? 0.06 + 0.16 * strength : 0.1 + 0.9 * strength;
      pen.fillRect(x, y, cell - gap, cell - gap);
      if (samples > 0 && cell >= NUMBERED) {
        const words = count(samples);
        if (pen.measureText(words).width <= cell - 3) {
          pen.globalAlpha = 1;
          pen.textAlign = "center";
          pen.fillStyle =
            right || strength < (theme.dark ? 0.65 : 0.85) ? ink : toHex(theme.background);
          pen.fillText(words, x + (cell - gap) / 2, y + (cell - gap) / 2 + 0.5);
        }
      }
    });
    pen.globalAlpha = 1;
    for (let place = 0; place < blocks; place++) {
      const along = gutter + place * cell;
      pen.fillStyle = toHex(hues[place * block] ?? theme.ink);
      pen.fillRect(gutter - STRIPE, along, STRIPE - 1, cell - gap);
      pen.fillRect(along, gutter - STRIPE, cell - gap, STRIPE - 1);
      if (named) {
        const name = shortened(pen, className(hello, place), gutter - STRIPE - 4);
        pen.fillStyle = ink;
        pen.textAlign = "right";
        pen.fillText(name, gutter - STRIPE - 3, along + cell / 2);
        pen.save();
        pen.translate(along + cell / 2, gutter - STRIPE - 3);
        // Upright where it fits, else along the column.
        if (pen.measureText(name).width <= cell) {
          pen.textAlign = "center";
          pen.translate(0, -size / 2);
        } else {
          pen.rotate(Math.PI / 2);
        }
        pen.fillText(name, 0, 0);
        pen.restore();
      }
    }
  }, [hello, counts, classes, cells, block, blocks, gutter, cell, side, scale, named, theme, hues]);

  const cellAt = (event: MouseEvent & { currentTarget: HTMLElement }): number | null => {
    const box = event.currentTarget.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left - gutter) / cell);
    const row = Math.floor((event.clientY - box.top - gutter) / cell);
    const inside = Math.min(row, column) >= 0 && Math.max(row, column) < blocks;
    return inside ? row * blocks + column : null;
  };
  /** The cell itself, where a block stands for several; null where the block is empty. */
  const meant = (place: number | null): number | null => {
    const cell = place === null ? -1 : block === 1 ? place : (cells[place] as number);
    return cell < 0 ? null : cell;
  };
  const go = (place: number | null): void => {
    pointed.value = place;
    point(meant(place));
  };
  const choose = (place: number | null, event: MouseEvent | KeyboardEvent): void => {
    const cell = meant(place);
    if (cell !== null && (counts[cell] as number) > 0) {
      select(cell, event);
    }
  };
  const at = pointed.value;
  const walk = (event: KeyboardEvent): void => {
    const steps: Record<string, number> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -blocks,
      ArrowDown: blocks,
    };
    const step = steps[event.key];
    const from = pointed.peek();
    if (step !== undefined) {
      const next = (from ?? -step) + step;
      const leaves =
        Math.abs(step) === 1 &&
        from !== null &&
        Math.floor(next / blocks) !== Math.floor(from / blocks);
      if (next >= 0 && next < blocks * blocks && !leaves) {
        go(next);
      }
    } else if (event.key === "Enter") {
      choose(from, event);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      class="dvi-matrix-plane"
      style={{ width: `${side}px` }}
      role="application"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: an application takes keys of its own
      tabIndex={0}
      data-testid="matrix-plane"
      data-lm-suppress-shortcuts="true"
      aria-label="Confusion matrix, rows are labels, columns predictions: arrow keys walk, Enter selects a cell's samples"
      onPointerMove={(event) => go(cellAt(event))}
      onPointerLeave={() => go(null)}
      onClick={(event) => choose(cellAt(event), event)}
      onKeyDown={walk}
    >
      <canvas ref={canvas} style={{ width: `${side}px`, height: `${side}px` }} />
      {at !== null && (
        <div
          class="dvi-matrix-at"
          style={{
            left: `${gutter + (at % blocks) * cell}px`,
            top: `${gutter + Math.floor(at / blocks) * cell}px`,
            width: `${cell}px`,
            height: `${cell}px`,
          }}
        />
      )}
    </div>
  );
}

function said({ hello }: Store, { classes, counts }: Confusion, cell: number): string {
  const label = Math.floor(cell / classes);
  const samples = counts[cell] as number;
  let row = 0;
  for (let at = label * classes; at < (label + 1) * classes; at++) {
    row += counts[at] as number;
  }
  return (
    `Label ${className(hello, label)}, predicted ${className(hello, cell % classes)}: ` +
    `${plural(samples, "sample", "samples")}${samples > 0 ? `, ${percent(samples / row)} of the label's` : ""}`
  );
}

/** A text cut to a width. */
function shortened(pen: CanvasRenderingContext2D, text: string, width: number): string {
  let kept = text.slice(0, 40);
  while (kept.length > 1 && pen.measureText(kept).width > width) {
    kept = `${kept.slice(0, -2)}…`;
  }
  return kept;
}

interface ErrorsProperties {
  store: Store;
  confusion: Confusion;
  select: Select;
}

function Errors({ store, confusion, select }: ErrorsProperties) {
  const { classes, counts } = confusion;
  const largest = useMemo(() => largestErrors(confusion, LISTED), [confusion]);
  return (
    <>
      <h3>Largest confusions</h3>
      {largest.length === 0 && <p>Every sample is predicted as labelled.</p>}
      <ul>
        {largest.map((cell) => (
          <li key={cell}>
            <button
              type="button"
              data-testid="confusion"
              title={said(store, confusion, cell)}
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
