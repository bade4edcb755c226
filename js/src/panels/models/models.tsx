// The models beside each other: where they agree and how surely, what each gets wrong, and what all panels ask of them.
import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Asked, Problem, useReply } from "../../pieces/asked";
import type { FieldInfo } from "../../pieces/fields";
import { Histogram } from "../../pieces/histogram";
import { count, plural } from "../../pieces/words";
import type { Store } from "../../state/store";
import { Alike } from "./alike";
import { Scatter } from "./scatter";

export interface Model {
  name: string;
  /** The network of the run: its weights are those of the epoch shown. */
  recorded: boolean;
}

/** A line of the kernel's table of attribution methods. */
export interface MethodInfo {
  name: string;
  label: string;
  description: string;
  eager: boolean;
  completeness: string;
  /** Why the model does not support it; empty where it does. */
  unsupported: string;
  parameters: FieldInfo[];
}

export interface LayerInfo {
  name: string;
  type: string;
  shape: number[];
  units: number;
  convolution: boolean;
}

export interface Inspection {
  methods: MethodInfo[];
  layers: LayerInfo[];
  remarks: string[];
  last_convolution: string | null;
}

/** Models of the user's own are the same at every epoch. */
export function epochOf(store: Store, { recorded }: Model): number {
  return store.epochs[recorded ? store.playhead.resting.value : 0] as number;
}

/** Which of several models a panel speaks of. */
export function ModelChoice({ store, chosen }: { store: Store; chosen: Signal<number> }) {
  const { models } = store.hello;
  return models.length < 2 ? null : (
    <label>
      <span>model</span>
      <select
        value={String(chosen.value)}
        onChange={({ currentTarget }) => {
          chosen.value = currentTarget.selectedIndex;
        }}
      >
        {models.map(({ name }, i) => (
          <option key={name} value={String(i)}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

interface InspectedProperties {
  store: Store;
  children: (inspections: Inspection[]) => ComponentChildren;
}

/** What the models are made of and which methods they support, once that is known. */
export function Inspected({ store, children }: InspectedProperties) {
  const { models } = store.hello;
  const replies = models.map((model, place) =>
    useReply(store, "inspect", {
      model: place,
      epoch: epochOf(store, { ...model, recorded: false }),
    }),
  );
  const failed = replies.find(({ error }) => error !== undefined);
  if (models.length === 0) {
    return (
      <p class="dvi-empty">
        There is no model to ask.
        <small>
          Pass models={"{…}"} to the Explorer, or the recorded architecture: Run(folder, model=…).
        </small>
      </p>
    );
  }
  if (failed?.error !== undefined) {
    return <Problem error={failed.error} retry={failed.retry} />;
  }
  const inspections = replies.flatMap(({ answer }) =>
    answer === undefined ? [] : [answer.result as unknown as Inspection],
  );
  return inspections.length < models.length ? (
    <p class="dvi-asked dvi-waiting" role="status">
      Looking at the models …
    </p>
  ) : (
    children(inspections)
  );
}

export function Models({ store }: { store: Store }) {
  const { models } = store.hello;
  const model = useSignal(0);
  const chosen = models[model.value];
  return (
    <Inspected store={store}>
      {() => (
        <div class="dvi-models" data-testid="models">
          {models.length > 1 && (
            <Asked
              store={store}
              op="agreement"
              args={{
                epoch: epochOf(store, { name: "", recorded: models.some((m) => m.recorded) }),
              }}
              waiting="Asking the models about every sample"
            >
              {({ result, arrays }) => (
                <Agreement
                  store={store}
                  names={result.quadrants as string[]}
                  score={arrays.get("score")?.data as Float32Array}
                  classes={arrays.get("classes")?.data as Uint16Array}
                  spread={arrays.get("spread")?.data as Float32Array}
                  quadrant={arrays.get("quadrant")?.data as Uint8Array}
                />
              )}
            </Asked>
          )}
          <h4>Prediction − label</h4>
          <p class="dvi-note">
            The probability of the label, less one: 0 is right and sure, −1 wrong and sure. Draw
            over a range to select it.
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
              {({ arrays, result }) => (
                <Histogram
                  store={store}
                  name={String(result.name)}
                  values={arrays.get("values")?.data as Float32Array}
                />
              )}
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
  names: readonly string[];
  score: Float32Array;
  classes: Uint16Array;
  spread: Float32Array;
  quadrant: Uint8Array;
}

/** Mean score against the number of classes predicted: whole numbers, spread a little so that none hides another. */
function Agreement({ store, names, score, classes, spread, quadrant }: AgreementProperties) {
  const y = Float32Array.from(classes, (number, i) => number + (spread[i] as number));
  const most = classes.reduce((a, b) => Math.max(a, b), 1);
  const pick = (place: number): void =>
    store.selectMask(Uint8Array.from(quadrant, (value) => (value === place ? 1 : 0)));
  return (
    <>
      <h4>Where the models agree</h4>
      <Scatter
        store={store}
        name="Mean score against the number of classes predicted"
        x={score}
        y={y}
        range={[0, 1, 0.5, most + 0.5]}
        xName="mean score of the models' own classes"
        yName="classes predicted"
        ticks={Array.from({ length: most }, (_, i) => i + 1)}
      />
      <ul class="dvi-quadrants">
        {names.map((name, place) => {
          const samples = quadrant.reduce((sum, value) => sum + (value === place ? 1 : 0), 0);
          return (
            <li key={name}>
              <button
                type="button"
                disabled={samples === 0}
                title={`Select the ${plural(samples, "sample", "samples")}`}
                onClick={() => pick(place)}
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
