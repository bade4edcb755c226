// Keeps the picture in step with the store: at most one drawing per frame, glides where time leaps, uploads ahead.
import { effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { outwards } from "../protocol/window";
import { cancelIdle, whenIdle } from "../state/idle";
import type { Side } from "../state/sides";
import { sinceOf } from "../state/since";
import type { Store } from "../state/store";
import { Renderer } from "./gl/renderer";
import type { Scene } from "./gl/scene";
import type { Lines } from "./lines";
import { lookOf, scaleColors } from "./look";
import { OVERLAYS } from "./overlays";
import { pointLook, ringing, toClip, toScreen, type Viewport } from "./viewport";

const GLIDE_MS = 300;
const COLOR_BY_NUMBER: Record<string, Scene["colorBy"]> = {
  label: 0,
  prediction: 1,
  correctness: 2,
  category: 3,
  number: 4,
};
/** The density of more samples is counted only where time rests. */
const MAX_COUNTED = 200_000;

export interface Painter {
  /** False where the browser has no WebGL2. */
  works: boolean;
  /** The number of pictures drawn. */
  drawn: Signal<number>;
  /** Position of the epoch on the screen, territory included; null while anything moves. */
  settled: Signal<number | null>;
  /** Position of the epoch whose points are on the screen; null while they move. */
  standing: () => number | null;
  /** The epochs on the screen: positions, how far the first is blended into the second, and the share of a glide done. */
  mixed: () => { a: number; b: number; t: number; arrival: number };
  /** Location of a sample on the screen, in CSS pixels; null before it has arrived. */
  locate: (sample: number) => [number, number] | null;
  /** The same in units of positions. */
  positionOf: (sample: number) => [number, number] | null;
  setLines: (which: "trails" | "links", lines: Lines | null) => void;
  /** Set the samples that do not fade while others are selected. */
  setNeighbors: (neighbors: Uint32Array) => void;
  /** Draw the screen anew with `ratio` pixels per CSS pixel; null before anything is drawn. */
  picture: (ratio: number) => HTMLCanvasElement | null;
  stop: () => void;
}

export function startPainter(
  store: Store,
  side: Side,
  canvas: HTMLCanvasElement,
  viewport: ReadonlySignal<Viewport | null>,
): Painter {
  const { playhead, hello } = store;
  const { frames, territories } = side;
  const drawn = signal(0);
  const settled = signal<number | null>(null);
  const renderer = Renderer.create(canvas, hello.labels, {
    frame: (position) => frames.get(position),
    territory: (position) => territories.partial(position),
    field: (position) => side.field(store.view.overlay.peek())?.get(position),
    column: (which, position) =>
      side.column((which === "color" ? store.colorBy : store.sizeBy).peek())?.get(position),
  });

  let request = 0;
  let idle = 0;
  let leaps = 0;
  let painted = "";
  let glideStart = Number.NEGATIVE_INFINITY;
  let arrival = 1;
  /** Emphasis of points in foreign territory: now, and at the start of the glide under way. */
  let rarityNow = 1;
  let rarityThen = 1;
  let used: readonly unknown[] = [];
  /** The epochs drawn last, which may be a frame behind the playhead. */
  let mix = { a: 0, b: 0, t: 0 };
  let scene: Scene | null = null;
  /** Time up to which trails are drawn: now, and at the start of the glide under way. */
  let timeNow = playhead.time.peek();
  let timeThen = timeNow;
  /** Position of the raised sample at the start of the glide under way. */
  let anchor: { sample: number; at: [number, number] } | null = null;

  /** The data of the two epochs that are blended now. */
  const ingredients = (): readonly unknown[] => {
    const time = playhead.mix.peek();
    const field = side.field(store.view.overlay.peek());
    const columns = [store.colorBy, store.sizeBy].map((by) => side.column(by.peek()));
    return [time?.a, time?.b].flatMap((position) => {
      const at = position === undefined ? -1 : side.at(position);
      const land = [territories.partial(at), territories.get(at), field?.get(at)];
      return [frames.get(at), ...land, ...columns.map((column) => column?.get(at))];
    });
  };

  const schedule = (): void => {
    request ||= requestAnimationFrame(draw);
  };

  const draw = (now: number): void => {
    request = 0;
    const seen = viewport.peek();
    const time = playhead.mix.peek();
    if (renderer === null || seen === null || time === null) {
      return;
    }
    const next = { ...time, a: side.at(time.a), b: side.at(time.b) };
    // A leap in time, or a territory that arrives late, is a glide from whatever is on the screen.
    const field = side.field(store.view.overlay.peek());
    const has = (position: number): string =>
      [territories.partial(position), field?.get(position)]
        .map((drawn) => (drawn === undefined ? "missing" : "painted"))
        .join(` ${position} `);
    const nowPainted = `${has(next.a)}, ${has(next.b)}`;
    const arrived =
      painted !== nowPainted && painted.replaceAll("missing", "painted") === nowPainted;
    if ((next.leaps !== leaps || arrived) && !store.reducedMotion.peek()) {
      const sample = store.raised.peek();
      const at = sample === null ? null : positionOf(sample);
      if (renderer.keep()) {
        glideStart = now;
        anchor = sample === null || at === null ? null : { sample, at };
        rarityThen = rarityNow;
        timeThen = timeNow;
      }
    }
    leaps = next.leaps;
    painted = nowPainted;
    const progress = Math.min(1, Math.max(0, (now - glideStart) / GLIDE_MS));
    arrival = progress * progress * (3 - 2 * progress);
    timeNow = timeThen + (time.a + time.t * (time.b - time.a) - timeThen) * arrival;
    rarityNow = rarityThen + (rarity(next) - rarityThen) * arrival;
    const ratio = window.devicePixelRatio || 1;
    const { radius, opacity, emphasis } = pointLook(seen, hello.n);
    scene = {
      a: next.a,
      b: next.b,
      blend: next.t,
      arrival,
      view: toClip(seen),
      width: Math.max(1, Math.round(seen.width * ratio)),
      height: Math.max(1, Math.round(seen.height * ratio)),
      ratio,
      radius: radius * ratio,
      opacity,
      emphasis: emphasis * rarityNow,
      ringing: ringing(seen, store.selection.peek().indices.length),
      colorBy: COLOR_BY_NUMBER[kindOf(store.colorBy.peek())] ?? 0,
      sized: side.column(store.sizeBy.peek()) !== null,
      raised: [store.pinned.peek(), store.hovered.peek()?.index ?? null].filter((i) => i !== null),
      overlay: (1 +
        OVERLAYS.findIndex(({ key }) => key === store.view.overlay.peek())) as Scene["overlay"],
      delta: store.view.delta.peek(),
      points: store.view.points.peek(),
      time: timeNow,
    };
    if (!renderer.draw(scene)) {
      return;
    }
    mix = next;
    used = ingredients();
    drawn.value++;
    const rests = standing() !== null && !playhead.playing.peek() && !playhead.held.peek();
    settled.value = rests && territories.get(next.a) !== undefined ? next.a : null;
    if (arrival < 1) {
      schedule();
    } else if (idle === 0) {
      idle = whenIdle(prepare);
    }
  };

  const kindOf = (name: string): string =>
    side.choices.find((choice) => choice.name === name)?.kind ?? name;

  /** Points in foreign territory stand out only while they are the exception. */
  const rarity = ({ a, b, t }: typeof mix): number => {
    const labelled = hello.n - store.unlabelled;
    if (labelled === 0 || store.colorBy.peek() === "prediction") {
      return 1;
    }
    const wrong = (position: number): number =>
      1 - (frames.get(position)?.correct ?? labelled) / labelled;
    const share = wrong(a) + (wrong(b) - wrong(a)) * t;
    return 1 - Math.min(1, Math.max(0, (share - 0.2) / 0.3));
  };

  // Uploads ahead of time, one epoch per idle moment, so that a scrub finds everything on the GPU.
  const prepare = (): void => {
    idle = 0;
    const order = outwards(playhead.time.peek(), store.epochs.length, 1).map((p) => side.at(p));
    if (renderer !== null && order.some((position) => renderer.prepare(position))) {
      idle = whenIdle(prepare);
    }
  };

  const standing = (): number | null =>
    drawn.peek() > 0 && arrival === 1 && mix.t === 0 ? mix.a : null;

  const positionOf = (sample: number): [number, number] | null => {
    const a = frames.get(mix.a)?.positions;
    const b = frames.get(mix.b)?.positions;
    if (a === undefined || b === undefined) {
      return null;
    }
    const along = (axis: 0 | 1): number => {
      const from = a[2 * sample + axis] as number;
      const goal = from + ((b[2 * sample + axis] as number) - from) * mix.t;
      const start = anchor?.sample === sample && arrival < 1 ? anchor.at[axis] : goal;
      return start + (goal - start) * arrival;
    };
    return [along(0), along(1)];
  };

  // The ratio changes when the window moves to another screen or the page is zoomed; a query reports one change.
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
      renderer?.setLook(lookOf(store.theme.value, store.colors.value, scaleColors(store, side)));
      schedule();
    }),
    effect(() => {
      const { mask, indices } = store.selection.value;
      const shown = store.pointedAt.value ?? store.visible.value;
      renderer?.setStates(statesOf(mask, shown, hello.split), indices);
      schedule();
    }),
    effect(() => {
      viewport.value;
      playhead.mix.value;
      playhead.playing.value;
      playhead.held.value;
      store.colorBy.value;
      store.sizeBy.value;
      store.hovered.value;
      store.pinned.value;
      store.view.points.value;
      store.view.overlay.value;
      store.view.delta.value;
      schedule();
    }),
    // Epochs fetched ahead are uploaded without drawing.
    effect(() => {
      frames.revision.value;
      territories.revision.value;
      side.field(store.view.overlay.value)?.revision.value;
      side.column(store.colorBy.value)?.revision.value;
      side.column(store.sizeBy.value)?.revision.value;
      if (ingredients().some((one, i) => one !== used[i])) {
        schedule();
      } else if (idle === 0) {
        idle = whenIdle(prepare);
      }
    }),
    // Columns are asked for wherever time is, once its samples are there.
    effect(() => {
      const time = playhead.mix.value;
      frames.revision.value;
      const at = time === null ? [] : [side.at(time.a), side.at(time.b)];
      const wanted = at.filter((position) => frames.get(position) !== undefined);
      for (const name of new Set([store.colorBy.value, store.sizeBy.value])) {
        side.column(name)?.want(wanted);
      }
    }),
    // Trust takes long, so it is asked for only where time rests; density is counted wherever time is.
    effect(() => {
      if (store.view.overlay.value === "trust" && side.can("trust")) {
        side.trust.want([playhead.resting.value]);
      }
    }),
    effect(() => {
      if (store.view.overlay.value === "changes") {
        const time = playhead.mix.value;
        territories.revision.value;
        const positions = time === null ? [] : [side.at(time.a), side.at(time.b)];
        side.compare(side.at(sinceOf(store)), positions);
      } else {
        territories.hold([]);
      }
    }),
    effect(() => {
      if (store.view.overlay.value === "density") {
        const time = playhead.mix.value;
        const moves = hello.n <= MAX_COUNTED && time !== null;
        const wanted = moves ? [time.a, time.b] : [playhead.resting.value];
        frames.revision.value;
        side.density.want(wanted.filter((position) => frames.get(position) !== undefined));
      }
    }),
  ];
  if (renderer !== null) {
    renderer.onRestored = schedule;
  }

  return {
    works: renderer !== null,
    positionOf,
    setLines: (which, lines) => {
      renderer?.setLines(which, lines);
      schedule();
    },
    setNeighbors: (neighbors) => {
      renderer?.setNeighbors(neighbors);
      schedule();
    },
    picture: (ratio) => {
      const output = document.createElement("canvas").getContext("2d");
      if (renderer === null || scene === null || output === null) {
        return null;
      }
      const times = ratio / scene.ratio;
      const larger = {
        ...scene,
        width: Math.round(scene.width * times),
        height: Math.round(scene.height * times),
        radius: scene.radius * times,
        ratio,
      };
      return renderer.draw(larger, output) ? output.canvas : null;
    },
    drawn,
    settled,
    standing,
    mixed: () => ({ ...mix, arrival }),
    locate: (sample) => {
      const seen = viewport.peek();
      const at = positionOf(sample);
      return seen === null || at === null ? null : toScreen(seen, ...at);
    },
    stop: () => {
      for (const stop of stops) {
        stop();
      }
      cancelAnimationFrame(request);
      cancelIdle(idle);
      ratioQuery?.removeEventListener("change", ratioChanged);
      renderer?.dispose();
    },
  };
}

/** A byte per sample: bit 0 selected, bit 1 faded by the filter, bit 2 of the test split. */
function statesOf(selected: Uint8Array, visible: Uint8Array | null, split: Uint8Array): Uint8Array {
  const states = new Uint8Array(selected.length);
  for (let i = 0; i < states.length; i++) {
    states[i] = (selected[i] as number) | ((split[i] as number) << 2);
  }
  for (let i = 0; visible !== null && i < states.length; i++) {
    states[i] = (states[i] as number) | ((1 - (visible[i] as number)) << 1);
  }
  return states;
}
