// The colours of points and territories in a theme.
import type { Rgb, Theme } from "../state/colors";
import type { Look } from "./gl/scene";

const UNLABELLED: Rgb = [128, 134, 143];
/** So much ink parts every class' points from its surest land by a contrast of 3:1, in both themes. */
const RIM = 0.62;

export function lookOf({ dark, background, ink }: Theme, classes: readonly Rgb[]): Look {
  return {
    classes,
    background,
    ink,
    unlabelled: UNLABELLED,
    right: dark ? [138, 147, 160] : [120, 128, 140],
    wrong: dark ? [255, 92, 108] : [214, 28, 62],
    rim: RIM,
    strength: dark ? [0.14, 0.42] : [0.12, 0.4],
  };
}
