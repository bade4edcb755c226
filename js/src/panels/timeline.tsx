// Under everything: play, the slider over the recorded epochs with the accuracies on it, and where we are.
import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { linear } from "../scale";
import type { Store } from "../store";
import { percent } from "../words";
import { PauseIcon, PlayIcon } from "./icons";

const INSET = 9;
const HEIGHT = 40;
const RAIL = 30;
const SPARK = { top: 3, bottom: 23 };
const MOST_TICKS = 80;

export function Timeline({ store }: { store: Store }) {
  const { playhead } = store;
  const playing = playhead.playing.value;
  const one = store.epochs.length === 1;
  return (
    <div class="dvi-timeline">
      <button
        type="button"
        class="dvi-play"
        data-testid="play"
        aria-label={playing ? "Pause" : "Play"}
        title={playing ? "Pause (space)" : "Play (space)"}
        disabled={one}
        onClick={() => playhead.toggle()}
      >
        {playing ? <PauseIcon /> : <PlayIcon />}
      </button>
      <Slider store={store} />
      <Readout store={store} />
    </div>
  );
}

function Slider({ store }: { store: Store }) {
  const { playhead } = store;
  const last = store.epochs.length - 1;
  const element = useRef<HTMLDivElement>(null);
  const thumb = useRef<SVGGElement>(null);
  const past = useRef<SVGLineElement>(null);
  const width = useSignal(0);

  useLayoutEffect(() => {
    const track = element.current as HTMLDivElement;
    const sizes = new ResizeObserver(() => {
      width.value = track.clientWidth;
    });
    sizes.observe(track);
    return () => sizes.disconnect();
  }, [width]);

  const place = linear([0, Math.max(1, last)], [INSET, Math.max(INSET, width.value - INSET)]);

  // The thumb follows every step of a scrub, so it moves without rendering anything anew.
  useSignalEffect(() => {
    const x = linear(
      [0, Math.max(1, last)],
      [INSET, Math.max(INSET, width.value - INSET)],
    )(playhead.time.value);
    thumb.current?.setAttribute("transform", `translate(${x.toFixed(2)} ${RAIL})`);
    past.current?.setAttribute("x2", x.toFixed(2));
  });

  const timeAt = (event: PointerEvent): number => {
    const box = (element.current as HTMLDivElement).getBoundingClientRect();
    return place.invert(event.clientX - box.left);
  };
  const pressed = useRef<number | null>(null);
  const down = (event: PointerEvent): void => {
    if (event.button !== 0 || last === 0) {
      return;
    }
    (element.current as HTMLDivElement).setPointerCapture(event.pointerId);
    pressed.current = event.clientX;
    playhead.seek(timeAt(event));
  };
  const move = (event: PointerEvent): void => {
    if (
      pressed.current !== null &&
      (playhead.held.peek() || Math.abs(event.clientX - pressed.current) > 3)
    ) {
      playhead.drag(timeAt(event));
    }
  };
  const up = (): void => {
    pressed.current = null;
    if (playhead.held.peek()) {
      playhead.release();
    }
  };

  const words = useComputed(() => epochWords(store, playhead.position.value));
  return (
    <div
      class="dvi-slider"
      ref={element}
      role="slider"
      tabIndex={0}
      data-testid="epoch-slider"
      data-lm-suppress-shortcuts="true"
      aria-label="Epoch"
      aria-valuemin={0}
      aria-valuemax={last}
      aria-valuenow={playhead.position}
      aria-valuetext={words}
      onPointerDown={down}
      onPointerMove={move}
      onPointerUp={up}
      onPointerCancel={up}
    >
      <svg width={width.value} height={HEIGHT} aria-hidden="true">
        <Sparkline store={store} split="train" place={place} />
        <Sparkline store={store} split="test" place={place} />
        <line
          class="dvi-rail"
          x1={INSET}
          x2={Math.max(INSET, width.value - INSET)}
          y1={RAIL}
          y2={RAIL}
        />
        <line class="dvi-rail dvi-past" ref={past} x1={INSET} x2={INSET} y1={RAIL} y2={RAIL} />
        {last < MOST_TICKS &&
          store.epochs.map((epoch, i) => (
            <circle key={epoch} class="dvi-tick" cx={place(i)} cy={RAIL} r={1.5} />
          ))}
        <g ref={thumb} class="dvi-thumb">
          <line y1={SPARK.top - RAIL} y2={0} />
          <circle r={7} />
        </g>
      </svg>
    </div>
  );
}

interface SparklineProperties {
  store: Store;
  split: "train" | "test";
  place: (position: number) => number;
}

function Sparkline({ store, split, place }: SparklineProperties) {
  const { accuracy } = store.landscape;
  const known = [...accuracy.train, ...accuracy.test].filter((value) => value !== null);
  const low = Math.min(...known);
  const height = linear([low, Math.max(low + 1e-3, ...known)], [SPARK.bottom, SPARK.top]);
  let path = "";
  accuracy[split].forEach((value, i) => {
    if (value !== null) {
      const x = place(store.epochs.indexOf(store.landscape.epochs[i] as number));
      path += `${path === "" ? "M" : "L"}${x.toFixed(1)} ${height(value).toFixed(1)}`;
    }
  });
  return <path class={`dvi-spark dvi-${split}`} d={path} />;
}

function Readout({ store }: { store: Store }) {
  const position = store.playhead.position.value;
  const last = store.epochs.at(-1) as number;
  return (
    <div class="dvi-readout">
      <span class="dvi-epoch" data-testid="epoch-label">
        epoch <b>{store.epochs[position]}</b> of {last}
      </span>
      <Accuracy store={store} split="train" position={position} />
      <Accuracy store={store} split="test" position={position} />
    </div>
  );
}

function Accuracy({
  store,
  split,
  position,
}: {
  store: Store;
  split: "train" | "test";
  position: number;
}) {
  const values = store.landscape.accuracy[split];
  if (values.every((value) => value === null)) {
    return null;
  }
  const value = values[store.side.value.place(position)] ?? null;
  return (
    <span class={`dvi-accuracy dvi-${split}`} title={`Accuracy on ${split}`}>
      <svg width="14" height="8" aria-hidden="true">
        <path class={`dvi-spark dvi-${split}`} d="M1 4H13" />
      </svg>
      {split} <b>{value === null ? "–" : percent(value)}</b>
    </span>
  );
}

/** Where we are, for those who cannot see it: recorded numbers need not be consecutive. */
function epochWords(store: Store, position: number): string {
  const { epochs } = store;
  const { accuracy } = store.landscape;
  const parts = [`epoch ${epochs[position]}, ${position + 1} of ${epochs.length} recorded`];
  for (const split of ["train", "test"] as const) {
    const value = accuracy[split][store.side.value.place(position)] ?? null;
    if (value !== null) {
      parts.push(`${split} accuracy ${percent(value)}`);
    }
  }
  return parts.join(", ");
}
