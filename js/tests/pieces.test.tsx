// The small pieces that panels are made of, each by itself.
// @vitest-environment happy-dom
import { type ComponentChildren, render } from "preact";
import { afterEach, expect, it, vi } from "vitest";
import { Bars } from "../src/pieces/bars";
import { type Field, Form } from "../src/pieces/form";
import { Lines, path } from "../src/pieces/lines";
import { heatData } from "../src/pieces/pixels";
import type { Store } from "../src/state/store";
import { choose } from "./fake/shown";

afterEach(() => {
  render(null, document.body);
  vi.unstubAllGlobals();
});

function drawn(piece: ComponentChildren): HTMLElement {
  render(piece, document.body);
  return document.body;
}

it("draws curves with gaps where values are missing", () => {
  const words = path(
    [0, 1, Number.NaN, 3],
    (i) => 10 * i,
    (value) => value,
  );
  expect(words).toBe("M0.0 0.0L10.0 1.0M30.0 3.0");
});

it("reads all curves out under the pointer", async () => {
  vi.stubGlobal(
    "ResizeObserver",
    class {
      constructor(private readonly changed: () => void) {}
      observe(box: HTMLElement) {
        vi.spyOn(box, "clientWidth", "get").mockReturnValue(240);
        this.changed();
      }
      disconnect() {}
    },
  );
  const page = drawn(
    <Lines
      name="Accuracy by epoch"
      x={[5, 10, 15]}
      xName="epoch"
      yName="accuracy"
      curves={[
        { name: "train", values: [0.1, 0.5, 0.9], hue: "red" },
        { name: "test", values: [0.1, 0.4, Number.NaN], hue: "blue" },
      ]}
    />,
  );
  await vi.advanceTimersByTimeAsync(10);
  const plane = page.querySelector("figure > div");
  plane?.dispatchEvent(new PointerEvent("pointermove", { clientX: 230, bubbles: true }));
  await vi.advanceTimersByTimeAsync(10);
  expect(page.querySelector("figcaption")?.textContent).toBe("epoch 15 train 0.9 test –");
});

it("marks the label among bars, in red only where another class is likelier", () => {
  const store = {
    className: (index: number) => ["a long-winded name", "dog"][index],
    colors: { value: [] },
  } as unknown as Store;
  const marked = (probabilities: number[]): [string, boolean] => {
    const page = drawn(<Bars store={store} probabilities={probabilities} label={0} />);
    const [row] = page.querySelectorAll(".dvi-true");
    return [row?.querySelector("small")?.textContent ?? "", row?.matches(".dvi-wrong") ?? false];
  };
  expect(marked([0.7, 0.3])).toEqual(["label", false]);
  expect(marked([0.3, 0.7])).toEqual(["label", true]);
});

it("makes fields of a description, and tells valid values only", async () => {
  const fields: Field[] = [
    { name: "n_steps", kind: "integer", value: 50, min: 1, max: 200, help: "More are finer." },
    { name: "sigma", kind: "number", value: 0.1, min: 0 },
    { name: "baseline", kind: "choice", value: "black", choices: ["black", "blurred"] },
    { name: "absolute", kind: "boolean", value: false },
    { name: "layer", kind: "text", value: "" },
  ];
  const told: unknown[] = [];
  const page = drawn(
    <Form fields={fields} values={{ sigma: 0.2 }} change={(...change) => told.push(change)} />,
  );
  const inputs = [...page.querySelectorAll<HTMLInputElement>("input, select")];
  expect(inputs.map(({ value }) => value).slice(0, 3)).toEqual(["50", "0.2", "black"]);
  expect(page.querySelector("label")?.title).toBe("More are finer.");
  choose(inputs[0], "500");
  choose(inputs[0], "80");
  choose(inputs[1], "0.5");
  choose(inputs[2], "blurred");
  inputs[3]?.click();
  choose(inputs[4], "conv1");
  expect(told).toEqual([
    ["n_steps", 80],
    ["sigma", 0.5],
    ["baseline", "blurred"],
    ["absolute", true],
    ["layer", "conv1"],
  ]);
});

it("keeps what is being typed while it is drawn anew, until the value is another", async () => {
  const told: unknown[] = [];
  const field: Field = { name: "n_steps", kind: "integer", value: 50, min: 1, max: 200 };
  const draw = (steps: number): HTMLInputElement => {
    const values = { n_steps: steps };
    const page = drawn(
      <Form fields={[field]} values={values} change={(...change) => told.push(change)} />,
    );
    return page.querySelector("input") as HTMLInputElement;
  };
  const input = draw(50);
  input.value = "12";
  input.dispatchEvent(new Event("input", { bubbles: true }));
  await vi.advanceTimersByTimeAsync(10);
  expect(draw(50)).toBe(input);
  expect(input.value).toBe("12");
  input.dispatchEvent(new Event("change", { bubbles: true }));
  expect(told).toEqual([["n_steps", 12]]);
  draw(12);
  input.value = "1";
  input.dispatchEvent(new Event("input", { bubbles: true }));
  draw(80);
  await vi.advanceTimersByTimeAsync(10);
  expect(input.value).toBe("80");
});

it("paints a signed map: nothing where it is zero, blue below, red above, full at the limit, pale where unknown", () => {
  const values = [0, -1, 2, 4, Number.NaN];
  const colors = (limit?: number) => {
    const heat = { width: 5, height: 1, values, ...(limit === undefined ? {} : { limit }) };
    const { data } = heatData(heat);
    return values.map((_, i) => ({
      red: (data[4 * i] as number) > (data[4 * i + 2] as number),
      strength: data[4 * i + 3],
    }));
  };
  expect(colors().map(({ strength }) => strength)).toEqual([0, 64, 128, 255, 70]);
  expect(colors(2).map(({ strength }) => strength)).toEqual([0, 128, 255, 255, 70]);
  expect(colors()[1]?.red).toBe(false);
  expect(colors()[2]?.red).toBe(true);
});
