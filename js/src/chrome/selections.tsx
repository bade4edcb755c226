// The number of selected samples, and the menu of tags.
import { CloseIcon, SavedIcon } from "../pieces/icons";
import { Menu } from "../pieces/menu";
import { ToolButton } from "../pieces/tool";
import { count } from "../pieces/words";
import type { Store } from "../state/store";
import { Saved } from "./saved";

export function Selections({ store }: { store: Store }) {
  const selected = store.selection.value.indices.length;
  const saved = store.selections.value;
  const text =
    selected > 0 ? `${count(selected)} selected` : saved.size > 0 ? count(saved.size) : "";
  // The accessible name begins with the visible text.
  const name = text === "" ? "Tags" : `${text}${selected > 0 ? ", " : " "}tags`;
  return (
    <div class="dvi-selections">
      <span class="dvi-unseen" role="status">
        {text}
      </span>
      <Menu
        name={name}
        testid="selections"
        on={false}
        icon={
          <>
            <SavedIcon />
            <span data-testid="selected">{text}</span>
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
