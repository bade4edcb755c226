// What became of one sample over the epochs: a column an epoch, coloured by the prediction, as high as it is sure.
import { useRef } from "preact/hooks";
import { path } from "./lines";
import { linear } from "./scale";
import { useSize } from "./size";

interface StripProperties {
  /** Recorded numbers. */
  epochs: readonly number[];
  /** Predicted class at each epoch; below zero where it is not known. */
  predictions: ArrayLike<number>;
  /** Of the prediction, in [0, 1]. */
  confidence: ArrayLike<number>;
  /** Probability of the label, a line over the columns; what is not finite leaves a gap. */
  own?: ArrayLike<number>;
  hue: (prediction: number) => string;
  /** One column in words: its tooltip, and what a screen reader says of the current one. */
  words: (place: number) => string;
  /** The current place, and how another is chosen. */
  place: number;
  choose: (place: number) => void;
  name: string;
}

const HEIGHT = 56;

export function Strip(properties: StripProperties) {
  const { epochs, predictions, confidence, own, hue, words, place, choose, name } = properties;
  const element = useRef<HTMLDivElement>(null);
  const { width } = useSize(element);
  const step = width.value / epochs.length;
  const gap = step > 5 ? 1 : 0;
  const up = linear([0, 1], [HEIGHT, 0]);
  const last = epochs.length - 1;
  return (
    <div
      class="dvi-strip"
      ref={element}
      role="slider"
      tabIndex={0}
      data-testid="strip"
      aria-label={name}
      aria-valuemin={0}
      aria-valuemax={last}
      aria-valuenow={place}
      aria-valuetext={words(place)}
      onPointerDown={(event) => {
        const x = event.clientX - event.currentTarget.getBoundingClientRect().left;
        choose(Math.min(last, Math.max(0, Math.floor(x / (step || 1)))));
      }}
    >
      <svg width={width.value} height={HEIGHT} aria-hidden="true">
        {epochs.map((epoch, i) => {
          const class_ = predictions[i] as number;
          const high = up(class_ < 0 ? 0 : (confidence[i] as number));
          return (
            <g key={epoch} fill={class_ < 0 ? "var(--dvi-line)" : hue(class_)}>
              <title>{words(i)}</title>
              <rect
                x={i * step}
                width={Math.max(0, step - gap)}
                height={HEIGHT}
                opacity={class_ < 0 ? 0.4 : 0.16}
              />
              <rect x={i * step} y={high} width={Math.max(0, step - gap)} height={HEIGHT - high} />
            </g>
          );
        })}
        {own !== undefined && (
          <path class="dvi-strip-own" d={path(own, (i) => (i + 0.5) * step, up)} />
        )}
        <rect
          class="dvi-strip-at"
          x={place * step}
          y={0}
          width={Math.max(2, step - gap)}
          height={HEIGHT}
        />
      </svg>
    </div>
  );
}
