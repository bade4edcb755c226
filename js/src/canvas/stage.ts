// The canvas at work: a camera that looks, a painter that draws, and pointers that pick.
import type { Side } from "../state/sides";
import type { Store } from "../state/store";
import { type Camera, startCamera } from "./camera";
import { type Following, startFollowing } from "./following";
import { type Painter, startPainter } from "./painter";
import { draws, type Pointing, startPointing } from "./pointing";

export interface Stage {
  side: Side;
  camera: Camera;
  painter: Painter;
  pointing: Pointing;
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
    still: store.still,
    taken: () => {
      store.view.keep.value = false;
    },
    pans: (event) => event.button === 0 && !event.ctrlKey && !draws(store, event),
  });
  const painter = startPainter(store, side, canvas, camera.viewport);
  const following = startFollowing(store, side, camera, painter);
  const pointing = startPointing(store, side, element, camera, painter);
  return {
    side,
    camera,
    painter,
    pointing,
    following,
    stop: () => {
      following.stop();
      pointing.stop();
      painter.stop();
      camera.stop();
    },
  };
}
