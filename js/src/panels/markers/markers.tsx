// Markers: each decoded at the current epoch, and what changes along the path between two of them.
import { Asked } from "../../pieces/asked";
import { type DecodedPoint, readDecoded } from "../../pieces/decoded";
import { CloseIcon } from "../../pieces/icons";
import { Pixels } from "../../pieces/pixels";
import { SamplePicture, SampleText } from "../../pieces/sample";
import { classHue, Named } from "../../pieces/swatch";
import { percent } from "../../pieces/words";
import { canPlace } from "../../state/guests";
import {
  along,
  crossingArgs,
  currentEpoch,
  inUnits,
  type Marker,
  markersOn,
  pathOn,
  removeMarker,
  toggleEnd,
} from "../../state/markers";
import type { Side } from "../../state/sides";
import type { Store } from "../../state/store";
import { Guests } from "./guests";

const PICTURE_PX = 56;
const SMALL_PX = 28;
/** Points decoded along a path, its ends included. */
const STEPS = 8;

export function Markers({ store }: { store: Store }) {
  const side = store.side.value;
  const markers = markersOn(store, side);
  if (!side.can("decode") && !canPlace(side)) {
    return (
      <p class="dvi-empty">
        This landscape has no engine that decodes its points: show that of a fitted model.
      </p>
    );
  }
  return (
    <div class="dvi-marked">
      {markers.length === 0 ? (
        <p class="dvi-empty" data-testid="markers-empty">
          Drop markers to decode places on the map.
          <small>
            With the marker tool a click drops one, and a drag draws a path between two.
          </small>
        </p>
      ) : (
        <Dropped store={store} side={side} markers={markers} />
      )}
      {canPlace(side) && store.hello.images !== null && <Guests store={store} side={side} />}
    </div>
  );
}

interface DroppedProperties {
  store: Store;
  side: Side;
  markers: readonly Marker[];
}

function Dropped({ store, side, markers }: DroppedProperties) {
  const path = pathOn(store, side);
  return (
    <>
      <ul data-testid="markers">
        {markers.map((marker) => (
          <li key={marker.number}>
            <button
              type="button"
              class="dvi-number"
              title="Start or end a path here"
              aria-label={`Start or end a path at marker ${marker.number}`}
              aria-pressed={path?.includes(marker) ?? false}
              onClick={() => toggleEnd(store, marker)}
            >
              {marker.number}
            </button>
            <div>
              <Asked
                store={store}
                op="decode"
                args={{ ...currentEpoch(store, side), points: [inUnits(side, marker)] }}
                waiting="Decoding"
              >
                {(answer) =>
                  readDecoded(answer).map((point) => (
                    <DecodedMarker
                      key="marker"
                      store={store}
                      point={point}
                      imagined={answer.imagined}
                    />
                  ))
                }
              </Asked>
            </div>
            <button
              type="button"
              class="dvi-tool"
              aria-label={`Remove marker ${marker.number}`}
              title="Remove"
              onClick={() => removeMarker(store, marker)}
            >
              <CloseIcon />
            </button>
          </li>
        ))}
      </ul>
      {path === null ? (
        <p class="dvi-hint">Press two numbers to see what changes between them.</p>
      ) : (
        <Path store={store} side={side} path={path} />
      )}
    </>
  );
}

interface DecodedProperties {
  store: Store;
  point: DecodedPoint;
}

/** The picture of a marker, and its likeliest class. */
function DecodedMarker({ store, point, imagined }: DecodedProperties & { imagined: boolean }) {
  const [best] = point.classes;
  const [nearest] = point.nearest;
  return (
    <div class="dvi-decoded">
      <DecodedPicture store={store} point={point} side={PICTURE_PX} />
      <p>
        {best !== undefined && (
          <>
            <Named store={store} index={best.index} /> <b>{percent(best.probability)}</b>
          </>
        )}
        {imagined && (
          <small title="A ridge regression leads from representations to its latent vectors">
            imagined by the autoencoder
          </small>
        )}
        {(imagined || point.picture === undefined) && nearest !== undefined && (
          <small>
            nearest sample #{nearest} <SampleText store={store} index={nearest} />
          </small>
        )}
      </p>
    </div>
  );
}

/** The decoded picture; where there is none, that of the nearest sample. */
function DecodedPicture({ store, point, side }: DecodedProperties & { side: number }) {
  const [nearest] = point.nearest;
  if (point.picture !== undefined) {
    return <Pixels picture={point.picture} side={side} />;
  }
  return store.hello.images !== null && nearest !== undefined ? (
    <SamplePicture store={store} index={nearest} side={side} />
  ) : null;
}

interface PathProperties {
  store: Store;
  side: Side;
  path: readonly [Marker, Marker];
}

function Path({ store, side, path }: PathProperties) {
  const args = crossingArgs(store, side, path);
  const points = Array.from({ length: STEPS }, (_, i) => along(args.a, args.b, i / (STEPS - 1)));
  return (
    <section data-testid="path">
      <h3>
        Along the path from {path[0].number} to {path[1].number}
      </h3>
      <Asked
        store={store}
        op="decode"
        args={{ ...currentEpoch(store, side), points }}
        waiting="Decoding"
      >
        {(answer) => (
          <ol class="dvi-along">
            {readDecoded(answer).map((point, i) => {
              const { index = null, probability = 0 } = point.classes[0] ?? {};
              return (
                <li
                  key={i}
                  title={`${store.className(index)}, ${percent(probability)}`}
                  style={{ borderColor: classHue(store, index) }}
                >
                  <DecodedPicture store={store} point={point} side={SMALL_PX} />
                </li>
              );
            })}
          </ol>
        )}
      </Asked>
      <Asked store={store} op="crossings" args={args} waiting="Looking for crossings">
        {({ crossings }) => (
          <ol data-testid="crossings">
            {crossings.map(({ t, before, after }) => (
              <li key={t} title={`${store.className(before)} → ${store.className(after)}`}>
                <Named store={store} index={before} /> → <Named store={store} index={after} />{" "}
                <small>at {percent(t)}</small>
              </li>
            ))}
            {crossings.length === 0 && <li>The class does not change.</li>}
          </ol>
        )}
      </Asked>
    </section>
  );
}
