// A latent vector as parallel coordinates: values to drag, bands to draw, and the neighbours within them.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { linear } from "../../pieces/scale";
import { useSize } from "../../pieces/size";
import { locate } from "../../state/locate";

const HEIGHT_PX = 150;
const TOP_PX = 10;
const BOTTOM_PX = 16;
/** More axes than fit at this distance scroll sideways. */
const MIN_DISTANCE_PX = 22;
/** The share of its range that an arrow key moves a value by. */
const STEP = 0.02;

interface AxesProperties {
  /** Least and largest value of each dimension over the data. */
  ranges: readonly (readonly [number, number])[];
  latent: ArrayLike<number>;
  /** The same among the neighbours, pair by pair; null before there are any. */
  bounds: ArrayLike<number> | null;
  /** One row per neighbour. */
  neighbors: Float32Array | null;
  /** The latent vector of the picture that the way leads to; nothing can be dragged then. */
  other?: ArrayLike<number> | undefined;
  move: (latent: number[]) => void;
  /** Called with a band drawn over one axis. */
  brush: (dimension: number, low: number, high: number) => void;
}

export function Axes(properties: AxesProperties) {
  const { ranges, latent, bounds, neighbors, other, move, brush } = properties;
  const fixed = other !== undefined;
  const element = useRef<HTMLDivElement>(null);
  const { width } = useSize(element);
  const drawn = useSignal<{ dimension: number; from: number; to: number } | null>(null);
  const held = useRef<{ dimension: number; value: boolean } | null>(null);
  const d = ranges.length;
  const span = Math.max(width.value, d * MIN_DISTANCE_PX);
  const across = (dimension: number): number => ((dimension + 0.5) / d) * span;
  // A dragged value may leave the range of the data by a quarter of it.
  const scales = ranges.map(([low, high]) => {
    const beyond = (high - low) / 4 || 1;
    return linear([low - beyond, high + beyond], [HEIGHT_PX - BOTTOM_PX, TOP_PX]);
  });
  const up = (dimension: number, value: number): number =>
    (scales[dimension] as (value: number) => number)(value);
  const valueAt = (dimension: number, event: PointerEvent): number => {
    const [, pointed] = locate(element.current as HTMLElement, event);
    const y = Math.min(HEIGHT_PX - BOTTOM_PX, Math.max(TOP_PX, pointed));
    return Number(scales[dimension]?.invert(y).toFixed(3));
  };
  const set = (dimension: number, value: number): void => {
    const moved = Array.from(latent);
    moved[dimension] = Number(value.toFixed(3));
    move(moved);
  };
  const begin = (
    dimension: number,
    value: boolean,
    event: PointerEvent & { currentTarget: Element },
  ): void => {
    event.stopPropagation();
    event.currentTarget.setPointerCapture(event.pointerId);
    held.current = { dimension, value };
    if (!value) {
      const at = valueAt(dimension, event);
      drawn.value = { dimension, from: at, to: at };
    }
  };
  const follow = (event: PointerEvent): void => {
    const { dimension, value } = held.current ?? { dimension: -1, value: false };
    if (dimension >= 0 && value) {
      set(dimension, valueAt(dimension, event));
    } else if (drawn.value !== null) {
      drawn.value = { ...drawn.value, to: valueAt(dimension, event) };
    }
  };
  const end = (): void => {
    const band = drawn.peek();
    if (band !== null && band.from !== band.to) {
      brush(band.dimension, Math.min(band.from, band.to), Math.max(band.from, band.to));
    }
    held.current = null;
    drawn.value = null;
  };
  const line = (row: ArrayLike<number>, first: number): string => {
    let path = "";
    for (let i = 0; i < d; i++) {
      path += `${i === 0 ? "M" : "L"}${across(i).toFixed(1)} ${up(i, row[first + i] as number).toFixed(1)}`;
    }
    return path;
  };
  let around = "";
  for (let first = 0; neighbors !== null && first < neighbors.length; first += d) {
    around += line(neighbors, first);
  }
  return (
    <div class="dvi-axes" ref={element}>
      <svg width={span} height={HEIGHT_PX}>
        <title>
          {fixed
            ? "Latent vectors of both pictures, and those between them"
            : "Latent vector: drag a value, or draw a band along an axis"}
        </title>
        <path class="dvi-axes-around" d={around} />
        {ranges.map(([low, high], i) => {
          const brushed = drawn.value?.dimension === i ? drawn.value : null;
          const from = brushed ? brushed.from : bounds?.[2 * i];
          const to = brushed ? brushed.to : bounds?.[2 * i + 1];
          const edges = from === undefined || to === undefined ? null : [up(i, from), up(i, to)];
          return (
            <g key={i} onPointerMove={follow} onPointerUp={end} onPointerCancel={end}>
              <line
                class="dvi-lines-axis"
                x1={across(i)}
                x2={across(i)}
                y1={up(i, high)}
                y2={up(i, low)}
              />
              {edges !== null && (
                <rect
                  class="dvi-range"
                  x={across(i) - 5}
                  width={10}
                  y={Math.min(...edges)}
                  height={Math.max(1, Math.abs((edges[0] as number) - (edges[1] as number)))}
                />
              )}
              {!fixed && (
                <rect
                  class="dvi-axes-touch"
                  x={across(i) - 9}
                  y={TOP_PX}
                  width={18}
                  height={HEIGHT_PX - TOP_PX - BOTTOM_PX}
                  onPointerDown={(event) => begin(i, false, event)}
                >
                  <title>Draw along the axis to set the band of dimension {i}</title>
                </rect>
              )}
            </g>
          );
        })}
        <path class="dvi-axes-own" d={line(latent, 0)} data-testid="axes-own" />
        {other !== undefined && (
          <path class="dvi-axes-own dvi-axes-other" d={line(other, 0)} data-testid="axes-other" />
        )}
        {(fixed ? [] : ranges).map(([low, high], i) => (
          <circle
            key={i}
            role="slider"
            tabindex={0}
            aria-label={`Latent dimension ${i}`}
            aria-orientation="vertical"
            aria-valuemin={low}
            aria-valuemax={high}
            aria-valuenow={latent[i] as number}
            cx={across(i)}
            cy={up(i, latent[i] as number)}
            r={5}
            onPointerDown={(event) => begin(i, true, event)}
            onPointerMove={follow}
            onPointerUp={end}
            onPointerCancel={end}
            onKeyDown={(event) => {
              const step = { ArrowUp: STEP, ArrowDown: -STEP }[event.key];
              if (step !== undefined) {
                set(i, (latent[i] as number) + step * (high - low));
                event.preventDefault();
                event.stopPropagation();
              }
            }}
          />
        ))}
        {ranges.map((_, i) => (
          <text key={i} x={across(i)} y={HEIGHT_PX - 3} text-anchor="middle">
            {i}
          </text>
        ))}
      </svg>
    </div>
  );
}
