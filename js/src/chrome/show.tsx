// What lies on the territories: the menu that chooses it, and the words that explain it.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { LayersIcon } from "../pieces/icons";
import { Menu } from "../pieces/menu";
import { percent } from "../pieces/words";
import { UNKNOWN } from "../state/sides";
import type { Store } from "../state/store";

interface Overlay {
  key: string;
  name: string;
  /** What is drawn, how it is to be read, and from what to what its scale goes. */
  what: string;
  scale: readonly [string, string];
}

export const OVERLAYS: readonly Overlay[] = [
  {
    key: "confidence",
    name: "Confidence",
    what: "The stronger a colour, the surer the model would be there; each step is a tenth.",
    scale: ["unsure", "sure"],
  },
  {
    key: "trust",
    name: "Trust",
    what: "Hatched land is invented: decoded and placed again, it ends up elsewhere.",
    scale: ["returns", `${percent(UNKNOWN).replace(".0", "")} of the width away`],
  },
  {
    key: "density",
    name: "Density",
    what: "How many samples lie around a place, on a logarithmic scale; lines join places with equally many.",
    scale: ["few", "many"],
  },
];

export function ShowMenu({ store }: { store: Store }) {
  const id = useId();
  const { overlay, points } = store.view;
  const offered = OVERLAYS.filter(
    ({ key }) => key !== "trust" || store.sides.some((side) => side.can("trust")),
  );
  const choice = (key: string, name: string, title: string): ComponentChildren => (
    <label key={key} title={title}>
      <input
        type="radio"
        name={id}
        data-testid={`overlay-${key || "none"}`}
        checked={overlay.value === key}
        onChange={() => {
          overlay.value = key;
        }}
      />
      {name}
    </label>
  );
  return (
    <Menu
      testid="show"
      name="Show on the landscape"
      icon={<LayersIcon />}
      on={overlay.value !== "" || !points.value}
    >
      {choice("", "Territories", "Whose land it is; the stronger its colour, the surer the model.")}
      {offered.map(({ key, name, what }) => choice(key, name, what))}
      <hr />
      <label>
        <input
          type="checkbox"
          data-testid="show-points"
          checked={points.value}
          onChange={() => {
            points.value = !points.value;
          }}
        />
        All samples
      </label>
    </Menu>
  );
}

/** What the overlay means, beside the picture. */
export function Caption({ store }: { store: Store }) {
  const overlay = OVERLAYS.find(({ key }) => key === store.view.overlay.value);
  if (overlay === undefined) {
    return null;
  }
  return (
    <p class="dvi-caption" data-testid="caption">
      <b>{overlay.name}</b> {overlay.what}
      <span class="dvi-scale">
        {overlay.scale[0]}
        <i class={`dvi-ramp dvi-ramp-${overlay.key}`} aria-hidden="true" />
        {overlay.scale[1]}
      </span>
    </p>
  );
}
