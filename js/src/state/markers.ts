// Markers dropped on a landscape, each with its number, and the way between two of them.
import type { Answer } from "../protocol/wire";
import type { Side } from "./sides";
import type { Store } from "./store";

export interface Marker {
  number: number;
  /** The landscape it was dropped on. */
  side: number;
  /** In units of positions, y upwards. */
  x: number;
  y: number;
}

/** More would not fit into what a reload brings back. */
const MOST = 99;

/** Whether any landscape tells what lies at a marker. */
export const decodes = ({ sides }: Store): boolean => sides.some((side) => side.can("decode"));

/** The markers of one side in the order of their numbers. */
export function markersOn(store: Store, side: Side): Marker[] {
  return read(store.view.markers.value).filter((marker) => marker.side === side.index);
}

/** The two markers that the way leads between, if both are on this side. */
export function wayOn(store: Store, side: Side): [Marker, Marker] | null {
  const markers = markersOn(store, side);
  const [from, to] = store.view.way.value
    .split(" ")
    .map((end) => markers.find(({ number }) => String(number) === end));
  return from && to ? [from, to] : null;
}

/** Drop a marker, the next number up, and look at it; gives back its number. */
export function dropMarker(store: Store, side: Side, [x, y]: readonly [number, number]): number {
  const markers = read(store.view.markers.peek()).slice(1 - MOST);
  const number = (markers.at(-1)?.number ?? 0) + 1;
  write(store, [...markers, { number, side: side.index, x: Math.round(x), y: Math.round(y) }]);
  store.view.panel.value = "Markers";
  return number;
}

/** Take a marker away. */
export function removeMarker(store: Store, { number }: Marker): void {
  write(
    store,
    read(store.view.markers.peek()).filter((marker) => marker.number !== number),
  );
}

/** Let the way begin or end at a marker, or not any more: it leads between the two last chosen. */
export function toggleEnd(store: Store, { number }: { number: number }): void {
  const { way } = store.view;
  const ends = way.peek().split(" ").map(Number).filter(Boolean);
  const others = ends.filter((end) => end !== number);
  way.value = (others.length < ends.length ? others : [...ends, number]).slice(-2).join(" ");
}

/** A place in the landscape's own units. */
export function inUnits({ info }: Side, { x, y }: { x: number; y: number }): [number, number] {
  const [x0, x1, y0, y1] = info.extent;
  return [x0 + ((x1 - x0) * x) / 65535, y0 + ((y1 - y0) * y) / 65535];
}

export interface Crossing {
  /** Share of the way. */
  t: number;
  /** Classes. */
  before: number;
  after: number;
}

/** The landscape and epoch that are looked at, as a request names them. */
export function shown(store: Store, side: Side): { landscape: number; epoch: number } {
  return { landscape: side.index, epoch: side.epoch(store.playhead.resting.value) };
}

/** What to ask of a way: the arguments of "crossings". */
export function wayQuestion(store: Store, side: Side, [from, to]: readonly [Marker, Marker]) {
  return { ...shown(store, side), a: inUnits(side, from), b: inUnits(side, to) };
}

/** The place at a share of the way between two. */
export function along(
  from: readonly [number, number],
  to: readonly [number, number],
  t: number,
): [number, number] {
  return [from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])];
}

export function crossingsOf(answer: Answer | undefined): Crossing[] {
  return (answer?.result.crossings ?? []) as Crossing[];
}

function read(text: string): Marker[] {
  return text
    .split(" ")
    .map((part) => part.split(":").map(Number))
    .filter((numbers) => numbers.length === 4 && numbers.every(Number.isFinite))
    .map(([number, side, x, y]) => ({ number, side, x, y }) as Marker);
}

function write(store: Store, markers: readonly Marker[]): void {
  store.view.markers.value = markers
    .map(({ number, side, x, y }) => `${number}:${side}:${x}:${y}`)
    .join(" ");
}
