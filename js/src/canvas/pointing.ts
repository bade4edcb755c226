// Pointers on the canvas: hovering, clicking and drawing a lasso, each an action on the store.
import { effect, type Signal, signal } from "@preact/signals";
import type { Frame } from "../protocol/source";
import { cancelIdle, whenIdle } from "../state/idle";
import { dropMarker, markersOn } from "../state/markers";
import type { Combine } from "../state/selection";
import type { Side } from "../state/sides";
import type { Store } from "../state/store";
import type { Camera } from "./camera";
import { GridIndex } from "./grid";
import { area, followLasso, type Lasso, place } from "./lasso";
import type { Painter } from "./painter";
import { FULL, pointLook, toPosition, toScreen, unitsPerPixel, type Viewport } from "./viewport";

const HOVER_PIXELS = 8;
const CLICK_PIXELS = 4;

const LASSO_AREA = 16;
/** How near to a marker a way begins or ends at it. */
const MARKER_PIXELS = 12;

export interface Pointing {
  lasso: Lasso;
  /** Whether what is drawn is the way from one marker to another, not a lasso. */
  line: Signal<boolean>;
  /** Do at a place of the canvas, in CSS pixels, what a click where no sample is would. */
  press: (at: readonly [number, number]) => void;
  stop: () => void;
}

/** Whether a press draws a lasso or a way rather than pans. */
export function draws(store: Store, event: MouseEvent): boolean {
  return store.tool.peek() !== "pan" || event.shiftKey;
}

