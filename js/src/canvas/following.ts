// Following samples through time: trails of the selected, links to nearest neighbours, and a camera that keeps them in view.
import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Rgb } from "../state/colors";
import { cancelIdle, whenIdle } from "../state/idle";
import type { Side } from "../state/sides";
import type { Store } from "../state/store";
import type { Camera } from "./camera";
import { links, MOST_TRAILS, spread, trails } from "./lines";
import { lookOf, type Painter } from "./painter";
import { FULL, type Viewport } from "./viewport";

/** So many of the selected get their neighbours shown. */
export const MOST_NEIGHBORED = 20;
const FRAMED = 200;
/** The closest that the camera comes by itself, and the part of the way it goes in one frame. */
const CLOSEST = 8;
const DRIFT = 0.12;

export interface Neighbors {
  samples: readonly number[];
  /** k for each sample, nearest first. */
  near: Int32Array;
  k: number;
}

export interface Following {
  neighbors: ReadonlySignal<Neighbors | null>;
  /** What came in the way of asking for neighbours. */
  problem: Signal<string | null>;
  stop: () => void;
}

export function startFollowing(
  store: Store,
  side: Side,
  camera: Camera,
  painter: Painter,
): Following {
  const { view, playhead, hello } = store;
  const neighbors = signal<Neighbors | null>(null);
  const problem = signal<string | null>(null);

  // ---- trails

  let idle = 0;
  const drawTrails = (): void => {
    idle = 0;
    const { indices } = store.selection.peek();
    const samples = view.trails.peek() ? spread(indices, MOST_TRAILS) : new Uint32Array(0);
    const look = lookOf(store.theme.peek(), store.colors.peek());
    const by = store.colorBy.peek();
    const colorAt = (sample: number, position: number): Rgb => {
      const label = hello.labels[sample] as number;
      const prediction = side.frames.get(position)?.predictions[sample] ?? label;
      if (by === "correctness" && label >= 0) {
        return label === prediction ? look.right : look.wrong;
      }
      return look.classes[by === "prediction" ? prediction : label] ?? look.unlabelled;
    };
    const positionsAt = (position: number) => side.frames.get(position)?.positions;
    painter.setLines("trails", trails(samples, store.epochs.length, positionsAt, colorAt));
  };
  let drawn = false;
  const stopTrails = effect(() => {
    const wanted = view.trails.value && store.selection.value.indices.length > 0;
    store.theme.value;
    store.colors.value;
    store.colorBy.value;
    side.frames.revision.value;
    if (wanted || drawn) {
      drawn = wanted;
      idle ||= whenIdle(drawTrails);
    }
  });

  // ---- neighbours

  const asked = computed(() => {
    const { indices } = store.selection.value;
    const pinned = store.pinned.value;
    if (!view.neighbors.value || !side.can("neighbors") || indices.length === 0) {
      return "";
    }
    return JSON.stringify({
      landscape: side.index,
      epoch: side.epoch(playhead.resting.value),
      indices: pinned === null ? Array.from(indices.subarray(0, MOST_NEIGHBORED)) : [pinned],
      k: Math.min(100, Math.max(1, Math.round(view.k.value))),
      group: view.among.value || null,
    });
  });
  let abort = new AbortController();
  const stopAsking = effect(() => {
    const args = asked.value;
    abort.abort();
    abort = new AbortController();
    const { signal } = abort;
    problem.value = null;
    if (args === "") {
      neighbors.value = null;
      return;
    }
    const { indices, ...rest } = JSON.parse(args) as { indices: number[] };
    // Those of other samples are nothing to look at meanwhile; those of another epoch are.
    if (neighbors.peek()?.samples.join() !== indices.join()) {
      neighbors.value = null;
    }
    store.ask("neighbors", { ...rest, indices }, { signal }).then(
      ({ arrays }) => {
        const found = arrays.get("neighbors");
        if (!signal.aborted && found !== undefined) {
          const [, k = 0] = found.shape;
          neighbors.value = { samples: indices, near: found.data as Int32Array, k };
        }
      },
      (error: Error) => {
        if (!signal.aborted) {
          neighbors.value = null;
          problem.value = error.message;
        }
      },
    );
  });

  const mixed = computed(() => {
    const shown = playhead.shown.value;
    return shown === null ? "" : `${side.at(shown.a)} ${side.at(shown.b)}`;
  });
  const stopLinks = effect(() => {
    const found = neighbors.value;
    const [a, b] = mixed.value.split(" ").map((position) => side.frames.get(Number(position)));
    const { ink } = store.theme.value;
    if (found === null || a === undefined || b === undefined) {
      painter.setLines("links", null);
      painter.setNeighbors(new Uint32Array(0));
      return;
    }
    const pairs = pairsOf(found);
    painter.setLines("links", links(pairs, a.positions, b.positions, ink));
    painter.setNeighbors(Uint32Array.from(new Set(pairs.map(([, near]) => near))));
  });

  // ---- the camera

  const stopKeeping = effect(() => {
    painter.drawn.value;
    const { indices } = store.selection.value;
    const seen = camera.viewport.peek();
    if (!view.keep.value || indices.length === 0 || seen === null) {
      return;
    }
    const places = Array.from(spread(indices, FRAMED), painter.placeOf).filter((at) => at !== null);
    const goal = framing(seen, places);
    const part = store.still.peek() ? 1 : DRIFT;
    if (goal !== null) {
      camera.drift(goal, part);
    }
  });

  return {
    neighbors,
    problem,
    stop: () => {
      stopTrails();
      stopAsking();
      stopLinks();
      stopKeeping();
      abort.abort();
      cancelIdle(idle);
    },
  };
}

/** Each sample with each of its neighbours. */
export function pairsOf({ samples, near, k }: Neighbors): [number, number][] {
  return Array.from(near, (neighbor, i) => [samples[Math.floor(i / k)] as number, neighbor]);
}

/** The view in which some places, but for a few stragglers, fill half of the screen. */
export function framing(
  seen: Viewport,
  places: readonly (readonly [number, number])[],
): { k: number; x: number; y: number } | null {
  const span = (axis: 0 | 1): [number, number] => {
    const sorted = places.map((at) => (at[axis] as number) / FULL).sort((p, q) => p - q);
    const cut = Math.floor(sorted.length * 0.03);
    return [sorted[cut] as number, sorted[sorted.length - 1 - cut] as number];
  };
  if (places.length === 0) {
    return null;
  }
  const { width, height, aspect } = seen;
  const [x0, x1] = span(0);
  const [y0, y1] = span(1);
  const w = Math.min(width, height * aspect);
  const h = w / aspect;
  const k = Math.min(
    CLOSEST,
    Math.max(1, 0.6 / Math.max(((x1 - x0) * w) / width, ((y1 - y0) * h) / height, 1e-3)),
  );
  const x = width / 2 - k * ((width - w) / 2 + ((x0 + x1) / 2) * w);
  const y = height / 2 - k * ((height - h) / 2 + (1 - (y0 + y1) / 2) * h);
  return { k, x, y };
}
