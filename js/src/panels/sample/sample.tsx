// One sample, looked at closely: its picture, its probabilities, what became of it over the epochs.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Facts, SamplePicture, Words } from "../../on_map/card";
import { Asked, useReply } from "../../pieces/asked";
import { Bars } from "../../pieces/bars";
import { Strip } from "../../pieces/strip";
import { classHue } from "../../pieces/swatch";
import { className, number, percent } from "../../pieces/words";
import { CERTAINTY } from "../../protocol/source";
import type { Answer, NamedArray } from "../../protocol/wire";
import type { Store } from "../../state/store";

const PICTURE_SIDE = 128;
/** What is only passed over by the pointer is not asked for. */
const DELAY_MS = 80;

/** The measures of training dynamics, as their sources define them. */
export const DYNAMICS: Record<string, string> = {
  aum: "Area under the margin: the label's logit less the highest other, mean over the epochs; below zero hints at a wrong label (Pleiss et al. 2020)",
  confidence: "Probability of the label, mean over the epochs (Swayamdipta et al. 2020)",
  variability: "Spread of the label's probability over the epochs (Swayamdipta et al. 2020)",
  correctness: "Share of the epochs that predict the label (Swayamdipta et al. 2020)",
  forgetting_events:
    "How often it was right at one epoch and wrong at the next (Toneva et al. 2019)",
  first_learned: "The first epoch that predicts the label (Toneva et al. 2019)",
  right_at_last: "Whether the last epoch predicts the label",
  boundary_gap:
    "Difference of the two highest logits at the last epoch, in parts of the range of all (DeepVisualInsight, Definition 2)",
};

export function Sample({ store }: { store: Store }) {
  const { indices } = store.selection.value;
  // The pointer leaves one point before it meets the next: the last one stays meanwhile.
  const last = useRef<number | null>(null);
  const single = indices.length === 1 ? (indices[0] as number) : null;
  const index = store.raised.value ?? single ?? last.current;
  last.current = index;
  if (index === null) {
    return (
      <p class="dvi-empty" data-testid="sample-empty">
        Point at a sample to see what became of it.
        <small>A click keeps it here.</small>
      </p>
    );
  }
  return (
    <div class="dvi-sample" data-testid="sample" data-index={index}>
      <div class="dvi-sample-top">
        {store.hello.images !== null && (
          <SamplePicture store={store} index={index} side={PICTURE_SIDE} />
        )}
        <Facts store={store} index={index} side={store.side.value} />
      </div>
      <Words store={store} index={index} />
      {store.landscape.services.includes("logits") && <Probabilities store={store} index={index} />}
      <History store={store} index={index} />
      {store.landscape.services.includes("dynamics") && <Dynamics store={store} index={index} />}
    </div>
  );
}

interface Properties {
  store: Store;
  index: number;
}

function Probabilities({ store, index }: Properties) {
  const side = store.side.value;
  const epoch = side.epoch(store.playhead.resting.value);
  const label = store.hello.labels[index] as number;
  return (
    <section>
      <h3>Probabilities at epoch {epoch}</h3>
      <Asked
        store={store}
        op="probabilities"
        args={{ landscape: side.index, epoch, indices: [index] }}
        waiting="Asking the classifier"
        delay={DELAY_MS}
      >
        {({ arrays }) => (
          <Bars
            store={store}
            probabilities={arrays.get("probabilities")?.data ?? []}
            label={label < 0 ? null : label}
          />
        )}
      </Asked>
    </section>
  );
}

function History({ store, index }: Properties) {
  const { hello, playhead } = store;
  const side = store.side.value;
  const { epochs } = side.info;
  const asks = side.info.services.includes("logits");
  const { answer } = useReply(
    store,
    "history",
    asks ? { landscape: side.index, indices: [index] } : null,
    DELAY_MS,
  );
  side.frames.revision.value;
  const history = answer === undefined ? loadedHistory(store, index) : readHistory(answer);
  const words = (place: number): string => {
    const prediction = history.predictions[place] as number;
    const own = history.own?.[place] ?? Number.NaN;
    return (
      `epoch ${epochs[place]}: ` +
      (prediction < 0
        ? "not known yet"
        : `${className(hello, prediction)}, ${percent(history.confidence[place] as number)}`) +
      (Number.isFinite(own) ? `, its label ${percent(own)}` : "")
    );
  };
  const place = side.place(playhead.position.value);
  if (epochs.length < 2) {
    return null;
  }
  return (
    <section>
      <h3 title="A column an epoch: the colour is the prediction, the height its confidence, the line the probability of the label">
        Predictions over the epochs
      </h3>
      <Strip
        {...history}
        epochs={epochs}
        hue={(prediction) => classHue(store, prediction)}
        words={words}
        place={place}
        choose={(chosen) => playhead.seek(store.epochs.indexOf(epochs[chosen] as number))}
        name={`Predictions of sample ${index}, by epoch`}
      />
      <p class="dvi-axis" aria-hidden="true">
        <span>{epochs[0]}</span>
        <span>{words(place)}</span>
        <span>{epochs.at(-1)}</span>
      </p>
    </section>
  );
}

interface SampleHistory {
  predictions: ArrayLike<number>;
  confidence: ArrayLike<number>;
  own?: ArrayLike<number>;
}

function readHistory({ arrays }: Answer): SampleHistory {
  return {
    predictions: arrays.get("predictions")?.data ?? [],
    confidence: arrays.get("confidence")?.data ?? [],
    own: arrays.get("own")?.data ?? [],
  };
}

/** The history as far as the epochs in memory tell it. */
function loadedHistory(store: Store, index: number): SampleHistory {
  const { info, frames } = store.side.value;
  const samples = info.epochs.map((epoch) => frames.get(store.epochs.indexOf(epoch)));
  return {
    predictions: samples.map((frame) => frame?.predictions[index] ?? -1),
    confidence: samples.map((frame) => (frame?.confidence[index] ?? 0) / CERTAINTY),
  };
}

/** One measure of training dynamics, a number per sample. */
export function dynamicsOf(answer: Answer, measure: string, n: number): Float32Array {
  const row = (answer.result.columns as string[]).indexOf(measure);
  const { data } = answer.arrays.get("values") as NamedArray;
  return data.subarray(row * n, (row + 1) * n) as Float32Array;
}

function Dynamics({ store, index }: Properties) {
  const asked = useSignal(false);
  const args = { landscape: store.side.value.index };
  const known = store.answers.about("dynamics", args).reply.value.answer !== undefined;
  if (!asked.value && !known) {
    return (
      <p class="dvi-sample-more">
        <button
          type="button"
          class="dvi-link"
          onClick={() => {
            asked.value = true;
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
      <Asked store={store} op="dynamics" args={args} waiting="Going over the epochs">
        {(answer) => (
          <dl class="dvi-facts" data-testid="dynamics">
            {(answer.result.columns as string[]).map((name) => (
              <Measure
                key={name}
                name={name}
                value={dynamicsOf(answer, name, store.hello.n)[index] as number}
              />
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
