// Curves over one axis; the pointer reads all of them out.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { locate } from "../state/locate";
import { linear } from "./scale";
import { useSize } from "./size";
import { number } from "./words";

export interface Curve {
  name: string;
  /** One per point of the axis; NaN leaves a gap. */
  values: ArrayLike<number>;
  /** CSS colour. */
  hue: string;
  dashed?: boolean;
}

interface LinesProperties {
  name: string;
  /** Ascending. */
  x: ArrayLike<number>;
  xName: string;
  yName: string;
  curves: readonly Curve[];
  /** Of the values; by default from the least to the largest. */
  range?: readonly [number, number];
  /** Upright lines with a name. */
  marks?: readonly { x: number; name: string }[];
  height?: number;
  /** Write a value; by default in three digits. */
  format?: (value: number) => string;
  /** Where on the axis one is now. */
  at?: number | undefined;
  /** A click on the point of the axis with this index. */
  choose?: (index: number) => void;
}

const LEFT = 42;
const RIGHT = 6;
const TOP = 8;
const BOTTOM = 18;

export function Lines({
  name,
  x,
  xName,
  yName,
  curves,
  range,
  marks = [],
  height = 132,
  format = number,
  at: now,
  choose,
}: LinesProperties) {
  const element = useRef<HTMLDivElement>(null);
  const { width } = useSize(element);
  const hovered = useSignal<number | null>(null);
  const right = Math.max(LEFT + 1, width.value - RIGHT);
  const finite = curves.flatMap(({ values }) => Array.from(values).filter(Number.isFinite));
  const low = range?.[0] ?? Math.min(...finite);
  const high = range?.[1] ?? Math.max(...finite);
  const last = x.length - 1;
  const across = linear([x[0] as number, x[last] as number], [LEFT, right]);
  const up = linear([low, high], [height - BOTTOM, TOP]);
  const at = hovered.value;
  const follow = (event: PointerEvent & { currentTarget: HTMLElement }): void => {
    const pointed = across.invert(locate(event.currentTarget, event)[0]);
    let nearest = 0;
    for (let i = 1; i <= last; i++) {
      if (Math.abs((x[i] as number) - pointed) < Math.abs((x[nearest] as number) - pointed)) {
        nearest = i;
      }
    }
    hovered.value = nearest;
  };
  return (
    <figure class="dvi-lines">
      {/* biome-ignore lint/a11y: the keys that move time do what a click does */}
      <div
        ref={element}
        class={choose === undefined ? "" : "dvi-lines-choose"}
        onClick={() => {
          if (hovered.peek() !== null) {
            choose?.(hovered.peek() as number);
          }
        }}
        onPointerMove={follow}
        onPointerLeave={() => {
          hovered.value = null;
        }}
      >
        <svg width={width.value} height={height} role="img" aria-label={name}>
          <path class="dvi-lines-axis" d={`M${LEFT} ${TOP}V${height - BOTTOM}H${right}`} />
          {[low, high].map((value, i) => (
            <text key={i} x={LEFT - 4} y={up(value) + 4} text-anchor="end">
              {format(value)}
            </text>
          ))}
          <text x={LEFT + 4} y={TOP + 4}>
            {yName}
          </text>
          <text x={LEFT} y={height - 4}>
            {number(x[0] as number)}
          </text>
          <text x={(LEFT + right) / 2} y={height - 4} text-anchor="middle">
            {xName}
          </text>
          <text x={right} y={height - 4} text-anchor="end">
            {number(x[last] as number)}
          </text>
          {marks.map((mark) => (
            <path
              key={mark.name}
              class="dvi-lines-mark"
              d={`M${across(mark.x)} ${TOP}V${height - BOTTOM}`}
            >
              <title>{mark.name}</title>
            </path>
          ))}
          {now !== undefined && (
            <path class="dvi-lines-mark" d={`M${across(now)} ${TOP}V${height - BOTTOM}`} />
          )}
          {curves.map(({ name: curve, values, hue, dashed }) => (
            <path
              key={curve}
              class="dvi-spark"
              d={path(values, (i) => across(x[i] as number), up)}
              style={{ stroke: hue }}
              stroke-dasharray={dashed ? "3 3" : undefined}
            />
          ))}
          {at !== null && (
            <path
              class="dvi-lines-at"
              d={`M${across(x[at] as number)} ${TOP}V${height - BOTTOM}`}
            />
          )}
        </svg>
      </div>
      <figcaption>
        {at !== null && `${xName} ${number(x[at] as number)}`}
        {curves.map(({ name: curve, values, hue, dashed }) => (
          <span key={curve}>
            <svg class="dvi-stroke" viewBox="0 0 16 8" aria-hidden="true">
              <path
                class="dvi-spark"
                d="M1 4h14"
                style={{ stroke: hue }}
                stroke-dasharray={dashed ? "3 3" : undefined}
              />
            </svg>{" "}
            {curve}
            {at !== null && <b> {format(values[at] as number)}</b>}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

/** The SVG path of a curve, broken where values are missing. */
export function path(
  values: ArrayLike<number>,
  across: (index: number) => number,
  up: (value: number) => number,
): string {
  let drawn = "";
  let pen = "M";
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (Number.isFinite(value)) {
      drawn += `${pen}${across(i).toFixed(1)} ${up(value).toFixed(1)}`;
    }
    pen = Number.isFinite(value) ? "L" : "M";
  }
  return drawn;
}
