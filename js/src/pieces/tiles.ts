// Arrays of pictures, one after the other.

import type { Picture } from "../protocol/source";
import type { NamedArray } from "../protocol/wire";

/** The pictures of an array [n, h, w, channels]. */
export function tiles({ data, shape }: NamedArray): Picture[] {
  const [n, height, width, channels] = shape as [number, number, number, number];
  const size = height * width * channels;
  return Array.from({ length: n }, (_, i) => ({
    width,
    height,
    channels,
    pixels: (data as Uint8Array).subarray(i * size, (i + 1) * size),
  }));
}

/** A grey picture for each channel of one unit, of an array [units, channels, h, w]. */
export function channels({ data, shape }: NamedArray, unit: number): Picture[] {
  const [units, n, height, width] = shape as [number, number, number, number];
  const size = n * height * width;
  const first = Math.min(unit, units - 1) * size;
  const own = (data as Uint8Array).subarray(first, first + size);
  return tiles({ data: own, shape: [n, height, width, 1] });
}
