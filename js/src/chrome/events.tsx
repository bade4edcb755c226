// The events of a training on its timeline: a mark for each epoch that has some, and all of them as a list.
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { useReply } from "../pieces/asked";
import { EventsIcon } from "../pieces/icons";
import { Menu } from "../pieces/menu";
import { count, plural } from "../pieces/words";
import type { EventRow } from "../protocol/requests";
import type { Answer } from "../protocol/wire";
import type { Store } from "../state/store";
import { eventFilter, eventWords } from "./happened";

/** The events of the active landscape; undefined while they are not known. */
export function useEvents(store: Store): Answer<"events"> | undefined {
  const { index, info } = store.side.value;
  // Of a training that goes on there are more with each epoch.
  const args = useMemo(() => (info.epochs.length > 1 ? { landscape: index } : null), [index, info]);
  return useReply(store, "events", args).answer;
}

/** Epochs by number, each with what changed there, apart from predictions, which change nearly always. */
export function notable(rows: readonly EventRow[]): Map<number, EventRow[]> {
  const epochs = new Map<number, EventRow[]>();
  for (const row of rows) {
    if (row.event !== "changed") {
      epochs.set(row.epoch, [...(epochs.get(row.epoch) ?? []), row]);
    }
  }
  return epochs;
}

/** A mark below the rail for every epoch with events. */
export function EventMarks({ store, across, y }: EventMarksProperties) {
  const events = useEvents(store);
  return (
    <>
      {[...notable(events?.rows ?? [])].map(([epoch, rows]) => {
        const x = across(store.epochs.indexOf(epoch)).toFixed(1);
        return (
          <path key={epoch} class="dvi-event" data-testid="event-mark" d={`M${x} ${y}l3.5 5h-7z`}>
            <title>{rows.map((row) => eventWords(row, store.hello.classes)).join("\n")}</title>
          </path>
        );
      })}
    </>
  );
}

interface EventMarksProperties {
  store: Store;
  /** From a position in the list of epochs to pixels. */
  across: (position: number) => number;
  y: number;
}

export function EventsMenu({ store }: { store: Store }) {
  const events = useEvents(store);
  if (events === undefined || events.rows.length === 0) {
    return null;
  }
  return (
    <Menu testid="events" name="What each epoch changed" icon={<EventsIcon />} on={false}>
      <List store={store} events={events} />
    </Menu>
  );
}

/** All events; where time stands is in view when the list opens. */
function List({ store, events }: { store: Store; events: Answer<"events"> }) {
  const box = useRef<HTMLDivElement>(null);
  const epochs = [...new Set(events.rows.map(({ epoch }) => epoch))];
  useLayoutEffect(() => {
    const current = box.current?.querySelector<HTMLElement>("[aria-current]");
    // Scrolling the element into view would scroll the host too.
    box.current?.scrollTo({ top: (current?.offsetTop ?? 0) - box.current.offsetTop });
  }, []);
  return (
    <div class="dvi-events" ref={box}>
      {epochs.map((epoch) => (
        <Epoch
          key={epoch}
          store={store}
          events={events}
          rows={events.rows.filter((row) => row.epoch === epoch)}
        />
      ))}
    </div>
  );
}

interface EpochProperties {
  store: Store;
  events: Answer<"events">;
  /** Of one epoch. */
  rows: readonly EventRow[];
}

function Epoch({ store, events: { split }, rows }: EpochProperties) {
  const show = (row: EventRow): void => {
    store.playhead.seek(store.epochs.indexOf(row.epoch));
    store.find(eventFilter(row, split, store.filtering.known));
  };
  const epoch = rows[0]?.epoch;
  const current = store.epochs[store.playhead.position.value] === epoch;
  return (
    <section aria-current={current ? "step" : undefined}>
      <h4>Epoch {epoch}</h4>
      <ul>
        {rows.map((row) => (
          <li key={`${row.event} ${row.classes}`}>
            <button
              type="button"
              data-testid={`event-${row.event}`}
              title="Go there, and find these samples"
              onClick={() => show(row)}
            >
              {row.event === "changed"
                ? `${plural(row.samples, "sample", "samples")} ${eventWords(row, store.hello.classes)}`
                : eventWords(row, store.hello.classes)}
              {row.event !== "changed" && <span class="dvi-count">{count(row.samples)}</span>}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
