// Time: seeking leaps, dragging and playing flow, and the picture never shows what has not arrived.
// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EpochWindow } from "../src/protocol/window";
import { Playhead } from "../src/state/playhead";

let answers: Map<number, (value: string) => void>;

function playheadOf(count: number, { start = 0, still = false, speed = 1, loop = false } = {}) {
  answers = new Map();
  const frames = new EpochWindow<string>({
    load: (position) => new Promise((resolve) => answers.set(position, resolve)),
    bytes: () => 1,
    budget: 1000,
    lanes: 1000,
  });
  return new Playhead(count, start, [frames], [frames], signal(still), {
    speed: signal(speed),
    loop: signal(loop),
  });
}

async function arrive(...positions: number[]): Promise<void> {
  // The first answer says how large a frame is, and so how many are asked for.
  for (const position of positions) {
    answers.get(position)?.(`frame ${position}`);
    await vi.advanceTimersByTimeAsync(0);
  }
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const ALL = [0, 1, 2, 3, 4];

describe("the picture", () => {
  it("is not there before its epoch has arrived", async () => {
    const playhead = playheadOf(5, { start: 2 });
    expect(playhead.mix.value).toBeNull();
    await arrive(2);
    expect(playhead.mix.value).toMatchObject({ a: 2, b: 2, t: 0, exact: true, leaps: 0 });
  });

  it("leaps when an epoch is sought, and says so", async () => {
    const playhead = playheadOf(5);
    await arrive(...ALL);
    playhead.seek(3);
    expect(playhead.mix.value).toMatchObject({ a: 3, b: 3, t: 0, leaps: 1 });
    playhead.seek(99);
    expect(playhead.position.value).toBe(4);
  });

  it("flows while it is dragged, and leaps to the nearest epoch when let go", async () => {
    const playhead = playheadOf(5);
    await arrive(...ALL);
    playhead.drag(1.25);
    expect(playhead.mix.value).toMatchObject({ a: 1, b: 2, t: 0.25, leaps: 0 });
    playhead.drag(1.75);
    expect(playhead.mix.value?.leaps).toBe(0);
    expect(playhead.resting.value).toBe(0);
    playhead.release();
    expect(playhead.mix.value).toMatchObject({ a: 2, t: 0, leaps: 1 });
    expect(playhead.resting.value).toBe(2);
  });

  it("stays with what has arrived, and leaps when the rest does", async () => {
    const playhead = playheadOf(5);
    await arrive(0);
    playhead.seek(3);
    expect(playhead.mix.value).toMatchObject({ a: 0, leaps: 0 });
    expect(playhead.position.value).toBe(3);
    await arrive(3);
    expect(playhead.mix.value).toMatchObject({ a: 3, leaps: 1 });
  });

  it("shows the nearer of two epochs while the other is on its way", async () => {
    const playhead = playheadOf(5);
    await arrive(0);
    playhead.drag(0.5);
    expect(playhead.mix.value).toMatchObject({ a: 0, b: 0, t: 0, exact: false });
    await arrive(1);
    expect(playhead.mix.value).toMatchObject({ a: 0, b: 1, t: 0.5, exact: true, leaps: 1 });
  });

  it("blends nothing for those who want no motion", async () => {
    const playhead = playheadOf(5, { still: true });
    await arrive(...ALL);
    playhead.drag(1.7);
    expect(playhead.mix.value).toMatchObject({ a: 2, b: 2, t: 0 });
  });
});

describe("playing", () => {
  it("runs through all epochs and rests at the last", async () => {
    const playhead = playheadOf(5);
    await arrive(...ALL);
    playhead.play();
    const seen: number[] = [];
    for (let i = 0; i < 600 && playhead.playing.value; i++) {
      await vi.advanceTimersByTimeAsync(16);
      seen.push(playhead.time.value);
    }
    expect(playhead.playing.value).toBe(false);
    expect(playhead.mix.value).toMatchObject({ a: 4, t: 0 });
    expect(seen).toEqual([...seen].sort((p, q) => p - q));
    expect(new Set(seen.map(Math.floor))).toEqual(new Set(ALL));
    expect(seen.some((time) => !Number.isInteger(time))).toBe(true);
  });

  it("starts over at the end, and stops at the nearest epoch", async () => {
    const playhead = playheadOf(5, { start: 4 });
    await arrive(...ALL);
    playhead.toggle();
    expect(playhead.time.value).toBe(0);
    await vi.advanceTimersByTimeAsync(700);
    playhead.toggle();
    expect(playhead.playing.value).toBe(false);
    expect(Number.isInteger(playhead.time.value)).toBe(true);
  });

  it("waits for an epoch that has not arrived", async () => {
    const playhead = playheadOf(5);
    await arrive(0, 1);
    playhead.play();
    await vi.advanceTimersByTimeAsync(5000);
    expect(playhead.playing.value).toBe(true);
    expect(playhead.time.value).toBeLessThanOrEqual(1);
    await arrive(2);
    await vi.advanceTimersByTimeAsync(300);
    expect(playhead.time.value).toBeGreaterThan(1);
    playhead.close();
  });

  it("goes as fast as it is told", async () => {
    const gone = async (speed: number): Promise<number> => {
      const playhead = playheadOf(5, { speed });
      await arrive(...ALL);
      playhead.play();
      // Epochs are lingered on, so that only whole ones tell the pace.
      const began = performance.now();
      while (playhead.time.value < 4) {
        await vi.advanceTimersByTimeAsync(16);
      }
      return performance.now() - began;
    };
    const [slow, normal, fast] = [await gone(0.5), await gone(1), await gone(4)];
    expect(slow / normal).toBeCloseTo(2, 1);
    expect(normal / fast).toBeCloseTo(4, 0);
  });

  it("starts over at the end with a leap, after a rest, until it is stopped", async () => {
    const playhead = playheadOf(3, { loop: true });
    await arrive(0, 1, 2);
    playhead.play();
    const visits: number[] = [];
    let leaps = 0;
    for (let i = 0; i < 600; i++) {
      await vi.advanceTimersByTimeAsync(16);
      const at = playhead.position.value;
      if (visits.at(-1) !== at) {
        visits.push(at);
      }
      leaps = playhead.mix.value?.leaps ?? 0;
    }
    expect(visits.slice(0, 6)).toEqual([0, 1, 2, 0, 1, 2]);
    expect(leaps).toBeGreaterThanOrEqual(2);
    expect(playhead.playing.value).toBe(true);
    playhead.toggle();
    expect(playhead.playing.value).toBe(false);
  });

  it("has nothing to do where there is one epoch", () => {
    const playhead = playheadOf(1);
    playhead.play();
    expect(playhead.playing.value).toBe(false);
  });
});

describe("what follows at a calm pace", () => {
  const followed = (playhead: Playhead): number[] => {
    const passed: number[] = [];
    playhead.passing.subscribe((position) => passed.push(position));
    return passed;
  };

  it("moves on four times a second while time is dragged, and at once when it is let go", async () => {
    const count = 60;
    const playhead = playheadOf(count);
    for (let i = 0; i < count; i++) {
      await arrive(i);
      playhead.seek(i);
    }
    playhead.seek(0);
    const passed = followed(playhead);
    for (let step = 0; step < 100; step++) {
      playhead.drag(step / 2);
      await vi.advanceTimersByTimeAsync(10);
    }
    expect(passed.length).toBeGreaterThanOrEqual(4);
    expect(passed.length).toBeLessThanOrEqual(5);
    expect(playhead.resting.value).toBe(0);
    playhead.release();
    expect(playhead.passing.value).toBe(playhead.resting.value);
    const rested = passed.length;
    await vi.advanceTimersByTimeAsync(1000);
    expect(passed).toHaveLength(rested);
    playhead.close();
  });

  it("stays where it was until the epoch is here", async () => {
    const playhead = playheadOf(5);
    await arrive(0);
    playhead.drag(3);
    await vi.advanceTimersByTimeAsync(1000);
    expect(playhead.passing.value).toBe(0);
    await arrive(3);
    await vi.advanceTimersByTimeAsync(250);
    expect(playhead.passing.value).toBe(3);
    playhead.close();
  });
});
