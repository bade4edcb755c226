// A card beside a location of the canvas.
import { useSignalEffect } from "@preact/signals";
import type { HTMLAttributes } from "preact";
import { useRef } from "preact/hooks";
import type { Stage } from "../canvas/stage";
import type { Viewport } from "../canvas/viewport";
import { useSize } from "../pieces/size";

/** From the location to the card. */
const OFFSET_PX = 16;
/** From the card to the edges of the canvas. */
const MARGIN_PX = 6;
/** Width of the tools at the right. */
const TOOLS_PX = 40;

interface BesideProperties extends HTMLAttributes<HTMLDivElement> {
  stage: Stage;
  /** The location on the canvas, in CSS pixels; null leaves the card where it is. */
  locate: () => readonly [number, number] | null;
}

/** Follows its location, and its own size, without rendering anything anew. */
export function Beside({ stage, locate, ...attributes }: BesideProperties) {
  const card = useRef<HTMLDivElement>(null);
  const { width, height } = useSize(card);
  useSignalEffect(() => {
    // Content that arrives later makes it larger.
    width.value;
    height.value;
    const seen = stage.camera.viewport.value;
    const at = locate();
    if (card.current !== null && seen !== null && at !== null) {
      anchor(card.current, seen, ...at);
    }
  });
  return <div {...attributes} ref={card} />;
}

/** Lay a card beside a location of the canvas; hide it while that is out of sight. */
function anchor(card: HTMLElement, seen: Viewport, x: number, y: number): void {
  const { offsetWidth: width, offsetHeight: height } = card;
  const inside = (at: number, most: number): number =>
    Math.min(Math.max(MARGIN_PX, at), most - MARGIN_PX);
  let left = x + OFFSET_PX;
  let top = y - height / 2;
  if (left + width > seen.width - TOOLS_PX) {
    left = x - OFFSET_PX - width;
  }
  if (left < MARGIN_PX) {
    // No room at either side: below, or above.
    left = x - width / 2;
    const below = y + OFFSET_PX;
    top = below + height <= seen.height - MARGIN_PX ? below : y - OFFSET_PX - height;
  }
  left = inside(left, seen.width - width);
  top = inside(top, seen.height - height);
  card.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  const outside = x < 0 || y < 0 || x > seen.width || y > seen.height;
  card.style.visibility = outside ? "hidden" : "visible";
}
