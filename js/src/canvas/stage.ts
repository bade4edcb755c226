// The canvas at work: keeps the picture in step with the store, and pointers and keys in step with both.
import { effect, type Signal, signal } from "@preact/signals";
import { select } from "d3-selection";
import { type D3ZoomEvent, type ZoomTransform, zoom, zoomIdentity, zoomTransform } from "d3-zoom";
import type { Frame } from "../data/source";
import { outwards } from "../data/window";
import type { Rgb } from "../palette";
import type { Combine } from "../selection";
import type { Store } from "../store";
import type { Theme } from "../theme";
import { GridIndex } from "./grid";
import { followLasso, type Lasso, place } from "./lasso";
import { type Look, Renderer } from "./renderer";
import { pointLook, toClip, toPosition, toScreen, unitsPerPixel, type Viewport } from "./viewport";

const GLIDE_MS = 300;
const ZOOM_MS = 250;
const MOST_ZOOM = 1000;
const HOVER_PIXELS = 8;
const COLOR_BY_NUMBER = { label: 0, prediction: 1, correctness: 2 } as const;

export interface Stage {
  /** Null until the canvas has been measured. */
  viewport: Signal<Viewport | null>;
  lassoPath: Lasso["path"];
  /** Grows with every picture drawn. */
  drawn: Signal<number>;
  /** False where the browser has no WebGL2. */
  works: boolean;
  /** The epoch (position) on the screen while nothing moves, else null. */
  settled: Signal<number | null>;
  zoomBy: (factor: number) => void;
  resetView: () => void;
  cancelLasso: () => boolean;
  /** Where a sample is on the screen now, in CSS pixels; null where that is unknown. */
  locate: (index: number) => [number, number] | null;
  stop: () => void;
}

