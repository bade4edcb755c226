// How many samples are selected, and the way to selections kept under names.

import { CloseIcon, SavedIcon } from "../pieces/icons";
import { Menu } from "../pieces/menu";
import { ToolButton } from "../pieces/tool";
import { count } from "../pieces/words";
import type { Store } from "../state/store";
import { Saved } from "./saved";

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
