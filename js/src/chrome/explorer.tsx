// The whole explorer: canvas, legend and tools at the left, panels at the right, time under both.
import { type ReadonlySignal, type Signal, useSignal, useSignalEffect } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { type Stage, startStage } from "../canvas/stage";
import { RedoIcon, UndoIcon } from "../pieces/icons";
import { useSize } from "../pieces/size";
import { ToolButton } from "../pieces/tool";
import { LOST } from "../protocol/wire";
import { Find } from "../query/field/find";
import { bring, dropsOf, takesGuests } from "../state/guests";
import type { Side } from "../state/sides";
import type { Store } from "../state/store";
import { describe } from "./description";
import { HeightHandle, useHeight } from "./height";
import { followKey } from "./keys";
import { Legend } from "./legend";
import { Panels } from "./panels";
import type { Parts } from "./parts";
import { Selections } from "./selections";
import { Share } from "./share";
import { Status } from "./status";
import { Timeline } from "./timeline";
import { Tools } from "./tools";

/** From this margin on, legend and tools stand beside the landscape instead of under it. */
const ROOMY_PX = 112;

interface ExplorerProperties {
  store: Store;
  root: HTMLElement;
  parts: Parts;
  /** Whether questions are answered no more. */
  lost: ReadonlySignal<boolean>;
}

export function Explorer({ store, root, parts, lost }: ExplorerProperties) {
  const stages = useSignal<readonly Stage[]>([]);
  const left = useRef<HTMLDivElement>(null);
  const margin = useMargin(store, left);
  useReadiness(store, root, stages);
  useHeight(store, root);
  useLayoutEffect(() => {
    // The focus is marked for those who move it by key, not after a click with shift held down.
    const act = ({ target }: Event): void => {
      const panel = (target as HTMLElement).closest<HTMLElement>("[data-panel]");
      store.acting = panel?.dataset.panel ?? "";
    };
    const pressed = (event: KeyboardEvent): void => {
      if (!["Shift", "Control", "Alt", "Meta"].includes(event.key)) {
        delete root.dataset.pointing;
      }
      followKey(event, store, root, stages.peek()[store.side.peek().index] ?? null);
    };
    const pointed = (): void => {
      root.dataset.pointing = "";
    };
    root.addEventListener("keydown", act, true);
    root.addEventListener("pointerdown", act, true);
    root.addEventListener("click", act, true);
    root.addEventListener("keydown", pressed);
    root.addEventListener("pointerdown", pointed, true);
    return () => {
      root.removeEventListener("keydown", act, true);
      root.removeEventListener("pointerdown", act, true);
      root.removeEventListener("click", act, true);
      root.removeEventListener("keydown", pressed);
      root.removeEventListener("pointerdown", pointed, true);
    };
  }, [store, root, stages]);
  const dropped = takesGuests(store) ? dropsOf((files) => bring(store, files)) : {};
  return (
    <div class="dvi-frame">
      {lost.value && (
        <p class="dvi-lost" role="alert" data-testid="lost">
          {LOST} What has arrived stays.
        </p>
      )}
      <div
        class="dvi-left"
        ref={left}
        data-roomy={margin >= ROOMY_PX}
        style={{ "--dvi-margin": `${margin}px` }}
      >
        <TopLine store={store} />
        <div class="dvi-stages" {...dropped}>
          {store.sides.map((side) => (
            <Canvas key={side.index} store={store} side={side} stages={stages} parts={parts} />
          ))}
        </div>
        <div class="dvi-foot">
          <Legend store={store} />
          {stages.value.length > 0 && (
            <Tools store={store} stages={stages.value} savePicture={parts.savePicture} />
          )}
        </div>
      </div>
      <Panels store={store} all={parts.panels} />
      <Timeline store={store} />
      <HeightHandle store={store} root={root} />
    </div>
  );
}

/** Tell whoever looks at the page from outside what has been drawn. */
function useReadiness(store: Store, root: HTMLElement, stages: Signal<readonly Stage[]>): void {
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
    // Read only until the first picture: pictures are counted at every step of a scrub.
    if (root.dataset.drawn === undefined && painters.length === store.sides.length) {
      if (painters.every(({ drawn }) => drawn.value > 0)) {
        root.dataset.drawn = "true";
      }
    }
  });
}

