// The height of the explorer: a handle at its lower edge, and the whole screen.
import { useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { FullScreenIcon } from "../pieces/icons";
import { ToolButton } from "../pieces/tool";
import type { Store } from "../state/store";
import { MAX_HEIGHT_PX, MIN_HEIGHT_PX } from "../state/view";

/** What the arrow keys add and take away. */
const STEP_PX = 40;

/** Keep the height of the explorer as it is set. */
export function useHeight(store: Store, root: HTMLElement): void {
  useSignalEffect(() => {
    const height = store.view.height.value;
    root.style.setProperty("--dvi-height", height === 0 ? "" : `${height}px`);
  });
}

export function HeightHandle({ store, root }: { store: Store; root: HTMLElement }) {
  const held = useRef<{ pointer: number; height: number } | null>(null);
  const { height } = store.view;
  const now = (): number => root.querySelector(".dvi-left")?.clientHeight ?? 0;
  const set = (wanted: number): void => {
    height.value = Math.round(Math.min(MAX_HEIGHT_PX, Math.max(MIN_HEIGHT_PX, wanted)));
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a rule that is moved is no hr
    <div
      class="dvi-height"
      role="separator"
      aria-orientation="horizontal"
      aria-label="Height of the explorer"
      aria-valuenow={height.value || now()}
      aria-valuemin={MIN_HEIGHT_PX}
      aria-valuemax={MAX_HEIGHT_PX}
      tabIndex={0}
      title="Drag to change the height (double click for the usual one)"
      data-testid="height"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        held.current = { pointer: event.clientY, height: now() };
      }}
      onPointerMove={(event) => {
        if (held.current !== null) {
          set(held.current.height + event.clientY - held.current.pointer);
        }
      }}
      onPointerUp={() => {
        held.current = null;
      }}
      onPointerCancel={() => {
        held.current = null;
      }}
      onDblClick={() => {
        height.value = 0;
      }}
      onKeyDown={(event) => {
        const step = { ArrowUp: -STEP_PX, ArrowDown: STEP_PX }[event.key];
        if (step !== undefined) {
          set(now() + step);
          event.preventDefault();
          event.stopPropagation();
        }
      }}
    />
  );
}

/** Nothing where the browser, or a frame around the page, allows no full screen. */
export function FullScreen() {
  if (!document.fullscreenEnabled) {
    return null;
  }
  return (
    <ToolButton
      testid="full-screen"
      name="Full screen (Escape leaves it)"
      press={(event) => {
        const root = (event.currentTarget as HTMLElement).closest(".dvi");
        const shown = root?.matches(":fullscreen");
        void (shown ? document.exitFullscreen() : root?.requestFullscreen());
      }}
    >
      <FullScreenIcon />
    </ToolButton>
  );
}
