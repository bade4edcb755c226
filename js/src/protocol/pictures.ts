// Pictures as they travel: rows of pixels from the top, one channel or three.
import type { NamedArray } from "./wire";

export interface Picture {
  width: number;
  height: number;
  channels: number;
  pixels: Uint8Array;
}

/** The pictures of an array [n, h, w, channels]. */
export function readPictures({ data, shape }: NamedArray<Uint8Array>): Picture[] {
  const [n = 0, height = 0, width = 0, channels = 1] = shape;
  const size = height * width * channels;
  return Array.from({ length: n }, (_, i) => ({
    width,
    height,
    channels,
    pixels: data.subarray(i * size, (i + 1) * size),
  }));
}

/** A grey picture per channel of one unit, out of an array [units, channels, h, w]. */
export function readChannels({ data, shape }: NamedArray<Uint8Array>, unit: number): Picture[] {
  const [units = 0, n = 0, height = 0, width = 0] = shape;
  const size = n * height * width;
  const first = Math.min(unit, units - 1) * size;
  return readPictures({ data: data.subarray(first, first + size), shape: [n, height, width, 1] });
}
