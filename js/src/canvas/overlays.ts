// The overlays on the territories, and the words that explain them.
import { UNKNOWN_ERROR } from "../state/sides";

export interface Overlay {
  key: string;
  name: string;
  /** How it is drawn and read. */
  meaning: string;
  /** The two ends of its scale. */
  scale: readonly [string, string];
}

/** In the order of the shader's numbers, which start at 1. */
export const OVERLAYS: readonly Overlay[] = [
  {
    key: "confidence",
    name: "Confidence",
    meaning: "The stronger the colour, the more confident the model; each step is a tenth.",
    scale: ["unsure", "sure"],
  },
  {
    key: "trust",
    name: "Trust",
    meaning:
      "The fainter the land, the farther away it ends up when decoded and projected again; where hatched, it is invented.",
    scale: ["returns", `${100 * UNKNOWN_ERROR} % of the width away`],
  },
  {
    key: "density",
    name: "Density",
    meaning:
      "The number of samples around a point, on a logarithmic scale; lines join equal numbers.",
    scale: ["few", "many"],
  },
  {
    key: "changes",
    name: "Changes",
    meaning: "In full colour, with an outline: land that another class holds than before.",
    scale: ["same", "changed"],
  },
];
