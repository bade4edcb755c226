// Questions of the panels: one request for all who wait for the same, cancelled by the last to leave.
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Answers } from "../src/protocol/answers";
import type { Answer, Ask, AskOptions } from "../src/protocol/wire";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function controlled() {
  type Request = AskOptions<Answer<"loss">> & {
    answer: (values?: number) => void;
    fail: () => void;
  };
  const requests: Request[] = [];
  const ask = (_op: string, _args: object, options: AskOptions<Answer<"loss">>) =>
    new Promise<Answer<"loss">>((resolve, reject) =>
      requests.push({
        ...options,
        answer: (values = 1) =>
          resolve({ loss: { data: new Uint8Array(values), shape: [values] } }),
        fail: () => reject(new Error("No.")),
      }),
    );
  const answers = new Answers(ask as Ask);
  const about = (epoch: number) => answers.about("loss", { landscape: 0, epoch, k: 5 });
  return { requests, answers, about };
}

const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

it("asks once for all who wait, and keeps the answer", async () => {
  const { requests, about } = controlled();
  const leave = [about(1).join(0), about(1).join(0)];
  await settle();
  requests[0]?.answer();
  await settle();
  expect(about(1).reply.value.answer?.loss.shape).toEqual([1]);
  for (const go of leave) {
    go();
  }
  about(1).join(0);
  await settle();
  expect(requests).toHaveLength(1);
});

it("does not ask for what is left before its time, and cancels what nobody waits for", async () => {
  const { requests, about } = controlled();
  const first = about(1).join(80);
  await settle(50);
  first();
  const [second, third] = [about(2).join(80), about(2).join(80)];
  await settle(100);
  expect(requests).toHaveLength(1);
  second();
  expect(requests[0]?.signal?.aborted).toBe(false);
  third();
  expect(requests[0]?.signal?.aborted).toBe(true);
  about(2).join(0);
  await settle();
  expect(requests).toHaveLength(2);
});

it("tells progress and failure, and asks again when told to", async () => {
  const { requests, about } = controlled();
  const question = about(1);
  question.join(0);
  await settle();
  requests[0]?.progress?.(0.5, "Half");
  expect(question.reply.value.progress).toEqual({ fraction: 0.5, text: "Half" });
  requests[0]?.fail();
  await settle();
  expect(question.reply.value.error).toBe("No.");
  question.start();
  requests[1]?.answer();
  await settle();
  expect(question.reply.value.answer).toBeDefined();
});

it("lets the oldest answers go when they grow too large", async () => {
  const { requests, about } = controlled();
  for (const i of [0, 1, 2]) {
    const leave = about(i).join(0);
    await settle();
    requests[i]?.answer(28e6);
    await settle();
    leave();
  }
  expect(about(2).reply.value.answer).toBeDefined();
  expect(about(0).reply.value.answer).toBeUndefined();
});
