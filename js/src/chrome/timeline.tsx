// Time: play, the slider over the recorded epochs with curves on it, and the current epoch.
import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { LoopIcon, PauseIcon, PlayIcon } from "../pieces/icons";
import { linear } from "../pieces/scale";
import { useSize } from "../pieces/size";
import { number, percent } from "../pieces/words";
import { locator } from "../state/locate";
import type { Side } from "../state/sides";
import type { Store } from "../state/store";
import { EventMarks, Events } from "./events";

const INSET_PX = 9;
const HEIGHT_PX = 40;
/** From the top of the slider to its rail, and to both ends of its curves. */
const RAIL_PX = 30;
const CURVES_PX = { top: 3, bottom: 23 };
/** A drag begins when a press has moved so far. */
const DRAG_PX = 3;
/** More epochs are drawn without ticks. */
const MAX_TICKS = 80;
const SPEEDS = [0.5, 1, 2, 4];

export function Timeline({ store }: { store: Store }) {
  const { playhead, view } = store;
  const playing = playhead.playing.value;
  const one = store.epochs.length === 1;
  return (
    <div class="dvi-timeline">
      {!one && (
        <>
          <button
            type="button"
            class="dvi-play"
            data-testid="play"
            aria-label={playing ? "Pause" : "Play"}
            title={playing ? "Pause (space)" : "Play (space)"}
            onClick={() => playhead.toggle()}
          >
            {playing ? <PauseIcon /> : <PlayIcon />}
          </button>
          <div class="dvi-pace">
            <button
              type="button"
              class="dvi-tool"
              data-testid="loop"
              aria-label="Loop"
              title="Start over at the end"
              aria-pressed={view.loop.value}
              onClick={() => {
                view.loop.value = !view.loop.value;
              }}
            >
              <LoopIcon />
            </button>
            <select
              data-testid="speed"
              aria-label="Speed"
              title="Speed"
              value={String(view.speed.value)}
              onChange={(event) => {
                view.speed.value = Number(event.currentTarget.value);
              }}
            >
              {SPEEDS.map((speed) => (
                <option key={speed} value={String(speed)}>
                  {speed}×
                </option>
              ))}
            </select>
          </div>
          <Slider store={store} />
        </>
      )}
      {!one && <Events store={store} />}
      <Live store={store} />
      <Readout store={store} />
    </div>
  );
}

/** The way back to a training that goes on, and how far it has gone since. */
function Live({ store }: { store: Store }) {
  const { playhead } = store;
  const news = playhead.news.value;
  if (news === null) {
    return null;
  }
  const following = playhead.following.value;
  return (
    <button
      type="button"
      class="dvi-live"
      data-testid="follow-training"
      aria-pressed={following}
      title={following ? "Going to each new epoch" : "Go to the last epoch, and to each new one"}
      onClick={() => playhead.follow()}
    >
      Follow
      {news > 0 && <b data-testid="new-epochs">{news} new</b>}
    </button>
  );
}

