// Names where one has zoomed in: a class whose land is in sight is named there, though its own place may not be.
import { FULL } from "../protocol/source";
import { SUPPORT_CELLS } from "../state/support";
import { crowdAt, kindAt, type Land } from "./land";
import { MIN_OWN, type Name, ROOM_PX, type Size } from "./names";
import { toPosition, toScreen, unitsPerPixel, type Viewport } from "./viewport";

/** Places that names may take lie at least so far apart on the screen, and less than twice as far. */
const SPACING_PX = 24;
/** The places under a name at which its land is looked at, along it and across. */
const ALONG = [-1, -0.67, -0.33, 0, 0.33, 0.67, 1];
const ACROSS = [-1, 0, 1];

export interface Place {
  x: number;
  y: number;
}

/** Name classes on their land in sight; `kept` holds where they stood before, and they stay there while they can. */
export function namesInView(
  land: Land,
  seen: Viewport,
  sizes: readonly Size[],
  opacities: ReadonlyMap<number, number>,
  kept: Map<number, Place>,
): Name[] {
  if (opacities.size === 0) {
    return [];
  }
  const [unitsX, unitsY] = unitsPerPixel(seen);
  const shareOf = (kind: number, x: number, y: number): number => {
    const { width, height } = sizes[kind] as Size;
    const [w, h] = [(width / 2 + ROOM_PX) * unitsX, (height / 2 + ROOM_PX) * unitsY];
    let own = 0;
    for (const across of ACROSS) {
      for (const along of ALONG) {
        own += kindAt(land, (x + along * w) / FULL, (y + across * h) / FULL) === kind ? 1 : 0;
      }
    }
    return own / (ALONG.length * ACROSS.length);
  };
  const fits = (kind: number, { x, y }: Place): boolean => {
    const { width, height } = sizes[kind] as Size;
    const [left, top] = toScreen(seen, x, y);
    const inside =
      left >= width / 2 &&
      left <= seen.width - width / 2 &&
      top >= height / 2 &&
      top <= seen.height - height / 2;
    return inside && shareOf(kind, x, y) >= MIN_OWN;
  };
  for (const [kind, place] of kept) {
    if (!(opacities.has(kind) && fits(kind, place))) {
      kept.delete(kind);
    }
  }
  const middle = [seen.width / 2, seen.height / 2] as const;
  const best = new Map<number, { place: Place; hides: number; away: number }>();
  for (const place of lattice(seen)) {
    const kind = kindAt(land, place.x / FULL, place.y / FULL);
    if (!opacities.has(kind) || kept.has(kind) || !fits(kind, place)) {
      continue;
    }
    const { width, height } = sizes[kind] as Size;
    const cells = width * height * unitsX * unitsY * (SUPPORT_CELLS / FULL) ** 2;
    const hides = Math.round(cells * crowdAt(land, place.x / FULL, place.y / FULL));
    const [left, top] = toScreen(seen, place.x, place.y);
    const away = Math.hypot(left - middle[0], top - middle[1]);
    const known = best.get(kind);
    if (!known || hides < known.hides || (hides === known.hides && away < known.away)) {
      best.set(kind, { place, hides, away });
    }
  }
  for (const [kind, { place }] of best) {
    kept.set(kind, place);
  }
  return [...kept].map(([kind, place]) => ({
    class: kind,
    ...place,
    opacity: opacities.get(kind) as number,
  }));
}

/** Places in sight that lie still on the map while one pans, in units of positions. */
function* lattice(seen: Viewport): Generator<Place> {
  const [x0, y1] = toPosition(seen, 0, 0);
  const [x1, y0] = toPosition(seen, seen.width, seen.height);
  const [stepX, stepY] = unitsPerPixel(seen).map(
    (units) => 2 ** Math.ceil(Math.log2(SPACING_PX * units)),
  ) as [number, number];
  for (let row = Math.ceil(Math.max(0, y0) / stepY); row * stepY <= Math.min(FULL, y1); row++) {
    for (
      let column = Math.ceil(Math.max(0, x0) / stepX);
      column * stepX <= Math.min(FULL, x1);
      column++
    ) {
      yield { x: column * stepX, y: row * stepY };
    }
  }
}
