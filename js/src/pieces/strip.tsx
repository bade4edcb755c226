// A sample over the epochs: a column per epoch, coloured by its prediction, as high as its confidence.
import { useRef } from "preact/hooks";
import { locate } from "../state/locate";
import { path } from "./lines";
import { linear } from "./scale";
import { useSize } from "./size";

interface StripProperties {
  /** Recorded numbers. */
  epochs: readonly number[];
  /** Predicted class per epoch; below zero where it is unknown. */
  predictions: ArrayLike<number>;
  /** Of the prediction, 0 to 1. */
  confidence: ArrayLike<number>;
  /** Probability of the label, drawn as a line; NaN leaves a gap. */
  own?: ArrayLike<number>;
  hue: (prediction: number) => string;
  /** A column in words, for its tooltip and for screen readers. */
  words: (column: number) => string;
  /** The current column. */
  current: number;
  choose: (column: number) => void;
  name: string;
}

const HEIGHT_PX = 56;

export function Strip(properties: StripProperties) {
  const { epochs, predictions, confidence, own, hue, words, current, choose, name } = properties;
  const element = useRef<HTMLDivElement>(null);
  const { width } = useSize(element);
  const step = width.value / epochs.length;
  const gap = step > 5 ? 1 : 0;
  const up = linear([0, 1], [HEIGHT_PX, 0]);
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
      aria-valuenow={current}
      aria-valuetext={words(current)}
      onPointerDown={(event) => {
        const x = locate(event.currentTarget, event)[0];
        choose(Math.min(last, Math.max(0, Math.floor(x / (step || 1)))));
      }}
    >
      <svg width={width.value} height={HEIGHT_PX} aria-hidden="true">
        {epochs.map((epoch, i) => {
          const class_ = predictions[i] as number;
          const high = up(class_ < 0 ? 0 : (confidence[i] as number));
          return (
            <g key={epoch} fill={class_ < 0 ? "var(--dvi-line)" : hue(class_)}>
              <title>{words(i)}</title>
              <rect
                x={i * step}
                width={Math.max(0, step - gap)}
                height={HEIGHT_PX}
                opacity={class_ < 0 ? 0.4 : 0.16}
              />
              <rect
                x={i * step}
                y={high}
                width={Math.max(0, step - gap)}
                height={HEIGHT_PX - high}
              />
            </g>
          );
        })}
        {own !== undefined && (
          <path class="dvi-strip-own" d={path(own, (i) => (i + 0.5) * step, up)} />
        )}
        <rect
          class="dvi-strip-at"
          x={current * step}
          y={0}
          width={Math.max(2, step - gap)}
          height={HEIGHT_PX}
        />
      </svg>
    </div>
  );
}
