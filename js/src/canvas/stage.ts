// The canvas at work: a camera that looks, a painter that draws, and pointers that pick.
import { effect, type ReadonlySignal, signal } from "@preact/signals";
import { fetchMore } from "../later";
import type { Side } from "../sides";
import type { Store } from "../store";
import { type Camera, startCamera } from "./camera";
import type { Following } from "./following";
import { type Painter, startPainter } from "./painter";
import { draws, type Pointing, startPointing } from "./pointing";

export interface Stage {
  side: Side;
  camera: Camera;
  painter: Painter;
  pointing: Pointing;
  /** Fetched when there is something to follow for the first time. */
  following: ReadonlySignal<Following | null>;
  stop: () => void;
}

/** Bring a canvas to life inside `element`, which takes pointers and keys. */
export function startStage(
  store: Store,
  side: Side,
  element: HTMLElement,
  canvas: HTMLCanvasElement,
): Stage {
  const [x0, x1, y0, y1] = side.info.extent;
  const camera = startCamera(element, {
    aspect: (x1 - x0) / (y1 - y0),
    still: store.still,
    taken: () => {
      store.view.keep.value = false;
    },
    pans: (event) => event.button === 0 && !event.ctrlKey && !draws(store, event),
  });
  const painter = startPainter(store, side, canvas, camera.viewport);
  const following = signal<Following | null>(null);
  let stopped = false;
  const stopWaiting = effect(() => {
    const { trails, neighbors, keep } = store.view;
    const wanted = trails.value || neighbors.value || keep.value;
    if (wanted && store.selection.value.indices.length > 0 && following.peek() === null) {
      fetchMore(store.ask).then(
        ({ startFollowing }) => {
          if (!stopped && following.peek() === null) {
            following.value = startFollowing(store, side, camera, painter);
          }
        },
        // The next selection tries again.
        () => {},
      );
    }
  });
  const pointing = startPointing(store, side, element, camera, painter);
  return {
    side,
    camera,
    painter,
    pointing,
    following,
    stop: () => {
      stopped = true;
      stopWaiting();
      following.peek()?.stop();
      pointing.stop();
      painter.stop();
      camera.stop();
    },
  };
}
