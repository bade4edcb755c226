// How many samples are selected, and the way to selections kept under names.

import { Saved } from "../more/saved";
import { ToolButton } from "../pieces/tool";
import type { Store } from "../store";
import { count } from "../words";
import { CloseIcon, SavedIcon } from "./icons";
import { Menu } from "./menu";

export function Selections({ store }: { store: Store }) {
  const selected = store.selection.value.indices.length;
  const saved = store.selections.value;
  const shown =
    selected > 0 ? `${count(selected)} selected` : saved.size > 0 ? count(saved.size) : "";
  // What is read out begins with what is seen.
  const name =
    shown === "" ? "Named selections" : `${shown}${selected > 0 ? ", " : " "}named selections`;
  return (
    <div class="dvi-selections">
      <span class="dvi-unseen" role="status">
        {shown}
      </span>
      <Menu
        name={name}
        testid="selections"
        on={false}
        icon={
          <>
            <SavedIcon />
            <span data-testid="selected">{shown}</span>
          </>
        }
      >
        <Saved store={store} />
      </Menu>
      {selected > 0 && (
        <ToolButton
          name="Clear the selection (Escape)"
          testid="clear-selection"
          press={() => store.clear()}
        >
          <CloseIcon />
        </ToolButton>
      )}
    </div>
  );
}
