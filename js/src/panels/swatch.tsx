// The hue of a class: the same in legend, card, grid and list.
import { toHex } from "../palette";
import type { Store } from "../store";

export function Swatch({ store, index }: { store: Store; index: number | null }) {
  return (
    <span class="dvi-swatch" style={{ background: classHue(store, index) }} aria-hidden="true" />
  );
}

/** CSS colour of a class; grey for a sample without a label. */
export function classHue(store: Store, index: number | null): string {
  const color = index === null ? undefined : store.colors.value[index];
  return color === undefined ? "var(--dvi-faint)" : toHex(color);
}
