// Under the canvas: what the colours mean, how many samples have each, and by what samples are coloured.
import { lookOf } from "../canvas/painter";
import { classHue } from "../pieces/swatch";
import { className, count } from "../pieces/words";
import { toHex } from "../state/colors";
import { joins } from "../state/selection";
import type { Store } from "../state/store";
import { COLOR_BY } from "../state/store";
import { Caption } from "./show";

/** So many classes are named under the canvas; all of them are in the panel. */
const NAMED = 12;

interface LegendEntry {
  key: string;
  name: string;
  hue: string;
  samples: number;
  picks: (index: number) => boolean;
}

/** What the colours on the canvas stand for at the epoch passed. */
export function legendEntries(store: Store): LegendEntry[] {
  const { hello } = store;
  const { labels } = hello;
  const by = store.colorBy.value;
  const look = lookOf(store.theme.value, store.colors.value);
  if (by === "label") {
    const entries = hello.classes.map((_, i) =>
      classEntry(store, i, store.labelCounts[i] as number, (s) => labels[s] === i),
    );
    const unlabelled = store.unlabelled;
    if (unlabelled > 0) {
      entries.push({
        key: "none",
        name: "no label",
        hue: toHex(look.unlabelled),
        samples: unlabelled,
        picks: (s) => (labels[s] as number) < 0,
      });
    }
    return entries;
  }
  store.frames.revision.value;
  const frame = store.frames.get(store.playhead.passing.value);
  if (by === "prediction") {
    return hello.classes.map((_, i) =>
      classEntry(store, i, frame?.predicted[i] ?? 0, (s) => frame?.predictions[s] === i),
    );
  }
  const right = frame?.correct ?? 0;
  const labelled = hello.n - store.unlabelled;
  return [
    {
      key: "right",
      name: "right",
      hue: toHex(look.right),
      samples: right,
      picks: (s) => frame?.predictions[s] === labels[s],
    },
    {
      key: "wrong",
      name: "wrong",
      hue: toHex(look.wrong),
      samples: labelled - right,
      picks: (s) => (labels[s] as number) >= 0 && frame?.predictions[s] !== labels[s],
    },
  ];
}

function classEntry(
  store: Store,
  index: number,
  samples: number,
  picks: (sample: number) => boolean,
): LegendEntry {
  return {
    key: String(index),
    name: className(store.hello, index),
    hue: classHue(store, index),
    samples,
    picks,
  };
}

/** Select all samples of a kind; with a modifier, add them to the selection or take them away. */
export function pick(
  store: Store,
  event: MouseEvent | KeyboardEvent,
  picks: (index: number) => boolean,
): void {
  const mask = new Uint8Array(store.hello.n);
  for (let i = 0; i < mask.length; i++) {
    mask[i] = picks(i) ? 1 : 0;
  }
  store.selectMask(mask, joins(event, store.combine.peek()));
}

export function Legend({ store }: { store: Store }) {
  const entries = legendEntries(store);
  const named = entries.length > NAMED ? entries.slice(0, NAMED - 2) : entries;
  return (
    <div class="dvi-legend">
      <Caption store={store} />
      <ColorBy store={store} />
      <ul class="dvi-chips" aria-label="Classes">
        {named.map((entry) => (
          <li key={entry.key}>
            <button
              type="button"
              class="dvi-chip"
              data-testid="legend-entry"
              title={`Select all ${entry.name} (shift adds, alt takes away)`}
              onClick={(event) => pick(store, event, entry.picks)}
            >
              <span class="dvi-swatch" style={{ background: entry.hue }} aria-hidden="true" />
              <span class="dvi-name">{entry.name}</span>
              <span class="dvi-count">{count(entry.samples)}</span>
            </button>
          </li>
        ))}
        {named.length < entries.length && (
          <li>
            <button
              type="button"
              class="dvi-chip dvi-more"
              onClick={() => {
                store.view.panel.value = "Classes";
              }}
            >
              all {count(store.hello.classes.length)} classes
            </button>
          </li>
        )}
      </ul>
    </div>
  );
}

function ColorBy({ store }: { store: Store }) {
  return (
    <label class="dvi-colorby">
      <span>Colour by</span>
      <select
        data-testid="color-by"
        value={store.colorBy.value}
        onChange={(event) => {
          store.colorBy.value = COLOR_BY[event.currentTarget.selectedIndex] ?? "label";
        }}
      >
        {COLOR_BY.map((by) => (
          <option key={by} value={by}>
            {by}
          </option>
        ))}
      </select>
    </label>
  );
}
