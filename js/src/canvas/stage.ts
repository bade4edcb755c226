// A landscape's canvas at work: its camera, painter, followers and pointer.
import type { Side } from "../state/sides";
import type { Store } from "../state/store";
import { type Camera, startCamera } from "./camera";
import { type Following, startFollowing } from "./following";
import { type Naming, startNaming } from "./naming";
import { type Painter, startPainter } from "./painter";
import { draws, type PointerActions, startPointer } from "./pointer";
import { around } from "./viewport";

export interface Stage {
  side: Side;
  camera: Camera;
  painter: Painter;
  naming: Naming;
  pointer: PointerActions;
  following: Following;
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
    reducedMotion: store.reducedMotion,
    taken: () => {
      store.view.keep.value = false;
    },
    home: (seen) => {
      side.frames.revision.value;
      const frame = side.frames.get(store.playhead.position.peek());
      return frame === undefined ? null : around(seen, frame.positions);
    },
    pans: (event) => event.button === 0 && !event.ctrlKey && !draws(store, event),
  });
  const painter = startPainter(store, side, canvas, camera.viewport);
  const naming = startNaming(store, side, element, camera.viewport, painter);
  const following = startFollowing(store, side, camera, painter);
  const pointer = startPointer(store, side, element, camera, painter, naming.at);
  return {
    side,
    camera,
    painter,
    naming,
    pointer,
    following,
    stop: () => {
      following.stop();
      pointer.stop();
      naming.stop();
      painter.stop();
      camera.stop();
    },
  };
}
