// One sample: its picture, its probabilities, and its predictions over the epochs.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Asked, HOVER_DELAY_MS, useReply } from "../../pieces/asked";
import { Bars } from "../../pieces/bars";
import { DYNAMICS, dynamicsOf } from "../../pieces/dynamics";
import { SampleFacts, SamplePicture, SampleText } from "../../pieces/sample";
import { Strip } from "../../pieces/strip";
import { classHue } from "../../pieces/swatch";
import { number, percent } from "../../pieces/words";
import { CERTAINTY } from "../../protocol/source";
import type { Answer } from "../../protocol/wire";
import { currentEpoch } from "../../state/markers";
import type { Store } from "../../state/store";

const PICTURE_PX = 128;

export function Sample({ store }: { store: Store }) {
  const { indices } = store.selection.value;
  // Between two points the pointer is on none: the last sample stays meanwhile.
  const last = useRef<number | null>(null);
  const single = indices.length === 1 ? (indices[0] ?? null) : null;
  const index = store.raised.value ?? single ?? last.current;
  last.current = index;
  if (index === null) {
    return (
      <p class="dvi-empty" data-testid="sample-empty">
        Point at a sample to see its predictions over the epochs.
        <small>A click keeps it here.</small>
      </p>
    );
  }
  const { services } = store.landscape;
  return (
    <div class="dvi-sample" data-testid="sample" data-index={index}>
      <div class="dvi-sample-top">
        {store.hello.images !== null && (
          <SamplePicture store={store} index={index} side={PICTURE_PX} />
        )}
        <SampleFacts store={store} index={index} side={store.side.value} />
      </div>
      <SampleText store={store} index={index} />
      {services.includes("logits") && <Probabilities store={store} index={index} />}
      <History store={store} index={index} />
      {services.includes("dynamics") && <Dynamics store={store} index={index} />}
    </div>
  );
}

interface Properties {
  store: Store;
  index: number;
}

function Probabilities({ store, index }: Properties) {
  const current = currentEpoch(store, store.side.value);
  const label = store.hello.labels[index] as number;
  return (
    <section>
      <h3>Probabilities at epoch {current.epoch}</h3>
      <Asked
        store={store}
        op="probabilities"
        args={{ ...current, indices: [index] }}
        waiting="Asking the classifier"
        delay={HOVER_DELAY_MS}
      >
        {({ probabilities }) => (
          <Bars store={store} probabilities={probabilities.data} label={label < 0 ? null : label} />
        )}
      </Asked>
    </section>
  );
}

function History({ store, index }: Properties) {
  const { playhead } = store;
  const side = store.side.value;
  const { epochs, services } = side.info;
  const { answer } = useReply(
    store,
    "history",
    services.includes("logits") ? { landscape: side.index, indices: [index] } : null,
    HOVER_DELAY_MS,
  );
  side.frames.revision.value;
  const history = answer === undefined ? loadedHistory(store, index) : readHistory(answer);
  const words = (column: number): string => {
    const prediction = history.predictions[column] as number;
    const own = history.own?.[column] ?? Number.NaN;
    return (
      `epoch ${epochs[column]}: ` +
      (prediction < 0
        ? "not known yet"
        : `${store.className(prediction)}, ${percent(history.confidence[column] as number)}`) +
      (Number.isFinite(own) ? `, its label ${percent(own)}` : "")
    );
  };
  const current = side.ownIndex(playhead.position.value);
  if (epochs.length < 2) {
    return null;
  }
  return (
    <section>
      <h3 title="A column per epoch: the colour is the prediction, the height its confidence, the line the probability of the label">
        Predictions over the epochs
      </h3>
      <Strip
        {...history}
        epochs={epochs}
        hue={(prediction) => classHue(store, prediction)}
        words={words}
        current={current}
        choose={(column) => playhead.seek(store.epochs.indexOf(epochs[column] as number))}
        name={`Predictions of sample ${index}, by epoch`}
      />
      <p class="dvi-axis" aria-hidden="true">
        <span>{epochs[0]}</span>
        <span>{words(current)}</span>
        <span>{epochs.at(-1)}</span>
      </p>
    </section>
  );
}

/** By epoch of the landscape's own list; a prediction below zero is not known yet. */
interface SampleHistory {
  predictions: ArrayLike<number>;
  confidence: ArrayLike<number>;
  /** Probability of the label. */
  own?: ArrayLike<number>;
}

function readHistory({ predictions, confidence, own }: Answer<"history">): SampleHistory {
  return { predictions: predictions.data, confidence: confidence.data, own: own.data };
}

/** The history as far as the epochs in memory tell it. */
function loadedHistory(store: Store, index: number): SampleHistory {
  const { info, frames } = store.side.value;
  const loaded = info.epochs.map((epoch) => frames.get(store.epochs.indexOf(epoch)));
  return {
    predictions: loaded.map((frame) => frame?.predictions[index] ?? -1),
    confidence: loaded.map((frame) => (frame?.confidence[index] ?? 0) / CERTAINTY),
  };
}

function Dynamics({ store, index }: Properties) {
  const wanted = useSignal(false);
  const args = { landscape: store.side.value.index };
  const known = store.answers.about("dynamics", args).reply.value.answer !== undefined;
  if (!wanted.value && !known) {
    return (
      <p>
        <button
          type="button"
          class="dvi-link"
          onClick={() => {
            wanted.value = true;
          }}
        >
          Show training dynamics
        </button>
      </p>
    );
  }
  return (
    <section>
      <h3>Training dynamics</h3>
      <Asked store={store} op="dynamics" args={args} waiting="Going through all epochs">
        {(answer) => (
          <dl class="dvi-facts" data-testid="dynamics">
            {answer.columns.map((name) => (
              <Measure key={name} name={name} value={dynamicsOf(answer, name)[index] as number} />
            ))}
          </dl>
        )}
      </Asked>
    </section>
  );
}

function Measure({ name, value }: { name: string; value: number }) {
  return (
    <>
      <dt title={DYNAMICS[name]}>{name.replaceAll("_", " ")}</dt>
      <dd>{number(value)}</dd>
    </>
  );
}
