// The panels at the right of the landscape: one at a time behind tabs, or a second one kept beside it.
import type { ComponentType } from "preact";
import { Classes } from "../panels/classes/classes";
import { Matrix } from "../panels/confusion/matrix";
import { Explain } from "../panels/explain/explain";
import { Images } from "../panels/images/images";
import { Layers } from "../panels/layers/layers";
import { Lists } from "../panels/lists/lists";
import { Markers } from "../panels/markers/markers";
import { Measures } from "../panels/measures/measures";
import { Models } from "../panels/models/models";
import { Sample } from "../panels/sample/sample";
import { Why } from "../panels/why/why";
import { CloseIcon, PinIcon } from "../pieces/icons";
import { useUnique } from "../pieces/unique";
import { decodes } from "../state/markers";
import { answers } from "../state/sides";
import type { Store } from "../state/store";

interface Panel {
  name: string;
  content: ComponentType<{ store: Store }>;
  /** Whether it has anything to say of what is shown; always, where this is not given. */
  applies?: (store: Store) => boolean;
}

const measured = (store: Store): boolean =>
  answers(store.sides, "measures") || answers(store.sides, "boundary");
const explained = ({ hello }: Store): boolean => hello.models.length > 0;

/** In the order of their tabs. */
const ALL: readonly Panel[] = [
  { name: "Images", content: Images },
  { name: "Sample", content: Sample },
  { name: "Confusion", content: Matrix },
  { name: "Classes", content: Classes },
  { name: "Lists", content: Lists, applies: ({ hello }) => hello.lists.length > 0 },
  {
    name: "Why",
    content: Why,
    applies: (store) => explained(store) && store.hello.vae !== null,
  },
  { name: "Explain", content: Explain, applies: explained },
  { name: "Layers", content: Layers, applies: explained },
  { name: "Models", content: Models, applies: explained },
  { name: "Markers", content: Markers, applies: decodes },
  { name: "Measures", content: Measures, applies: measured },
];

export function Panels({ store }: { store: Store }) {
  const { panel, beside } = store.view;
  const id = useUnique();
  const panels = ALL.filter(({ applies }) => applies?.(store) ?? true);
  const chosen = panels.find(({ name }) => name === panel.value) ?? (panels[0] as Panel);
  const second = panels.find(({ name }) => name === beside.value && name !== chosen.name);
  const step = (event: KeyboardEvent & { currentTarget: HTMLElement }): void => {
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
  };
  return (
    <>
      <section class="dvi-panel" aria-label="Panels">
        <Sides store={store} />
        <div class="dvi-tabs">
          <div role="tablist" onKeyDown={step}>
            {panels.map(({ name }) => (
              <button
                key={name}
                id={`${id}-${name}`}
                type="button"
                role="tab"
                class={name === second?.name ? "dvi-tab-beside" : ""}
                aria-selected={name === chosen.name}
                aria-controls={`${id}-panel`}
                tabIndex={name === chosen.name ? 0 : -1}
                onClick={() => {
                  panel.value = name;
                }}
              >
                {name}
              </button>
            ))}
          </div>
          <button
            type="button"
            class="dvi-tool dvi-pin"
            data-testid="keep-beside"
            aria-label={`Keep ${chosen.name} beside the others`}
            title={`Keep ${chosen.name} beside the others`}
            onClick={() => {
              beside.value = chosen.name;
              panel.value = (panels.find(({ name }) => name !== chosen.name) as Panel).name;
            }}
          >
            <PinIcon />
          </button>
        </div>
        <div
          class="dvi-content"
          id={`${id}-panel`}
          role="tabpanel"
          aria-labelledby={`${id}-${chosen.name}`}
        >
          <chosen.content store={store} />
        </div>
      </section>
      {second !== undefined && (
        <section class="dvi-panel dvi-beside" aria-label={second.name} data-testid="beside">
          <Sides store={store} />
          <div class="dvi-tabs">
            <b>{second.name}</b>
            <button
              type="button"
              class="dvi-tool"
              aria-label={`Put ${second.name} back among the tabs`}
              title={`Put ${second.name} back among the tabs`}
              onClick={() => {
                beside.value = "";
              }}
            >
              <CloseIcon />
            </button>
          </div>
          <div class="dvi-content">
            <second.content store={store} />
          </div>
        </section>
      )}
    </>
  );
}

/** Of two landscapes, the one that the panels speak of. */
function Sides({ store }: { store: Store }) {
  if (store.sides.length === 1) {
    return null;
  }
  return (
    <fieldset class="dvi-sides" aria-label="Landscape that the panels speak of">
      {store.sides.map((side) => (
        <button
          key={side.index}
          type="button"
          data-testid="side"
          aria-pressed={store.side.value === side}
          title={`Speak of ${side.info.name}`}
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
