// A page with the widget on a fake model, for looking at: settings come from the address, handles lie on `window`.
import { GridIndex } from "../../src/canvas/grid";
import widget from "../../src/widget";
import { fakeRun } from "./answers";
import { fakeModel } from "./model";

const query = new URLSearchParams(location.search);
const number = (name: string, otherwise: number): number => Number(query.get(name) ?? otherwise);
const side = number("side", 8);
const run = fakeRun({
  n: number("n", 300),
  classes: number("classes", 10),
  epochs: Array.from({ length: number("epochs", 8) }, (_, i) => i * number("stride", 1)),
  resolution: number("resolution", 300),
  images: side === 0 ? null : { height: side, width: side, channels: number("channels", 1) },
  unlabelled: number("unlabelled", 0),
  services: ["decode", "place", "neighbors", "features", "logits", "paint", "classify", "dynamics"],
  scalars: query.has("scalars")
    ? {
        loss: Array.from({ length: number("epochs", 8) }, (_, i) => 2.3 * 0.7 ** i + 0.05),
        "learning rate": Array.from({ length: number("epochs", 8) }, (_, i) => 0.1 * 0.5 ** i),
      }
    : {},
  ...(query.has("second") ? { second: { name: "another run", epochs: [0, 2, 3, 9] } } : {}),
});
const newModel = () =>
  fakeModel(run, {
    delay: number("delay", 0),
    progress: query.has("progress") ? [0.2, 0.4, 0.6, 0.8] : [],
    state: { epoch: number("epoch", 0), color_by: query.get("color") ?? "label" },
  });
const model = newModel();
const element = document.getElementById("widget") as HTMLElement;
const cleanup = widget.render({ model, el: element });
Object.assign(window, { widget, run, model, newModel, cleanup, GridIndex });
