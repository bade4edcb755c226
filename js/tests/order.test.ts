// Samples in the order of their values.
import { expect, it } from "vitest";
import { ordered } from "../src/panels/images/order";
import { random } from "./fake/answers";

it("sorts as comparing does, ties by index, and what has no value last", () => {
  const next = random(5);
  const indices = Uint32Array.from({ length: 400 }, (_, i) => 3 * i);
  const values = Float64Array.from(indices, () =>
    next() < 0.1 ? Number.NaN : Math.round(40 * next()) - 20,
  );
  for (const sign of [1, -1]) {
    const expected = [...indices.keys()].sort(
      (p, q) =>
        Number(Number.isNaN(values[p])) - Number(Number.isNaN(values[q])) ||
        sign * ((values[p] as number) - (values[q] as number)) ||
        p - q,
    );
    const found = ordered(indices, (_, place) => values[place] as number, sign < 0);
    expect(Array.from(found, (index) => index / 3)).toEqual(expected);
  }
});

it("leaves equal values as they are", () => {
  const indices = Uint32Array.of(4, 8, 15);
  expect(ordered(indices, () => 0.5, true)).toEqual(indices);
});
