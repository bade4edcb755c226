// The pointer on the canvas: hovering, clicking and drawing a lasso, each an action on the store.
import { effect, type Signal, signal } from "@preact/signals";
import { type Frame, FULL } from "../protocol/source";
import { cancelIdle, whenIdle } from "../state/idle";
import { locate } from "../state/locate";
import { dropMarker, markersOn, type Point } from "../state/markers";
import type { Combine } from "../state/selection";
import type { Side } from "../state/sides";
import type { Store } from "../state/store";
import type { Camera } from "./camera";
import { GridIndex } from "./grid";
import { area, followLasso, type Lasso } from "./lasso";
import type { Naming } from "./naming";
import type { Painter } from "./painter";
import { CLICK_PX, followPresses } from "./press";
import { pointLook, toPosition, toScreen, unitsPerPixel, type Viewport } from "./viewport";

/** Hovering reaches at least so far. */
const HOVER_PX = 8;
/** A smaller lasso selects nothing. */
const MIN_LASSO_PX2 = 16;
/** A path begins or ends at a marker within this distance. */
const MARKER_PX = 12;

export interface PointerActions {
  lasso: Lasso;
  /** Whether the lasso's path is a straight one between two markers. */
  straight: Signal<boolean>;
  /** Do what a click on empty land does: drop a marker, or decode the location (in CSS pixels). */
  press: (at: Point) => void;
  stop: () => void;
}

/** Whether a press draws a lasso or a path instead of panning. */
export function draws(store: Store, event: MouseEvent): boolean {
  return store.tool.peek() !== "pan" || event.shiftKey;
}

export function startPointer(
  store: Store,
  side: Side,
  element: HTMLElement,
  { viewport, zoomBy }: Camera,
  painter: Painter,
  nameAt: Naming["at"],
): PointerActions {
  let index: { frame: Frame; grid: GridIndex } | null = null;

  const standingFrame = (): Frame | undefined => {
    const position = painter.standing();
    return position === null ? undefined : side.frames.get(position);
  };

  /** The index of the epoch on the screen, built at its first use; null while points move. */
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

  const sampleAt = (at: Point): number | null => {
    const seen = viewport.peek();
    const grid = currentGrid();
    if (seen === null || grid === null) {
      return null;
    }
    const reach = Math.max(HOVER_PX, pointLook(seen, store.hello.n).radius + 4);
    const [ux, uy] = unitsPerPixel(seen);
    const [x, y] = toPosition(seen, ...at);
    const nearest = grid.nearest(x, y, reach * ux, reach * uy, store.visible.peek());
    return nearest < 0 ? null : nearest;
  };

  const straight = signal(false);
  /** Put a path between the ends of a line drawn, dropping markers where there are none. */
  const drawPath = (seen: Viewport, line: readonly number[]): void => {
    const [x0 = 0, y0 = 0] = line;
    const [x1 = 0, y1 = 0] = line.slice(-2);
    const ends: [Point, Point] = [
      [x0, y0],
      [x1, y1],
    ];
    if (apart(...ends) <= CLICK_PX) {
      return;
    }
    const known = markersOn(store, side);
    store.view.path.value = ends.map(
      (at) =>
        known.find(({ x, y }) => apart(toScreen(seen, x, y), at) <= MARKER_PX)?.number ??
        dropMarker(store, side, toPosition(seen, ...at)),
    );
  };
  const press = (at: Point): void => {
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
      straight.value = store.tool.peek() === "marker" && !event.shiftKey;
      return draws(store, event);
    },
    drawn: (path, event) => {
      const seen = viewport.peek();
      if (seen !== null && straight.peek()) {
        drawPath(seen, path);
        return;
      }
      const grid = currentGrid();
      if (seen === null || grid === null || area(path) < MIN_LASSO_PX2) {
        return;
      }
      const polygon = new Float64Array(path.length);
      for (let i = 0; i < path.length; i += 2) {
        polygon.set(toPosition(seen, path[i] as number, path[i + 1] as number), i);
      }
      store.selectMask(grid.inside(polygon, store.visible.peek()), howFrom(store, event));
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
  // A point that came to rest under a resting pointer is hovered too.
  const stopFollowing = effect(() => {
    if (painter.settled.value !== null && pointer !== null) {
      hoverSoon();
    }
  });
  const moved = (event: PointerEvent): void => {
    pointer = event.buttons === 0 ? locate(element, event) : null;
    hoverSoon();
  };
  const left = (): void => {
    pointer = null;
    hoverSoon();
  };

  /** Only a press or the focus activates a landscape: on its way to the panels the pointer crosses the other. */
  const activate = (): void => {
    store.active.value = side.index;
  };
  const presses = followPresses(element);
  const clicked = (event: MouseEvent): void => {
    const at = locate(element, event);
    const dragged = presses.dragged();
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
      const named = nameAt(...at);
      if (named === null) {
        press(at);
      } else {
        // As its entry in the legend does.
        const of = store.colorBy.peek() === "prediction" ? standingFrame()?.predictions : null;
        const values = of ?? store.hello.labels;
        store.selectWhere((sample) => values[sample] === named, howFrom(store, event));
      }
    }
  };
  const clickedTwice = (event: MouseEvent): void => {
    store.place.value = null;
    if (store.tool.peek() === "pan") {
      zoomBy(event.shiftKey ? 0.5 : 2, locate(element, event));
    }
  };

  element.addEventListener("focus", activate);
  element.addEventListener("pointermove", moved);
  element.addEventListener("pointerleave", left);
  element.addEventListener("pointerdown", activate);
  element.addEventListener("click", clicked);
  element.addEventListener("dblclick", clickedTwice);
  return {
    lasso,
    straight,
    press,
    stop: () => {
      stopFollowing();
      cancelAnimationFrame(request);
      cancelIdle(idle);
      lasso.stop();
      presses.stop();
      element.removeEventListener("focus", activate);
      element.removeEventListener("pointermove", moved);
      element.removeEventListener("pointerleave", left);
      element.removeEventListener("pointerdown", activate);
      element.removeEventListener("click", clicked);
      element.removeEventListener("dblclick", clickedTwice);
    },
  };
}

function apart([x0, y0]: Point, [x1, y1]: Point): number {
  return Math.hypot(x1 - x0, y1 - y0);
}

/** How a pick joins the selection: by the modifier keys, else by the tool chosen. Shift draws, so it adds nothing. */
function howFrom(store: Store, event: MouseEvent): Combine {
  if (event.altKey) {
    return "subtract";
  }
  return event.ctrlKey || event.metaKey ? "add" : store.combine.peek();
}
