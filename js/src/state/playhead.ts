// Where in the recorded run we are: seek, drag and play, and which epochs the picture is mixed from.
import {
  batch,
  computed,
  effect,
  type ReadonlySignal,
  type Signal,
  signal,
  untracked,
} from "@preact/signals";
import { type EpochWindow, outwards } from "../protocol/window";

/** The picture: epoch `a` blended into epoch `b` (positions in the list of epochs) by `t` in [0, 1]. */
export interface Mix {
  a: number;
  b: number;
  t: number;
  /** Grows when the picture leaps, so that whoever draws it glides instead. */
  leaps: number;
  /** Whether this is the time wanted, or the nearest that has arrived. */
  exact: boolean;
}

/** How time plays. */
export interface Pace {
  speed: ReadonlySignal<number>;
  /** Start over at the end. */
  loop: ReadonlySignal<boolean>;
}

/** How often at most what follows time at a calm pace is moved on. */
const PASSING_MS = 250;
const PLAY_SECONDS = 8;
const EPOCH_SECONDS = { least: 0.12, most: 0.9 };
/** How long the last epoch is seen before time starts over. */
const LOOP_REST_SECONDS = 1;

export class Playhead {
  /** A position in the list of epochs; fractions lie between two of them. */
  readonly time: Signal<number>;
  readonly playing: Signal<boolean> = signal(false);
  readonly held: Signal<boolean> = signal(false);
  readonly mix: Signal<Mix | null> = signal(null);
  /** The nearest recorded position. */
  readonly position: ReadonlySignal<number>;
  /** The position last rested at: for what need not follow every step. */
  readonly resting: Signal<number>;
  /** The nearest position whose epoch is here, now and then on the way too: for what only reads epochs that are. */
  readonly passing: Signal<number>;
  /** Whether time goes to each further epoch that arrives: until somebody looks back. */
  readonly following: Signal<boolean>;
  /** The number of epochs that arrived since; null while none ever did. */
  readonly news: Signal<number | null> = signal(null);
  private direction: 1 | -1 = 1;
  private clock = 0;
  private request = 0;
  private before = 0;
  private rested = 0;
  private timer = 0;
  private readonly stop: () => void;

  constructor(
    private count: number,
    start: number,
    private readonly windows: readonly EpochWindow<unknown>[],
    /** Those without which nothing can be shown. */
    private readonly frames: readonly EpochWindow<unknown>[],
    private readonly reducedMotion: ReadonlySignal<boolean>,
    private readonly pace: Pace,
  ) {
    this.time = signal(start);
    this.resting = signal(start);
    this.passing = signal(start);
    this.following = signal(start === count - 1);
    this.position = computed(() => Math.round(this.time.value));
    this.prefetch();
    this.stop = effect(() => {
      for (const { revision } of this.frames) {
        revision.value;
      }
      untracked(() => this.resolve("arrival"));
    });
  }

  /** Take over further epochs, and go to the last of them while following. */
  grow(count: number): void {
    const added = count - this.count;
    this.count = count;
    batch(() => {
      const followed = this.following.peek() && !this.held.peek();
      this.news.value = followed ? 0 : (this.news.peek() ?? 0) + added;
      if (followed) {
        this.seek(count - 1);
      } else {
        this.prefetch();
      }
    });
  }

  /** Go to the last epoch and stay with the training. */
  follow(): void {
    this.seek(this.count - 1);
  }

  /** Go to a recorded position, in one glide. */
  seek(position: number): void {
    const target = Math.min(this.count - 1, Math.max(0, Math.round(position)));
    this.playing.value = false;
    batch(() => {
      this.following.value = target === this.count - 1;
      if (this.following.peek() && this.news.peek() !== null) {
        this.news.value = 0;
      }
      this.move(target);
      this.resting.value = target;
      this.passing.value = target;
      this.resolve("seek");
    });
  }

  /** Follow a hand on the slider. */
  drag(time: number): void {
    batch(() => {
      this.playing.value = false;
      this.following.value = false;
      this.held.value = true;
      this.move(Math.min(this.count - 1, Math.max(0, time)));
      this.resolve("motion");
    });
  }

  release(): void {
    batch(() => {
      this.held.value = false;
      this.seek(this.time.peek());
    });
  }

