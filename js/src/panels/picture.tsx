// The picture of one sample, as large as it is asked for and never blurred.
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Picture as Pixels } from "../data/source";

interface Properties {
  picture: Pixels;
  /** Side of the square it is fitted into, in CSS pixels. */
  side: number;
}

export function Picture({ picture, side }: Properties) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    canvas.current?.getContext("2d")?.putImageData(imageData(picture), 0, 0);
  }, [picture]);
  const { width, height } = picture;
  const fit = side / Math.max(width, height);
  const scale = fit >= 1 ? Math.floor(fit) : fit;
  return (
    <canvas
      ref={canvas}
      class={scale >= 1 ? "dvi-picture dvi-pixelated" : "dvi-picture"}
      width={width}
      height={height}
      style={{ width: `${width * scale}px`, height: `${height * scale}px` }}
    />
  );
}

/** Grey or colour, as the page's own pixels. */
export function imageData({ width, height, channels, pixels }: Pixels): ImageData {
  const image = new ImageData(width, height);
  const { data } = image;
  for (let i = 0; i < width * height; i++) {
    const at = i * channels;
    data[4 * i] = pixels[at] as number;
    data[4 * i + 1] = pixels[channels === 1 ? at : at + 1] as number;
    data[4 * i + 2] = pixels[channels === 1 ? at : at + 2] as number;
    data[4 * i + 3] = 255;
  }
  return image;
}