export function startPointing(
  store: Store,
  side: Side,
  element: HTMLElement,
  { viewport, zoomBy }: Camera,
  painter: Painter,
): Pointing {
  let index: { frame: Frame; grid: GridIndex } | null = null;

  const standingFrame = (): Frame | undefined => {
    const position = painter.standing();
    return position === null ? undefined : side.frames.get(position);
  };

  /** The index of the epoch on the screen, built when it is first asked for; null while points move. */
  const currentGrid = (): GridIndex | null => {
    const frame = standingFrame();
    if (frame === undefined) {
      return null;
    }
    if (index?.frame !== frame) {
      index = { frame, grid: new GridIndex(frame.positions) };
    }
    return index.grid;
  };

  const sampleAt = (at: readonly [number, number]): number | null => {
    const seen = viewport.peek();
    const grid = currentGrid();
    if (seen === null || grid === null) {
      return null;
    }
    const reach = Math.max(HOVER_PIXELS, pointLook(seen, store.hello.n).radius + 4);
    const [ux, uy] = unitsPerPixel(seen);
    const place = toPosition(seen, ...at);
    const found = grid.nearest(...place, reach * ux, reach * uy, store.shown.peek());
    return found < 0 ? null : found;
  };

  const line = signal(false);
  /** Lead a way from where a path begins to where it ends. */
  const drawWay = (seen: Viewport, path: readonly number[]): void => {
    const ends = [path.slice(0, 2), path.slice(-2)] as [[number, number], [number, number]];
    if (apart(...ends) <= CLICK_PIXELS) {
      return;
    }
    const known = markersOn(store, side);
    store.view.way.value = ends
      .map(
        (at) =>
          known.find(({ x, y }) => apart(toScreen(seen, x, y), at) <= MARKER_PIXELS)?.number ??
          dropMarker(store, side, toPosition(seen, ...at)),
      )
      .join(" ");
  };
  /** Drop a marker, or ask what lies there. */
  const press = (at: readonly [number, number]): void => {
    const seen = viewport.peek();
    if (seen === null) {
      return;
    }
    const [x, y] = toPosition(seen, ...at);
    if (store.tool.peek() === "marker") {
      dropMarker(store, side, [x, y]);
    } else if (side.can("decode")) {
      const inside = Math.min(x, y) >= 0 && Math.max(x, y) <= FULL;
      store.place.value = inside ? { side: side.index, x, y } : null;
    }
  };

  const lasso = followLasso(element, {
    starts: (event) => {
      line.value = store.tool.peek() === "marker" && !event.shiftKey;
      return draws(store, event);
    },
    drawn: (path, event) => {
      const seen = viewport.peek();
      if (seen !== null && line.peek()) {
        drawWay(seen, path);
        return;
      }
      const grid = currentGrid();
      if (seen === null || grid === null || area(path) < LASSO_AREA) {
        return;
      }
      const polygon = new Float64Array(path.length);
      for (let i = 0; i < path.length; i += 2) {
        polygon.set(toPosition(seen, path[i] as number, path[i + 1] as number), i);
      }
      store.selectMask(grid.inside(polygon, store.shown.peek()), howFrom(store, event));
    },
  });

  let request = 0;
  let idle = 0;
  let pointer: [number, number] | null = null;
  const hover = (): void => {
    request = idle = 0;
    if (pointer === null) {
      store.hover(null);
    } else if (standingFrame() !== undefined) {
      store.hover(sampleAt(pointer), "canvas", side.index);
    }
  };
  /** An index is built between frames, never in one. */
  const hoverSoon = (): void => {
    if (pointer === null || index?.frame === standingFrame()) {
      request ||= requestAnimationFrame(hover);
    } else {
      idle ||= whenIdle(hover);
    }
  };
  // Points that came to rest under a resting pointer are hovered too.
  const stopFollowing = effect(() => {
    if (painter.settled.value !== null && pointer !== null) {
      hoverSoon();
    }
  });
  const moved = (event: PointerEvent): void => {
    pointer = event.buttons === 0 ? place(element, event) : null;
    hoverSoon();
  };
  const left = (): void => {
    pointer = null;
    hoverSoon();
  };

  /** Not by being crossed: the panels are reached over the other canvas. */
  const turnTo = (): void => {
    store.active.value = side.index;
  };
  let pressedAt: [number, number] = [0, 0];
  const pressed = (event: PointerEvent): void => {
    turnTo();
    pressedAt = place(element, event);
  };
  const clicked = (event: MouseEvent): void => {
    const at = place(element, event);
    const dragged = apart(at, pressedAt) > CLICK_PIXELS;
    if (store.tool.peek() === "marker" && !event.shiftKey) {
      if (!dragged) {
        press(at);
      }
      return;
    }
    const sample = dragged || event.detail > 1 ? null : sampleAt(at);
    if (sample !== null) {
      const selected = store.selection.peek().mask[sample] === 1;
      const toggles = (event.ctrlKey || event.metaKey) && selected;
      store.select([sample], toggles ? "subtract" : howFrom(store, event));
      store.pin(sample);
      store.place.value = null;
    } else if (!dragged && event.detail === 1) {
      press(at);
    }
  };
  const clickedTwice = (event: MouseEvent): void => {
    store.place.value = null;
    if (store.tool.peek() === "pan") {
      zoomBy(event.shiftKey ? 0.5 : 2, place(element, event));
    }
  };

  element.addEventListener("focus", turnTo);
  element.addEventListener("pointermove", moved);
  element.addEventListener("pointerleave", left);
  element.addEventListener("pointerdown", pressed);
  element.addEventListener("click", clicked);
  element.addEventListener("dblclick", clickedTwice);
  return {
    lasso,
    line,
    press,
    stop: () => {
      stopFollowing();
      cancelAnimationFrame(request);
      cancelIdle(idle);
      lasso.stop();
      element.removeEventListener("focus", turnTo);
      element.removeEventListener("pointermove", moved);
      element.removeEventListener("pointerleave", left);
      element.removeEventListener("pointerdown", pressed);
      element.removeEventListener("click", clicked);
      element.removeEventListener("dblclick", clickedTwice);
    },
  };
}

function apart([x0, y0]: [number, number], [x1, y1]: [number, number]): number {
  return Math.hypot(x1 - x0, y1 - y0);
}

/** How a pick joins the selection: as the keys held down say, else as chosen. */
function howFrom(store: Store, event: MouseEvent): Combine {
  if (event.altKey) {
    return "subtract";
  }
  return event.ctrlKey || event.metaKey ? "add" : store.combine.peek();
}
