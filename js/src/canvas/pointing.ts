// Pointers on the canvas: hovering, clicking and drawing a lasso, each an action on the store.
import { effect } from "@preact/signals";
import type { Frame } from "../data/source";
import type { Combine } from "../selection";
import type { Side } from "../sides";
import type { Store } from "../store";
import type { Camera } from "./camera";
import { GridIndex } from "./grid";
import { cancelIdle, whenIdle } from "./idle";
import { followLasso, type Lasso, place } from "./lasso";
import type { Painter } from "./painter";
import { pointLook, toPosition, unitsPerPixel } from "./viewport";

const HOVER_PIXELS = 8;
const CLICK_PIXELS = 4;

export interface Pointing {
  lasso: Lasso;
  stop: () => void;
}

/** Whether a press draws a lasso rather than pans. */
export function drawsLasso(store: Store, event: MouseEvent): boolean {
  return store.tool.peek() === "lasso" || event.shiftKey;
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
    const found = grid.nearest(...toPosition(seen, ...at), reach * ux, reach * uy);
    return found < 0 ? null : found;
  };

  const lasso = followLasso(element, {
    starts: (event) => drawsLasso(store, event),
    drawn: (path, event) => {
      const seen = viewport.peek();
      const grid = currentGrid();
      if (seen === null || grid === null) {
        return;
      }
      const polygon = new Float64Array(path.length);
      for (let i = 0; i < path.length; i += 2) {
        polygon.set(toPosition(seen, path[i] as number, path[i + 1] as number), i);
      }
      store.selectMask(grid.inside(polygon), howFrom(store, event));
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
      store.hover(sampleAt(pointer));
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

  const entered = (): void => {
    store.active.value = side.index;
  };
  let pressedAt: [number, number] = [0, 0];
  const pressed = (event: PointerEvent): void => {
    pressedAt = place(element, event);
  };
  const clicked = (event: MouseEvent): void => {
    const at = place(element, event);
    const dragged = Math.hypot(at[0] - pressedAt[0], at[1] - pressedAt[1]) > CLICK_PIXELS;
    const sample = dragged || event.detail > 1 ? null : sampleAt(at);
    if (sample !== null) {
      const selected = store.selection.peek().mask[sample] === 1;
      const toggles = (event.ctrlKey || event.metaKey) && selected;
      store.select([sample], toggles ? "subtract" : howFrom(store, event));
      store.pin(sample);
    }
  };
  const clickedTwice = (event: MouseEvent): void => {
    if (store.tool.peek() === "pan") {
      zoomBy(event.shiftKey ? 0.5 : 2, place(element, event));
    }
  };

  element.addEventListener("pointerenter", entered);
  element.addEventListener("focus", entered);
  element.addEventListener("pointermove", moved);
  element.addEventListener("pointerleave", left);
  element.addEventListener("pointerdown", pressed);
  element.addEventListener("click", clicked);
  element.addEventListener("dblclick", clickedTwice);
  return {
    lasso,
    stop: () => {
      stopFollowing();
      cancelAnimationFrame(request);
      cancelIdle(idle);
      lasso.stop();
      element.removeEventListener("pointerenter", entered);
      element.removeEventListener("focus", entered);
      element.removeEventListener("pointermove", moved);
      element.removeEventListener("pointerleave", left);
      element.removeEventListener("pointerdown", pressed);
      element.removeEventListener("click", clicked);
      element.removeEventListener("dblclick", clickedTwice);
    },
  };
}

/** How a pick joins the selection: as the keys held down say, else as chosen. */
function howFrom(store: Store, event: MouseEvent): Combine {
  if (event.altKey) {
    return "subtract";
  }
  return event.ctrlKey || event.metaKey ? "add" : store.combine.peek();
}