/** The room at either side of the landscape, in CSS pixels; none where there are two. */
function useMargin(store: Store, left: { readonly current: HTMLDivElement | null }): number {
  const { width, height } = useSize(left);
  const [x0, x1, y0, y1] = store.landscape.extent;
  const top = (left.current?.firstElementChild as HTMLElement | undefined)?.offsetHeight ?? 0;
  const wide = ((height.value - top) * (x1 - x0)) / (y1 - y0);
  return store.sides.length > 1 ? 0 : Math.max(0, (width.value - wide) / 2);
}

function TopLine({ store }: { store: Store }) {
  return (
    <div class="dvi-top">
      {store.sides.length === 1 && <span class="dvi-title">{store.landscape.name}</span>}
      <Find store={store} />
      <Undo store={store} />
      <Selections store={store} />
      <Share store={store} />
    </div>
  );
}

function Undo({ store: { history } }: { store: Store }) {
  return (
    <div
      class="dvi-undo"
      data-testid="undo-redo"
      data-undoable={history.undoable.value.length}
      data-redoable={history.redoable.value.length}
    >
      <ToolButton
        name="Undo (Ctrl+Z)"
        testid="undo"
        disabled={history.undoable.value.length === 0}
        press={() => history.undo()}
      >
        <UndoIcon />
      </ToolButton>
      <ToolButton
        name="Redo (Ctrl+Shift+Z)"
        testid="redo"
        disabled={history.redoable.value.length === 0}
        press={() => history.redo()}
      >
        <RedoIcon />
      </ToolButton>
    </div>
  );
}

interface CanvasProperties {
  store: Store;
  side: Side;
  stages: Signal<readonly Stage[]>;
  parts: Parts;
}

function Canvas({ store, side, stages, parts: { onMap } }: CanvasProperties) {
  const element = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  // A layout effect, because it alone is undone at once: everything is given back before the view is gone.
  useLayoutEffect(() => {
    if (element.current === null || canvas.current === null) {
      return;
    }
    const running = startStage(store, side, element.current, canvas.current);
    const { viewport, home } = running.camera;
    const forget = store.history.add({
      read: () => {
        const seen = viewport.value;
        // Where the camera follows samples, they move it, not a person.
        const own = seen && !home.value && !store.view.keep.value;
        return own ? `[${seen.k},${seen.x},${seen.y}]` : null;
      },
      write: (text: string | null) => {
        const seen = viewport.peek();
        if (text === null) {
          home.value = !store.view.keep.peek();
        } else if (seen !== null) {
          const [k, x, y] = JSON.parse(text);
          home.value = false;
          viewport.value = { ...seen, k, x, y };
        }
      },
    });
    stages.value = [...stages.peek(), running].sort((p, q) => p.side.index - q.side.index);
    return () => {
      stages.value = stages.peek().filter((stage) => stage !== running);
      forget();
      running.stop();
    };
  }, [store, side, stages]);
  const stage = stages.value.find((one) => one.side === side);
  // Where the view is, for whoever looks at the page from outside.
  useSignalEffect(() => {
    const seen = stages.value.find((one) => one.side === side)?.camera.viewport.value;
    if (element.current !== null && seen) {
      element.current.dataset.view = `${seen.k} ${seen.x} ${seen.y}`;
    }
  });
  return (
    <div class="dvi-stage">
      {store.sides.length > 1 && (
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
        aria-label="Landscape: left and right arrow keys change the epoch, with shift all four pan, plus and minus zoom, 0 shows all, Enter decodes the middle or drops a marker there, slash finds samples, Escape clears the selection"
      >
        <canvas
          ref={canvas}
          role="img"
          aria-label={describe(store, side, store.playhead.resting.value)}
          data-testid="canvas"
        />
        {stage !== undefined && <onMap.Drawn store={store} stage={stage} />}
      </div>
      {stage !== undefined && <onMap.Cards store={store} stage={stage} />}
      {stage !== undefined && <Status store={store} stage={stage} />}
    </div>
  );
}
