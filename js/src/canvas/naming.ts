// Keeps the names on the land in step with the picture: their places are found ahead of time, where nothing else is done.
import { effect, type ReadonlySignal, signal } from "@preact/signals";
import type { Frame, Territory } from "../protocol/source";
import { outwards } from "../protocol/window";
import { cancelIdle, whenIdle } from "../state/idle";
import type { Side } from "../state/sides";
import type { Store } from "../state/store";
import { type Land, landOf } from "./land";
import {
  apart,
  blendNames,
  type Name,
  type NamePlace,
  namePlaces,
  namesIn,
  outOfSight,
  type Size,
} from "./names";
import { namesInView, type Place } from "./names_in_view";
import type { Painter } from "./painter";
import { toScreen, type Viewport } from "./viewport";

/** Weight and size of the names, as their style has them. */
export const NAME_WEIGHT = 600;
export const NAME_PX = 13;
const NAME_HEIGHT_PX = 16;
/** Longer names lose their middle. */
const MAX_SIGNS = 22;

/** A name on the screen; its middle in CSS pixels. */
export interface ShownName extends Name {
  text: string;
}

/** The names of an epoch. */
interface Named {
  frame: Frame;
  land: Land;
  places: NamePlace[];
  /** Where names stand while their own places are out of sight. */
  kept: Map<number, Place>;
}

export interface Naming {
  shown: ReadonlySignal<readonly ShownName[]>;
  /** The class whose name is written at a location of the screen. */
  at: (x: number, y: number) => number | null;
  stop: () => void;
}

export function startNaming(
  store: Store,
  side: Side,
  element: HTMLElement,
  viewport: ReadonlySignal<Viewport | null>,
  painter: Painter,
): Naming {
  const { playhead } = store;
  const texts = store.hello.classes.map((_, i) => cut(store.className(i)));
  const shown = signal<readonly ShownName[]>([]);
  const found = signal(0);
  const known = new WeakMap<Territory, Named>();
  let sizes: readonly Size[] | null = null;
  let idle = 0;
  /** The names last shown, and those at the start of the glide under way. */
  let last: readonly Name[] = [];
  let start: readonly Name[] = [];
  let arrived = 1;

  const namedAt = (position: number): Named | undefined => {
    const territory = side.territories.get(position);
    const named = territory && known.get(territory);
    return named?.frame === side.frames.get(position) ? named : undefined;
  };

  const namesOf = ({ land, places, kept }: Named, seen: Viewport, all: readonly Size[]): Name[] => {
    const names = namesIn(places, seen, all);
    return [...names, ...namesInView(land, seen, all, outOfSight(places, seen, names), kept)];
  };

  const find = (): void => {
    idle = 0;
    const { extent } = side.info;
    const aspect = (extent[1] - extent[0]) / (extent[3] - extent[2]);
    for (const time of outwards(playhead.time.peek(), store.epochs.length, 1)) {
      const position = side.at(time);
      const territory = side.territories.get(position);
      const frame = side.frames.get(position);
      if (territory && frame && namedAt(position) === undefined) {
        sizes ??= sizesOf(texts, element);
        const land = landOf(territory, frame.positions);
        const places = namePlaces(land, frame.positions, sizes, aspect);
        known.set(territory, { frame, land, places, kept: new Map() });
        found.value++;
        idle = whenIdle(find);
        return;
      }
    }
  };

  const stops = [
    effect(() => {
      side.frames.revision.value;
      side.territories.revision.value;
      if (store.view.names.value) {
        idle ||= whenIdle(find);
      }
    }),
    effect(() => {
      painter.drawn.value;
      found.value;
      const seen = viewport.peek();
      if (!store.view.names.value || seen === null) {
        last = [];
        shown.value = [];
        return;
      }
      const { a, b, t, arrival } = painter.mixed();
      const [from, to] = [namedAt(a) ?? namedAt(b), namedAt(b) ?? namedAt(a)];
      if (arrival < arrived) {
        start = last;
      }
      arrived = arrival;
      if (from && to && sizes) {
        const before = namesOf(from, seen, sizes);
        const now = from === to ? before : blendNames(before, namesOf(to, seen, sizes), t);
        last = apart(arrival < 1 ? blendNames(start, now, arrival) : now, seen, sizes);
      }
      shown.value = last.map((name) => {
        const [x, y] = toScreen(seen, name.x, name.y);
        return { ...name, x, y, text: texts[name.class] as string };
      });
    }),
  ];
  return {
    shown,
    at: (x, y) => {
      const under = shown.peek().find((name) => {
        const { width, height } = sizes?.[name.class] ?? { width: 0, height: 0 };
        return Math.abs(x - name.x) <= width / 2 && Math.abs(y - name.y) <= height / 2;
      });
      return under?.class ?? null;
    },
    stop: () => {
      cancelIdle(idle);
      for (const stop of stops) {
        stop();
      }
    },
  };
}

/** As much of a name as the land carries, without its middle: names often differ at the end. */
function cut(name: string): string {
  const signs = Array.from(name);
  const half = (MAX_SIGNS - 1) / 2;
  const head = signs.slice(0, Math.ceil(half)).join("").trimEnd();
  const tail = signs.slice(-Math.floor(half)).join("").trimStart();
  return signs.length <= MAX_SIGNS ? name : `${head}…${tail}`;
}

/** The sizes of some names in the font of an element. */
function sizesOf(texts: readonly string[], element: HTMLElement): Size[] {
  const pen = document.createElement("canvas").getContext("2d");
  if (pen !== null) {
    pen.font = `${NAME_WEIGHT} ${NAME_PX}px ${getComputedStyle(element).fontFamily}`;
  }
  return texts.map((text) => ({
    width: pen?.measureText(text).width ?? 0,
    height: NAME_HEIGHT_PX,
  }));
}
