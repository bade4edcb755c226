// Colour and size by columns: read in few bytes, offered in the legend, with a scale or an entry per category.
// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { categoryColors, luminance, rampColors, toHex } from "../src/state/colors";
import { categories, MISSING, readColumn, TOP } from "../src/state/columns";
import { choose, shown } from "./fake/shown";

const answer = (names: string[], low: number, high: number, values: number[]) => ({
  names,
  low,
  high,
  values: { data: Float32Array.from(values), shape: [values.length] },
});

it("reads numbers as places on their scale, clipped at its ends", () => {
  const column = readColumn(answer([], -1, 3, [-5, -1, 1, 3, 9, Number.NaN]));
  expect([...column.values]).toEqual([0, 0, TOP / 2, TOP, TOP, MISSING]);
  expect([...readColumn(answer([], 2, 2, [2])).values]).toEqual([0]);
});

it("reads categories by their names", () => {
  const column = readColumn(answer(["a", "b"], 0, 1, [1, 0, Number.NaN]));
  expect([...column.values]).toEqual([1, 0, MISSING]);
  expect([...categories(["train", "test"], [0, 1]).values]).toEqual([0, 1]);
});

it("has a scale that leads away from the background, and a colour for every category", () => {
  for (const dark of [false, true]) {
    const ramp = rampColors(dark);
    const lights = [0, 128, 255].map((i) => luminance(ramp[i] as never));
    expect(lights).toEqual([...lights].sort((p, q) => (dark ? p - q : q - p)));
    expect(Math.min(...ramp.map(luminance)) >= 0.2).toBe(dark);
  }
  const colors = categoryColors([[1, 2, 3]], 30, false);
  expect(new Set(colors.map(toHex)).size).toBe(30);
  expect(colors[0]).toEqual([1, 2, 3]);
});

it("is chosen in the legend: a scale for numbers, entries for categories", async () => {
  const { model, part, parts, settle } = await shown({ classes: 3 });
  const options = [...(part("color-by") as HTMLSelectElement).options].map((one) => one.value);
  expect(options).toEqual([
    "label",
    "prediction",
    "correctness",
    "split",
    "flipped",
    "confidence",
    "loss",
    "device",
  ]);
  choose(part("color-by"), "loss");
  await settle();
  expect(model.get("color_by")).toBe("loss");
  expect(part("color-scale")?.textContent).toBe("04");
  expect(parts("legend-entry")).toHaveLength(0);
  choose(part("color-by"), "device");
  await settle();
  const entries = () => parts("legend-entry").map((entry) => entry.textContent);
  expect(entries()).toEqual(["phone16", "tablet16", "watch16", "no value12"]);
  choose(part("color-by"), "split");
  await settle();
  expect(entries()).toEqual(["train48", "test12"]);
  choose(part("size-by"), "confidence");
  await settle();
  expect(model.get("size_by")).toBe("confidence");
  expect(part("size-scale")?.textContent).toBe("small 0, large 1");
});
