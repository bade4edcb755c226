// Events on the timeline: marks, the list, and the filter that finds just their samples.
// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { eventFilter, eventWords, momentsOf } from "../src/chrome/happened";
import type { EventRow } from "../src/protocol/requests";
import { holds } from "../src/query/holds";
import { parse } from "../src/query/parse";
import { choose, press, shown } from "./fake/shown";

const row = (event: EventRow["event"], classes: number[]): EventRow => ({
  epoch: 7,
  before: 3,
  event,
  classes,
  change: event === "fell" || event === "parted" ? -0.062 : 0.062,
  samples: 2,
});

const known = { n: 8, classes: ["cat", "red fox", "3"], groups: [], epochs: [3, 7] };
const predictions: Record<number, number[]> = {
  3: [0, 0, 1, 1, 2, 0, 1, 1],
  7: [0, 1, 0, 1, 2, 1, 2, 2],
};

/** The samples that a filter shows. */
function found(text: string): number[] {
  const query = parse(text, known);
  expect(query.problems).toEqual([]);
  const mask = holds(query, {
    labels: Int32Array.of(0, 0, 0, 1, 2, 0, 1, 2),
    split: Uint8Array.of(1, 1, 1, 1, 1, 0, 1, 1),
    groups: new Map(),
    epoch: 7,
    outputs: (epoch) => ({
      predictions: predictions[epoch] as number[],
      confidence: new Array(8).fill(1),
    }),
    certainty: 1,
  } as Parameters<typeof holds>[1]);
  return [...mask.keys()].filter((i) => mask[i] === 1);
}

describe("an event", () => {
  it.each([
    ["changed", [], [1, 2, 5, 6, 7]],
    ["fell", [0], [1]],
    ["merged", [0, 1], [1]],
    ["parted", [0, 1], [1, 2, 6]],
    ["parted", [2, 1], [6, 7]],
  ] as const)("%s of classes %j has a filter that finds its samples", (event, classes, samples) => {
    expect(found(eventFilter(row(event, [...classes]), "test", known))).toEqual(samples);
  });

  it("is told in words, by the names of its classes", () => {
    expect(eventWords(row("fell", [1]), known.classes)).toBe(
      "red fox is recognised less often, by 6 points",
    );
    expect(eventWords(row("merged", [0, 1]), known.classes)).toContain("cat and red fox merge");
  });
});

describe("events on the timeline", () => {
  const events = [
    { ...row("changed", []), epoch: 5, before: 0, samples: 31 },
    { ...row("fell", [1]), epoch: 10, before: 5 },
    { ...row("merged", [0, 1]), epoch: 10, before: 5 },
  ];

  it("are marked at their epochs, and each is a click away from its samples", async () => {
    const { model, part, parts, settle } = await shown({ epochs: [0, 5, 10], classes: 3, events });
    await settle();
    const marks = parts("event-mark");
    expect(marks).toHaveLength(1);
    expect(marks[0]?.querySelector("title")?.textContent?.split("\n")).toHaveLength(2);
    part("events")?.click();
    await settle();
    expect(part("event-changed")?.textContent).toBe("31 samples got another prediction");
    part("event-fell")?.click();
    await settle(300);
    expect(model.get("epoch")).toBe(10);
    expect(model.get("filter")).toMatch(/^label:\S+ wrong changed:5-10$/);
    expect(part("images") ?? part("images-empty")).not.toBeNull();
  });

  it("are sought by what happened and to which classes, and one goes from one to the next", async () => {
    const sought = [
      ...events,
      { ...row("parted", [0, 2]), epoch: 5, before: 0 },
      { ...row("parted", [1, 2]), epoch: 10, before: 5 },
      { ...row("parted", [0, 2]), epoch: 20, before: 15 },
    ];
    const { model, part, parts, settle } = await shown({
      epochs: [0, 5, 10, 15, 20],
      classes: 3,
      events: sought,
    });
    await settle();
    expect(part("next-moment")?.title).toBe("Next epoch where anything notable happened (.)");
    part("events")?.click();
    await settle();
    choose(part("sought"), "parted");
    await settle();
    expect(parts("event-mark")).toHaveLength(3);
    choose(part("sought-class-0"), "0");
    await settle();
    choose(part("sought-class-1"), "2");
    await settle();
    expect(parts("event-mark")).toHaveLength(2);
    expect(part("previous-moment")?.title).toMatch(/and .* part \(,\)$/);
    expect(model.get("epoch")).toBe(0);
    expect(part("previous-moment")?.hasAttribute("disabled")).toBe(true);
    part("next-moment")?.click();
    await settle(300);
    expect(model.get("epoch")).toBe(5);
    press(part("stage"), ".");
    await settle(300);
    expect(model.get("epoch")).toBe(20);
    expect(part("next-moment")?.hasAttribute("disabled")).toBe(true);
    press(part("stage"), ",");
    await settle(300);
    expect(model.get("epoch")).toBe(5);
  });

  it("are sought where the accuracy fell", () => {
    const course = { name: "Test accuracy", epochs: [1, 4, 9, 16], values: [0.5, 0.75, 0.7, null] };
    const moments = momentsOf(
      { rows: events, split: "test" },
      { kind: "accuracy", classes: [] },
      course,
      known,
    );
    expect(moments.map(({ epoch, words, filter }) => [epoch, words, filter])).toEqual([
      [9, "Test accuracy fell from 75.0% to 70.0%", "wrong split:test changed:4-9"],
    ]);
  });

  it("list no more than three pairs of an epoch, but all that one looks for", () => {
    const many = Array.from({ length: 5 }, (_, i) => row("merged", [0, i + 1]));
    const course = { name: "Accuracy", epochs: [3, 7], values: [0.1, 0.2] };
    const of = (kind: string, classes: number[]) =>
      momentsOf({ rows: many, split: null }, { kind, classes }, course, known).length;
    expect([of("", []), of("merged", []), of("merged", [5]), of("merged", [5, 3])]).toEqual([
      3, 5, 1, 0,
    ]);
  });

  it("are none where nothing changed, or of one epoch", async () => {
    for (const epochs of [[0], [0, 5]]) {
      const { part, parts, settle } = await shown({ epochs });
      await settle();
      expect(part("events")).toBeNull();
      expect(parts("event-mark")).toHaveLength(0);
    }
  });
});
