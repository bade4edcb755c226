// What part of the landscape is seen: pan, zoom, touch, and the size of the canvas.
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { select } from "d3-selection";
import { type D3ZoomEvent, type ZoomTransform, zoom, zoomIdentity, zoomTransform } from "d3-zoom";
import { toPosition, toScreen, type Viewport } from "./viewport";

const MOST_ZOOM = 1000;
const MOVE_MS = 250;

export interface CameraOptions {
  /** Width over height of the landscape's extent. */
  aspect: number;
  still: ReadonlySignal<boolean>;
  /** Whether this press or touch may start a pan. */
  pans: (event: MouseEvent | TouchEvent) => boolean;
}

export interface Camera {
  /** Null until the canvas has been measured. */
  viewport: Signal<Viewport | null>;
  /** Zoom, keeping one place of the screen where it is; the middle if none is given. */
  zoomBy: (factor: number, around?: readonly [number, number]) => void;
  /** Show the whole landscape. */
  reset: () => void;
  stop: () => void;
}

export function startCamera(element: HTMLElement, options: CameraOptions): Camera {
  const viewport = signal<Viewport | null>(null);
  const target = select(element);
  const behaviour = zoom<HTMLElement, unknown>()
    .scaleExtent([1, MOST_ZOOM])
    .filter((event: MouseEvent | TouchEvent) => event.type === "wheel" || options.pans(event))
    .on("zoom", ({ transform: { k, x, y } }: D3ZoomEvent<HTMLElement, unknown>) => {
      const seen = viewport.peek();
      if (seen !== null) {
        viewport.value = { ...seen, k, x, y };
      }
    });
  target.call(behaviour).on("dblclick.zoom", null);

  let request = 0;
  const moveTo = (goal: ZoomTransform): void => {
    const start = zoomTransform(element);
    const begin = performance.now();
    cancelAnimationFrame(request);
    const step = (now: number): void => {
      const progress = options.still.peek() ? 1 : Math.min(1, Math.max(0, (now - begin) / MOVE_MS));
      const eased = 1 - (1 - progress) ** 3;
      const between = (from: number, to: number): number => from + (to - from) * eased;
      // Straight lines in what the screen spans (1/k, x/k, y/k) look steadier than in the transform itself.
      const k = 1 / between(1 / start.k, 1 / goal.k);
      const x = k * between(start.x / start.k, goal.x / goal.k);
      const y = k * between(start.y / start.k, goal.y / goal.k);
      behaviour.transform(target, zoomIdentity.translate(x, y).scale(k));
      if (progress < 1) {
        request = requestAnimationFrame(step);
      }
    };
    request = requestAnimationFrame(step);
  };

  const zoomBy: Camera["zoomBy"] = (factor, around) => {
    const seen = viewport.peek();
    if (seen === null) {
      return;
    }
    const [cx, cy] = around ?? [seen.width / 2, seen.height / 2];
    const k = Math.min(MOST_ZOOM, Math.max(1, seen.k * factor));
    const x = cx - ((cx - seen.x) * k) / seen.k;
    const y = cy - ((cy - seen.y) * k) / seen.k;
    const free = zoomIdentity.translate(x, y).scale(k);
    moveTo(behaviour.constrain()(free, bounds(seen), bounds(seen)));
  };

  const measure = (): void => {
    const { clientWidth: width, clientHeight: height } = element;
    const before = viewport.peek();
    if (width === 0 || height === 0 || (before?.width === width && before.height === height)) {
      return;
    }
    const now: Viewport = { k: 1, x: 0, y: 0, ...before, width, height, aspect: options.aspect };
    if (before !== null && now.k > 1) {
      // What was in the middle stays in the middle.
      const middle = toPosition(before, before.width / 2, before.height / 2);
      const [x, y] = toScreen(now, ...middle);
      now.x += width / 2 - x;
      now.y += height / 2 - y;
    }
    behaviour.extent(bounds(now)).translateExtent(bounds(now));
    viewport.value = now;
    behaviour.transform(target, zoomIdentity.translate(now.x, now.y).scale(now.k));
  };
  const sizes = new ResizeObserver(measure);
  sizes.observe(element);
  measure();

  // At the ends of the zoom d3 lets the wheel through, and the notebook would scroll.
  const wheel = (event: WheelEvent): void => {
    event.preventDefault();
    event.stopPropagation();
  };
  element.addEventListener("wheel", wheel, { passive: false });

  return {
    viewport,
    zoomBy,
    reset: () => moveTo(zoomIdentity),
    stop: () => {
      cancelAnimationFrame(request);
      sizes.disconnect();
      target.on(".zoom", null);
      element.removeEventListener("wheel", wheel);
    },
  };
}

function bounds({ width, height }: Viewport): [[number, number], [number, number]] {
  return [
    [0, 0],
    [width, height],
  ];
}
