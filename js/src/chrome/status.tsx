// Over the canvas: what it waits for, or what went wrong and how to go on.

import type { Stage } from "../canvas/stage";
import { Patience } from "../pieces/patience";
import { Retry } from "../pieces/retry";
import type { Store } from "../state/store";

/** By the windows that may be waited for: frames, territories, the overlay. */
const ACTIVITIES = ["Loading", "Painting", "Measuring the trust in"];

export function Status({ store, stage }: { store: Store; stage: Stage }) {
  const { side } = stage;
  const { frames, territories } = side;
  const { overlay } = store.view;
  const field = side.field(overlay.value);
  const windows = field === null ? [frames, territories] : [frames, territories, field];
  for (const { revision } of windows) {
    revision.value;
  }
  const position = store.playhead.position.value;
  const epoch = side.epoch(position);
  if (!stage.painter.works) {
    return (
      <p class="dvi-status dvi-problem" role="alert">
        This browser offers no WebGL2, so the landscape cannot be drawn. Switch on hardware
        acceleration, or open the notebook in another browser.
      </p>
    );
  }
  const error = windows.map((window) => window.error(position)).find((text) => text !== undefined);
  if (error !== undefined) {
    return (
      <p class="dvi-status dvi-problem" role="alert" data-testid="problem">
        Epoch {epoch}: {error}
        <Retry
          error={error}
          retry={() => {
            for (const window of windows) {
              window.retry();
            }
          }}
        />
      </p>
    );
  }
  const missing = windows.findIndex((window) => window.get(position) === undefined);
  // Density and changes take no time, and trust is measured only where time rests.
  const rests = store.playhead.resting.value === position && side.can("trust");
  if (
    missing < 0 ||
    (missing === 2 && (["density", "changes"].includes(overlay.value) || !rests))
  ) {
    return null;
  }
  const progress = windows[missing]?.progress(position);
  return (
    <p
      class="dvi-status dvi-waiting"
      role="status"
      data-testid="waiting"
      key={`${position} ${missing}`}
    >
      {progress?.text || `${ACTIVITIES[missing]} epoch ${epoch}`} …
      <Patience />
      <progress value={progress?.fraction} max={1} aria-label="Progress" />
    </p>
  );
}
