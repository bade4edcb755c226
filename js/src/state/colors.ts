// The colours of classes: Python's palette has one per class; here they are only fitted to the theme.

export type Rgb = readonly [number, number, number];

/** On a dark ground nothing darker than this is told from its own territory. */
const LEAST_LUMINANCE = 0.22;

export function parseHex(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

export function toHex([r, g, b]: Rgb): string {
  return `#${((1 << 24) | (r << 16) | (g << 8) | b).toString(16).slice(1)}`;
}

/** The same hue, light enough to be seen on a dark ground. */
export function lifted(color: Rgb): Rgb {
  for (let white = 0; white < 1; white += 0.04) {
    const [r, g, b] = color.map((channel) => Math.round(channel + (255 - channel) * white));
    const candidate: Rgb = [r as number, g as number, b as number];
    if (luminance(candidate) >= LEAST_LUMINANCE) {
      return candidate;
    }
  }
  return [255, 255, 255];
}

/** Relative luminance as the Web Content Accessibility Guidelines define it. */
export function luminance(color: Rgb): number {
  const [r, g, b] = color.map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
