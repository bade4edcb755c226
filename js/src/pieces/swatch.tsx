// A class by its colour, the same everywhere on the page.
import { toHex } from "../state/colors";
import type { Store } from "../state/store";

interface Properties {
  store: Store;
  index: number | null;
}

export function Swatch({ store, index }: Properties) {
  return (
    <span class="dvi-swatch" style={{ background: classHue(store, index) }} aria-hidden="true" />
  );
}

/** A class by colour and name. */
export function Named({ store, index }: Properties) {
  return (
    <>
      <Swatch store={store} index={index} />
      <span class="dvi-name">{store.className(index)}</span>
    </>
  );
}

/** CSS colour of a class; grey for a sample without a label. */
export function classHue(store: Store, index: number | null): string {
  const color = index === null ? undefined : store.colors.value[index];
  return color === undefined ? "var(--dvi-faint)" : toHex(color);
}
