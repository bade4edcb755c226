// The card beside a point: its picture, label, prediction, confidence, and which sample it is.
import { useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { Stage } from "../canvas/stage";
import type { Store } from "../store";
import { className, count, percent } from "../words";
import { Picture } from "./picture";
import { Swatch } from "./swatch";

const PICTURE_SIDE = 112;
const OFFSET = 16;
const MARGIN = 6;

export function Card({ store, stage }: { store: Store; stage: Stage }) {
  const card = useRef<HTMLDivElement>(null);
  // On the side pointed at; the other one only rings the sample.
  const index = store.side.value === stage.side ? store.raised.value : null;

  // Follows its point without rendering anything anew.
  useSignalEffect(() => {
    stage.painter.drawn.value;
    const sample = store.raised.value;
    const seen = stage.camera.viewport.value;
    const element = card.current;
    const place = sample === null ? null : stage.painter.locate(sample);
    if (element === null || seen === null || place === null) {
      return;
    }
    const [x, y] = place;
    const { offsetWidth: width, offsetHeight: height } = element;
    const right = x + OFFSET + width <= seen.width - MARGIN;
    const left = right ? x + OFFSET : Math.max(MARGIN, x - OFFSET - width);
    const top = Math.min(seen.height - height - MARGIN, Math.max(MARGIN, y - height / 2));
    element.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
    const outside = x < 0 || y < 0 || x > seen.width || y > seen.height;
    element.style.visibility = outside ? "hidden" : "visible";
  });

  if (index === null) {
    return null;
  }
  return (
    <div class="dvi-card" ref={card} role="tooltip" data-testid="hover-card" data-index={index}>
      <CardContent store={store} index={index} />
    </div>
  );
}

function CardContent({ store, index }: { store: Store; index: number }) {
  const { hello, playhead } = store;
  store.frames.revision.value;
  const sample = store.sample(index, playhead.position.value);
  const wrong =
    sample.label !== null && sample.prediction !== null && sample.label !== sample.prediction;
  return (
    <>
      {hello.images !== null && <CardPicture store={store} index={index} />}
      <dl class="dvi-facts">
        <dt>label</dt>
        <dd>
          <Swatch store={store} index={sample.label} />
          <span class="dvi-name">{className(hello, sample.label)}</span>
        </dd>
        <dt>predicted</dt>
        <dd class={wrong ? "dvi-wrong" : ""}>
          {sample.prediction !== null && (
            <>
              <Swatch store={store} index={sample.prediction} />
              <span class="dvi-name">{className(hello, sample.prediction)}</span>
            </>
          )}
        </dd>
        <dt>confidence</dt>
        <dd>{sample.confidence === null ? "" : percent(sample.confidence)}</dd>
        <dt>{sample.split}</dt>
        <dd>#{count(index).replaceAll(",", "")}</dd>
      </dl>
    </>
  );
}

function CardPicture({ store, index }: { store: Store; index: number }) {
  const { pictures, thumbnails } = store;
  pictures.revision.value;
  thumbnails.revision.value;
  const picture = pictures.get(index) ?? thumbnails.get(index);
  if (pictures.get(index) === undefined) {
    pictures.want([index]);
  }
  return (
    <div
      class="dvi-card-picture"
      style={{ width: `${PICTURE_SIDE}px`, height: `${PICTURE_SIDE}px` }}
    >
      {picture !== undefined && <Picture picture={picture} side={PICTURE_SIDE} />}
    </div>
  );
}
