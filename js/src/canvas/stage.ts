// The canvas at work: a camera that looks, a painter that draws, and pointers that pick.
import type { Store } from "../store";
import { type Camera, startCamera } from "./camera";
import { type Painter, startPainter } from "./painter";
import { drawsLasso, type Pointing, startPointing } from "./pointing";

export interface Stage {
  camera: Camera;
  painter: Painter;
  pointing: Pointing;
  stop: () => void;
}

/** Bring a canvas to life inside `element`, which takes pointers and keys. */
export function startStage(store: Store, element: HTMLElement, canvas: HTMLCanvasElement): Stage {
  const [x0, x1, y0, y1] = store.landscape.extent;
  const camera = startCamera(element, {
    aspect: (x1 - x0) / (y1 - y0),
    still: store.still,
    pans: (event) => event.button === 0 && !event.ctrlKey && !drawsLasso(store, event),
  });
  const painter = startPainter(store, canvas, camera.viewport);
  const pointing = startPointing(store, element, camera, painter);
  return {
    camera,
    painter,
    pointing,
    stop: () => {
      pointing.stop();
      painter.stop();
      camera.stop();
    },
  };
}
