// The panels at the right of the landscape: tabs of groups, in each its panels, and perhaps one pinned beside them.
import { effect } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { CloseIcon, PinIcon } from "../pieces/icons";
import { GROUPS, type Panel } from "../pieces/panel";
import { useUnique } from "../pieces/unique";
import type { Store } from "../state/store";

export function Panels({ store, all }: { store: Store; all: readonly Panel[] }) {
  const { panel, beside } = store.view;
  const id = useUnique();
  // Whoever selects or finds samples wants to see them; other panels than the overview stay.
  useLayoutEffect(
    () =>
      effect(() => {
        const selected = store.selection.value.indices.length;
        const chosen = selected > 0 || store.visible.value !== null;
        if (chosen && ["", "overview"].includes(panel.peek())) {
          panel.value = selected === 1 ? "sample" : "images";
        }
      }),
    [store, panel],
  );
  const panels = all.filter(({ applies }) => applies?.(store) ?? true);
  const selected = panels.find((one) => one.id === panel.value) ?? panels[0];
  if (selected === undefined) {
    return null;
  }
  const pinned = panels.find((one) => one.id === beside.value && one !== selected);
  const groups = Object.entries(GROUPS).filter(([group]) =>
    panels.some((one) => one.group === group),
  );
  const siblings = panels.filter(({ group }) => group === selected.group);
  const pin = `Pin ${selected.title} beside the others`;
  return (
    <>
      <section class="dvi-panel" aria-label="Panels" data-panel={selected.id}>
        <Sides store={store} />
        <div class="dvi-tabs">
          <div role="tablist" aria-label="Groups of panels" onKeyDown={stepTab}>
            {groups.map(([group, title]) => (
              <button
                key={group}
                id={`${id}-${group}`}
                type="button"
                role="tab"
                aria-selected={group === selected.group}
                aria-controls={`${id}-panel`}
                tabIndex={group === selected.group ? 0 : -1}
                onClick={() => {
                  if (group !== selected.group) {
                    panel.value = panels.find((one) => one.group === group)?.id ?? "";
                  }
                }}
              >
                {title}
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
        {siblings.length > 1 && (
          <fieldset class="dvi-siblings" aria-label={`Panels of ${GROUPS[selected.group]}`}>
            {siblings.map((one) => (
              <button
                key={one.id}
                type="button"
                data-testid={`panel-${one.id}`}
                class={one === pinned ? "dvi-tab-beside" : ""}
                aria-pressed={one === selected}
                onClick={() => {
                  panel.value = one.id;
                }}
              >
                {one.title}
              </button>
            ))}
          </fieldset>
        )}
        <div
          class="dvi-content"
          id={`${id}-panel`}
          role="tabpanel"
          aria-labelledby={`${id}-${selected.group}`}
        >
          <About store={store} panel={selected} />
          <selected.content store={store} />
        </div>
      </section>
      {pinned !== undefined && <Pinned store={store} panel={pinned} />}
    </>
  );
}

/** Which samples a panel speaks of. */
function About({ store, panel }: { store: Store; panel: Panel }) {
  return (
    <p class="dvi-about" data-testid="about">
      {panel.about(store)}
    </p>
  );
}

function Pinned({ store, panel }: { store: Store; panel: Panel }) {
  const unpin = `Put ${panel.title} back among the tabs`;
  return (
    <section
      class="dvi-panel dvi-beside"
      aria-label={panel.title}
      data-testid="beside"
      data-panel={panel.id}
    >
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
        <About store={store} panel={panel} />
        <panel.content store={store} />
      </div>
    </section>
  );
}

/** Arrow keys, Home and End select another tab. */
function stepTab(event: KeyboardEvent & { currentTarget: HTMLElement }): void {
  const tabs = [...event.currentTarget.querySelectorAll<HTMLElement>("[role=tab]")];
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
    <fieldset class="dvi-sides" aria-label="Panels show">
      {store.sides.map((side) => (
        <button
          key={side.index}
          type="button"
          data-testid="side"
          aria-pressed={store.side.value === side}
          title={`Panels show ${side.info.name}`}
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
