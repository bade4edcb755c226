// Stands in for the animations under d3-zoom: moves of the view are our own few lines, and 43 kB stay out of the bundle.
import { selection } from "d3-selection";

/** d3-zoom ends running transitions before it acts; there are none. */
export function interrupt(): void {}

Object.assign(selection.prototype, {
  interrupt() {
    return this;
  },
});

/** Asked for by d3-zoom's own transitions alone, which nobody starts. */
export function interpolateZoom(): never {
  throw new Error("Views are moved by the stage, not by d3-zoom's transitions.");
}
