// Tags, which are selections with a name: selected again, added to, renamed, deleted.
import { useSignal } from "@preact/signals";
import { AddIcon, CloseIcon, RenameIcon } from "../pieces/icons";
import { ToolButton } from "../pieces/tool";
import { useUnique } from "../pieces/unique";
import { count, plural } from "../pieces/words";
import { joins, selectionOf } from "../state/selection";
import type { Store } from "../state/store";

const MAX_NAME_CHARACTERS = 200;

export function Saved({ store }: { store: Store }) {
  const selected = store.selection.value.indices.length;
  const saved = store.selections.value;
  return (
    <>
      <Save store={store} selected={selected} />
      {saved.size > 0 && (
        <ul class="dvi-saved" aria-label="Tags">
          {[...saved].map(([name, indices]) => (
            <SavedSelection
              key={name}
              store={store}
              name={name}
              indices={indices}
              selected={selected}
            />
          ))}
        </ul>
      )}
    </>
  );
}

function Save({ store, selected }: { store: Store; selected: number }) {
  const name = useSignal("");
  const id = useUnique();
  const trimmed = name.value.trim();
  const replaces = store.selections.value.has(trimmed);
  if (selected === 0) {
    return (
      <p class="dvi-hint">Select samples to tag them. Tags are a column of explorer.table().</p>
    );
  }
  return (
    <form
      class="dvi-save"
      onSubmit={(event) => {
        event.preventDefault();
        if (trimmed !== "") {
          keep(store, trimmed, Array.from(store.selection.peek().indices));
          name.value = "";
        }
      }}
    >
      <label for={id}>Tag {plural(selected, "sample", "samples")} as</label>
      <input
        id={id}
        type="text"
        data-testid="selection-name"
        required
        maxLength={MAX_NAME_CHARACTERS}
        autocomplete="off"
        value={name.value}
        onInput={(event) => {
          name.value = event.currentTarget.value;
        }}
      />
      <button type="submit" class="dvi-link" data-testid="save-selection">
        {replaces ? "Replace" : "Tag"}
      </button>
    </form>
  );
}

interface SavedSelectionProperties {
  store: Store;
  name: string;
  indices: readonly number[];
  selected: number;
}

function SavedSelection({ store, name, indices, selected }: SavedSelectionProperties) {
  const renaming = useSignal<string | null>(null);
  const id = useUnique();
  const next = renaming.value?.trim() ?? "";
  const taken = next !== name && store.selections.value.has(next);
  const rename = (): void => {
    renaming.value = null;
    if (next !== "" && !taken) {
      // It keeps its position in the list.
      store.selections.value = new Map(
        Array.from(store.selections.peek(), ([other, of]) => [other === name ? next : other, of]),
      );
    }
  };
  if (renaming.value !== null) {
    return (
      <li class="dvi-renamed">
        <input
          type="text"
          aria-label={`New name of ${name}`}
          aria-invalid={taken}
          aria-describedby={`${id}-taken`}
          data-testid="new-name"
          maxLength={MAX_NAME_CHARACTERS}
          value={renaming.value}
          ref={(input) => input?.focus()}
          onInput={(event) => {
            renaming.value = event.currentTarget.value;
          }}
          onKeyDown={(event) => {
            if (event.key === "Enter" && !taken) {
              rename();
            } else if (event.key === "Escape") {
              renaming.value = null;
              event.stopPropagation();
            }
          }}
          onBlur={rename}
        />
        <p id={`${id}-taken`} class="dvi-problem" role="status" data-testid="name-taken">
          {taken && "Another tag has this name."}
        </p>
      </li>
    );
  }
  return (
    <li>
      <button
        type="button"
        class="dvi-saved-name"
        data-testid="saved-selection"
        title={`Select ${plural(indices.length, "sample", "samples")} (shift adds, alt removes)`}
        onClick={(event) =>
          store.selectMask(
            selectionOf(indices, store.hello.n).mask,
            joins(event, store.combine.peek()),
          )
        }
      >
        <span class="dvi-name">{name}</span>
        <span class="dvi-count">{count(indices.length)}</span>
      </button>
      {selected > 0 && (
        <ToolButton
          name={`Add the selected samples to ${name}`}
          testid="add-to-selection"
          press={() => {
            const both = [...indices, ...store.selection.peek().indices];
            keep(store, name, Array.from(selectionOf(both, store.hello.n).indices));
          }}
        >
          <AddIcon />
        </ToolButton>
      )}
      <ToolButton
        name={`Rename ${name}`}
        testid="rename-selection"
        press={() => {
          renaming.value = name;
        }}
      >
        <RenameIcon />
      </ToolButton>
      <ToolButton
        name={`Delete ${name}`}
        testid="delete-selection"
        press={() => {
          const saved = new Map(store.selections.peek());
          saved.delete(name);
          store.selections.value = saved;
        }}
      >
        <CloseIcon />
      </ToolButton>
    </li>
  );
}

/** Save under a name; a selection of that name is replaced, in its position. */
function keep(store: Store, name: string, indices: readonly number[]): void {
  store.selections.value = new Map(store.selections.peek()).set(name, indices);
}
