// Markers: dropped anywhere on the landscape, each decoded, and what changes on the way between two of them.

import { SamplePicture, Words } from "../../on_map/card";
import { Asked } from "../../pieces/asked";
import { CloseIcon } from "../../pieces/icons";
import { Pixels } from "../../pieces/pixels";
import { classHue, Named } from "../../pieces/swatch";
import { className, percent } from "../../pieces/words";
import { readPictures } from "../../protocol/source";
import type { Answer } from "../../protocol/wire";
import {
  crossingsOf,
  inUnits,
  type Marker,
  markersOn,
  removeMarker,
  shown,
  toggleEnd,
  wayOn,
  wayQuestion,
} from "../../state/markers";
import type { Side } from "../../state/sides";
import type { Store } from "../../state/store";

const PICTURE = 56;
const SMALL = 28;
/** Places decoded along a way, its ends included. */
const STEPS = 8;

export function Markers({ store }: { store: Store }) {
  const side = store.side.value;
  const markers = markersOn(store, side);
  const way = wayOn(store, side);
  if (!side.info.services.includes("classify")) {
    return (
      <p class="dvi-empty">
        No engine behind this landscape decodes its points: show that of a fitted model.
      </p>
    );
  }
  if (markers.length === 0) {
    return (
      <p class="dvi-empty" data-testid="markers-empty">
        Drop markers to see what lies there.
        <small>
          Take the marker from the tools: a click drops one, a drag leads a way between two.
        </small>
      </p>
    );
  }
  return (
    <div class="dvi-marked">
      <ul data-testid="markers">
        {markers.map((marker) => (
          <li key={marker.number}>
            <button
              type="button"
              class="dvi-number"
              title="Lead the way from or to here"
              aria-label={`Way from or to marker ${marker.number}`}
              aria-pressed={way?.includes(marker) ?? false}
              onClick={() => toggleEnd(store, marker)}
            >
              {marker.number}
            </button>
            <div>
              <Asked
                store={store}
                op="decode"
                args={{ ...shown(store, side), points: [inUnits(side, marker)] }}
                waiting="Decoding"
              >
                {(answer) => <Decoded store={store} answer={answer} />}
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
      {way === null ? (
        <p class="dvi-hint">Press two numbers to see what changes on the way.</p>
      ) : (
        <Way store={store} side={side} way={way} />
      )}
    </div>
  );
}

interface DecodedProperties {
  store: Store;
  /** To "decode". */
  answer: Answer;
}

/** One decoded place: what it looks like, and what it is taken for. */
function Decoded({ store, answer }: DecodedProperties) {
  const [best, likely] = likeliest(answer, 0);
  const nearest = answer.arrays.get("nearest")?.data[0];
  return (
    <div class="dvi-decoded">
      <DecodedPicture store={store} answer={answer} row={0} side={PICTURE} />
      <p>
        <Named store={store} index={best} /> <b>{percent(likely)}</b>
        {!answer.arrays.has("pixels") && nearest !== undefined && (
          <small>
            nearest sample #{nearest} <Words store={store} index={nearest} />
          </small>
        )}
      </p>
    </div>
  );
}

/** The likeliest class at a decoded place, and how likely it is. */
function likeliest({ arrays }: Answer, row: number): [number, number] {
  const { data, shape } = arrays.get("probabilities") ?? { data: [], shape: [1, 0] };
  const classes = shape[1] as number;
  const probabilities = Array.from(data).slice(row * classes, (row + 1) * classes);
  const most = Math.max(...probabilities);
  return [probabilities.indexOf(most), most];
}

/** The decoded picture; where there is none, that of the nearest sample. */
function DecodedPicture({
  store,
  answer: { arrays },
  row,
  side,
}: DecodedProperties & { row: number; side: number }) {
  const pixels = arrays.get("pixels");
  if (pixels !== undefined) {
    return <Pixels picture={readPictures(pixels)[row]} side={side} />;
  }
  const { data = [], shape = [] } = arrays.get("nearest") ?? {};
  const nearest = data[row * (shape[1] ?? 0)];
  return store.hello.images !== null && nearest !== undefined ? (
    <SamplePicture store={store} index={nearest} side={side} />
  ) : null;
}

interface WayProperties {
  store: Store;
  side: Side;
  way: readonly [Marker, Marker];
}

function Way({ store, side, way }: WayProperties) {
  const asked = wayQuestion(store, side, way);
  const { a, b } = asked;
  const points = Array.from({ length: STEPS }, (_, i) =>
    [0, 1].map((axis) => {
      const from = a[axis] as number;
      return from + ((b[axis] as number) - from) * (i / (STEPS - 1));
    }),
  );
  return (
    <section data-testid="way">
      <h3>
        On the way from {way[0].number} to {way[1].number}
      </h3>
      <Asked store={store} op="decode" args={{ ...shown(store, side), points }} waiting="Decoding">
        {(answer) => (
          <ol class="dvi-along">
            {points.map((_, i) => {
              const [best, likely] = likeliest(answer, i);
              const words = `${className(store.hello, best)}, ${percent(likely)}`;
              return (
                <li key={i} title={words} style={{ borderColor: classHue(store, best) }}>
                  <DecodedPicture store={store} answer={answer} row={i} side={SMALL} />
                </li>
              );
            })}
          </ol>
        )}
      </Asked>
      <Asked store={store} op="crossings" args={asked} waiting="Looking for crossings">
        {(answer) => (
          <ol data-testid="crossings">
            {crossingsOf(answer).map(({ t, before, after }) => (
              <li
                key={t}
                title={`${className(store.hello, before)} → ${className(store.hello, after)}`}
              >
                <Named store={store} index={before} /> → <Named store={store} index={after} />{" "}
                <small>at {percent(t)}</small>
              </li>
            ))}
            {crossingsOf(answer).length === 0 && <li>The class does not change.</li>}
          </ol>
        )}
      </Asked>
    </section>
  );
}
