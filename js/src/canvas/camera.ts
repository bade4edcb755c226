// The camera: pan, zoom, touch, and the size of the canvas.
import { effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { locate } from "../state/locate";
import { toPosition, toScreen, type Viewport } from "./viewport";

const MAX_ZOOM = 1000;
const MOVE_MS = 250;
/** Doublings of the zoom per pixel, line and page of a wheel; a pinch on a trackpad comes as small turns with ctrl. */
const WHEEL_DOUBLINGS = [0.002, 0.05, 1] as const;
const PINCH_FACTOR = 10;

export interface CameraOptions {
  /** Width over height of the landscape's extent. */
  aspect: number;
  reducedMotion: ReadonlySignal<boolean>;
  /** Whether this press or touch may start a pan. */
  pans: (event: PointerEvent) => boolean;
  /** Called when a person pans or zooms. */
  taken: () => void;
  /** The view that the camera opens with and comes back to; null until it is known. */
  home: (seen: Viewport) => View | null;
}

export interface Camera {
  /** Null until the canvas has been measured. */
  viewport: Signal<Viewport | null>;
  /** Whether the view is that of home, which follows the size of the canvas. */
  home: Signal<boolean>;
  /** Zoom around a location of the screen, by default its middle. */
  zoomBy: (factor: number, around?: readonly [number, number]) => void;
  /** Go back home. */
  reset: () => void;
  /** Pan by a share of the screen. */
  panBy: (x: number, y: number) => void;
  /** Move a share of the way to another view. */
  drift: (goal: View, part: number) => void;
  stop: () => void;
}

/** The fitted picture times k, moved by x, y. */
export type View = Pick<Viewport, "k" | "x" | "y">;

export function startCamera(element: HTMLElement, options: CameraOptions): Camera {
  const viewport = signal<Viewport | null>(null);
  const home = signal(true);
  /** The size of the canvas that home was found for. */
  let housed = "";
  let request = 0;

  const taken = (): void => {
    home.value = false;
    options.taken();
  };

  const show = (view: View): void => {
    const seen = viewport.peek();
    if (seen !== null) {
      viewport.value = { ...seen, ...view };
    }
  };

  const moveTo = (goal: View, arrived = (): void => {}): void => {
    const start = viewport.peek();
    const begin = performance.now();
    cancelAnimationFrame(request);
    const step = (now: number): void => {
      const progress = options.reducedMotion.peek()
        ? 1
        : Math.min(1, Math.max(0, (now - begin) / MOVE_MS));
      const eased = 1 - (1 - progress) ** 3;
      const between = (from: number, to: number): number => from + (to - from) * eased;
      // Straight lines in what the screen spans (1/k, x/k, y/k) look steadier than in the view itself.
      const from = start ?? goal;
      const k = 1 / between(1 / from.k, 1 / goal.k);
      const x = k * between(from.x / from.k, goal.x / goal.k);
      const y = k * between(from.y / from.k, goal.y / goal.k);
      show({ k, x, y });
      if (progress < 1) {
        request = requestAnimationFrame(step);
      } else {
        arrived();
      }
    };
    request = requestAnimationFrame(step);
  };

  /** The fingers, or the mouse, that hold the landscape, each with its location. */
  const holding = new Map<number, [number, number]>();
  const pressed = (event: PointerEvent): void => {
    if (options.pans(event)) {
      cancelAnimationFrame(request);
      element.setPointerCapture(event.pointerId);
      holding.set(event.pointerId, locate(element, event));
    }
  };
  const moved = (event: PointerEvent): void => {
    const seen = viewport.peek();
    if (seen === null || !holding.has(event.pointerId)) {
      return;
    }
    taken();
    const before = grip([...holding.values()]);
    holding.set(event.pointerId, locate(element, event));
    const after = grip([...holding.values()]);
    show(zoomed(seen, after.spread / before.spread, before.middle, after.middle));
  };
  const released = (event: PointerEvent): void => {
    holding.delete(event.pointerId);
  };
  const wheel = (event: WheelEvent): void => {
    // Always kept, at the ends of the zoom too, or the notebook would scroll.
    event.preventDefault();
    event.stopPropagation();
    const seen = viewport.peek();
    if (seen !== null) {
      taken();
      cancelAnimationFrame(request);
      const turn =
        -event.deltaY *
        (WHEEL_DOUBLINGS[event.deltaMode] ?? 1) *
        (event.ctrlKey ? PINCH_FACTOR : 1);
      show(zoomed(seen, 2 ** turn, locate(element, event)));
    }
  };
  element.addEventListener("pointerdown", pressed);
  element.addEventListener("pointermove", moved);
  element.addEventListener("pointerup", released);
  element.addEventListener("pointercancel", released);
  element.addEventListener("wheel", wheel, { passive: false });

  const measure = (): void => {
    const { clientWidth: width, clientHeight: height } = element;
    const before = viewport.peek();
    if (width === 0 || height === 0 || (before?.width === width && before.height === height)) {
      return;
    }
    const now: Viewport = { k: 1, x: 0, y: 0, ...before, width, height, aspect: options.aspect };
    if (before !== null) {
      // What was in the middle stays in the middle.
      const middle = toPosition(before, before.width / 2, before.height / 2);
      const [x, y] = toScreen(now, ...middle);
      Object.assign(now, within(now, now.k, now.x + width / 2 - x, now.y + height / 2 - y));
    }
    viewport.value = now;
  };
  const sizes = new ResizeObserver(measure);
  sizes.observe(element);
  measure();
  const stopHousing = effect(() => {
    const seen = viewport.value;
    const goal = home.value && seen !== null ? options.home(seen) : null;
    if (seen === null || !home.value) {
      housed = "";
    } else if (goal !== null && housed !== `${seen.width} ${seen.height}`) {
      housed = `${seen.width} ${seen.height}`;
      show(within(seen, goal.k, goal.x, goal.y));
    }
  });

  return {
    viewport,
    home,
    zoomBy: (factor, around) => {
      const seen = viewport.peek();
      if (seen !== null) {
        home.value = false;
        moveTo(zoomed(seen, factor, around ?? [seen.width / 2, seen.height / 2]));
      }
    },
    reset: () => {
      const seen = viewport.peek();
      const { k, x, y } = (seen && options.home(seen)) ?? { k: 1, x: 0, y: 0 };
      moveTo(seen === null ? { k, x, y } : within(seen, k, x, y), () => {
        home.value = true;
      });
    },
    panBy: (x, y) => {
      const seen = viewport.peek();
      if (seen !== null) {
        taken();
        moveTo(within(seen, seen.k, seen.x - x * seen.width, seen.y - y * seen.height));
      }
    },
    drift: (goal, part) => {
      const seen = viewport.peek();
      if (seen === null) {
        return;
      }
      const { k, x, y } = within(seen, goal.k, goal.x, goal.y);
      const near = Math.hypot(x - seen.x, y - seen.y) < 0.5 && Math.abs(k / seen.k - 1) < 1e-3;
      if (!near) {
        home.value = false;
        const on = (from: number, to: number): number => from + (to - from) * part;
        show({ k: on(seen.k, k), x: on(seen.x, x), y: on(seen.y, y) });
      }
    },
    stop: () => {
      cancelAnimationFrame(request);
      stopHousing();
      sizes.disconnect();
      element.removeEventListener("pointerdown", pressed);
      element.removeEventListener("pointermove", moved);
      element.removeEventListener("pointerup", released);
      element.removeEventListener("pointercancel", released);
      element.removeEventListener("wheel", wheel);
    },
  };
}

/** The nearest view that shows nothing beyond the edges of the whole picture. */
function within({ width, height }: Viewport, k: number, x: number, y: number): View {
  const held = (at: number, size: number): number => Math.min(0, Math.max(size * (1 - k), at));
  return { k, x: held(x, width), y: held(y, height) };
}

/** Zoom a view so that a point of the landscape moves from one location of the screen to another. */
export function zoomed(
  seen: Viewport,
  factor: number,
  from: readonly [number, number],
  to: readonly [number, number] = from,
): View {
  const k = Math.min(MAX_ZOOM, Math.max(1, seen.k * factor));
  const scale = k / seen.k;
  return within(seen, k, to[0] - (from[0] - seen.x) * scale, to[1] - (from[1] - seen.y) * scale);
}

/** The middle between fingers, and their summed distance from it. */
function grip(fingers: [number, number][]): { middle: [number, number]; spread: number } {
  const mean = (axis: 0 | 1): number =>
    fingers.reduce((sum, at) => sum + at[axis], 0) / fingers.length;
  const [x, y] = [mean(0), mean(1)];
  const far = fingers.reduce((sum, at) => sum + Math.hypot(at[0] - x, at[1] - y), 0);
  return { middle: [x, y], spread: Math.max(far, 1) };
}
