// The card beside a point: its picture, label, prediction, confidence, and which sample it is.
import { useSignalEffect } from "@preact/signals";
import type { HTMLAttributes } from "preact";
import { useRef } from "preact/hooks";
import type { Stage } from "../canvas/stage";
import type { Viewport } from "../canvas/viewport";
import { useReply } from "../pieces/asked";
import { Pixels } from "../pieces/pixels";
import { useSize } from "../pieces/size";
import { Named } from "../pieces/swatch";
import { className, percent } from "../pieces/words";
import type { Side } from "../state/sides";
import type { Store } from "../state/store";

const PICTURE_SIDE = 112;
const OFFSET = 16;
const MARGIN = 6;
/** So wide are the tools at the right. */
const TOOLS = 40;
/** What is only passed over by the pointer is not asked for. */
const DELAY_MS = 80;

export function Card({ store, stage }: { store: Store; stage: Stage }) {
  // On one side; the other one only rings the sample.
  const index = store.raisedOn.value === stage.side ? store.raised.value : null;
  if (index === null) {
    return null;
  }
  return (
    <Beside
      stage={stage}
      locate={() => {
        stage.painter.drawn.value;
        const sample = store.raised.value;
        return sample === null ? null : stage.painter.locate(sample);
      }}
      class="dvi-card"
      role="tooltip"
      data-testid="hover-card"
      data-index={index}
    >
      {store.hello.images !== null && (
        <SamplePicture store={store} index={index} side={PICTURE_SIDE} />
      )}
      <Facts store={store} index={index} side={stage.side} />
      <Words store={store} index={index} />
    </Beside>
  );
}

interface BesideProperties extends HTMLAttributes<HTMLDivElement> {
  stage: Stage;
  /** The place on the canvas, in its pixels; null leaves the card where it is. */
  locate: () => readonly [number, number] | null;
}

/** A card beside a place of the canvas: follows it, and its own size, without rendering anything anew. */
export function Beside({ stage, locate, ...attributes }: BesideProperties) {
  const card = useRef<HTMLDivElement>(null);
  const { width, height } = useSize(card);
  useSignalEffect(() => {
    // What arrives later makes it larger.
    width.value;
    height.value;
    const seen = stage.camera.viewport.value;
    const place = locate();
    if (card.current !== null && seen !== null && place !== null) {
      anchor(card.current, seen, ...place);
    }
  });
  return <div {...attributes} ref={card} />;
}

/** What there is to read of a sample. */
export function Words({ store, index }: { store: Store; index: number }) {
  const args = store.hello.texts ? { indices: [index] } : null;
  const { answer, error } = useReply(store, "describe", args, DELAY_MS);
  const texts = answer?.result.texts as string[] | undefined;
  return args && <span class="dvi-words">{texts?.[0] ?? error ?? "…"}</span>;
}

/** Lay a card beside a place of the canvas; hidden where that is out of sight. */
function anchor(card: HTMLElement, seen: Viewport, x: number, y: number): void {
  const { offsetWidth: width, offsetHeight: height } = card;
  const inside = (at: number, most: number): number =>
    Math.min(Math.max(MARGIN, at), most - MARGIN);
  let left = x + OFFSET;
  let top = y - height / 2;
  if (left + width > seen.width - TOOLS) {
    left = x - OFFSET - width;
  }
  if (left < MARGIN) {
    // No room at either side: below, or above.
    left = x - width / 2;
    const below = y + OFFSET;
    top = below + height <= seen.height - MARGIN ? below : y - OFFSET - height;
  }
  left = inside(left, seen.width - width);
  top = inside(top, seen.height - height);
  card.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  const outside = x < 0 || y < 0 || x > seen.width || y > seen.height;
  card.style.visibility = outside ? "hidden" : "visible";
}

/** What is known of a sample at the epoch shown. */
export function Facts({ store, index, side }: { store: Store; index: number; side: Side }) {
  const { hello, playhead } = store;
  side.frames.revision.value;
  const sample = store.sample(index, playhead.position.value, side);
  const wrong =
    sample.label !== null && sample.prediction !== null && sample.label !== sample.prediction;
  const groups = [...hello.groups].filter(([, mask]) => mask[index] === 1);
  return (
    <dl class="dvi-facts">
      <dt>label</dt>
      <dd title={className(hello, sample.label)}>
        <Named store={store} index={sample.label} />
      </dd>
      <dt>predicted</dt>
      <dd
        class={wrong ? "dvi-wrong" : ""}
        title={sample.prediction === null ? "" : className(hello, sample.prediction)}
      >
        {sample.prediction !== null && <Named store={store} index={sample.prediction} />}
      </dd>
      <dt>confidence</dt>
      <dd>{sample.confidence === null ? "" : percent(sample.confidence)}</dd>
      <dt>{sample.split}</dt>
      <dd>#{index}</dd>
      {groups.length > 0 && (
        <>
          <dt>groups</dt>
          <dd title={groups.map(([name]) => name).join(", ")}>
            <span class="dvi-name">{groups.map(([name]) => name).join(", ")}</span>
          </dd>
        </>
      )}
    </dl>
  );
}

interface SamplePictureProperties {
  store: Store;
  index: number;
  side: number;
}

export function SamplePicture({ store, index, side }: SamplePictureProperties) {
  const { pictures, thumbnails } = store;
  pictures.revision.value;
  thumbnails.revision.value;
  const picture = pictures.get(index) ?? thumbnails.get(index);
  if (pictures.get(index) === undefined) {
    pictures.want([index]);
  }
  return (
    <div class="dvi-card-picture" style={{ width: `${side}px`, height: `${side}px` }}>
      {picture !== undefined && <Pixels picture={picture} side={side} />}
    </div>
  );
}
