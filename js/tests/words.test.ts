// How numbers are put into words.
import { describe, expect, it } from "vitest";
import { count, measured, number, percent } from "../src/pieces/words";

describe("a number", () => {
  it("has three digits, a minus and no hyphen", () => {
    expect([-6.8149, 0.5, 1234.5, -1e-5, 3.2e9].map(number)).toEqual([
      "−6.81",
      "0.5",
      "1,230",
      "−1.0e−5",
      "3.2e+9",
    ]);
    expect([count(-1234), percent(-0.25)]).toEqual(["−1,234", "−25.0%"]);
  });

  it("keeps zeros at its end beside others", () => {
    expect([0.5, -0.57, 13.9, 1e-5].map(measured)).toEqual(["0.500", "−0.570", "13.9", "1.0e−5"]);
  });

  it("is a dash where there is none", () => {
    expect([Number.NaN, Number.NEGATIVE_INFINITY].map(number)).toEqual(["–", "–"]);
  });
});

describe("a rate", () => {
  it("is all only where it is all", () => {
    expect([1, 0.99999, 0.5].map(percent)).toEqual(["100.0%", "99.9%", "50.0%"]);
  });
});
