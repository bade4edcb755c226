// The colours of points and territories in a theme.
import { categoryColors, type Rgb, rampColors, type Theme } from "../state/colors";
import type { Side } from "../state/sides";
import type { Store } from "../state/store";
import type { Look } from "./gl/scene";

const UNLABELLED: Rgb = [128, 134, 143];
/** So much ink parts every class' points from its surest land by a contrast of 3:1, in both themes. */
const RIM = 0.62;

export function lookOf(
  { dark, background, ink }: Theme,
  classes: readonly Rgb[],
  scale: readonly Rgb[] = [],
): Look {
  return {
    classes,
    scale,
    background,
    ink,
    unlabelled: UNLABELLED,
    right: dark ? [138, 147, 160] : [120, 128, 140],
    wrong: dark ? [255, 92, 108] : [214, 28, 62],
    rim: RIM,
    strength: dark ? [0.14, 0.42] : [0.12, 0.4],
  };
}

/** The colours of the column that samples are coloured by: of its categories, or along its scale. */
export function scaleColors(store: Store, side: Side): readonly Rgb[] {
  const name = store.colorBy.value;
  const choice = side.choices.find((one) => one.name === name);
  if (choice === undefined) {
    return [];
  }
  const { dark } = store.theme.value;
  if (choice.kind === "number") {
    return rampColors(dark);
  }
  const column = side.column(name);
  column?.revision.value;
  return categoryColors(store.palette.value, column?.get(0)?.names.length ?? 0, dark);
}
