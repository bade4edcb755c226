// The models compared: where they agree and with what confidence, and what each gets wrong.
import { useSignal } from "@preact/signals";
import { Asked } from "../../pieces/asked";
import { Histogram } from "../../pieces/histogram";
import { epochOf, Inspected, ModelChoice } from "../../pieces/models";
import { count, plural } from "../../pieces/words";
import type { Answer } from "../../protocol/wire";
import type { Store } from "../../state/store";
import { Alike } from "./alike";
import { Scatter } from "./scatter";

export function Models({ store }: { store: Store }) {
  const { models } = store.hello;
  const model = useSignal(0);
  const chosen = models[model.value];
  return (
    <Inspected store={store}>
      {() => (
        <div class="dvi-scroll dvi-models" data-testid="models">
          {models.length > 1 && (
            <Asked
              store={store}
              op="agreement"
              args={{ epoch: epochOf(store, { recorded: models.some((m) => m.recorded) }) }}
              waiting="Asking the models about every sample"
            >
              {(answer) => <Agreement store={store} answer={answer} />}
            </Asked>
          )}
          <h4>Prediction − label</h4>
          <p class="dvi-note">
            Probability of the label, less one: 0 is right and sure, −1 wrong and sure. Draw over a
            range to select it.
          </p>
          <div class="dvi-form">
            <ModelChoice store={store} chosen={model} />
          </div>
          {chosen !== undefined && (
            <Asked
              store={store}
              op="histogram"
              args={{ model: model.value, epoch: epochOf(store, chosen), layer: null, unit: null }}
              waiting="Asking the model about every sample"
            >
              {({ name, values }) => <Histogram store={store} name={name} values={values.data} />}
            </Asked>
          )}
          <Alike store={store} model={model.value} />
        </div>
      )}
    </Inspected>
  );
}

interface AgreementProperties {
  store: Store;
  answer: Answer<"agreement">;
}

/** Mean score against the number of classes predicted: whole numbers, spread a little so that no point hides another. */
function Agreement({ store, answer }: AgreementProperties) {
  const { quadrants, score } = answer;
  const classes = answer.classes.data;
  const spread = answer.spread.data;
  const quadrant = answer.quadrant.data;
  const y = Float32Array.from(classes, (number, i) => number + (spread[i] as number));
  const most = classes.reduce((a, b) => Math.max(a, b), 1);
  return (
    <>
      <h4>Where the models agree</h4>
      <Scatter
        store={store}
        name="Mean score against the number of classes predicted"
        x={score.data}
        y={y}
        range={[0, 1, 0.5, most + 0.5]}
        xName="mean score of the models' own classes"
        yName="classes predicted"
        ticks={Array.from({ length: most }, (_, i) => i + 1)}
      />
      <ul class="dvi-quadrants">
        {quadrants.map((name, i) => {
          const samples = quadrant.reduce((sum, value) => sum + (value === i ? 1 : 0), 0);
          return (
            <li key={name}>
              <button
                type="button"
                disabled={samples === 0}
                title={`Select the ${plural(samples, "sample", "samples")}`}
                onClick={() => store.selectWhere((sample) => quadrant[sample] === i)}
              >
                {name} <b>{count(samples)}</b>
              </button>
            </li>
          );
        })}
      </ul>
    </>
  );
}
