// The menu of overlays on the territories.
import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { OVERLAYS } from "../canvas/overlays";
import { LayersIcon } from "../pieces/icons";
import { Menu } from "../pieces/menu";
import type { Store } from "../state/store";

export function ShowMenu({ store }: { store: Store }) {
  const id = useId();
  const { overlay, points, names, boundary, delta } = store.view;
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
  const box = (
    shown: Signal<boolean>,
    testid: string,
    name: string,
    title?: string,
  ): ComponentChildren => (
    <label title={title}>
      <input
        type="checkbox"
        data-testid={testid}
        checked={shown.value}
        onChange={() => {
          shown.value = !shown.value;
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
      on={overlay.value !== "" || !points.value || !names.value || boundary.value}
    >
      {choice(
        "",
        "Territories",
        "Predicted class; the stronger the colour, the more confident the model.",
      )}
      {offered.map(({ key, name, meaning }) => choice(key, name, meaning))}
      <hr />
      {box(points, "show-points", "All samples")}
      {box(names, "show-names", "Names")}
      {store.sides.some((side) => side.can("boundary")) &&
        box(
          boundary,
          "show-boundary",
          "Boundary samples",
          "Mixtures of two samples that the network cannot decide on; click one to see what was mixed.",
        )}
      <label title="Where the two likeliest classes differ by less than this, land is shown as undecided.">
        <span>Undecided below</span>
        <input
          type="range"
          data-testid="delta"
          min="0"
          max="0.3"
          step="0.01"
          aria-valuetext={delta.value.toFixed(2)}
          value={delta.value}
          onInput={(event) => {
            delta.value = Number(event.currentTarget.value);
          }}
        />
        {delta.value.toFixed(2)}
      </label>
    </Menu>
  );
}
