// The classes' names on the land.
import type { Stage } from "../canvas/stage";

export function Names({ stage }: { stage: Stage }) {
  return (
    <div class="dvi-drawn dvi-names" aria-hidden="true" data-testid="names">
      {stage.naming.shown.value.map(({ class: kind, text, x, y, opacity }) => (
        <span
          key={kind}
          style={{ transform: `translate(${x}px, ${y}px) translate(-50%, -50%)`, opacity }}
        >
          {text}
        </span>
      ))}
    </div>
  );
}
