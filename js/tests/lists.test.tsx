// The ranked lists: what each means, its samples in order, and what the pointer, keys and filter do to them.
// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { measured } from "../src/pieces/words";
import type { FakeOptions } from "./fake/answers";
import type { FakeModelOptions } from "./fake/model";
import { selected } from "./fake/model";
import { choose as change, press, shown } from "./fake/shown";

async function opened(options: FakeOptions = {}, modelOptions: FakeModelOptions = {}) {
  const explorer = await shown({ n: 400, services: ["dynamics"], ...options }, modelOptions);
  await explorer.open("To review");
  await explorer.settle();
  const choose = async (name: string) => {
    explorer
      .parts("list-name")
      .find(({ textContent }) => textContent === name)
      ?.click();
    await explorer.settle();
  };
  const listed = () => explorer.parts("ranked-row").map((row) => Number(row.dataset.index));
  return { ...explorer, choose, listed };
}

describe("a ranked list", () => {
  it("says what it means, and shows its samples with their values under the measure's name", async () => {
    const { element, part, parts, run, listed, choose } = await opened();
    const { buffers } = run.answer("list", { name: "likely mislabelled" });
    const [indices, values] = buffers as [Int32Array, Float32Array];
    expect(part("definition")?.textContent).toContain("higher logit than the label");
    expect(parts("list-name").map(({ title }) => title)).toContain(
      "Right at one epoch and wrong at the next.",
    );
    expect(part("listed")?.textContent).toBe(`${indices.length} samples`);
    expect(listed()).toEqual([...indices].slice(0, listed().length));
    expect(element.querySelector(".dvi-ranked-head")?.textContent).toContain("aum");
    const [row] = parts("ranked-row");
    expect(row?.textContent).toContain(measured(values[0] as number));
    expect(row?.querySelector("canvas")).not.toBeNull();
    await choose("forgotten");
    expect(element.querySelector(".dvi-ranked-head")?.textContent).toContain("forgetting");
  });

  it("draws only the rows in view, however many there are", async () => {
    const { part, parts, choose } = await opened({ n: 5000 });
    await choose("forgotten");
    expect(part("listed")?.textContent).toBe("2,500 samples");
    expect(parts("ranked-row").length).toBeLessThan(60);
  });

  it("highlights on the canvas, selects by a click, and the first so many by a button", async () => {
    const { model, parts, listed, settle, choose } = await opened();
    await choose("forgotten");
    const [first, second] = parts("ranked-row");
    second?.dispatchEvent(new Event("pointerenter"));
    await settle();
    expect(model.get("hovered")).toBe(listed()[1]);
    first?.click();
    await settle();
    expect(selected(model)).toEqual([0]);
    const number = parts("list-first")[0] as HTMLInputElement;
    number.value = "7";
    number.dispatchEvent(new Event("input", { bubbles: true }));
    await settle();
    parts("select-first")[0]?.click();
    await settle();
    expect(selected(model)).toEqual([0, 2, 4, 6, 8, 10, 12]);
    parts("select-all")[0]?.click();
    await settle();
    expect(selected(model)).toHaveLength(200);
  });

  it("is sorted by any measure, and the other way round", async () => {
    const { part, parts, run, listed, settle } = await opened();
    const { buffers, result } = run.answer("dynamics", { landscape: 0 });
    const columns = result.columns as string[];
    const values = buffers[0] as Float32Array;
    const n = values.length / columns.length;
    const worth = (i: number) => values[columns.indexOf("confidence") * n + i] as number;
    change(part("list-measure"), "confidence");
    await settle();
    const found = listed().map(worth);
    expect(found.length).toBeGreaterThan(3);
    expect(found).toEqual(found.toSorted((p, q) => p - q));
    part("list-direction")?.click();
    await settle();
    const back = listed().map(worth);
    expect(back).toEqual(back.toSorted((p, q) => q - p));
    expect(parts("ranked-row")[0]?.textContent).toMatch(/train|test/);
  });

  it("is walked over by arrow keys", async () => {
    const { parts, settle, model, choose, listed } = await opened();
    await choose("forgotten");
    parts("ranked-row")[0]?.focus();
    press(parts("ranked-row")[0], "ArrowDown");
    await settle();
    expect(model.get("hovered")).toBe(listed()[1]);
  });

  it("has only what the filter shows", async () => {
    const { model, part, settle, choose, listed } = await opened();
    await choose("forgotten");
    model.receive("filter", "#0-9");
    await settle(300);
    expect(part("listed")?.textContent).toBe("5 of 200 found");
    expect(listed()).toEqual([0, 2, 4, 6, 8]);
  });
});

describe("where there is no list", () => {
  it("says that one epoch is not enough, or what is missing", async () => {
    const one = await opened({ epochs: [3], services: [] });
    expect(one.part("lists-empty")?.textContent).toContain("Record more of them");
    const bare = await opened({ services: [] });
    expect(bare.part("lists-empty")?.textContent).toContain("DVI().fit(run).landscape()");
  });

  it("says that no sample is of this kind", async () => {
    const { choose, element } = await opened();
    await choose("late learners");
    expect(element.querySelector(".dvi-lists .dvi-empty")?.textContent).toContain(
      "No sample is of this kind.",
    );
  });

  it("waits, says what went wrong, and asks again", async () => {
    const { model, element, part, settle } = await opened(
      {},
      { failures: { list: "The logits were deleted." } },
    );
    const alert = () => element.querySelector(".dvi-lists [role=alert]");
    expect(alert()?.textContent).toContain("The logits were deleted.");
    delete model.failures.list;
    alert()?.querySelector("button")?.click();
    await settle();
    expect(part("listed")?.textContent).toMatch(/samples$/);
  });
});
