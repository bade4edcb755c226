// The samples that were synthesised on the classifier's own boundary, where they lie on the map, and what they are mixed from.
import { useMemo } from "preact/hooks";
import type { Stage } from "../canvas/stage";
import { toScreen, unitsPerPixel } from "../canvas/viewport";
import { Asked, useReply } from "../pieces/asked";
import { Pixels } from "../pieces/pixels";
import { SampleButton } from "../pieces/sample";
import { Named } from "../pieces/swatch";
import { useThumbnail } from "../pieces/thumbnail";
import { percent } from "../pieces/words";
import type { Picture } from "../protocol/pictures";
import { currentEpoch } from "../state/markers";
import type { Side } from "../state/sides";
import type { Store } from "../state/store";

/** From the middle of a sign to its corners. */
const SIGN_PX = 3.2;
/** A click so near to a boundary sample is one on it. */
const REACH_PX = 7;
const PICTURE_PX = 56;

/** Those of a side at the epoch where time rests; undefined while they are not known or not wanted. */
function useBoundary(store: Store, side: Side) {
  const { landscape, epoch } = currentEpoch(store, side);
  const wanted = store.view.boundary.value && side.can("boundary");
  const args = useMemo(() => (wanted ? { landscape, epoch } : null), [wanted, landscape, epoch]);
  return { args, ...useReply(store, "boundary", args) };
}

/** A hollow sign for each, while time rests. */
export function BoundarySamples({ store, stage }: { store: Store; stage: Stage }) {
  const { answer } = useBoundary(store, stage.side);
  const seen = stage.camera.viewport.value;
  const rests = store.playhead.time.value === store.playhead.resting.value;
  if (answer === undefined || seen === null || !rests) {
    return null;
  }
  const { data } = answer.positions;
  let path = "";
  let shown = 0;
  for (let i = 0; i < data.length; i += 2) {
    const [x, y] = toScreen(seen, data[i] as number, data[i + 1] as number);
    if (x > 0 && x < seen.width && y > 0 && y < seen.height) {
      path += `M${(x - SIGN_PX).toFixed(1)} ${y.toFixed(1)}l${SIGN_PX}-${SIGN_PX} ${SIGN_PX} ${SIGN_PX}-${SIGN_PX} ${SIGN_PX}z`;
      shown++;
    }
  }
  return (
    <svg
      class="dvi-drawn dvi-boundary"
      aria-hidden="true"
      data-testid="boundary-layer"
      data-shown={shown}
    >
      <path d={path} />
    </svg>
  );
}

/** In the card of a place: the boundary sample that lies there, if one does. */
export function BoundaryHere({ store, stage }: { store: Store; stage: Stage }) {
  const { args, answer } = useBoundary(store, stage.side);
  const place = store.place.value;
  const seen = stage.camera.viewport.value;
  if (args === null || answer === undefined || place === null || seen === null) {
    return null;
  }
  const [unitsX, unitsY] = unitsPerPixel(seen);
  const { data } = answer.positions;
  let [best, least] = [-1, REACH_PX];
  for (let i = 0; i < data.length; i += 2) {
    const away = Math.hypot(
      ((data[i] as number) - place.x) / unitsX,
      ((data[i + 1] as number) - place.y) / unitsY,
    );
    if (away < least) {
      [best, least] = [i / 2, away];
    }
  }
  if (best < 0) {
    return null;
  }
  const [one, other] = answer.classes.data.subarray(2 * best, 2 * best + 2);
  return (
    <section data-testid="boundary-here" data-index={best}>
      <h4>
        A boundary sample between <Named store={store} index={one ?? null} /> and{" "}
        <Named store={store} index={other ?? null} />
      </h4>
      <Asked store={store} op="mixtures" args={args} waiting="Mixing the boundary samples again">
        {({ parents, weights }) => (
          <Mixed
            store={store}
            first={parents.data[2 * best] as number}
            second={parents.data[2 * best + 1] as number}
            weight={weights.data[best] as number}
          />
        )}
      </Asked>
    </section>
  );
}

interface MixedProperties {
  store: Store;
  first: number;
  second: number;
  /** Of the second. */
  weight: number;
}

function Mixed({ store, first, second, weight }: MixedProperties) {
  const pictures = [useThumbnail(store, first), useThumbnail(store, second)] as const;
  const mixed = useMemo(() => mix(...pictures, weight), [...pictures, weight]);
  return (
    <div class="dvi-mixed">
      {mixed && (
        <Pixels picture={mixed} side={PICTURE_PX} name="The picture on the boundary, a mixture" />
      )}
      <span class="dvi-mixed-of">
        {[first, second].map((index, i) => (
          <SampleButton key={index} store={store} index={index} testid="parent">
            {percent(i === 0 ? 1 - weight : weight)} of #{index}
          </SampleButton>
        ))}
      </span>
    </div>
  );
}

/** A picture with so much of a second one in it. */
export function mix(
  first: Picture | undefined,
  second: Picture | undefined,
  weight: number,
): Picture | undefined {
  if (first === undefined || second === undefined) {
    return undefined;
  }
  const pixels = first.pixels.map((value, i) =>
    Math.round(value + weight * ((second.pixels[i] as number) - value)),
  );
  return { ...first, pixels };
}