function Slider({ store }: { store: Store }) {
  const { playhead } = store;
  const last = store.epochs.length - 1;
  const element = useRef<HTMLDivElement>(null);
  const thumb = useRef<SVGGElement>(null);
  const past = useRef<SVGLineElement>(null);
  const { width } = useSize(element);
  const scale = () =>
    linear([0, Math.max(1, last)], [INSET_PX, Math.max(INSET_PX, width.value - INSET_PX)]);
  const across = scale();

  // The thumb follows every step of a scrub, so it moves without rendering anything anew.
  useSignalEffect(() => {
    const x = scale()(playhead.time.value);
    thumb.current?.setAttribute("transform", `translate(${x.toFixed(2)} ${RAIL_PX})`);
    past.current?.setAttribute("x2", x.toFixed(2));
  });

  /** Where a press began, and where on the slider its events are. */
  const pressed = useRef<{ x: number; at: ReturnType<typeof locator> } | null>(null);
  const down = (event: PointerEvent): void => {
    if (event.button !== 0 || last === 0) {
      return;
    }
    element.current?.setPointerCapture(event.pointerId);
    const at = locator(event.currentTarget as HTMLElement);
    pressed.current = { x: event.clientX, at };
    playhead.seek(across.invert(at(event)[0]));
  };
  const move = (event: PointerEvent): void => {
    const press = pressed.current;
    if (press !== null && (playhead.held.peek() || Math.abs(event.clientX - press.x) > DRAG_PX)) {
      playhead.drag(across.invert(press.at(event)[0]));
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
      <svg width={width.value} height={HEIGHT_PX} aria-hidden="true">
        <Curves store={store} across={across} />
        <line
          class="dvi-rail"
          x1={INSET_PX}
          x2={Math.max(INSET_PX, width.value - INSET_PX)}
          y1={RAIL_PX}
          y2={RAIL_PX}
        />
        <line
          class="dvi-rail dvi-past"
          ref={past}
          x1={INSET_PX}
          x2={INSET_PX}
          y1={RAIL_PX}
          y2={RAIL_PX}
        />
        {last < MAX_TICKS &&
          store.epochs.map((epoch, i) => (
            <circle key={epoch} class="dvi-tick" cx={across(i)} cy={RAIL_PX} r={1.5} />
          ))}
        <EventMarks store={store} across={across} y={RAIL_PX + 5} />
        <g ref={thumb} class="dvi-thumb">
          <line y1={CURVES_PX.top - RAIL_PX} y2={0} />
          <circle r={7} />
        </g>
      </svg>
    </div>
  );
}

interface Curve {
  name: string;
  /** Its style. */
  stroke: "train" | "test" | "scalar";
  /** One value per epoch of the side's own list. */
  values: (number | null)[];
  text: (value: number) => string;
}

/** The curves of one landscape: the chosen scalar, else the accuracies. */
function curvesOf(store: Store, { info }: Side): Curve[] {
  const name = store.view.scalar.value;
  const values = info.scalars[name];
  // All samples are of one split, which may then be no split at all.
  const onlyOne = store.tests === 0 || store.tests === store.hello.n;
  const curves: Curve[] =
    values === undefined
      ? (["train", "test"] as const).map((split) => ({
          name: onlyOne ? "accuracy" : split,
          stroke: split,
          values: info.accuracy[split],
          text: percent,
        }))
      : [{ name, stroke: "scalar", values, text: number }];
  return curves.filter((curve) => curve.values.some((value) => value !== null));
}

/** The curves of all landscapes on one scale, those of the active one in front. */
function Curves({ store, across }: { store: Store; across: (position: number) => number }) {
  const front = store.side.value;
  const sides = [...store.sides.filter((side) => side !== front), front];
  const curves = sides.flatMap((side) =>
    curvesOf(store, side).map((curve) => ({ ...curve, side })),
  );
  const known = curves.flatMap(({ values }) => values.filter((value) => value !== null));
  const low = Math.min(...known);
  const high = Math.max(...known);
  const height = linear([low, high > low ? high : low + 1e-3], [CURVES_PX.bottom, CURVES_PX.top]);
  return (
    <>
      {curves.map(({ side, name, stroke, values }) => {
        let path = "";
        store.epochs.forEach((epoch, position) => {
          const own = side.ownIndex(position);
          const value = side.info.epochs[own] === epoch ? (values[own] ?? null) : null;
          if (value !== null) {
            path += `${path === "" ? "M" : "L"}${across(position).toFixed(1)} ${height(value).toFixed(1)}`;
          }
        });
        const back = side === front ? "" : " dvi-back";
        return (
          <path key={`${side.index} ${name}`} class={`dvi-spark dvi-${stroke}${back}`} d={path} />
        );
      })}
    </>
  );
}

function Readout({ store }: { store: Store }) {
  const side = store.side.value;
  const own = side.ownIndex(store.playhead.position.value);
  const scalars = [...new Set(store.sides.flatMap(({ info }) => Object.keys(info.scalars)))];
  const { scalar } = store.view;
  return (
    <div class="dvi-readout">
      {store.epochs.length > 1 && <EpochField store={store} />}
      {scalars.length > 0 && (
        <select
          data-testid="scalar"
          aria-label="Curves on the slider"
          title="Curves on the slider"
          value={scalars.includes(scalar.value) ? scalar.value : ""}
          onChange={(event) => {
            scalar.value = event.currentTarget.value;
          }}
        >
          <option value="">accuracy</option>
          {scalars.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      )}
      {store.sides.length > 1 && (
        <span class="dvi-of" title={side.info.name} data-testid="readout-of">
          {side.info.name}
        </span>
      )}
      {curvesOf(store, side).map(({ name, stroke, values, text }) => {
        const value = values[own] ?? null;
        const title = stroke === "scalar" || name === "accuracy" ? name : `Accuracy on ${name}`;
        return (
          <span class="dvi-value" key={name} title={title}>
            <svg width="14" height="8" aria-hidden="true">
              <path class={`dvi-spark dvi-${stroke}`} d="M1 4H13" />
            </svg>
            {stroke !== "scalar" && `${name} `}
            <b>{value === null ? "–" : text(value)}</b>
          </span>
        );
      })}
    </div>
  );
}

/** The number of the epoch; typing another one goes there. */
function EpochField({ store }: { store: Store }) {
  const { playhead, epochs } = store;
  const position = playhead.position.value;
  const last = String(epochs.at(-1));
  const typed = useSignal<string | null>(null);
  const go = (): void => {
    const wanted = Number.parseFloat(typed.peek() ?? "");
    typed.value = null;
    if (Number.isFinite(wanted)) {
      const away = epochs.map((epoch) => Math.abs(epoch - wanted));
      playhead.seek(away.indexOf(Math.min(...away)));
    }
  };
  const step = (by: number): void => {
    typed.value = null;
    playhead.seek(playhead.position.peek() + by);
  };
  const keys: Record<string, () => void> = {
    Enter: go,
    Escape: () => {
      typed.value = null;
    },
    ArrowUp: () => step(1),
    ArrowDown: () => step(-1),
  };
  return (
    <label class="dvi-epoch" data-testid="epoch-label">
      epoch{" "}
      <input
        type="text"
        inputMode="numeric"
        autocomplete="off"
        data-testid="epoch-input"
        aria-label={`Epoch, of ${last}; type a number to go there`}
        title="Type a number to go there"
        style={{ width: `${Math.max(2, last.length) + 1.5}ch` }}
        value={typed.value ?? String(epochs[position])}
        onFocus={(event) => event.currentTarget.select()}
        onInput={(event) => {
          typed.value = event.currentTarget.value;
        }}
        onBlur={go}
        onKeyDown={(event) => {
          const action = keys[event.key];
          if (action !== undefined) {
            event.preventDefault();
            event.stopPropagation();
            action();
          }
        }}
      />{" "}
      of {store.epochs[0]}–{last}
    </label>
  );
}

/** The epoch in words, for those who cannot see it: recorded numbers need not be consecutive. */
function epochWords(store: Store, position: number): string {
  const { epochs } = store;
  const parts = [`epoch ${epochs[position]}, ${position + 1} of ${epochs.length} recorded`];
  const side = store.side.value;
  if (store.sides.length > 1) {
    parts.push(side.info.name);
  }
  for (const { name, stroke, values, text } of curvesOf(store, side)) {
    const value = values[side.ownIndex(position)] ?? null;
    if (value !== null) {
      const said = stroke === "scalar" || name === "accuracy" ? name : `${name} accuracy`;
      parts.push(`${said} ${text(value)}`);
    }
  }
  return parts.join(", ");
}
