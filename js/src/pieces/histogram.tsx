// A histogram over all samples; a range drawn over it, or typed, selects.
import { useSignal } from "@preact/signals";
import { useMemo, useRef } from "preact/hooks";
import { locate } from "../state/locate";
import type { Store } from "../state/store";
import { linear } from "./scale";
import { useSize } from "./size";
import { Typed } from "./typed";
import { count, number, plural } from "./words";

const BINS = 30;
const HEIGHT_PX = 96;
const BASE_PX = 14;
const EDGE_PX = 4;

interface HistogramProperties {
  store: Store;
  name: string;
  /** One per sample; NaN where there is none. */
  values: Float32Array;
}

export function Histogram({ store, name, values }: HistogramProperties) {
  const element = useRef<HTMLDivElement>(null);
  const { width } = useSize(element);
  const range = useSignal<readonly [number, number] | null>(null);
  const pressed = useRef(0);
  const { low, high, counts } = useMemo(() => counted(values), [values]);
  const across = linear([low, high], [EDGE_PX, Math.max(EDGE_PX + 1, width.value - EDGE_PX)]);
  const most = Math.max(1, ...counts);
  const at = (event: PointerEvent & { currentTarget: HTMLElement }): number =>
    Math.min(high, Math.max(low, across.invert(locate(event.currentTarget, event)[0])));
  const select = (from: number, to: number): void => {
    range.value = [from, to];
    store.selectMask(Uint8Array.from(values, (value) => (value >= from && value <= to ? 1 : 0)));
  };
  const chosen = range.value;
  return (
    <figure class="dvi-histogram">
      <div
        ref={element}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          pressed.current = at(event);
          range.value = [pressed.current, pressed.current];
        }}
        onPointerMove={(event) => {
          if (event.buttons !== 0 && range.peek() !== null) {
            const here = at(event);
            range.value = [Math.min(pressed.current, here), Math.max(pressed.current, here)];
          }
        }}
        onPointerUp={() => {
          const [from, to] = range.peek() ?? [0, 0];
          if (to > from) {
            select(from, to);
          } else {
            range.value = null;
          }
        }}
      >
        <svg width={width.value} height={HEIGHT_PX} role="img" aria-label={`Histogram: ${name}`}>
          {counts.map((samples, bin) => {
            const from = low + ((high - low) * bin) / BINS;
            const to = low + ((high - low) * (bin + 1)) / BINS;
            // A root keeps single samples visible beside thousands.
            const size = Math.sqrt(samples / most) * (HEIGHT_PX - BASE_PX - 4);
            return (
              <rect
                key={from}
                x={across(from)}
                y={HEIGHT_PX - BASE_PX - size}
                width={Math.max(1, across(to) - across(from) - 1)}
                height={size}
              >
                <title>
                  {number(from)} to {number(to)}: {plural(samples, "sample", "samples")}
                </title>
              </rect>
            );
          })}
          {chosen !== null && (
            <rect
              class="dvi-range"
              x={across(chosen[0])}
              y={0}
              width={across(chosen[1]) - across(chosen[0])}
              height={HEIGHT_PX - BASE_PX}
            />
          )}
          <text x={EDGE_PX} y={HEIGHT_PX - 2}>
            {number(low)}
          </text>
          <text x={width.value - EDGE_PX} y={HEIGHT_PX - 2} text-anchor="end">
            {number(high)}
          </text>
        </svg>
      </div>
      <figcaption>
        {name}, counts under a root: at most {count(most)} in a bar
      </figcaption>
      <form
        class="dvi-form"
        onSubmit={(event) => {
          event.preventDefault();
          const [from, to] = new FormData(event.currentTarget).values();
          select(Number(from), Number(to));
        }}
      >
        <label>
          <span>from</span>
          <Typed type="number" name="from" step="any" value={rounded(chosen?.[0] ?? low)} />
        </label>
        <label>
          <span>to</span>
          <Typed type="number" name="to" step="any" value={rounded(chosen?.[1] ?? high)} />
        </label>
        <button type="submit">Select</button>
      </form>
    </figure>
  );
}

function counted(values: Float32Array): { low: number; high: number; counts: number[] } {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (!Number.isNaN(value)) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (low > high) {
    [low, high] = [0, 1];
  } else if (low === high) {
    high = low + 1;
  }
  const counts = new Array<number>(BINS).fill(0);
  for (const value of values) {
    if (!Number.isNaN(value)) {
      const bin = Math.min(BINS - 1, Math.floor(((value - low) / (high - low)) * BINS));
      counts[bin] = (counts[bin] as number) + 1;
    }
  }
  return { low, high, counts };
}

/** As a field takes it. */
function rounded(value: number): string {
  return String(Number(value.toPrecision(3)));
}