/** Bring a canvas to life inside `element`, which takes pointers and keys. */
export function startStage(store: Store, element: HTMLElement, canvas: HTMLCanvasElement): Stage {
  const viewport = signal<Viewport | null>(null);
  const drawn = signal(0);
  const settled = signal<number | null>(null);
  const { frames, territories, playhead, hello } = store;
  const [x0, x1, y0, y1] = store.landscape.extent;
  const renderer = Renderer.create(canvas, hello.labels, {
    frame: (position) => frames.get(position),
    territory: (position) => territories.get(position),
  });

  // ---- the picture -------------------------------------------------------------------------------------------------

  let request = 0;
  let idle = 0;
  let leaps = 0;
  let painted = "";
  let glideStart = Number.NEGATIVE_INFINITY;
  let arrival = 1;

  const schedule = (): void => {
    request ||= requestAnimationFrame(draw);
  };

  const draw = (now: number): void => {
    request = 0;
    const seen = viewport.peek();
    const shown = playhead.shown.peek();
    if (renderer === null || !renderer.ready || seen === null || shown === null) {
      return;
    }
    // A leap, and a territory that arrives late, are glided to from whatever is on the screen.
    const nowPainted = `${shown.a}:${territories.get(shown.a) !== undefined} ${shown.b}:${territories.get(shown.b) !== undefined}`;
    const arrived = painted.replaceAll("false", "true") === nowPainted && painted !== nowPainted;
    if ((shown.leaps !== leaps || arrived) && !store.still.peek() && renderer.keep()) {
      glideStart = now;
    }
    leaps = shown.leaps;
    painted = nowPainted;
    const progress = Math.min(1, Math.max(0, (now - glideStart) / GLIDE_MS));
    arrival = progress * progress * (3 - 2 * progress);
    const ratio = window.devicePixelRatio || 1;
    const { radius, opacity } = pointLook(seen, hello.n);
    renderer.draw({
      a: shown.a,
      b: shown.b,
      blend: shown.t,
      arrival,
      view: toClip(seen),
      width: Math.max(1, Math.round(seen.width * ratio)),
      height: Math.max(1, Math.round(seen.height * ratio)),
      ratio,
      radius: radius * ratio,
      opacity: [opacity, Math.min(1, opacity + 0.3)],
      colorBy: COLOR_BY_NUMBER[store.colorBy.peek()],
      hovered: store.hovered.peek()?.index ?? null,
    });
    drawn.value++;
    const rests =
      arrival === 1 && shown.t === 0 && !playhead.playing.peek() && !playhead.held.peek();
    settled.value = rests && territories.get(shown.a) !== undefined ? shown.a : null;
    if (arrival < 1) {
      schedule();
    } else if (idle === 0) {
      idle = whenIdle(prepare);
    }
  };

  // Uploads ahead of time, one epoch per idle moment, so that a scrub finds everything on the GPU.
  const prepare = (): void => {
    idle = 0;
    const order = outwards(playhead.time.peek(), store.landscape.epochs.length, 1);
    if (renderer !== null && order.some((position) => renderer.prepare(position))) {
      idle = whenIdle(prepare);
    }
  };

  // ---- finding samples ---------------------------------------------------------------------------------------------

  let index: { frame: Frame; grid: GridIndex } | null = null;

  /** The index of the epoch on the screen; null while it moves. */
  const currentGrid = (): GridIndex | null => {
    const shown = playhead.shown.peek();
    const frame = shown === null ? undefined : frames.get(shown.a);
    if (shown === null || frame === undefined || shown.t !== 0 || arrival < 1) {
      return null;
    }
    if (index?.frame !== frame) {
      index = { frame, grid: new GridIndex(frame.positions) };
    }
    return index.grid;
  };

  const sampleAt = (screenX: number, screenY: number): number | null => {
    const seen = viewport.peek();
    const grid = currentGrid();
    if (seen === null || grid === null) {
      return null;
    }
    const reach = Math.max(HOVER_PIXELS, pointLook(seen, hello.n).radius + 4);
    const [x, y] = toPosition(seen, screenX, screenY);
    const [ux, uy] = unitsPerPixel(seen);
    const found = grid.nearest(x, y, reach * ux, reach * uy);
    return found < 0 ? null : found;
  };

  const locate = (sample: number): [number, number] | null => {
    const seen = viewport.peek();
    const shown = playhead.shown.peek();
    const a = shown === null ? undefined : frames.get(shown.a)?.positions;
    const b = shown === null ? undefined : frames.get(shown.b)?.positions;
    if (seen === null || shown === null || a === undefined || b === undefined) {
      return null;
    }
    const along = (axis: 0 | 1): number => {
      const from = a[2 * sample + axis] as number;
      return from + ((b[2 * sample + axis] as number) - from) * shown.t;
    };
    return toScreen(seen, along(0), along(1));
  };

  // ---- pointers and keys -------------------------------------------------------------------------------------------

  const howFrom = (event: MouseEvent): Combine => {
    if (event.altKey) {
      return "subtract";
    }
    return event.ctrlKey || event.metaKey ? "add" : store.combine.peek();
  };

  const isLasso = (event: MouseEvent): boolean =>
    store.tool.peek() === "lasso" || (event.shiftKey && event.type !== "wheel");

  const lasso = followLasso(element, {
    starts: isLasso,
    drawn: (path, event) => {
      const seen = viewport.peek();
      const grid = currentGrid();
      if (seen === null || grid === null) {
        return;
      }
      const polygon = new Float64Array(path.length);
      for (let i = 0; i < path.length; i += 2) {
        const corner = toPosition(seen, path[i] as number, path[i + 1] as number);
        polygon.set(corner, i);
      }
      store.selectMask(grid.inside(polygon), howFrom(event));
    },
  });

  const zooming = zoom<HTMLElement, unknown>()
    .scaleExtent([1, MOST_ZOOM])
    .filter((event: MouseEvent) =>
      event.type === "wheel" ? true : !event.button && !isLasso(event) && !event.ctrlKey,
    )
    .on("zoom", (event: D3ZoomEvent<HTMLElement, unknown>) => {
      const seen = viewport.peek();
      if (seen !== null) {
        const { k, x, y } = event.transform;
        viewport.value = { ...seen, k, x, y };
      }
    });
  const target = select(element);
  target.call(zooming).on("dblclick.zoom", null);

  let viewRequest = 0;
  /** Move the view there: both corners of what is seen travel on straight lines. */
  const glideTo = (goal: ZoomTransform): void => {
    const start = zoomTransform(element);
    const begin = performance.now();
    cancelAnimationFrame(viewRequest);
    const step = (now: number): void => {
      const progress = store.still.peek() ? 1 : Math.min(1, Math.max(0, (now - begin) / ZOOM_MS));
      const eased = 1 - (1 - progress) ** 3;
      const between = (from: number, to: number): number => from + (to - from) * eased;
      // Straight lines in what the screen spans (1/k, x/k, y/k) look steadier than in the transform itself.
      const k = 1 / between(1 / start.k, 1 / goal.k);
      const x = k * between(start.x / start.k, goal.x / goal.k);
      const y = k * between(start.y / start.k, goal.y / goal.k);
      zooming.transform(target, zoomIdentity.translate(x, y).scale(k));
      if (progress < 1) {
        viewRequest = requestAnimationFrame(step);
      }
    };
    viewRequest = requestAnimationFrame(step);
  };

  /** Zoom, keeping one place of the screen where it is. */
  const zoomAt = (factor: number, [cx, cy]: readonly [number, number]): void => {
    const seen = viewport.peek();
    if (seen !== null) {
      const k = Math.min(MOST_ZOOM, Math.max(1, seen.k * factor));
      const keep = (offset: number, center: number): number =>
        center - ((center - offset) * k) / seen.k;
      const free = zoomIdentity.translate(keep(seen.x, cx), keep(seen.y, cy)).scale(k);
      glideTo(zooming.constrain()(free, bounds(seen), bounds(seen)));
    }
  };

  const zoomBy = (factor: number): void => {
    const seen = viewport.peek();
    zoomAt(factor, seen === null ? [0, 0] : [seen.width / 2, seen.height / 2]);
  };

  const resetView = (): void => glideTo(zoomIdentity);

  let pointerRequest = 0;
  let pointer: [number, number] | null = null;
  const hover = (): void => {
    pointerRequest = 0;
    if (pointer === null) {
      store.hover(null);
    } else if (currentGrid() !== null) {
      store.hover(sampleAt(...pointer));
    }
  };
  const moved = (event: PointerEvent): void => {
    pointer = event.buttons === 0 || store.tool.peek() === "pan" ? place(element, event) : null;
    pointerRequest ||= requestAnimationFrame(hover);
  };
  const left = (): void => {
    pointer = null;
    pointerRequest ||= requestAnimationFrame(hover);
  };
  const clicked = (event: MouseEvent): void => {
    const sample =
      store.tool.peek() === "pan" && event.detail <= 1 ? sampleAt(...place(element, event)) : null;
    if (sample !== null) {
      const toggles = event.ctrlKey || event.metaKey;
      const selected = store.selection.peek().mask[sample] === 1;
      store.select([sample], toggles ? (selected ? "subtract" : "add") : howFrom(event));
    }
  };
  // At the ends of the zoom d3 lets the wheel through, and the notebook would scroll.
  const wheel = (event: WheelEvent): void => {
    event.preventDefault();
    event.stopPropagation();
  };
  element.addEventListener("pointermove", moved);
  element.addEventListener("pointerleave", left);
  const twice = (event: MouseEvent): void => {
    if (store.tool.peek() === "pan") {
      zoomAt(event.shiftKey ? 0.5 : 2, place(element, event));
    }
  };
  element.addEventListener("click", clicked);
  element.addEventListener("dblclick", twice);
  element.addEventListener("wheel", wheel, { passive: false });

  // ---- size, theme and everything that is drawn ----------------------------------------------------------------

  const measure = (): void => {
    const { clientWidth: width, clientHeight: height } = element;
    const before = viewport.peek();
    if (width === 0 || height === 0 || (before?.width === width && before.height === height)) {
      return;
    }
    const aspect = (x1 - x0) / (y1 - y0) || 1;
    const now: Viewport = { k: 1, x: 0, y: 0, ...before, width, height, aspect };
    if (before !== null && now.k > 1) {
      // What was in the middle stays in the middle.
      const middle = toPosition(before, before.width / 2, before.height / 2);
      const [x, y] = toScreen(now, ...middle);
      now.x += width / 2 - x;
      now.y += height / 2 - y;
    }
    zooming.extent(bounds(now)).translateExtent(bounds(now));
    viewport.value = now;
    zooming.transform(target, zoomIdentity.translate(now.x, now.y).scale(now.k));
  };
  const sizes = new ResizeObserver(measure);
  sizes.observe(element);
  measure();

  // The ratio changes when a window moves to another screen or the page is zoomed; each query hears one change.
  let ratioQuery: MediaQueryList | null = null;
  const ratioChanged = (): void => {
    ratioQuery?.removeEventListener("change", ratioChanged);
    ratioQuery = window.matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
    ratioQuery.addEventListener("change", ratioChanged);
    schedule();
  };
  ratioChanged();

  const stops = [
    effect(() => {
      renderer?.setLook(lookOf(store.theme.value, store.colors));
      schedule();
    }),
    effect(() => {
      const { mask, indices } = store.selection.value;
      renderer?.setStates(mask, indices);
      schedule();
    }),
    effect(() => {
      viewport.value;
      playhead.shown.value;
      playhead.playing.value;
      playhead.held.value;
      territories.revision.value;
      store.colorBy.value;
      store.hovered.value;
      schedule();
    }),
  ];
  if (renderer !== null) {
    renderer.onRestored = schedule;
  }

  return {
    viewport,
    lassoPath: lasso.path,
    drawn,
    works: renderer !== null,
    settled,
    zoomBy,
    resetView,
    cancelLasso: () => {
      const drawing = lasso.path.peek() !== null;
      lasso.cancel();
      return drawing;
    },
    locate,
    stop: () => {
      for (const stop of stops) {
        stop();
      }
      cancelAnimationFrame(request);
      cancelAnimationFrame(pointerRequest);
      cancelIdle(idle);
      sizes.disconnect();
      ratioQuery?.removeEventListener("change", ratioChanged);
      lasso.stop();
      cancelAnimationFrame(viewRequest);
      target.on(".zoom", null);
      element.removeEventListener("pointermove", moved);
      element.removeEventListener("pointerleave", left);
      element.removeEventListener("click", clicked);
      element.removeEventListener("dblclick", twice);
      element.removeEventListener("wheel", wheel);
      renderer?.dispose();
    },
  };
}

function bounds({ width, height }: Viewport): [[number, number], [number, number]] {
  return [
    [0, 0],
    [width, height],
  ];
}

/** Safari has no idle callback. */
function whenIdle(work: () => void): number {
  return "requestIdleCallback" in window
    ? window.requestIdleCallback(work, { timeout: 500 })
    : setTimeout(work, 50);
}

function cancelIdle(handle: number): void {
  if ("cancelIdleCallback" in window) {
    window.cancelIdleCallback(handle);
  } else {
    clearTimeout(handle);
  }
}

const GREY: Rgb = [128, 134, 143];

function lookOf(theme: Theme, classes: readonly Rgb[]): Look {
  const { dark, background, ink } = theme;
  return {
    classes,
    background,
    ink,
    unlabelled: GREY,
    right: dark ? [138, 147, 160] : [120, 128, 140],
    wrong: dark ? [255, 92, 108] : [214, 28, 62],
    strength: dark ? [0.14, 0.42] : [0.12, 0.4],
  };
}
