// Colours: read, written, and lifted until they can be told from a dark ground.
import { expect, it } from "vitest";
import { lifted, luminance, parseHex, toHex } from "../src/state/colors";

it("reads and writes the same colour", () => {
  for (const hex of ["#000000", "#ffffff", "#0467d5", "#00ff0a"]) {
    expect(toHex(parseHex(hex))).toBe(hex);
  }
});

it("lifts dark colours only, and keeps their order of channels", () => {
  expect(lifted(parseHex("#dfb931"))).toEqual(parseHex("#dfb931"));
  const brown = parseHex("#913b0b");
  const light = lifted(brown);
  expect(luminance(light)).toBeGreaterThanOrEqual(0.22);
  expect(light[0]).toBeGreaterThan(light[1]);
  expect(light[1]).toBeGreaterThan(light[2]);
  expect(luminance(lifted([0, 0, 0]))).toBeGreaterThanOrEqual(0.22);
});
