// What somebody sees first: how the training went, where it still errs, and samples that deserve a look.
import { useMemo } from "preact/hooks";
import { Asked } from "../../pieces/asked";
import { Lines } from "../../pieces/lines";
import { Pixels } from "../../pieces/pixels";
import { Named } from "../../pieces/swatch";
import { useThumbnail } from "../../pieces/thumbnail";
import { count, percent, plural } from "../../pieces/words";
import { confusionOf, largestErrors } from "../../state/confusion";
import { joins } from "../../state/selection";
import { numberOf, type Split, splitOf } from "../../state/split";
import type { Store } from "../../state/store";

const MAX_CONFUSIONS = 5;
const MAX_PICTURES = 8;
const PICTURE_PX = 28;
/** Of ranked lists, those that a newcomer looks for first. */
const LISTS = ["likely mislabelled", "late learners"];

export function Overview({ store }: { store: Store }) {
  const { services, epochs } = store.side.value.info;
  const labelled = store.hello.n > store.unlabelled;
  const lists = services.includes("dynamics")
    ? store.hello.lists.filter(({ name }) => LISTS.includes(name))
    : [];
  return (
    <div class="dvi-scroll dvi-overview" data-testid="overview">
      {labelled && epochs.length > 1 && <Accuracy store={store} />}
      {labelled ? <Confusions store={store} /> : <Predicted store={store} />}
      {labelled && lists.map(({ name }) => <Review key={name} store={store} name={name} />)}
      {epochs.length > 1 && <Changed store={store} />}
    </div>
  );
}

function Accuracy({ store }: { store: Store }) {
  const side = store.side.value;
  const { info } = side;
  const position = side.ownIndex(store.playhead.position.value);
  const onlyOne = store.tests === 0 || store.tests === store.hello.n;
  const curves = (["train", "test"] as const)
    .map((name) => ({
      name: onlyOne ? "all samples" : name,
      values: info.accuracy[name].map((value) => value ?? Number.NaN),
      hue: name === "test" ? "var(--dvi-ink)" : "var(--dvi-muted)",
      dashed: name === "train",
    }))
    .filter(({ values }) => values.some(Number.isFinite));
  return (
    <section>
      <h3>
        Accuracy at epoch {info.epochs[position]}
        {curves.map(({ name, values }) => (
          <b key={name}>
            {" "}
            {name} {percent(values[position] as number)}
          </b>
        ))}
      </h3>
      <Lines
        name="Accuracy over the epochs"
        x={info.epochs}
        xName="epoch"
        yName=""
        curves={curves}
        format={percent}
        height={96}
        at={info.epochs[position]}
        choose={(i) => store.playhead.seek(store.epochs.indexOf(info.epochs[i] as number))}
      />
    </section>
  );
}

const OF: Record<Split, string> = {
  test: "test samples",
  train: "training samples",
  all: "all samples",
};

