// Colours: read, written, and made light enough for dark ground.
import { expect, it } from "vitest";
import { lighten, luminance, parseHex, toHex } from "../src/state/colors";

it("reads and writes the same colour", () => {
  for (const hex of ["#000000", "#ffffff", "#0467d5", "#00ff0a"]) {
    expect(toHex(parseHex(hex))).toBe(hex);
  }
});

it("lightens dark colours only, and keeps their order of channels", () => {
  expect(lighten(parseHex("#dfb931"))).toEqual(parseHex("#dfb931"));
  const brown = parseHex("#913b0b");
  const light = lighten(brown);
  expect(luminance(light)).toBeGreaterThanOrEqual(0.22);
  expect(light[0]).toBeGreaterThan(light[1]);
  expect(light[1]).toBeGreaterThan(light[2]);
  expect(luminance(lighten([0, 0, 0]))).toBeGreaterThanOrEqual(0.22);
});
