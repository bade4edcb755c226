// The window of epochs: what is on the screen first, neighbours next, the rest let go; stale answers change nothing.
import { describe, expect, it } from "vitest";
import { EpochWindow, outwards } from "../src/protocol/window";
import type { Progress } from "../src/protocol/wire";

interface Request {
  position: number;
  signal: AbortSignal;
  progress: Progress<string>;
  answer: (value: string) => void;
  fail: (error: Error) => void;
}

function controlled(options: { budget?: number; lanes?: number } = {}) {
  const requests: Request[] = [];
  const epochs = new EpochWindow<string>({
    load: (position, signal, progress) =>
      new Promise((answer, fail) => requests.push({ position, signal, progress, answer, fail })),
    bytes: () => 10,
    budget: options.budget ?? 1000,
    lanes: options.lanes ?? 2,
  });
  const open = () =>
    requests.filter(({ signal }) => !signal.aborted).map(({ position }) => position);
  const settle = () => new Promise((resolve) => setTimeout(resolve));
  const answer = async (position: number) => {
    requests.findLast((request) => request.position === position)?.answer(`epoch ${position}`);
    await settle();
  };
  return { epochs, requests, open, answer, settle };
}

describe("the order of wanting", () => {
  it("starts with the two epochs a picture is mixed from", () => {
    expect(outwards(2.4, 6, 1).slice(0, 2).sort()).toEqual([2, 3]);
  });

  it("prefers what lies ahead", () => {
    expect(outwards(3, 10, 1).slice(0, 5)).toEqual([3, 4, 5, 2, 6]);
    expect(outwards(6, 10, -1).slice(0, 5)).toEqual([6, 5, 4, 7, 3]);
  });

  it("names every epoch once", () => {
    expect(outwards(4.5, 9, -1).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });
});

describe("the window", () => {
  it("loads and keeps what is held right after what is seen, however far and heavy", async () => {
    const { epochs, open, answer } = controlled({ budget: 20, lanes: 8 });
    epochs.want([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    epochs.hold([8, 9]);
    expect(open()).toEqual([0, 1, 8, 9]);
    for (const position of [0, 1, 8, 9]) {
      await answer(position);
    }
    epochs.want([2, 3, 4, 5, 6, 7, 8, 9, 1, 0]);
    await answer(2);
    await answer(3);
    expect([epochs.get(8), epochs.get(9)]).toEqual(["epoch 8", "epoch 9"]);
    epochs.hold([]);
    await answer(4);
    await answer(5);
    expect([epochs.get(8), epochs.get(9)]).toEqual([undefined, undefined]);
  });

  it("asks for no more at once than it has lanes, in the order given", async () => {
    const { epochs, open, answer } = controlled();
    epochs.want([3, 4, 2, 5]);
    expect(open()).toEqual([3, 4]);
    await answer(3);
    expect(epochs.get(3)).toBe("epoch 3");
    expect(open()).toEqual([3, 4, 2]);
  });

  it("gives what has arrived of an epoch until the whole is there", async () => {
    const { epochs, requests, answer } = controlled();
    epochs.want([3]);
    const before = epochs.revision.value;
    requests[0]?.progress(0.5, "half way", "a coarse epoch 3");
    expect(epochs.revision.value).toBe(before + 1);
    expect(epochs.get(3)).toBeUndefined();
    expect(epochs.partial(3)).toBe("a coarse epoch 3");
    requests[0]?.progress(0.6, "a little further");
    expect(epochs.partial(3)).toBe("a coarse epoch 3");
    await answer(3);
    expect(epochs.partial(3)).toBe("epoch 3");
  });

  it("asks once, however often an epoch is wanted", async () => {
    const { epochs, requests, answer } = controlled();
    epochs.want([0]);
    epochs.want([0]);
    await answer(0);
    epochs.want([0]);
    expect(requests).toHaveLength(1);
  });

  it("cancels a prefetch when something on the screen is missing", async () => {
    const { epochs, requests, answer } = controlled({ lanes: 2 });
    epochs.want([0, 1]);
    await answer(0);
    await answer(1);
    epochs.want([0, 1, 2, 3]);
    epochs.want([9, 8, 2, 3]);
    const cancelled = requests.filter(({ signal }) => signal.aborted);
    expect(cancelled.map(({ position }) => position).sort()).toEqual([2, 3]);
  });

  it("ignores the answer to a cancelled request", async () => {
    const { epochs, requests, answer, settle } = controlled({ lanes: 1 });
    epochs.want([0]);
    await answer(0);
    epochs.want([1]);
    epochs.want([2]);
    const stale = requests.find(({ position }) => position === 1);
    expect(stale?.signal.aborted).toBe(true);
    stale?.answer("too late");
    await settle();
    expect(epochs.get(1)).toBeUndefined();
  });

  it("keeps only what the budget allows, the least wanted goes", async () => {
    const { epochs, answer } = controlled({ budget: 40, lanes: 9 });
    epochs.want([0, 1, 2, 3, 4, 5]);
    for (const position of [0, 1, 2, 3]) {
      await answer(position);
    }
    epochs.want([5, 4, 3, 2, 1, 0]);
    await answer(5);
    await answer(4);
    expect([0, 1, 2, 3, 4, 5].filter((position) => epochs.get(position))).toEqual([2, 3, 4, 5]);
  });

  it("keeps a failure until it is asked to try again", async () => {
    const { epochs, requests, settle } = controlled();
    epochs.want([0]);
    requests[0]?.fail(new Error("The disk is full."));
    await settle();
    expect(epochs.error(0)).toBe("The disk is full.");
    epochs.want([0]);
    expect(requests).toHaveLength(1);
    epochs.retry();
    expect(epochs.error(0)).toBeUndefined();
    expect(requests).toHaveLength(2);
  });

  it("tells of progress, and of every change", async () => {
    const { epochs, requests, answer } = controlled();
    epochs.want([7]);
    const before = epochs.revision.value;
    requests[0]?.progress(0.5, "Painting");
    expect(epochs.progress(7)).toEqual({ fraction: 0.5, text: "Painting" });
    await answer(7);
    expect(epochs.revision.value).toBe(before + 2);
    expect(epochs.progress(7)).toBeNull();
  });

  it("cancels everything when it is closed", () => {
    const { epochs, requests } = controlled();
    epochs.want([0, 1]);
    epochs.close();
    expect(requests.every(({ signal }) => signal.aborted)).toBe(true);
  });
});
