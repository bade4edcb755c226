// Following samples through time: trails, links to nearest neighbours, and a camera that keeps samples in view.
import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { FULL } from "../protocol/source";
import type { Args } from "../protocol/wire";
import type { Rgb } from "../state/colors";
import { cancelIdle, whenIdle } from "../state/idle";
import { currentEpoch } from "../state/markers";
import type { Side } from "../state/sides";
import type { Store } from "../state/store";
import type { Camera } from "./camera";
import { links, MAX_TRAILS, spread, trails } from "./lines";
import { lookOf } from "./look";
import type { Painter } from "./painter";
import type { Viewport } from "./viewport";

/** More selected samples than this do not all get their neighbours. */
export const MAX_NEIGHBORED = 20;
/** More selected samples than this are represented by some of them. */
const MAX_FRAMED = 200;
/** The zoom at which the camera stops by itself, and the share of the distance it moves per frame. */
const MAX_ZOOM = 8;
const DRIFT = 0.12;

export interface Neighbors {
  samples: readonly number[];
  /** k per sample, nearest first. */
  near: Int32Array;
  k: number;
}

export interface Following {
  neighbors: ReadonlySignal<Neighbors | null>;
  /** Why the neighbours could not be had. */
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
    const few = view.trails.peek() && indices.length <= MAX_TRAILS;
    const samples = few ? indices : new Uint32Array(0);
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
    const { length } = store.selection.value.indices;
    const wanted = view.trails.value && length > 0 && length <= MAX_TRAILS;
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

  /** What is wanted, as text: equal requests are one. */
  const request = computed(() => {
    const { indices } = store.selection.value;
    const pinned = store.pinned.value;
    if (!view.neighbors.value || !side.can("neighbors") || indices.length === 0) {
      return "";
    }
    const args: Args<"neighbors"> = {
      ...currentEpoch(store, side),
      indices: pinned === null ? Array.from(indices.subarray(0, MAX_NEIGHBORED)) : [pinned],
      k: Math.min(100, Math.max(1, Math.round(view.k.value))),
      group: view.among.value || null,
    };
    return JSON.stringify(args);
  });
  let abort = new AbortController();
  const stopAsking = effect(() => {
    const text = request.value;
    abort.abort();
    abort = new AbortController();
    const { signal } = abort;
    problem.value = null;
    if (text === "") {
      neighbors.value = null;
      return;
    }
    const args: Args<"neighbors"> = JSON.parse(text);
    // Neighbours of the same samples at another epoch stay until the new ones are here.
    if (neighbors.peek()?.samples.join() !== args.indices.join()) {
      neighbors.value = null;
    }
    store.ask("neighbors", args, { signal }).then(
      (answer) => {
        if (!signal.aborted) {
          const { data, shape } = answer.neighbors;
          neighbors.value = { samples: args.indices, near: data, k: shape[1] ?? 0 };
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
    const mix = playhead.mix.value;
    return mix === null ? "" : `${side.at(mix.a)} ${side.at(mix.b)}`;
  });
  let linked = false;
  const stopLinks = effect(() => {
    const current = neighbors.value;
    // Without neighbours no step of a scrub concerns this.
    const positions = current === null ? [] : mixed.value.split(" ").map(Number);
    const [a, b] = positions.map((position) => side.frames.get(position));
    const { ink } = store.theme.value;
    if (current === null || a === undefined || b === undefined) {
      if (linked) {
        linked = false;
        painter.setLines("links", null);
        painter.setNeighbors(new Uint32Array(0));
      }
      return;
    }
    linked = true;
    const pairs = pairsOf(current);
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
    const locations = Array.from(spread(indices, MAX_FRAMED), painter.positionOf).filter(
      (at) => at !== null,
    );
    const goal = framing(seen, locations);
    const share = store.reducedMotion.peek() ? 1 : DRIFT;
    if (goal !== null) {
      camera.drift(goal, share);
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

/** The view in which some locations, but for a few stragglers, fill half of the screen. */
export function framing(
  seen: Viewport,
  locations: readonly (readonly [number, number])[],
): { k: number; x: number; y: number } | null {
  const span = (axis: 0 | 1): [number, number] => {
    const sorted = locations.map((at) => (at[axis] as number) / FULL).sort((p, q) => p - q);
    const cut = Math.floor(sorted.length * 0.03);
    return [sorted[cut] as number, sorted[sorted.length - 1 - cut] as number];
  };
  if (locations.length === 0) {
    return null;
  }
  const { width, height, aspect } = seen;
  const [x0, x1] = span(0);
  const [y0, y1] = span(1);
  const w = Math.min(width, height * aspect);
  const h = w / aspect;
  const k = Math.min(
    MAX_ZOOM,
    Math.max(1, 0.6 / Math.max(((x1 - x0) * w) / width, ((y1 - y0) * h) / height, 1e-3)),
  );
  const x = width / 2 - k * ((width - w) / 2 + ((x0 + x1) / 2) * w);
  const y = height / 2 - k * ((height - h) / 2 + (1 - (y0 + y1) / 2) * h);
  return { k, x, y };
}
