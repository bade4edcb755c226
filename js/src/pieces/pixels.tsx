// Arrays as pictures: grey or colour, a signed heat map, or one over the other.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Picture } from "../protocol/pictures";

export interface Heat {
  width: number;
  height: number;
  /** Row by row from the top; signed, NaN where nothing is known. */
  values: ArrayLike<number>;
  /** The value of full colour; by default the largest. */
  limit?: number;
}

interface Properties {
  picture?: Picture | undefined;
  /** Drawn over the picture. */
  heat?: Heat | undefined;
  /** Of a heat map over a picture. */
  opacity?: number;
  /** Side of the square it is fitted into, in CSS pixels. */
  side: number;
  /** Its description; without one the picture is decoration. */
  name?: string | undefined;
  /** Laid over the picture. */
  children?: ComponentChildren;
}

export function Pixels({ picture, heat, opacity = 0.8, side, name, children }: Properties) {
  const { width, height } = (picture ?? heat) as Picture | Heat;
  const fit = side / Math.max(width, height);
  const scale = fit >= 1 ? Math.floor(fit) : fit;
  const style = { width: `${width * scale}px`, height: `${height * scale}px` };
  const kind = scale >= 1 ? "dvi-picture dvi-pixelated" : "dvi-picture";
  return (
    <span
      class="dvi-pixels"
      style={style}
      {...(name === undefined ? {} : { role: "img", "aria-label": name })}
    >
      {picture !== undefined && <Layer drawn={picture} draw={imageData} class={kind} />}
      {heat !== undefined && (
        <Layer drawn={heat} draw={heatData} class={kind} opacity={picture ? opacity : 1} />
      )}
      {children}
    </span>
  );
}

interface LayerProperties<T> {
  drawn: T;
  draw: (drawn: T) => ImageData;
  class: string;
  opacity?: number;
}

function Layer<T extends { width: number; height: number }>(layer: LayerProperties<T>) {
  const { drawn, draw, opacity = 1 } = layer;
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    canvas.current?.getContext("2d")?.putImageData(draw(drawn), 0, 0);
  }, [drawn, draw]);
  return (
    <canvas
      ref={canvas}
      class={layer.class}
      width={drawn.width}
      height={drawn.height}
      style={{ opacity }}
    />
  );
}

/** Grey or colour, as the page's own pixels. */
export function imageData({ width, height, channels, pixels }: Picture): ImageData {
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

// Equally light, and distinct under every kind of colour blindness.
const NEGATIVE = [39, 110, 200] as const;
const POSITIVE = [212, 62, 42] as const;
const UNKNOWN = [128, 128, 128, 70] as const;

/** Blue below zero, red above, transparent at zero, so that it fits any ground; pale grey where it is not known. */
export function heatData({ width, height, values, limit }: Heat): ImageData {
  let top = limit ?? 0;
  if (limit === undefined) {
    for (let i = 0; i < values.length; i++) {
      top = Math.max(top, Math.abs(values[i] as number) || 0);
    }
  }
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const value = (values[i] as number) / (top || 1);
    if (Number.isNaN(value)) {
      image.data.set(UNKNOWN, 4 * i);
      continue;
    }
    const strength = Math.round(255 * Math.min(1, Math.abs(value)));
    image.data.set([...(value < 0 ? NEGATIVE : POSITIVE), strength], 4 * i);
  }
  return image;
}
