// Zoomed in far enough, the samples in sight are drawn as their pictures.
import type { Stage } from "../canvas/stage";
import { toPosition, toScreen, type Viewport } from "../canvas/viewport";
import { Pixels } from "../pieces/pixels";
import { classHue } from "../pieces/swatch";
import type { Frame } from "../protocol/source";
import type { Store } from "../state/store";

/** More samples in sight stay points; so do pictures that would lie over each other. */
const MOST = 60;
const PICTURE_PX = 26;
/** Nearer than the whole map by so much, at least. */
const MIN_ZOOM = 4;

export function Pictures({ store, stage }: { store: Store; stage: Stage }) {
  const { side, camera } = stage;
  const seen = camera.viewport.value;
  const { playhead, view, hello, thumbnails } = store;
  const rests = playhead.time.value === playhead.resting.value;
  if (hello.images === null || seen === null || !rests || !view.points.value || seen.k < MIN_ZOOM) {
    return null;
  }
  side.frames.revision.value;
  const frame = side.frames.get(side.at(playhead.resting.value));
  const samples = frame && inSight(frame, seen, store.visible.value);
  if (frame === undefined || samples === undefined || samples === null) {
    return null;
  }
  thumbnails.revision.value;
  for (const index of samples) {
    thumbnails.add(index);
  }
  return (
    <div class="dvi-drawn dvi-on-points" aria-hidden="true" data-testid="point-pictures">
      {samples.map((index) => {
        const picture = thumbnails.get(index);
        const [x, y] = placeOf(frame, seen, index);
        const label = hello.labels[index] as number;
        return (
          picture && (
            <span
              key={index}
              data-index={index}
              style={{
                transform: `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px) translate(-50%, -50%)`,
                "--dvi-hue": classHue(store, label),
              }}
            >
              <Pixels picture={picture} side={PICTURE_PX} />
            </span>
          )
        );
      })}
    </div>
  );
}

function placeOf({ positions }: Frame, seen: Viewport, index: number): [number, number] {
  return toScreen(seen, positions[2 * index] as number, positions[2 * index + 1] as number);
}

/** The samples in sight whose pictures hide no other's; null where there are too many. */
export function inSight(frame: Frame, seen: Viewport, visible: Uint8Array | null): number[] | null {
  const { positions } = frame;
  const [x0, y1] = toPosition(seen, 0, 0);
  const [x1, y0] = toPosition(seen, seen.width, seen.height);
  const found: number[] = [];
  for (let i = 0; i < positions.length / 2; i++) {
    const [x, y] = [positions[2 * i] as number, positions[2 * i + 1] as number];
    if (x >= x0 && x <= x1 && y >= y0 && y <= y1 && visible?.[i] !== 0) {
      if (found.length === MOST) {
        return null;
      }
      found.push(i);
    }
  }
  const places = found.map((index) => placeOf(frame, seen, index));
  const isFree = (i: number, j: number): boolean => {
    const [[x, y], [p, q]] = [places[i] as [number, number], places[j] as [number, number]];
    return Math.abs(x - p) >= PICTURE_PX || Math.abs(y - q) >= PICTURE_PX;
  };
  const shown: number[] = [];
  for (let i = 0; i < found.length; i++) {
    if (shown.every((j) => isFree(i, j))) {
      shown.push(i);
    }
  }
  return shown.map((i) => found[i] as number);
}
