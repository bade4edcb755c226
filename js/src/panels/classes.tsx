// All classes in a list, however many: hue, name, count; a click selects.
import type { Store } from "../store";
import { count } from "../words";
import { legendEntries, pickEntry } from "./legend";

export function Classes({ store }: { store: Store }) {
  const entries = legendEntries(store);
  const most = Math.max(1, ...entries.map(({ samples }) => samples));
  return (
    <ul class="dvi-classes" aria-label="All classes" data-testid="classes">
      {entries.map((entry) => (
        <li key={entry.key}>
          <button
            type="button"
            title={`Select all ${entry.name} (shift adds, alt takes away)`}
            onClick={(event) => pickEntry(store, entry, event)}
          >
            <span class="dvi-swatch" style={{ background: entry.hue }} aria-hidden="true" />
            <span class="dvi-name">{entry.name}</span>
            <span class="dvi-bar" aria-hidden="true">
              <span style={{ width: `${(100 * entry.samples) / most}%`, background: entry.hue }} />
            </span>
            <span class="dvi-count">{count(entry.samples)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
