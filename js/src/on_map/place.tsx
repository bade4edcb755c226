// What lies at a place of the canvas where no sample is: the class there, how sure, and which samples are nearest to it.
import { useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { Stage } from "../canvas/stage";
import { FULL, toScreen } from "../canvas/viewport";
import { Asked } from "../pieces/asked";
import { CloseIcon } from "../pieces/icons";
import { Pixels } from "../pieces/pixels";
import { classHue, Named } from "../pieces/swatch";
import { className, percent } from "../pieces/words";
import { readPictures } from "../protocol/source";
import type { Answer, NamedArray } from "../protocol/wire";
import { decodes, dropMarker } from "../state/markers";
import type { Store } from "../state/store";
import { Beside } from "./card";

const BARS = 3;
const THUMBNAIL = 36;
const PICTURE = 96;

export function Place({ store, stage }: { store: Store; stage: Stage }) {
  const { side } = stage;
  const mark = useRef<HTMLSpanElement>(null);

  const locate = (): [number, number] | null => {
    const at = store.place.value;
    const seen = stage.camera.viewport.value;
    return at === null || seen === null ? null : toScreen(seen, at.x, at.y);
  };
  useSignalEffect(() => {
    const place = locate();
    if (place !== null && mark.current !== null) {
      const [x, y] = place;
      mark.current.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
    }
  });

  const at = store.place.value;
  if (at === null) {
    return null;
  }
  const [x0, x1, y0, y1] = side.info.extent;
  const point = [x0 + (at.x / FULL) * (x1 - x0), y0 + (at.y / FULL) * (y1 - y0)];
  const epoch = side.epoch(store.playhead.resting.value);
  return (
    <>
      <span class="dvi-place-mark" ref={mark} aria-hidden="true" />
      <Beside
        stage={stage}
        locate={locate}
        class="dvi-card dvi-place"
        role="dialog"
        aria-label="This place"
        data-testid="place"
      >
        <button
          type="button"
          class="dvi-tool"
          aria-label="Close"
          title="Close (Escape)"
          onClick={() => {
            store.place.value = null;
          }}
        >
          <CloseIcon />
        </button>
        <Asked
          store={store}
          op="decode"
          args={{ landscape: side.index, epoch, points: [point] }}
          waiting="Decoding this place"
        >
          {(answer) => <Decoded store={store} answer={answer} />}
        </Asked>
        {decodes(store) && (
          <button
            type="button"
            class="dvi-link"
            data-testid="keep-place"
            onClick={() => {
              dropMarker(store, side, [at.x, at.y]);
              store.place.value = null;
            }}
          >
            Keep as a marker
          </button>
        )}
      </Beside>
    </>
  );
}

function Decoded({ store, answer: { arrays } }: { store: Store; answer: Answer }) {
  const { hello, thumbnails } = store;
  thumbnails.revision.value;
  const best = Array.from((arrays.get("probabilities") as NamedArray).data)
    .map((probability, index) => ({ probability, index }))
    .sort((p, q) => q.probability - p.probability)
    .slice(0, BARS);
  const nearest = Array.from(arrays.get("nearest")?.data ?? []);
  const pixels = arrays.get("pixels");
  const picture = pixels === undefined ? undefined : readPictures(pixels)[0];
  if (hello.images !== null && nearest.some((index) => thumbnails.get(index) === undefined)) {
    thumbnails.want(nearest);
  }
  return (
    <>
      {picture !== undefined && (
        <Pixels picture={picture} side={PICTURE} name="What this place decodes to" />
      )}
      <ul class="dvi-place-classes" aria-label="What the model would say here">
        {best.map(({ probability, index }) => (
          <li key={index} title={className(hello, index)}>
            <Named store={store} index={index} />
            <span class="dvi-bar" aria-hidden="true">
              <span
                style={{ width: `${100 * probability}%`, background: classHue(store, index) }}
              />
            </span>
            <b>{percent(probability)}</b>
          </li>
        ))}
      </ul>
      {nearest.length > 0 && <small>nearest samples</small>}
      <div class="dvi-place-nearest">
        {nearest.map((index) => {
          const thumbnail = thumbnails.get(index);
          const label = hello.labels[index] as number;
          const named = label < 0 ? null : label;
          const name = `Select sample #${index}, ${className(hello, named)}`;
          return (
            <button
              key={index}
              type="button"
              class="dvi-place-sample"
              data-testid="nearest"
              title={name}
              aria-label={name}
              style={{ "--dvi-hue": classHue(store, named) }}
              onPointerEnter={() => store.hover(index, "panel")}
              onPointerLeave={() => store.hover(null)}
              onClick={() => {
                store.select([index], "replace");
                store.pin(index);
                store.place.value = null;
              }}
            >
              {thumbnail === undefined ? (
                `#${index}`
              ) : (
                <Pixels picture={thumbnail} side={THUMBNAIL} />
              )}
            </button>
          );
        })}
      </div>
    </>
  );
}