  toggle(): void {
    if (this.playing.peek()) {
      this.seek(this.time.peek());
    } else {
      this.play();
    }
  }

  play(): void {
    if (this.count < 2 || this.playing.peek()) {
      return;
    }
    if (this.time.peek() >= this.count - 1) {
      this.seek(0);
    }
    this.playing.value = true;
    this.following.value = false;
    this.clock = this.time.peek();
    this.before = performance.now();
    this.request = requestAnimationFrame(this.advance);
  }

  close(): void {
    this.playing.value = false;
    cancelAnimationFrame(this.request);
    clearTimeout(this.timer);
    this.stop();
  }

  private readonly advance = (now: number): void => {
    if (!this.playing.peek()) {
      return;
    }
    const seconds = Math.min(
      EPOCH_SECONDS.most,
      Math.max(EPOCH_SECONDS.least, PLAY_SECONDS / this.count),
    );
    // A hidden page must not leap when it comes back.
    const elapsed = Math.min(0.1, Math.max(0, now - this.before) / 1000);
    this.before = now;
    const speed = Math.min(16, Math.max(0.1, this.pace.speed.peek()));
    const next = Math.min(this.count - 1, this.clock + (elapsed * speed) / seconds);
    const mix = this.mix.peek();
    // Wait where the next epoch has not arrived.
    if (this.has(Math.ceil(next)) && (mix?.exact || Number.isInteger(this.clock))) {
      this.clock = next;
    }
    if (this.clock >= this.count - 1) {
      if (!this.pace.loop.peek()) {
        this.seek(this.count - 1);
        return;
      }
      this.rested += elapsed * speed;
      if (this.rested >= LOOP_REST_SECONDS) {
        this.rested = this.clock = 0;
      }
    }
    const whole = Math.floor(this.clock);
    const part = this.clock - whole;
    batch(() => {
      // Each epoch is lingered on a little, so that it can be read.
      const started = this.time.peek() > whole + 1;
      this.move(whole + part * part * (3 - 2 * part));
      this.resolve(started ? "seek" : "motion");
    });
    this.request = requestAnimationFrame(this.advance);
  };

  private move(time: number): void {
    const before = this.time.peek();
    if (time === before) {
      return;
    }
    this.direction = time > before ? 1 : -1;
    this.time.value = time;
    if (Math.floor(time) !== Math.floor(before) || Number.isInteger(time)) {
      this.prefetch();
    }
  }

  private prefetch(): void {
    const order = outwards(this.time.peek(), this.count, this.direction);
    for (const window of this.windows) {
      window.want(order);
    }
  }

  private readonly pass = (): void => {
    this.timer = 0;
    const position = this.position.peek();
    if (this.has(position)) {
      this.passing.value = position;
    }
  };

  private has(position: number): boolean {
    return this.frames.every((window) => window.get(position) !== undefined);
  }

  private resolve(cause: "seek" | "motion" | "arrival"): void {
    if (this.passing.peek() !== this.position.peek()) {
      this.timer ||= window.setTimeout(this.pass, PASSING_MS);
    }
    const mix = this.available();
    const before = this.mix.peek();
    if (mix === null) {
      return;
    }
    if (before === null) {
      this.mix.value = { ...mix, leaps: 0 };
      return;
    }
    if (
      mix.a === before.a &&
      mix.b === before.b &&
      mix.t === before.t &&
      mix.exact === before.exact
    ) {
      return;
    }
    const follows = cause === "motion" && before.exact && (mix.exact || mix.a === before.a);
    this.mix.value = { ...mix, leaps: before.leaps + (follows ? 0 : 1) };
  }

  /** What can be shown of the current time; null where nothing near has arrived. */
  private available(): Omit<Mix, "leaps"> | null {
    const time = this.reducedMotion.peek() ? Math.round(this.time.peek()) : this.time.peek();
    const a = Math.floor(time);
    const b = Math.ceil(time);
    const hasA = this.has(a);
    const hasB = this.has(b);
    if (hasA && hasB) {
      return { a, b, t: time - a, exact: true };
    }
    if (hasA || hasB) {
      const only = hasA ? a : b;
      return { a: only, b: only, t: 0, exact: false };
    }
    return null;
  }
}
