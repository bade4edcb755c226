// The whole explorer: canvas, legend and tools at the left, panels at the right, time under both.
import { type Signal, useSignal, useSignalEffect } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { type Stage, startStage } from "../canvas/stage";
import { Card } from "../on_map/card";
import { MarkerLayer } from "../on_map/markers";
import { Place } from "../on_map/place";
import { describe } from "../pieces/words";
import { Find } from "../query/field/find";
import type { Side } from "../state/sides";
import type { Store } from "../state/store";
import { Legend } from "./legend";
import { Panels } from "./panels";
import { Selections } from "./selections";
import { Status } from "./status";
import { Timeline } from "./timeline";
import { Tools } from "./tools";

/** From this margin on, legend and tools stand beside the landscape, else under it. */
const ROOMY = 112;

export function Explorer({ store, root }: { store: Store; root: HTMLElement }) {
  const stages = useSignal<readonly Stage[]>([]);
  const left = useRef<HTMLDivElement>(null);
  const margin = useMargin(store, left);
  // Readiness, for whoever looks at the page from outside.
  useSignalEffect(() => {
    const settled = stages.value.map(({ painter }) => painter.settled.value);
    const position = store.playhead.resting.value;
    if (
      settled.length === store.sides.length &&
      settled.every((at, i) => at === store.sides[i]?.at(position))
    ) {
      root.dataset.epoch = String(store.epochs[position]);
      root.dataset.ready = "true";
    } else {
      delete root.dataset.epoch;
    }
  });
  useSignalEffect(() => {
    const painters = stages.value.map(({ painter }) => painter);
    // Read once only: pictures are counted at every step of a scrub.
    if (root.dataset.drawn === undefined && painters.length === store.sides.length) {
      if (painters.every(({ drawn }) => drawn.value > 0)) {
        root.dataset.drawn = "true";
      }
    }
  });
  useLayoutEffect(() => {
    // The focus is shown to those who walk with keys, not after a click with shift held down.
    const pressed = (event: KeyboardEvent): void => {
      if (!["Shift", "Control", "Alt", "Meta"].includes(event.key)) {
        delete root.dataset.pointing;
      }
      followKey(event, store, root, stages.peek()[store.side.peek().index] ?? null);
    };
    const pointed = (): void => {
      root.dataset.pointing = "";
    };
    root.addEventListener("keydown", pressed);
    root.addEventListener("pointerdown", pointed, true);
    return () => {
      root.removeEventListener("keydown", pressed);
      root.removeEventListener("pointerdown", pointed, true);
    };
  }, [store, root, stages]);
  return (
    <div class="dvi-frame">
      <div
        class="dvi-left"
        ref={left}
        data-roomy={margin.value >= ROOMY}
        style={{ "--dvi-margin": `${margin.value}px` }}
      >
        <TopLine store={store} />
        <div class="dvi-stages">
          {store.sides.map((side) => (
            <Canvas key={side.index} store={store} side={side} stages={stages} />
          ))}
        </div>
        <div class="dvi-foot">
          <Legend store={store} />
          {stages.value.length > 0 && <Tools store={store} stages={stages.value} />}
        </div>
      </div>
      <Panels store={store} />
      <Timeline store={store} />
    </div>
  );
}

/** How much room the landscape leaves at either side of it; none where there are two. */
function useMargin(store: Store, left: { readonly current: HTMLElement | null }): Signal<number> {
  const margin = useSignal(0);
  useLayoutEffect(() => {
    const box = left.current as HTMLElement;
    const [x0, x1, y0, y1] = store.landscape.extent;
    const sizes = new ResizeObserver(() => {
      const top = box.firstElementChild as HTMLElement;
      const wide = ((box.clientHeight - top.offsetHeight) * (x1 - x0)) / (y1 - y0);
      margin.value = store.sides.length > 1 ? 0 : Math.max(0, (box.clientWidth - wide) / 2);
    });
    sizes.observe(box);
    return () => sizes.disconnect();
  }, [store, left, margin]);
  return margin;
}

function TopLine({ store }: { store: Store }) {
  return (
    <div class="dvi-top">
      {store.sides.length === 1 && <span class="dvi-title">{store.landscape.name}</span>}
      <Find store={store} />
      <Selections store={store} />
    </div>
  );
}

interface CanvasProperties {
  store: Store;
  side: Side;
  stages: Signal<readonly Stage[]>;
}

