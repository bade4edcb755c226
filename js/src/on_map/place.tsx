// The card of a place on the map where no sample is: its classes, its decoded picture and its nearest samples.
import { useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { Stage } from "../canvas/stage";
import { toScreen } from "../canvas/viewport";
import { Asked } from "../pieces/asked";
import { type DecodedPoint, readDecoded } from "../pieces/decoded";
import { CloseIcon } from "../pieces/icons";
import { Pixels } from "../pieces/pixels";
import { SampleButton } from "../pieces/sample";
import { classHue, Named } from "../pieces/swatch";
import { percent } from "../pieces/words";
import { canDecode, currentEpoch, dropMarker, inUnits } from "../state/markers";
import type { Store } from "../state/store";
import { Beside } from "./beside";
import { BoundaryHere } from "./boundary";

const MAX_CLASSES = 3;
const THUMBNAIL_PX = 36;
const PICTURE_PX = 96;

export function Place({ store, stage }: { store: Store; stage: Stage }) {
  const { side } = stage;
  const mark = useRef<HTMLSpanElement>(null);

  const locate = (): [number, number] | null => {
    const place = store.place.value;
    const seen = stage.camera.viewport.value;
    return place === null || seen === null ? null : toScreen(seen, place.x, place.y);
  };
  useSignalEffect(() => {
    const at = locate();
    if (at !== null && mark.current !== null) {
      const [x, y] = at;
      mark.current.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
    }
  });

  const place = store.place.value;
  if (place === null) {
    return null;
  }
  const close = (): void => {
    store.place.value = null;
  };
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
          onClick={close}
        >
          <CloseIcon />
        </button>
        <Asked
          store={store}
          op="decode"
          args={{ ...currentEpoch(store, side), points: [inUnits(side, place)] }}
          waiting="Decoding this place"
        >
          {(answer) =>
            readDecoded(answer).map((point) => (
              <Decoded
                key="place"
                store={store}
                point={point}
                imagined={answer.imagined}
                close={close}
              />
            ))
          }
        </Asked>
        <BoundaryHere store={store} stage={stage} />
        {canDecode(store) && (
          <button
            type="button"
            class="dvi-link"
            data-testid="keep-place"
            onClick={() => {
              dropMarker(store, side, [place.x, place.y]);
              close();
            }}
          >
            Keep as a marker
          </button>
        )}
      </Beside>
    </>
  );
}

interface DecodedProperties {
  store: Store;
  point: DecodedPoint;
  /** Whether the picture is an autoencoder's. */
  imagined: boolean;
  close: () => void;
}

function Decoded({ store, point, imagined, close }: DecodedProperties) {
  const { classes, nearest, picture } = point;
  const { hello, thumbnails } = store;
  thumbnails.revision.value;
  if (hello.images !== null) {
    for (const index of nearest) {
      thumbnails.add(index);
    }
  }
  return (
    <>
      {picture !== undefined && (
        <Pixels picture={picture} side={PICTURE_PX} name="Decoded picture of this place" />
      )}
      {imagined && <small>imagined by the autoencoder</small>}
      <ul class="dvi-place-classes" aria-label="Probabilities of the model here">
        {classes.slice(0, MAX_CLASSES).map(({ probability, index }) => (
          <li key={index} title={store.className(index)}>
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
          return (
            <SampleButton
              key={index}
              store={store}
              index={index}
              class="dvi-place-sample"
              testid="nearest"
              hue={classHue(store, label < 0 ? null : label)}
              chosen={close}
            >
              {thumbnail === undefined ? (
                `#${index}`
              ) : (
                <Pixels picture={thumbnail} side={THUMBNAIL_PX} />
              )}
            </SampleButton>
          );
        })}
      </div>
    </>
  );
}
