// The colours of classes: the palette that Python sends, extended by steps of hue where classes are many.

export type Rgb = readonly [number, number, number];

export function parseHex(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

export function toHex([r, g, b]: Rgb): string {
  return `#${((1 << 24) | (r << 16) | (g << 8) | b).toString(16).slice(1)}`;
}

export function mix(one: Rgb, other: Rgb, amount: number): Rgb {
  const channel = (i: 0 | 1 | 2): number => Math.round(one[i] + (other[i] - one[i]) * amount);
  return [channel(0), channel(1), channel(2)];
}

/** One colour per class: the palette's own first, then hues a golden angle apart at changing lightness. */
export function classColors(palette: readonly string[], count: number): Rgb[] {
  return Array.from({ length: count }, (_, i) => {
    const own = palette[i];
    return own === undefined ? extension(i - palette.length) : parseHex(own);
  });
}

const GOLDEN_ANGLE = 137.508;

function extension(step: number): Rgb {
  const lightness = [0.62, 0.52, 0.7, 0.57, 0.66][step % 5] as number;
  const chroma = [0.15, 0.12, 0.13][step % 3] as number;
  return oklch(lightness, chroma, 20 + step * GOLDEN_ANGLE);
}

/** OKLCH to sRGB, chroma reduced until the colour exists. */
export function oklch(lightness: number, chroma: number, hue: number): Rgb {
  for (let c = chroma; ; c -= 0.01) {
    const rgb = oklab(
      lightness,
      c * Math.cos((hue * Math.PI) / 180),
      c * Math.sin((hue * Math.PI) / 180),
    );
    if (c <= 0 || rgb.every((v) => v >= -0.001 && v <= 1.001)) {
      const byte = (v: number): number => Math.round(255 * Math.min(1, Math.max(0, v)));
      return [byte(rgb[0]), byte(rgb[1]), byte(rgb[2])];
    }
  }
}

function oklab(lightness: number, a: number, b: number): [number, number, number] {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const gamma = (v: number): number =>
    v <= 0.0031308 ? 12.92 * v : 1.055 * Math.max(0, v) ** (1 / 2.4) - 0.055;
  return [
    gamma(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    gamma(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    gamma(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}
