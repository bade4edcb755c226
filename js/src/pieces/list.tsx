// Long lists: only the rows in view are in the page, and the arrow keys walk over their items.
import { type Signal, useComputed, useSignal } from "@preact/signals";
import type { ComponentChildren, RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { useSize } from "./size";

/** Rows drawn before and after those in view. */
const OVERSCAN = 5;

export interface Scrolled {
  box: RefObject<HTMLDivElement | null>;
  width: Signal<number>;
  height: Signal<number>;
  top: Signal<number>;
}

/** The scroll state of a list; a list of other `content` starts at its top. */
export function useScrolled(content: unknown): Scrolled {
  const box = useRef<HTMLDivElement>(null);
  const { width, height } = useSize(box);
  const top = useSignal(0);
  useLayoutEffect(() => {
    box.current?.scrollTo(0, 0);
    top.value = 0;
  }, [content, top]);
  return { box, width, height, top };
}

/** The rows to draw, from `first` to before `end`. */
export function useRows(
  { top, height }: Scrolled,
  rows: number,
  rowHeight: number,
): { first: number; end: number } {
  const step = useSignal(rowHeight);
  step.value = rowHeight;
  // Computed, so that a scroll within one row renders nothing anew.
  const first = useComputed(() => Math.max(0, Math.floor(top.value / step.value) - OVERSCAN));
  const inView = Math.ceil(height.value / rowHeight) + 1;
  return { first: first.value, end: Math.min(rows, first.value + inView + 2 * OVERSCAN) };
}

interface ListProperties {
  scrolled: Scrolled;
  name: string;
  testid: string;
  /** Of all rows, in CSS pixels. */
  totalHeight: number;
  hidden?: boolean;
  leave: () => void;
  children: ComponentChildren;
  /** Under the rows. */
  foot?: ComponentChildren;
}

export function List(properties: ListProperties) {
  const { scrolled, name, testid, totalHeight, hidden = false, leave, children, foot } = properties;
  return (
    <div
      class="dvi-list"
      ref={scrolled.box}
      hidden={hidden}
      role="listbox"
      tabIndex={-1}
      aria-label={name}
      data-testid={testid}
      onScroll={({ currentTarget }) => {
        scrolled.top.value = currentTarget.scrollTop;
      }}
      onPointerLeave={leave}
    >
      <div class="dvi-list-rows" style={{ height: `${totalHeight}px` }}>
        {children}
      </div>
      {foot}
    </div>
  );
}

/** Move the focus to another item: up and down, in a grid of several columns left and right too. */
export function stepFocus(
  event: KeyboardEvent & { currentTarget: HTMLElement },
  columns = 1,
): void {
  const sideways = columns > 1 ? { ArrowLeft: -1, ArrowRight: 1 } : {};
  const steps: Record<string, number> = { ArrowUp: -columns, ArrowDown: columns, ...sideways };
  const step = steps[event.key];
  if (step === undefined) {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
  const item = event.currentTarget;
  const next = Number(item.getAttribute("aria-posinset")) + step;
  item.parentElement?.querySelector<HTMLElement>(`[aria-posinset="${next}"]`)?.focus();
}
