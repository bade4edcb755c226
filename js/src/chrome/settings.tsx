// The menu of palettes, each with its first colours.
import { useId } from "preact/hooks";
import { ColorsIcon } from "../pieces/icons";
import { Menu } from "../pieces/menu";
import type { Store } from "../state/store";

/** Names of palettes that say more than those of `hello`. */
const NAMES: Record<string, string> = { safe: "colour-blind safe" };

export function SettingsMenu({ store }: { store: Store }) {
  const id = useId();
  const { palettes } = store.hello;
  const names = Object.keys(palettes);
  const chosen = names.includes(store.view.palette.value) ? store.view.palette.value : names[0];
  return (
    <Menu
      testid="settings"
      name="Colours of the classes"
      icon={<ColorsIcon />}
      on={chosen !== names[0]}
    >
      {names.map((name) => (
        <label key={name}>
          <input
            type="radio"
            name={id}
            data-testid={`palette-${name}`}
            checked={name === chosen}
            onChange={() => {
              store.view.palette.value = name;
            }}
          />
          <span>
            {NAMES[name] ?? name}
            <span class="dvi-palette" aria-hidden="true">
              {(palettes[name] ?? []).map((color) => (
                <i key={color} style={{ background: color }} />
              ))}
            </span>
          </span>
        </label>
      ))}
    </Menu>
  );
}
