// Markers on a landscape, and the path between two of them.
import { FULL } from "../protocol/source";
import type { Args } from "../protocol/wire";
import type { Side } from "./sides";
import type { Store } from "./store";
import type { Marker } from "./view";

export type { Marker };
/** A location in units of positions. */
export type Point = readonly [number, number];

/** All of them must fit into the view state that the host stores. */
const MAX_MARKERS = 99;

/** Whether any landscape can decode a marker. */
export const canDecode = ({ sides }: Store): boolean => sides.some((side) => side.can("decode"));

/** The markers of one landscape, ascending by number. */
export function markersOn(store: Store, side: Side): Marker[] {
  return store.view.markers.value.filter((marker) => marker.side === side.index);
}

/** The two markers that the path runs between, if both are on this landscape. */
export function pathOn(store: Store, side: Side): [Marker, Marker] | null {
  const markers = markersOn(store, side);
  const [from, to] = store.view.path.value.map((end) =>
    markers.find(({ number }) => number === end),
  );
  return from && to ? [from, to] : null;
}

/** Drop a marker and show it in its panel; returns its number. */
export function dropMarker(store: Store, side: Side, [x, y]: Point): number {
  const { markers, panel } = store.view;
  const others = markers.peek().slice(1 - MAX_MARKERS);
  const number = (others.at(-1)?.number ?? 0) + 1;
  markers.value = [...others, { number, side: side.index, x: Math.round(x), y: Math.round(y) }];
  panel.value = "markers";
  return number;
}

export function removeMarker({ view: { markers } }: Store, { number }: Marker): void {
  markers.value = markers.peek().filter((marker) => marker.number !== number);
}

/** Make a marker an end of the path, or no longer: the path runs between the last two chosen. */
export function toggleEnd({ view: { path } }: Store, { number }: { number: number }): void {
  const ends = path.peek();
  const others = ends.filter((end) => end !== number);
  path.value = (others.length < ends.length ? others : [...ends, number]).slice(-2);
}

/** A location in the landscape's own units. */
export function inUnits({ info }: Side, { x, y }: { x: number; y: number }): [number, number] {
  const [x0, x1, y0, y1] = info.extent;
  return [x0 + ((x1 - x0) * x) / FULL, y0 + ((y1 - y0) * y) / FULL];
}

/** The arguments that name the current epoch of a landscape. */
export function currentEpoch(store: Store, side: Side): { landscape: number; epoch: number } {
  return { landscape: side.index, epoch: side.epoch(store.playhead.resting.value) };
}

/** The arguments that ask where the class changes along a path. */
export function crossingArgs(
  store: Store,
  side: Side,
  [from, to]: readonly [Marker, Marker],
): Args<"crossings"> {
  return { ...currentEpoch(store, side), a: inUnits(side, from), b: inUnits(side, to) };
}

/** The location at a share `t` of the path between two others. */
export function along(from: Point, to: Point, t: number): [number, number] {
  return [from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])];
}
