// The panels at the right of the landscape: one behind tabs, and perhaps a second one pinned beside it.
import { CloseIcon, PinIcon } from "../pieces/icons";
import { GROUPS, type Panel } from "../pieces/panel";
import { useUnique } from "../pieces/unique";
import type { Store } from "../state/store";

export function Panels({ store, all }: { store: Store; all: readonly Panel[] }) {
  const { panel, beside } = store.view;
  const id = useUnique();
  const panels = all
    .filter(({ applies }) => applies?.(store) ?? true)
    .sort((p, q) => GROUPS.indexOf(p.group) - GROUPS.indexOf(q.group));
  const selected = panels.find((one) => one.id === panel.value) ?? panels[0];
  if (selected === undefined) {
    return null;
  }
  const pinned = panels.find((one) => one.id === beside.value && one !== selected);
  const pin = `Pin ${selected.title} beside the others`;
  return (
    <>
      <section class="dvi-panel" aria-label="Panels">
        <Sides store={store} />
        <div class="dvi-tabs">
          <div role="tablist" onKeyDown={stepTab}>
            {panels.map((one) => (
              <button
                key={one.id}
                id={`${id}-${one.id}`}
                type="button"
                role="tab"
                class={one === pinned ? "dvi-tab-beside" : ""}
                aria-selected={one === selected}
                aria-controls={`${id}-panel`}
                tabIndex={one === selected ? 0 : -1}
                onClick={() => {
                  panel.value = one.id;
                }}
              >
                {one.title}
              </button>
            ))}
          </div>
          <button
            type="button"
            class="dvi-tool dvi-pin"
            data-testid="pin-panel"
            aria-label={pin}
            title={pin}
            onClick={() => {
              beside.value = selected.id;
              panel.value = panels.find((one) => one !== selected)?.id ?? selected.id;
            }}
          >
            <PinIcon />
          </button>
        </div>
        <div
          class="dvi-content"
          id={`${id}-panel`}
          role="tabpanel"
          aria-labelledby={`${id}-${selected.id}`}
        >
          <selected.content store={store} />
        </div>
      </section>
      {pinned !== undefined && <Pinned store={store} panel={pinned} />}
    </>
  );
}

function Pinned({ store, panel }: { store: Store; panel: Panel }) {
  const unpin = `Put ${panel.title} back among the tabs`;
  return (
    <section class="dvi-panel dvi-beside" aria-label={panel.title} data-testid="beside">
      <Sides store={store} />
      <div class="dvi-tabs">
        <b>{panel.title}</b>
        <button
          type="button"
          class="dvi-tool"
          aria-label={unpin}
          title={unpin}
          onClick={() => {
            store.view.beside.value = "";
          }}
        >
          <CloseIcon />
        </button>
      </div>
      <div class="dvi-content">
        <panel.content store={store} />
      </div>
    </section>
  );
}

/** Arrow keys, Home and End select another tab. */
function stepTab(event: KeyboardEvent & { currentTarget: HTMLElement }): void {
  const tabs = [
    ...event.currentTarget.querySelectorAll<HTMLElement>("[role=tab]:not(.dvi-tab-beside)"),
  ];
  const at = tabs.indexOf(event.target as HTMLElement);
  const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: -1 }[event.key];
  if (next !== undefined) {
    const tab = tabs.at(next % tabs.length);
    tab?.click();
    tab?.focus();
    event.preventDefault();
    event.stopPropagation();
  }
}

/** Of two landscapes, the one that the panels show. */
function Sides({ store }: { store: Store }) {
  if (store.sides.length === 1) {
    return null;
  }
  return (
    <fieldset class="dvi-sides" aria-label="Landscape that the panels show">
      {store.sides.map((side) => (
        <button
          key={side.index}
          type="button"
          data-testid="side"
          aria-pressed={store.side.value === side}
          title={`Show ${side.info.name} in the panels`}
          onClick={() => {
            store.active.value = side.index;
          }}
        >
          {side.info.name}
        </button>
      ))}
    </fieldset>
  );
}