function Confusions({ store }: { store: Store }) {
  const { hello } = store;
  store.frames.revision.value;
  const frame = store.frames.get(store.playhead.resting.value);
  const split = splitOf(store);
  const only = numberOf(split);
  const confusion = useMemo(
    () =>
      frame &&
      confusionOf(hello.labels, frame.predictions, hello.classes.length, hello.split, only, null),
    [hello, frame, only],
  );
  const largest = useMemo(
    () => (confusion ? largestErrors(confusion, MAX_CONFUSIONS) : []),
    [confusion],
  );
  if (confusion === undefined || frame === undefined) {
    return null;
  }
  const classes = hello.classes.length;
  return (
    <section>
      <Heading store={store} panel="confusion" words={`Largest confusions of ${OF[split]}`} />
      {largest.length === 0 && <p class="dvi-hint">Every one is predicted as labelled.</p>}
      <ul class="dvi-overview-rows">
        {largest.map((cell) => {
          const label = Math.floor(cell / classes);
          const prediction = cell % classes;
          return (
            <li key={cell}>
              <button
                type="button"
                data-testid="overview-confusion"
                title="Show these samples (shift adds them to the selection)"
                onClick={(event) => {
                  store.selectWhere(
                    (i) =>
                      hello.labels[i] === label &&
                      frame.predictions[i] === prediction &&
                      (only === null || hello.split[i] === only),
                    joins(event, store.combine.peek()),
                  );
                  store.view.panel.value = "images";
                }}
              >
                <Named store={store} index={label} />
                <span class="dvi-hint">taken for</span>
                <Named store={store} index={prediction} />
                <span class="dvi-count">{count(confusion.counts[cell] as number)}</span>
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** Without labels: how many samples are predicted as each class. */
function Predicted({ store }: { store: Store }) {
  store.frames.revision.value;
  const frame = store.frames.get(store.playhead.resting.value);
  if (frame === undefined) {
    return null;
  }
  const most = Array.from(frame.predicted.keys())
    .sort((p, q) => (frame.predicted[q] as number) - (frame.predicted[p] as number))
    .slice(0, MAX_CONFUSIONS);
  return (
    <section>
      <h3>Predicted most often</h3>
      <ul class="dvi-overview-rows">
        {most.map((index) => (
          <li key={index}>
            <button
              type="button"
              title="Show these samples (shift adds them to the selection)"
              onClick={(event) => {
                store.selectWhere(
                  (i) => frame.predictions[i] === index,
                  joins(event, store.combine.peek()),
                );
                store.view.panel.value = "images";
              }}
            >
              <Named store={store} index={index} />
              <span class="dvi-count">{count(frame.predicted[index] as number)}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

interface ReviewProperties {
  store: Store;
  name: string;
}

/** The first samples of a ranked list. */
function Review({ store, name }: ReviewProperties) {
  const args = useMemo(() => ({ landscape: store.side.value.index, name }), [store.side.value]);
  return (
    <section data-testid={`overview-${name.replaceAll(" ", "-")}`}>
      <Asked store={store} op="list" args={args} waiting="Going through all epochs">
        {({ indices }) => (
          <>
            <Heading
              store={store}
              panel="lists"
              words={`${name[0]?.toUpperCase()}${name.slice(1)}: ${count(indices.data.length)}`}
              open={() => {
                store.view.list.value = name;
              }}
            />
            {indices.data.length === 0 && <p class="dvi-hint">No sample is of this kind.</p>}
            <div class="dvi-overview-pictures">
              {Array.from(indices.data.subarray(0, MAX_PICTURES), (index) => (
                <Shown key={index} store={store} index={index} />
              ))}
            </div>
          </>
        )}
      </Asked>
    </section>
  );
}

/** A sample as its picture, or as its number and classes. */
function Shown({ store, index }: { store: Store; index: number }) {
  const { hello } = store;
  store.frames.revision.value;
  const picture = useThumbnail(store, index);
  const { label, prediction } = store.sample(index, store.playhead.resting.value);
  const words =
    `Sample ${index}, label ${store.className(label)}` +
    (prediction === null ? "" : `, predicted ${store.className(prediction)}`);
  return (
    <button
      type="button"
      title={words}
      aria-label={words}
      data-testid="overview-sample"
      data-index={index}
      onPointerEnter={() => store.hover(index, "panel")}
      onPointerLeave={() => store.hover(null)}
      onFocus={() => store.hover(index, "panel")}
      onBlur={() => store.hover(null)}
      onClick={(event) => {
        store.select([index], joins(event, store.combine.peek()));
        store.pin(index);
        store.view.panel.value = "sample";
      }}
    >
      {hello.images === null
        ? `#${index}`
        : picture && <Pixels picture={picture} side={PICTURE_PX} />}
    </button>
  );
}

/** What the latest step in time changed. */
function Changed({ store }: { store: Store }) {
  const side = store.side.value;
  const { labels } = store.hello;
  side.frames.revision.value;
  const now = side.ownIndex(store.playhead.resting.value);
  const [from, to] = [side.info.epochs[now - 1] as number, side.info.epochs[now] as number];
  const before = side.frames.get(store.epochs.indexOf(from));
  const after = side.frames.get(store.epochs.indexOf(to));
  const changes = useMemo(
    () => before && after && changesOf(labels, before.predictions, after.predictions),
    [labels, before, after],
  );
  if (now === 0) {
    return (
      <section>
        <h3>What changed last</h3>
        <p class="dvi-hint">This is the first epoch. Move on to see what the next one changes.</p>
      </section>
    );
  }
  if (changes === undefined) {
    return null;
  }
  const { changed, righted, wronged } = changes;
  return (
    <section>
      <h3>
        What changed last, from epoch {from} to {to}
      </h3>
      <ul class="dvi-overview-rows">
        <li>
          <button
            type="button"
            data-testid="overview-changed"
            title="Find these samples"
            onClick={() => store.find(`changed:${from}-${to}`)}
          >
            <span>
              {plural(changed, "sample", "samples")} got another prediction
              {store.hello.n > store.unlabelled &&
                `: ${count(righted)} right now, ${count(wronged)} wrong now`}
            </span>
          </button>
        </li>
      </ul>
    </section>
  );
}

/** Count the samples that got another prediction, and of those the ones that are right now, and wrong now. */
function changesOf(
  labels: Int32Array,
  before: ArrayLike<number>,
  after: ArrayLike<number>,
): { changed: number; righted: number; wronged: number } {
  let changed = 0;
  let righted = 0;
  let wronged = 0;
  for (let i = 0; i < labels.length; i++) {
    const was = before[i];
    const is = after[i];
    if (was !== is) {
      changed++;
      righted += is === labels[i] ? 1 : 0;
      wronged += was === labels[i] ? 1 : 0;
    }
  }
  return { changed, righted, wronged };
}

interface HeadingProperties {
  store: Store;
  /** The panel that has the whole. */
  panel: string;
  words: string;
  open?: () => void;
}

function Heading({ store, panel, words, open }: HeadingProperties) {
  return (
    <h3>
      {words}
      <button
        type="button"
        class="dvi-link"
        aria-label={`Show all: ${words}`}
        onClick={() => {
          open?.();
          store.view.panel.value = panel;
        }}
      >
        all
      </button>
    </h3>
  );
}
