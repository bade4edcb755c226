// The linear student on the page: a row for every class, and its loss where it learnt by descent.
// @vitest-environment happy-dom
import { render } from "preact";
import { afterEach, expect, it, vi } from "vitest";
import { Student } from "../src/panels/why/student";
import type { Answer } from "../src/protocol/wire";
import { fakeRun } from "./fake/answers";
import { storeOver } from "./fake/store";

afterEach(() => {
  render(null, document.body);
  vi.useRealTimers();
});

function answer(classes: number, epochs: number): Answer<"student"> {
  const array = <T,>(data: T, ...shape: number[]) => ({ data, shape });
  // The classes are the likelier the later they come.
  const likely = Float32Array.from({ length: classes }, (_, i) => i / classes);
  return {
    verdict: "A verdict.",
    trustworthy: true,
    agrees: true,
    kl: 0,
    r2: 1,
    total_variation: 0,
    window: 1,
    crossings: [],
    pixels: array(new Uint8Array(0), 0, 2, 2, 1),
    classes: array(new Int16Array(0), 0),
    latents: array(new Float32Array(0), 0, 2),
    positions: array(Float32Array.of(0), 1),
    probabilities: array(likely, 1, classes),
    bounds: array(new Float32Array(4), 2, 2),
    weights: array(new Float32Array(4 * classes), classes, 2, 2),
    weighted: array(new Float32Array(4 * classes), classes, 2, 2),
    teacher: array(likely, classes),
    student: array(likely, classes),
    course: array(
      Float32Array.from({ length: epochs }, (_, i) => 1 / (i + 1)),
      epochs,
    ),
  } as unknown as Answer<"student">;
}

async function drawn(classes: number, epochs = 0) {
  const store = await storeOver(fakeRun({ n: 20, epochs: [0, 1], classes }));
  render(
    <Student store={store} answer={answer(classes, epochs)} other={null} index={1} />,
    document.body,
  );
  const rows = () =>
    [...document.querySelectorAll("[data-testid=student] tbody th")].map((th) => th.textContent);
  const names = (from: number) =>
    Array.from({ length: classes - from }, (_, i) => store.className(from + i));
  const own = store.className(store.hello.labels[1] as number);
  return { rows, names, own };
}

it("shows ten classes all at once, in their order", async () => {
  const { rows, names } = await drawn(10);
  expect(rows()).toEqual(names(0));
  expect(document.querySelector("[data-testid=more-classes]")).toBeNull();
});

it("shows the likeliest of a hundred classes and the label, then more of them", async () => {
  const { rows, names, own } = await drawn(100);
  expect(new Set(rows())).toEqual(new Set([own, ...names(90)]));
  for (const from of [50, 10, 0]) {
    document.querySelector<HTMLElement>("[data-testid=more-classes]")?.click();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(new Set(rows())).toEqual(new Set([own, ...names(from)]));
  }
  expect(document.querySelector("[data-testid=more-classes]")).toBeNull();
});

it("shows the course of a descent, and none of a closed form", async () => {
  await drawn(3, 8);
  const course = document.querySelector("[data-testid=student-course]");
  expect(course?.querySelector("[role=img]")?.getAttribute("aria-label")).toBe(
    "Loss of the student over its epochs",
  );
  await drawn(3, 0);
  expect(document.querySelector("[data-testid=student-course]")).toBeNull();
});
