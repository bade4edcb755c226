// Presses told apart: a click stays where it began, a drag does not, even if it comes back.
import { locate } from "../state/locate";

/** A press that moves less is a click. */
export const CLICK_PX = 4;

export interface Presses {
  /** Whether the latest press was a drag. */
  dragged: () => boolean;
  stop: () => void;
}

export function followPresses(element: HTMLElement): Presses {
  let press: { pointer: number; x: number; y: number } | null = null;
  let dragged = false;

  const down = (event: PointerEvent): void => {
    const [x, y] = locate(element, event);
    press = { pointer: event.pointerId, x, y };
    dragged = false;
  };
  const move = (event: PointerEvent): void => {
    if (press !== null && event.pointerId === press.pointer) {
      const [x, y] = locate(element, event);
      dragged ||= Math.hypot(x - press.x, y - press.y) > CLICK_PX;
    }
  };
  const up = (event: PointerEvent): void => {
    move(event);
    press = null;
  };

  element.addEventListener("pointerdown", down);
  element.addEventListener("pointermove", move);
  element.addEventListener("pointerup", up);
  element.addEventListener("pointercancel", up);
  return {
    dragged: () => dragged,
    stop: () => {
      element.removeEventListener("pointerdown", down);
      element.removeEventListener("pointermove", move);
      element.removeEventListener("pointerup", up);
      element.removeEventListener("pointercancel", up);
    },
  };
}
