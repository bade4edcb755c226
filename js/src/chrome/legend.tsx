// The legend: what the colours stand for, the number of samples of each, and what samples are coloured by.

import type { Signal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import {
  type LegendEntry,
  legendEntries,
  type MarkEntry,
  markEntries,
  numberScale,
} from "../canvas/legend";
import { OVERLAYS } from "../canvas/overlays";
import { count, number } from "../pieces/words";
import { joins } from "../state/selection";
import { sinceOf } from "../state/since";
import { COLOR_BY, type Store } from "../state/store";
import { Mark } from "./mark";

/** With more classes, the last entry leads to the panel of all. */
const MAX_NAMED = 12;

export function Legend({ store }: { store: Store }) {
  const entries = legendEntries(store);
  const named = entries.length > MAX_NAMED ? entries.slice(0, MAX_NAMED - 2) : entries;
  return (
    <div class="dvi-legend">
      <div class="dvi-choices">
        <By store={store} words="Colour by" by={store.colorBy} first={COLOR_BY} testid="color-by" />
        <By store={store} words="Size by" by={store.sizeBy} first={[""]} testid="size-by" />
      </div>
      <div class="dvi-meanings">
        <Caption store={store} />
        <Scale store={store} />
        <Sizes store={store} />
        <ul class="dvi-chips" aria-label="Colours">
          {named.map((entry) => (
            <Entry key={entry.key} store={store} entry={entry} testid="legend-entry" />
          ))}
          {named.length < entries.length && (
            <li>
              <button
                type="button"
                class="dvi-chip dvi-more"
                onClick={() => {
                  store.view.panel.value = "classes";
                }}
              >
                all {count(store.hello.classes.length)} classes
              </button>
            </li>
          )}
        </ul>
        <ul class="dvi-chips dvi-marks" aria-label="Marks">
          {markEntries(store).map((entry) => (
            <Entry key={entry.key} store={store} entry={entry} testid="mark-entry" />
          ))}
          <li class="dvi-undecided" data-testid="undecided">
            <span class="dvi-swatch" aria-hidden="true" />
            <span>undecided</span>
          </li>
        </ul>
      </div>
    </div>
  );
}

interface EntryProperties {
  store: Store;
  entry: LegendEntry | MarkEntry;
  testid: string;
}

function Entry({ store, entry, testid }: EntryProperties) {
  const { indices } = store.selection.value;
  const isolated =
    indices.length > 0 && indices.length === entry.samples && indices.every(entry.picks);
  // While it is pointed at, its samples stand out and the others fade.
  const point = (): void => {
    store.pointedAt.value = Uint8Array.from({ length: store.hello.n }, (_, i) =>
      entry.picks(i) ? 1 : 0,
    );
  };
  const leave = (): void => {
    store.pointedAt.value = null;
  };
  useLayoutEffect(() => leave, []);
  return (
    <li>
      <button
        type="button"
        class="dvi-chip"
        data-testid={testid}
        title={`${entry.name} alone (shift adds, alt removes; again for all)${"meaning" in entry && entry.meaning ? `. ${entry.name}: ${entry.meaning}` : ""}`}
        aria-pressed={isolated}
        onPointerEnter={point}
        onPointerLeave={leave}
        onFocus={point}
        onBlur={leave}
        onClick={(event) => {
          const how = joins(event, store.combine.peek());
          if (how === "replace" && isolated) {
            store.clear();
          } else {
            store.selectWhere(entry.picks, how);
          }
        }}
      >
        {"mark" in entry ? (
          <Mark mark={entry.mark} />
        ) : (
          <span class="dvi-swatch" style={{ background: entry.hue }} aria-hidden="true" />
        )}
        <span class="dvi-name">{entry.name}</span>
        <span class="dvi-count">{count(entry.samples)}</span>
      </button>
    </li>
  );
}

/** The overlay in words, beside the picture. */
function Caption({ store }: { store: Store }) {
  const overlay = OVERLAYS.find(({ key }) => key === store.view.overlay.value);
  if (overlay === undefined) {
    return null;
  }
  return (
    <div class="dvi-caption" data-testid="caption">
      <b>{overlay.name}</b> {overlay.meaning}
      <span class="dvi-scale">
        {overlay.scale[0]}
        <i class={`dvi-ramp dvi-ramp-${overlay.key}`} aria-hidden="true" />
        {overlay.scale[1]}
      </span>
      {overlay.key === "changes" && <Since store={store} />}
    </div>
  );
}

/** The epoch since which changes are shown, and the samples that crossed since. */
function Since({ store }: { store: Store }) {
  const { epochs, view, filter } = store;
  const now = store.playhead.resting.value;
  const since = sinceOf(store);
  const [from, to] = [epochs[Math.min(since, now)], epochs[Math.max(since, now)]];
  const crossed = `changed:${from}-${to}`;
  return (
    <span class="dvi-since">
      <select
        class="dvi-select"
        data-testid="since"
        aria-label="Changes since"
        value={String(epochs.includes(view.since.value) ? view.since.value : -1)}
        onChange={(event) => {
          view.since.value = Number(event.currentTarget.value);
        }}
      >
        <option value="-1">since the epoch before</option>
        {epochs.map((epoch) => (
          <option key={epoch} value={String(epoch)}>
            since epoch {epoch}
          </option>
        ))}
      </select>
      {from !== to && (
        <label title={`Samples with another prediction at epoch ${to} than at epoch ${from}`}>
          <input
            type="checkbox"
            data-testid="crossed"
            checked={filter.value === crossed}
            onChange={(event) => {
              filter.value = event.currentTarget.checked ? crossed : "";
            }}
          />
          only samples that crossed
        </label>
      )}
    </span>
  );
}

interface ByProperties {
  store: Store;
  words: string;
  by: Signal<string>;
  /** What is offered before the columns; "" stands for none. */
  first: readonly string[];
  testid: string;
}

/** The choice of what colours or sizes stand for. */
function By({ store, words, by, first, testid }: ByProperties) {
  const names = [...first, ...store.side.value.choices.map(({ name }) => name)];
  const chosen = names.includes(by.value) ? by.value : (first[0] ?? "");
  return (
    <label class="dvi-colorby">
      <span>{words}</span>
      <select
        data-testid={testid}
        value={chosen}
        onChange={(event) => {
          by.value = names[event.currentTarget.selectedIndex] ?? chosen;
        }}
      >
        {names.map((name) => (
          <option key={name} value={name}>
            {name || "nothing"}
          </option>
        ))}
      </select>
    </label>
  );
}

function Sizes({ store }: { store: Store }) {
  const scale = numberScale(store, store.sizeBy.value);
  return (
    scale && (
      <small class="dvi-sizes" data-testid="size-scale">
        small {number(scale.low)}, large {number(scale.high)}
      </small>
    )
  );
}

/** The scale of a column of numbers, how its values come, or why they do not. */
function Scale({ store }: { store: Store }) {
  const name = store.colorBy.value;
  const side = store.side.value;
  const column = side.column(name);
  if (column === null) {
    return null;
  }
  column.revision.value;
  const at = side.at(store.playhead.passing.value);
  const scale = numberScale(store, name);
  const error = column.error(at);
  const waits = column.get(at) === undefined;
  return (
    <div class="dvi-colorscale" data-testid="color-scale">
      {scale !== null && (
        <>
          <i
            aria-hidden="true"
            style={{ background: `linear-gradient(90deg, ${scale.hues.join(", ")})` }}
          />
          <span>{number(scale.low)}</span>
          <span>{number(scale.high)}</span>
        </>
      )}
      {waits && <small>{error ?? column.progress(at)?.text ?? "Waiting for its values"}</small>}
    </div>
  );
}
