// Points on their own land: their rim stands out, for every class of every palette in both themes.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { lookOf } from "../src/canvas/look";
import { categoryColors, lighten, luminance, parseHex } from "../src/state/colors";

/** The palettes, from where they are defined. */
const source = readFileSync(
  new URL("../../src/dvi_widget/landscape/colors.py", import.meta.url),
  "utf8",
);
const palettes = [...source.matchAll(/^ {4}"(\w+)": \[([^\]]+)\]/gm)].map(([, name, colors]) => [
  name,
  [...colors.matchAll(/#[0-9a-f]{6}/g)].map(String),
]);

/** The themes of JupyterLab, and the extremes. */
const themes = [
  ["light", { dark: false, background: [255, 255, 255], ink: [33, 33, 33] }],
  ["dark", { dark: true, background: [17, 17, 17], ink: [224, 224, 224] }],
];

const mix = (p, q, share) => [0, 1, 2].map((i) => p[i] * (1 - share) + q[i] * share);

function contrast(p, q) {
  const [dark, light] = [luminance(p), luminance(q)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

it("has palettes to measure", () => {
  expect(palettes.map(([name]) => name)).toEqual(["safe", "vivid"]);
  for (const [, colors] of palettes) {
    expect(colors).toHaveLength(10);
  }
});

it.each(themes)("is at least 3:1 in the %s theme", (_, theme) => {
  for (const [name, colors] of palettes) {
    const fitted = colors.map(parseHex).map((color) => (theme.dark ? lighten(color) : color));
    for (const own of categoryColors(fitted, 1000, theme.dark)) {
      const look = lookOf(theme, [own]);
      const rim = mix(own, theme.ink, look.rim);
      const land = mix(theme.background, own, look.strength[1]);
      expect(contrast(rim, land), `${name} ${own}`).toBeGreaterThanOrEqual(3);
      expect(luminance(rim) < luminance(land)).toBe(!theme.dark);
    }
  }
});
