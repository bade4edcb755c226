// The confusion matrix as a picture: cells that are pointed at, walked to with the arrow keys, and selected.
import { useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { shorten } from "../../pieces/shorten";
import { count } from "../../pieces/words";
import { toHex } from "../../state/colors";
import { type Confusion, pooled } from "../../state/confusion";
import { locate } from "../../state/locate";
import type { Store } from "../../state/store";
import { type Layout, layOut, STRIPE_PX } from "./layout";

const MAX_FONT_PX = 11;
/** From this strength on, a number is written in the background's colour. */
const INVERTED = { light: 0.85, dark: 0.65 };

interface PlaneProperties {
  store: Store;
  confusion: Confusion;
  /** Side of the square it is fitted into, in CSS pixels. */
  room: number;
  /** Whether the cells show their shares of the row instead of their counts. */
  shares: boolean;
  select: (cell: number, event: MouseEvent | KeyboardEvent) => void;
  /** Called with the cell hovered or walked to. */
  point: (cell: number | null) => void;
}

export function Plane({ store, confusion, room, shares, select, point }: PlaneProperties) {
  const { hello } = store;
  const canvas = useRef<HTMLCanvasElement>(null);
  /** The block hovered or walked to. */
  const current = useSignal<number | null>(null);
  const theme = store.theme.value;
  const hues = store.colors.value;
  const ratio = window.devicePixelRatio || 1;
  const layout = useMemo(() => layOut(hello.classes, room, ratio), [hello, room, ratio]);
  const { block, blocks, gutter, cell, side } = layout;
  const cells = useMemo(() => pooled(confusion, block), [confusion, block]);

  useLayoutEffect(() => {
    const pen = canvas.current?.getContext("2d");
    if (pen) {
      pen.canvas.width = pen.canvas.height = Math.round(side * ratio);
      pen.scale(ratio, ratio);
      pen.textBaseline = "middle";
      drawCells(pen, store, confusion, cells, layout, shares);
      drawClasses(pen, store, layout);
    }
  }, [store, confusion, cells, layout, side, ratio, theme, hues, shares]);

  const blockAt = (event: MouseEvent & { currentTarget: HTMLElement }): number | null => {
    const [x, y] = locate(event.currentTarget, event);
    const column = Math.floor((x - gutter) / cell);
    const row = Math.floor((y - gutter) / cell);
    const inside = Math.min(row, column) >= 0 && Math.max(row, column) < blocks;
    return inside ? row * blocks + column : null;
  };
  /** The cell that a block stands for; null if it is empty. */
  const cellOf = (at: number | null): number | null => {
    const cell = at === null ? -1 : block === 1 ? at : (cells[at] as number);
    return cell < 0 ? null : cell;
  };
  const go = (at: number | null): void => {
    current.value = at;
    point(cellOf(at));
  };
  const choose = (at: number | null, event: MouseEvent | KeyboardEvent): void => {
    const cell = cellOf(at);
    if (cell !== null && (confusion.counts[cell] as number) > 0) {
      select(cell, event);
    }
  };
  const walk = (event: KeyboardEvent): void => {
    const from = current.peek();
    if (event.key === "Enter") {
      choose(from, event);
    } else if (event.key in STEPS) {
      const to = stepped(from, STEPS[event.key] ?? [0, 0], blocks);
      if (to !== null) {
        go(to);
      }
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const at = current.value;
  return (
    <div
      class="dvi-plane"
      style={{ width: `${side}px` }}
      role="application"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: an application takes keys of its own
      tabIndex={0}
      data-testid="plane"
      aria-label="Confusion matrix, rows are labels, columns predictions: arrow keys walk, Enter selects a cell's samples"
      onPointerMove={(event) => go(blockAt(event))}
      onPointerLeave={() => go(null)}
      onClick={(event) => choose(blockAt(event), event)}
      onKeyDown={walk}
    >
      <canvas ref={canvas} style={{ width: `${side}px`, height: `${side}px` }} />
      {at !== null && (
        <div
          class="dvi-plane-at"
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

/** Columns and rows that a key walks. */
const STEPS: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** The block one step on, the first one from nowhere; null beyond the edge. */
function stepped(
  from: number | null,
  [across, down]: readonly [number, number],
  blocks: number,
): number | null {
  if (from === null) {
    return 0;
  }
  const column = (from % blocks) + across;
  const row = Math.floor(from / blocks) + down;
  const inside = Math.min(column, row) >= 0 && Math.max(column, row) < blocks;
  return inside ? row * blocks + column : null;
}

function drawCells(
  pen: CanvasRenderingContext2D,
  store: Store,
  { classes, counts }: Confusion,
  cells: Int32Array,
  { blocks, gutter, cell, gap, numbered }: Layout,
  shares: boolean,
): void {
  const rows = new Float64Array(classes);
  counts.forEach((samples, at) => {
    const row = Math.floor(at / classes);
    rows[row] = (rows[row] as number) + samples;
  });
  const style = getComputedStyle(pen.canvas);
  const { ink, background, dark } = store.theme.peek();
  const wrong = style.getPropertyValue("--dvi-wrong");
  pen.font = `${fontSize(cell)}px ${style.fontFamily}`;
  pen.textAlign = "center";
  const isRight = (at: number): boolean => at >= 0 && at % (classes + 1) === 0;
  // Counts on the diagonal and off it are each on a logarithmic scale of their own.
  const most = { right: 0, wrong: 0 };
  for (const at of cells) {
    const kind = isRight(at) ? "right" : "wrong";
    most[kind] = Math.max(most[kind], counts[at] ?? 0);
  }
  cells.forEach((at, i) => {
    const x = gutter + (i % blocks) * cell;
    const y = gutter + Math.floor(i / blocks) * cell;
    const right = isRight(at);
    const samples = counts[at] ?? 0;
    const share = samples / (rows[Math.floor(at / classes)] || 1);
    const strength = shares
      ? Math.sqrt(share)
      : Math.log1p(samples) / Math.log1p(right ? most.right : most.wrong);
    if (samples === 0 && gap === 0) {
      return;
    }
    pen.fillStyle = samples === 0 || right ? toHex(ink) : wrong;
    pen.globalAlpha = samples === 0 ? 0.04 : right ? 0.06 + 0.16 * strength : 0.1 + 0.9 * strength;
    pen.fillRect(x, y, cell - gap, cell - gap);
    pen.globalAlpha = 1;
    const text = shares ? String(Math.round(100 * share)) : count(samples);
    if (samples > 0 && numbered && pen.measureText(text).width <= cell - 3) {
      const onInk = !right && strength >= (dark ? INVERTED.dark : INVERTED.light);
      pen.fillStyle = toHex(onInk ? background : ink);
      pen.fillText(text, x + (cell - gap) / 2, y + (cell - gap) / 2 + 0.5);
    }
  });
}

/** A stripe of each class's colour beside its row and above its column, with its name where there is room. */
function drawClasses(
  pen: CanvasRenderingContext2D,
  store: Store,
  { block, blocks, gutter, cell, gap, named }: Layout,
): void {
  const hues = store.colors.peek();
  const { ink } = store.theme.peek();
  const end = gutter - STRIPE_PX - 3;
  for (let i = 0; i < blocks; i++) {
    const start = gutter + i * cell;
    pen.fillStyle = toHex(hues[i * block] ?? ink);
    pen.fillRect(gutter - STRIPE_PX, start, STRIPE_PX - 1, cell - gap);
    pen.fillRect(start, gutter - STRIPE_PX, cell - gap, STRIPE_PX - 1);
    if (named) {
      const name = shorten(pen, store.className(i), end - 1);
      pen.fillStyle = toHex(ink);
      pen.textAlign = "right";
      pen.fillText(name, end, start + cell / 2);
      pen.save();
      pen.translate(start + cell / 2, end);
      // Upright where it fits, else along the column.
      if (pen.measureText(name).width <= cell) {
        pen.textAlign = "center";
        pen.translate(0, -fontSize(cell) / 2);
      } else {
        pen.rotate(Math.PI / 2);
      }
      pen.fillText(name, 0, 0);
      pen.restore();
    }
  }
}

function fontSize(cell: number): number {
  return Math.min(MAX_FONT_PX, 0.42 * cell + 3);
}
