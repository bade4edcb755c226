// A lasso: the path of a pointer from its press to its release.
import { type Signal, signal } from "@preact/signals";
import { locate } from "../state/locate";

/** A shorter step adds no corner. */
const MIN_STEP_PX = 3;

export interface LassoOptions {
  /** Whether this press starts a lasso. */
  starts: (event: PointerEvent) => boolean;
  /** Corners x0, y0, x1, y1, … in CSS pixels of the element. */
  drawn: (path: readonly number[], event: PointerEvent) => void;
}

export interface Lasso {
  /** The path while it is drawn; null otherwise. */
  path: Signal<readonly number[] | null>;
  cancel: () => void;
  stop: () => void;
}

export function followLasso(element: HTMLElement, options: LassoOptions): Lasso {
  const path = signal<readonly number[] | null>(null);
  let pointer: number | null = null;

  const down = (event: PointerEvent): void => {
    if (pointer !== null || event.button !== 0 || !options.starts(event)) {
      return;
    }
    pointer = event.pointerId;
    element.setPointerCapture(pointer);
    path.value = locate(element, event);
  };
  const move = (event: PointerEvent): void => {
    const before = path.peek();
    if (event.pointerId !== pointer || before === null) {
      return;
    }
    const [x, y] = locate(element, event);
    const dx = x - (before.at(-2) as number);
    const dy = y - (before.at(-1) as number);
    if (dx * dx + dy * dy >= MIN_STEP_PX * MIN_STEP_PX) {
      path.value = [...before, x, y];
    }
  };
  const up = (event: PointerEvent): void => {
    const drawn = path.peek();
    if (event.pointerId !== pointer || drawn === null) {
      return;
    }
    cancel();
    options.drawn(drawn, event);
  };
  const cancel = (): void => {
    if (pointer !== null && element.hasPointerCapture(pointer)) {
      element.releasePointerCapture(pointer);
    }
    pointer = null;
    path.value = null;
  };

  element.addEventListener("pointerdown", down);
  element.addEventListener("pointermove", move);
  element.addEventListener("pointerup", up);
  element.addEventListener("pointercancel", cancel);
  return {
    path,
    cancel,
    stop: () => {
      cancel();
      element.removeEventListener("pointerdown", down);
      element.removeEventListener("pointermove", move);
      element.removeEventListener("pointerup", up);
      element.removeEventListener("pointercancel", cancel);
    },
  };
}

/** The area of the box around a path. */
export function area(path: readonly number[]): number {
  const xs = path.filter((_, i) => i % 2 === 0);
  const ys = path.filter((_, i) => i % 2 === 1);
  return (Math.max(...xs) - Math.min(...xs)) * (Math.max(...ys) - Math.min(...ys));
}
