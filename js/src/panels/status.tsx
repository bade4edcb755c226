// What the canvas waits for, or what went wrong and how to go on; never instead of the picture.
import type { Stage } from "../canvas/stage";
import type { Store } from "../store";

export function Status({ store, stage }: { store: Store; stage: Stage }) {
  const { side } = stage;
  const { frames, territories } = side;
  frames.revision.value;
  territories.revision.value;
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
  const error = frames.error(position) ?? territories.error(position);
  if (error !== undefined) {
    return (
      <p class="dvi-status dvi-problem" role="alert" data-testid="problem">
        Epoch {epoch}: {error}
        <button
          type="button"
          onClick={() => {
            frames.retry();
            territories.retry();
          }}
        >
          Try again
        </button>
      </p>
    );
  }
  const missing = frames.get(position) === undefined;
  if (!missing && territories.get(position) !== undefined) {
    return null;
  }
  const progress = (missing ? frames : territories).progress(position);
  return (
    <p
      class="dvi-status dvi-waiting"
      role="status"
      data-testid="waiting"
      key={`${position} ${missing}`}
    >
      {progress?.text || (missing ? `Loading epoch ${epoch}` : `Painting epoch ${epoch}`)} …
      <small class="dvi-patience">A notebook answers when the running cell is done.</small>
      <progress value={progress?.fraction} max={1} aria-label="Progress" />
    </p>
  );
}
