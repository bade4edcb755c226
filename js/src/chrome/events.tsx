// What happened in a training, on its timeline: a mark for each epoch one looks for, the way from one to the next, and a list.
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { useReply } from "../pieces/asked";
import { Choice } from "../pieces/choice";
import { EventsIcon, NextIcon, PreviousIcon } from "../pieces/icons";
import { Menu } from "../pieces/menu";
import { ToolButton } from "../pieces/tool";
import { count } from "../pieces/words";
import type { Store } from "../state/store";
import { CONDITIONS, type Moment, momentsOf } from "./happened";

/** The moments of the active landscape that one looks for; undefined while they are not known. */
function useMoments(store: Store): Moment[] | undefined {
  const { index, info } = store.side.value;
  // Of a training that goes on there are more with each epoch.
  const args = useMemo(() => (info.epochs.length > 1 ? { landscape: index } : null), [index, info]);
  const { answer } = useReply(store, "events", args);
  const kind = store.view.moments.value;
  const classes = store.view.momentsOf.value;
  return useMemo(() => {
    if (answer === undefined) {
      return undefined;
    }
    const { train, test } = info.accuracy;
    const tested = store.labelledTests > 0;
    const one = store.tests === 0 || store.tests === store.hello.n;
    const course = {
      name: one ? "Accuracy" : tested ? "Test accuracy" : "Training accuracy",
      epochs: info.epochs,
      values: tested ? test : train,
    };
    return momentsOf(answer, { kind, classes }, course, store.filtering.known);
  }, [store, answer, info, kind, classes]);
}

/** The epochs of some moments, ascending; without those that only got other predictions, which are nearly all. */
function epochsOf(moments: readonly Moment[]): number[] {
  return [...new Set(moments.filter(({ event }) => event !== "changed").map(({ epoch }) => epoch))];
}

/** A mark below the rail for every epoch one looks for. */
export function EventMarks({ store, across, y }: EventMarksProperties) {
  const moments = useMoments(store) ?? [];
  return (
    <>
      {epochsOf(moments).map((epoch) => {
        const x = across(store.epochs.indexOf(epoch)).toFixed(1);
        const here = moments.filter((one) => one.epoch === epoch && one.event !== "changed");
        return (
          <path key={epoch} class="dvi-event" data-testid="event-mark" d={`M${x} ${y}l3.5 5h-7z`}>
            <title>{here.map(({ words }) => words).join("\n")}</title>
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

/** The way to the epoch before and after that one looks for, and the list of all. */
export function Events({ store }: { store: Store }) {
  const moments = useMoments(store);
  if (moments === undefined || (moments.length === 0 && store.view.moments.value === "")) {
    return null;
  }
  const now = store.epochs[store.playhead.position.value] as number;
  const epochs = epochsOf(moments);
  const before = epochs.findLast((epoch) => epoch < now);
  const after = epochs.find((epoch) => epoch > now);
  const sought = wordsOf(store);
  const go = (epoch: number | undefined) => () => {
    if (epoch !== undefined) {
      store.playhead.seek(store.epochs.indexOf(epoch));
    }
  };
  return (
    <div class="dvi-moments">
      <ToolButton
        name={`Previous epoch where ${sought} (,)`}
        testid="previous-moment"
        disabled={before === undefined}
        press={go(before)}
      >
        <PreviousIcon />
      </ToolButton>
      <Menu
        testid="events"
        name="What each epoch changed"
        icon={<EventsIcon />}
        on={store.view.moments.value !== ""}
      >
        <Sought store={store} />
        <List store={store} moments={moments} />
      </Menu>
      <ToolButton
        name={`Next epoch where ${sought} (.)`}
        testid="next-moment"
        disabled={after === undefined}
        press={go(after)}
      >
        <NextIcon />
      </ToolButton>
    </div>
  );
}

/** What one looks for, as the end of "an epoch where". */
function wordsOf(store: Store): string {
  const { moments, momentsOf } = store.view;
  const [one, other] = momentsOf.value.map((index) => store.className(index));
  if (one !== undefined && moments.value === "fell") {
    return `${one} is recognised less often`;
  }
  if (one !== undefined) {
    return `${one} and ${other ?? "another class"} ${moments.value === "parted" ? "part" : "merge"}`;
  }
  return (CONDITIONS.find(({ key }) => key === moments.value) ?? CONDITIONS[0]).words;
}

/** Choose which epochs to look for. */
function Sought({ store }: { store: Store }) {
  const { moments, momentsOf } = store.view;
  const wanted = CONDITIONS.find(({ key }) => key === moments.value)?.classes ?? 0;
  const classes = store.hello.classes.map((_, i) => ({
    value: String(i),
    words: store.className(i),
  }));
  const put = (place: number) => (value: string) => {
    const chosen = [...momentsOf.peek()];
    chosen.splice(place, 1, ...(value === "" ? [] : [Number(value)]));
    momentsOf.value = chosen;
  };
  return (
    <div class="dvi-sought">
      <Choice
        name="Epochs where"
        testid="sought"
        value={moments.value}
        choices={CONDITIONS.map(({ key, words }) => ({
          value: key,
          words: `Epochs where ${words}`,
        }))}
        choose={(value) => {
          moments.value = value;
          momentsOf.value = [];
        }}
      />
      {Array.from({ length: wanted }, (_, place) => (
        <Choice
          key={place}
          name={place === 0 ? "Class" : "Other class"}
          testid={`sought-class-${place}`}
          value={String(momentsOf.value[place] ?? "")}
          choices={[
            { value: "", words: "any class" },
            ...classes.filter(({ value }) => momentsOf.value[1 - place] !== Number(value)),
          ]}
          choose={put(place)}
        />
      ))}
    </div>
  );
}

/** All moments; where time stands is in view when the list opens. */
function List({ store, moments }: { store: Store; moments: readonly Moment[] }) {
  const box = useRef<HTMLDivElement>(null);
  const epochs = [...new Set(moments.map(({ epoch }) => epoch))];
  useLayoutEffect(() => {
    const current = box.current?.querySelector<HTMLElement>("[aria-current]");
    // Scrolling the element into view would scroll the host too.
    box.current?.scrollTo({ top: (current?.offsetTop ?? 0) - box.current.offsetTop });
  }, []);
  const now = store.epochs[store.playhead.position.value];
  return (
    <div class="dvi-events" ref={box} data-testid="moments">
      {epochs.length === 0 && <p class="dvi-hint">At no epoch.</p>}
      {epochs.map((epoch) => (
        <section key={epoch} aria-current={now === epoch ? "step" : undefined}>
          <h4>Epoch {epoch}</h4>
          <ul>
            {moments
              .filter((one) => one.epoch === epoch)
              .map(({ key, event, words, samples, filter }) => (
                <li key={key}>
                  <button
                    type="button"
                    data-testid={`event-${event}`}
                    title="Go there, and find these samples"
                    onClick={() => {
                      store.playhead.seek(store.epochs.indexOf(epoch));
                      store.find(filter);
                    }}
                  >
                    {words}
                    {samples !== null && <span class="dvi-count">{count(samples)}</span>}
                  </button>
                </li>
              ))}
          </ul>
        </section>
      ))}
    </div>
  );
}
