// The marks of points, as the legend and the key show them.
import type { MarkEntry } from "../canvas/legend";

export function Mark({ mark }: { mark: MarkEntry["mark"] | "selected" }) {
  return (
    <svg class="dvi-glyph" viewBox="-6 -6 12 12" aria-hidden="true">
      {mark === "diamond" ? (
        <path d="M0-5 5 0 0 5-5 0z" />
      ) : (
        <circle r={mark === "selected" ? 2.4 : 4} />
      )}
      {mark === "ring" && <path d="M-2.2-2.2l4.4 4.4M2.2-2.2l-4.4 4.4" />}
      {mark === "selected" && <circle r="5" fill="none" />}
    </svg>
  );
}
