// Samples over two numbers: hovering raises them, a lasso or a click selects them, as on the map.
import { useSignal, useSignalEffect } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { GridIndex } from "../../canvas/grid";
import { followLasso } from "../../canvas/lasso";
import { followPresses } from "../../canvas/press";
import { linear } from "../../pieces/scale";
import { useSize } from "../../pieces/size";
import { FULL } from "../../protocol/source";
import { locate } from "../../state/locate";
import type { Store } from "../../state/store";

/** Margins around the points. */
const LEFT_PX = 26;
const RIGHT_PX = 6;
const TOP_PX = 6;
const BOTTOM_PX = 30;
/** Hovering reaches so far. */
const HOVER_PX = 8;
/** More points than this are drawn smaller. */
const MAX_LARGE = 10_000;

interface ScatterProperties {
  store: Store;
  name: string;
  /** One per point. */
  x: ArrayLike<number>;
  y: ArrayLike<number>;
  /** The sample of each point; by default point i is sample i. */
  samples?: ArrayLike<number>;
  /** Least and largest x, least and largest y. */
  range: readonly [number, number, number, number];
  xName?: string;
  yName?: string;
  /** Labels on the vertical axis. */
  ticks?: readonly number[];
  /** CSS colour of a point; by default its label's. */
  hue?: (point: number) => string;
  height?: number;
}

export function Scatter(properties: ScatterProperties) {
  const { store, name, x, y, samples, range, xName, yName, ticks = [], height = 220 } = properties;
  const element = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width } = useSize(element);
  const outline = useSignal<readonly number[] | null>(null);
  const [x0, x1, y0, y1] = range;

  const positions = useMemo(() => {
    const across = linear([x0, x1], [0, FULL]);
    const up = linear([y0, y1], [0, FULL]);
    const inside = (value: number): number => Math.min(FULL, Math.max(0, Math.round(value)));
    const made = new Uint16Array(2 * x.length);
    for (let i = 0; i < x.length; i++) {
      made[2 * i] = inside(across(x[i] as number));
      made[2 * i + 1] = inside(up(y[i] as number));
    }
    return made;
  }, [x, y, x0, x1, y0, y1]);
  const grid = useMemo(() => new GridIndex(positions), [positions]);
  const sampleOf = (point: number): number => (samples ? (samples[point] as number) : point);

  useSignalEffect(() => {
    const pen = canvas.current?.getContext("2d");
    if (pen && width.value > 0) {
      draw(pen, width.value, height, positions, properties);
    }
  });

  useLayoutEffect(() => {
    const box = element.current;
    if (box === null) {
      return;
    }
    const spans = (): { w: number; h: number } => ({
      w: box.clientWidth - LEFT_PX - RIGHT_PX,
      h: height - TOP_PX - BOTTOM_PX,
    });
    const toUnits = (x: number, y: number): [number, number] => {
      const { w, h } = spans();
      return [((x - LEFT_PX) / w) * FULL, (1 - (y - TOP_PX) / h) * FULL];
    };
    const nearest = (event: MouseEvent): number => {
      const { w, h } = spans();
      return grid.nearest(
        ...toUnits(...locate(box, event)),
        (HOVER_PX / w) * FULL,
        (HOVER_PX / h) * FULL,
      );
    };
    const lasso = followLasso(box, {
      starts: () => true,
      drawn: (path) => {
        const polygon = new Float64Array(path.length);
        for (let i = 0; i < path.length; i += 2) {
          polygon.set(toUnits(path[i] as number, path[i + 1] as number), i);
        }
        const mask = new Uint8Array(store.hello.n);
        grid.inside(polygon).forEach((inside, point) => {
          mask[sampleOf(point)] = inside;
        });
        store.selectMask(mask);
      },
    });
    const stop = lasso.path.subscribe((path) => {
      outline.value = path;
    });
    const move = (event: PointerEvent): void => {
      const point = event.buttons === 0 ? nearest(event) : -1;
      store.hover(point < 0 ? null : sampleOf(point), "panel");
    };
    const leave = (): void => store.hover(null);
    const presses = followPresses(box);
    const click = (event: MouseEvent): void => {
      const point = presses.dragged() ? -1 : nearest(event);
      if (point >= 0) {
        store.select([sampleOf(point)]);
        store.pin(sampleOf(point));
      }
    };
    box.addEventListener("pointermove", move);
    box.addEventListener("pointerleave", leave);
    box.addEventListener("click", click);
    return () => {
      stop();
      lasso.stop();
      presses.stop();
      box.removeEventListener("pointermove", move);
      box.removeEventListener("pointerleave", leave);
      box.removeEventListener("click", click);
    };
  }, [grid, store, samples, height]);

  const up = linear([y0, y1], [height - BOTTOM_PX, TOP_PX]);
  return (
    <div class="dvi-scatter" ref={element} style={{ height: `${height}px` }}>
      <canvas ref={canvas} role="img" aria-label={name} />
      <svg width={width.value} height={height} aria-hidden="true">
        <path
          class="dvi-lines-axis"
          d={`M${LEFT_PX} ${TOP_PX}V${height - BOTTOM_PX}H${width.value - RIGHT_PX}`}
        />
        {ticks.map((tick) => (
          <text key={tick} x={LEFT_PX - 6} y={up(tick) + 4} text-anchor="end">
            {tick}
          </text>
        ))}
        {xName !== undefined && (
          <text x={LEFT_PX} y={height - 6}>
            {x0} ← {xName} → {x1}
          </text>
        )}
        {yName !== undefined && (
          <text x={LEFT_PX + 6} y={TOP_PX + 8}>
            {yName}
          </text>
        )}
        {outline.value !== null && <polygon class="dvi-outline" points={outline.value.join(" ")} />}
      </svg>
    </div>
  );
}

/** Draw all points, the selected and the hovered above the others. */
function draw(
  pen: CanvasRenderingContext2D,
  width: number,
  height: number,
  positions: Uint16Array,
  { store, samples, hue }: ScatterProperties,
): void {
  const { mask, indices } = store.selection.value;
  const hovered = store.hovered.value?.index ?? null;
  const colors = store.colors.value;
  const { ink } = store.theme.value;
  const { canvas } = pen;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  pen.scale(ratio, ratio);
  const across = linear([0, FULL], [LEFT_PX, width - RIGHT_PX]);
  const up = linear([0, FULL], [height - BOTTOM_PX, TOP_PX]);
  const radius = positions.length > 2 * MAX_LARGE ? 1.2 : 2.2;
  const byLabel = (point: number): string => {
    const label = store.hello.labels[samples ? (samples[point] as number) : point] as number;
    return `rgb(${(colors[label] ?? ink).join(" ")})`;
  };
  const dot = (point: number, size: number): void => {
    pen.beginPath();
    pen.arc(
      across(positions[2 * point] as number),
      up(positions[2 * point + 1] as number),
      size,
      0,
      2 * Math.PI,
    );
    pen.fill();
  };
  for (const chosen of indices.length > 0 ? [0, 1] : [0]) {
    for (let point = 0; point < positions.length / 2; point++) {
      const sample = samples ? (samples[point] as number) : point;
      if (mask[sample] === chosen) {
        pen.globalAlpha = chosen === 0 && indices.length > 0 ? 0.25 : 0.8;
        pen.fillStyle = (hue ?? byLabel)(point);
        dot(point, radius + chosen);
      }
      if (chosen === 0 && sample === hovered) {
        pen.globalAlpha = 1;
        pen.fillStyle = `rgb(${ink.join(" ")})`;
        dot(point, radius + 3);
      }
    }
  }
}
