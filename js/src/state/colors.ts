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
