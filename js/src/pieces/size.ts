// The size of an element, followed as it changes.
import { type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useLayoutEffect } from "preact/hooks";

/** Width and height inside the borders, in CSS pixels; zero until they are known. */
export function useSize(element: RefObject<HTMLElement | null>): {
  width: Signal<number>;
  height: Signal<number>;
} {
  const width = useSignal(0);
  const height = useSignal(0);
  useLayoutEffect(() => {
    const box = element.current as HTMLElement;
    const sizes = new ResizeObserver(() => {
      width.value = box.clientWidth;
      height.value = box.clientHeight;
    });
    sizes.observe(box);
    return () => sizes.disconnect();
  }, [element, width, height]);
  return { width, height };
}
