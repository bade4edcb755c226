// Colours: the theme of the page, and the palette's colour for each class fitted to it.

export type Rgb = readonly [number, number, number];

export interface Theme {
  dark: boolean;
  /** What lies under the landscape, and its boundaries. */
  background: Rgb;
  /** The colour of text, rings and outlines. */
  ink: Rgb;
}

/** Below this relative luminance a colour is hard to tell from its own territory on dark ground. */
const MIN_LUMINANCE = 0.22;

export function parseHex(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

export function toHex([r, g, b]: Rgb): string {
  return `#${((1 << 24) | (r << 16) | (g << 8) | b).toString(16).slice(1)}`;
}

/** The same hue, light enough to be seen on dark ground. */
export function lighten(color: Rgb): Rgb {
  for (let white = 0; white < 1; white += 0.04) {
    const toward = (channel: number): number => Math.round(channel + (255 - channel) * white);
    const candidate: Rgb = [toward(color[0]), toward(color[1]), toward(color[2])];
    if (luminance(candidate) >= MIN_LUMINANCE) {
      return candidate;
    }
  }
  return [255, 255, 255];
}

/** Relative luminance as the Web Content Accessibility Guidelines define it. */
export function luminance([r, g, b]: Rgb): number {
  const linear = (channel: number): number => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
}

/** Viridis (van der Walt and Smith 2015) at nine places, from the lower end of a scale up. */
const RAMP = [
  "#440154",
  "#472d7b",
  "#3b528b",
  "#2c728e",
  "#21918c",
  "#28ae80",
  "#5ec962",
  "#addc30",
  "#fde725",
].map(parseHex);

/** The 256 colours along a scale of numbers; its lower end is the one nearer to the background. */
export function rampColors(dark: boolean): Rgb[] {
  return Array.from({ length: 256 }, (_, i) => {
    const share = i / 255;
    // On dark ground its dark half would not be seen.
    const at = (RAMP.length - 1) * (dark ? 0.5 + 0.5 * share : 1 - share);
    const low = Math.min(RAMP.length - 2, Math.floor(at));
    const [from, to] = [RAMP[low] as Rgb, RAMP[low + 1] as Rgb];
    const on = (c: 0 | 1 | 2): number => Math.round(from[c] + (to[c] - from[c]) * (at - low));
    return [on(0), on(1), on(2)];
  });
}

/** One colour for each of some categories: those of the palette, then further hues as Python's colors has them. */
export function categoryColors(palette: readonly Rgb[], count: number, dark: boolean): Rgb[] {
  return Array.from({ length: count }, (_, i) => {
    const known = palette[i];
    if (known !== undefined) {
      return known;
    }
    const step = i - palette.length;
    const color = ofHue((0.04 + 0.618034 * step) % 1, [0.42, 0.6, 0.32][step % 3] as number, 0.6);
    return dark ? lighten(color) : color;
  });
}

/** Hue, lightness and saturation in [0, 1]. */
function ofHue(hue: number, lightness: number, saturation: number): Rgb {
  const reach = saturation * Math.min(lightness, 1 - lightness);
  const channel = (n: number): number => {
    const k = (n + hue * 12) % 12;
    return Math.round(255 * (lightness - reach * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}