function Canvas({ store, side, stages }: CanvasProperties) {
  const element = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  // A layout effect, because it alone is undone at once: what is taken is given back before the view is gone.
  useLayoutEffect(() => {
    const running = startStage(
      store,
      side,
      element.current as HTMLDivElement,
      canvas.current as HTMLCanvasElement,
    );
    stages.value = [...stages.peek(), running].sort((p, q) => p.side.index - q.side.index);
    return () => {
      stages.value = stages.peek().filter((stage) => stage !== running);
      running.stop();
    };
  }, [store, side, stages]);
  const stage = stages.value.find((one) => one.side === side);
  const words = describe(store, side, store.playhead.resting.value);
  const named = store.sides.length > 1;
  return (
    <div class="dvi-stage">
      {named && (
        <span class="dvi-side-name" aria-current={store.side.value === side}>
          {side.info.name}
        </span>
      )}
      <div
        class={`dvi-touch dvi-tool-${store.tool.value}`}
        ref={element}
        role="application"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: an application takes keys of its own
        tabIndex={0}
        data-testid="stage"
        data-lm-suppress-shortcuts="true"
        aria-label="Landscape: left and right arrow keys change the epoch, with shift all four pan, plus and minus zoom, 0 shows all, Enter looks into the middle or drops a marker there, slash finds samples, Escape clears the selection"
      >
        <canvas ref={canvas} role="img" aria-label={words} data-testid="canvas" />
        {stage !== undefined && <MarkerLayer store={store} stage={stage} />}
        {stage !== undefined && <LassoPath stage={stage} />}
      </div>
      {stage !== undefined && <Card store={store} stage={stage} />}
      {stage !== undefined && store.place.value?.side === side.index && (
        <Place store={store} stage={stage} />
      )}
      {stage !== undefined && <Status store={store} stage={stage} />}
    </div>
  );
}

function LassoPath({ stage }: { stage: Stage }) {
  const path = stage.pointing.lasso.path.value;
  if (path === null || stage.pointing.line.value) {
    return null;
  }
  return (
    <svg class="dvi-lasso" aria-hidden="true">
      <polygon points={path.join(" ")} />
    </svg>
  );
}

/** The part of the screen that shift and an arrow key pan by. */
const PAN = 0.2;

/** Keys that mean the same wherever the focus is, unless something there needs them itself. */
function followKey(
  event: KeyboardEvent,
  store: Store,
  root: HTMLElement,
  stage: Stage | null,
): void {
  const target = event.target as HTMLElement;
  if (event.ctrlKey || event.metaKey || event.altKey || target.matches("input, select, textarea")) {
    return;
  }
  const { playhead } = store;
  const last = store.epochs.length - 1;
  const actions: Record<string, () => void> = {
    ArrowLeft: () => playhead.seek(playhead.position.peek() - 1),
    ArrowRight: () => playhead.seek(playhead.position.peek() + 1),
    Home: () => playhead.seek(0),
    End: () => playhead.seek(last),
    "+": () => stage?.camera.zoomBy(1.5),
    "=": () => stage?.camera.zoomBy(1.5),
    "-": () => stage?.camera.zoomBy(1 / 1.5),
    "0": () => stage?.camera.reset(),
    "/": () => root.querySelector<HTMLElement>("[data-testid=find]")?.focus(),
    Escape: () => {
      if (stage?.pointing.lasso.path.peek()) {
        stage.pointing.lasso.cancel();
      } else if (store.place.peek() !== null) {
        store.place.value = null;
      } else {
        store.clear();
      }
    },
  };
  if (target.matches("[role=application]")) {
    actions.Enter = () => {
      const seen = stage?.camera.viewport.peek();
      if (seen) {
        stage?.pointing.press([seen.width / 2, seen.height / 2]);
      }
    };
    if (event.shiftKey) {
      const pan = (x: number, y: number) => () => stage?.camera.panBy(x, y);
      Object.assign(actions, {
        ArrowLeft: pan(-PAN, 0),
        ArrowRight: pan(PAN, 0),
        ArrowUp: pan(0, -PAN),
        ArrowDown: pan(0, PAN),
      });
    }
  }
  // A slider is also moved up and down; elsewhere these keys scroll the page.
  if (target.matches("[role=slider]")) {
    actions.ArrowUp = actions.ArrowRight as () => void;
    actions.ArrowDown = actions.ArrowLeft as () => void;
  }
  // Space presses a button that has the focus.
  if (!target.matches("button")) {
    actions[" "] = () => playhead.toggle();
  }
  const action = actions[event.key];
  if (action !== undefined) {
    action();
    event.preventDefault();
    event.stopPropagation();
  }
}
