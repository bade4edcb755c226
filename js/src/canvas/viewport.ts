// From the extent of a landscape to the screen and back, under pan and zoom.

import { FULL } from "../protocol/source";

export interface Viewport {
  /** Of the canvas, in CSS pixels. */
  width: number;
  height: number;
  /** Width over height of the extent; the landscape is never stretched. */
  aspect: number;
  /** The fitted picture times k, moved by x, y. */
  k: number;
  x: number;
  y: number;
}

/** More selected samples than this have thin rings, of so much of the full width. */
const MAX_RINGED = 100;
const THIN_RING = 0.5;

/** The box of the whole extent at k = 1, in CSS pixels. */
function fitted({ width, height, aspect }: Viewport): {
  left: number;
  top: number;
  w: number;
  h: number;
} {
  const w = Math.min(width, height * aspect);
  const h = w / aspect;
  return { left: (width - w) / 2, top: (height - h) / 2, w, h };
}

/** Scale and offset that take the extent, as the unit square with y upwards, to clip space. */
export function toClip(viewport: Viewport): [number, number, number, number] {
  const { width, height, k, x, y } = viewport;
  const { left, top, w, h } = fitted(viewport);
  return [
    (2 * k * w) / width,
    (2 * k * h) / height,
    (2 * (k * left + x)) / width - 1,
    1 - (2 * (k * (top + h) + y)) / height,
  ];
}

/** A location on the screen in units of positions. */
export function toPosition(viewport: Viewport, screenX: number, screenY: number): [number, number] {
  const { k, x, y } = viewport;
  const { left, top, w, h } = fitted(viewport);
  return [(((screenX - x) / k - left) / w) * FULL, (1 - ((screenY - y) / k - top) / h) * FULL];
}

export function toScreen(viewport: Viewport, x: number, y: number): [number, number] {
  const { left, top, w, h } = fitted(viewport);
  return [
    viewport.k * (left + (x / FULL) * w) + viewport.x,
    viewport.k * (top + (1 - y / FULL) * h) + viewport.y,
  ];
}

/** Width of the whole map, in CSS pixels. */
export function widthOf(viewport: Viewport): number {
  return viewport.k * fitted(viewport).w;
}

/** Units of position per CSS pixel, along x and along y. */
export function unitsPerPixel(viewport: Viewport): [number, number] {
  const { w, h } = fitted(viewport);
  return [FULL / (viewport.k * w), FULL / (viewport.k * h)];
}

/** The share of the samples that may lie outside of the view that shows them, at either end of either axis. */
const MAX_OUTSIDE = 0.001;
/** The share of the fitted picture that samples fill, and the zoom up to which they do. */
const FILLED = 0.86;
const MAX_FITTED_ZOOM = 8;

/** The view that shows samples as large as the fitted picture has room for. */
export function around(
  viewport: Viewport,
  positions: Uint16Array,
): Pick<Viewport, "k" | "x" | "y"> {
  const { left, top, w, h } = fitted(viewport);
  const [x0, x1] = span(positions, 0);
  const [y0, y1] = span(positions, 1);
  const wanted = FILLED / Math.max(x1 - x0, y1 - y0, 1e-3);
  const k = Math.min(MAX_FITTED_ZOOM, Math.max(1, wanted));
  return {
    k,
    x: viewport.width / 2 - k * (left + ((x0 + x1) / 2) * w),
    y: viewport.height / 2 - k * (top + (1 - (y0 + y1) / 2) * h),
  };
}

/** From where to where nearly all positions lie along an axis, in shares of the extent. */
function span(positions: Uint16Array, axis: 0 | 1): [number, number] {
  const counts = new Uint32Array(FULL + 1);
  for (let i = axis; i < positions.length; i += 2) {
    counts[positions[i] as number] = (counts[positions[i] as number] as number) + 1;
  }
  const outside = Math.floor((positions.length / 2) * MAX_OUTSIDE);
  const end = (from: number, step: 1 | -1): number => {
    let at = from;
    for (let passed = 0; at >= 0 && at <= FULL; at += step) {
      passed += counts[at] as number;
      if (passed > outside) {
        break;
      }
    }
    return at / FULL;
  };
  return positions.length === 0 ? [0, 1] : [end(0, 1), end(FULL, -1)];
}

/** How much the selected points are ringed: fully while they are few, thinly above a hundred, not at all where rings would hide them. */
export function ringing(viewport: Viewport, selected: number): number {
  const room = Math.min(1, Math.max(0, (pointLook(viewport, selected).radius - 1.5) / 2.5));
  return selected > MAX_RINGED ? room * THIN_RING : room;
}

export interface PointLook {
  /** CSS pixels. */
  radius: number;
  opacity: number;
  /** How much a point in foreign territory stands out: not at all (0) where points are only a texture. */
  emphasis: number;
}

/** How points look at this zoom: five hundred are dots, a million are a texture. */
export function pointLook(viewport: Viewport, n: number): PointLook {
  const { w, h } = fitted(viewport);
  const spacing = Math.sqrt((w * h) / Math.max(1, n)) * viewport.k;
  const radius = Math.min(4.5, Math.max(0.6, 0.95 * Math.sqrt(spacing)));
  const opacity = Math.min(0.95, Math.max(0.45, 0.5 + 0.55 * Math.log10(radius / 0.7)));
  const emphasis = Math.min(1, Math.max(0, (radius - 0.75) / 0.5));
  return { radius, opacity, emphasis };
}
