// Why the models say what they say: attribution maps over the pictures, a column for each model, in step.
import { useSignal } from "@preact/signals";
import { Problem, useReply } from "../../pieces/asked";
import { field } from "../../pieces/fields";
import { type FieldValue, Form } from "../../pieces/form";
import { Pixels } from "../../pieces/pixels";
import { className, number, percent } from "../../pieces/words";
import type { Answer } from "../../protocol/wire";
import type { Store } from "../../state/store";
import { epochOf, Inspected, type MethodInfo } from "../models/models";

/** Sides of a map in CSS pixels: of the sample in hand by how many models there are, and of others. */
const LARGE = [176, 168, 112];
const SMALL = 72;
/** Rows of the selection beneath the sample in hand. */
const ROWS = 6;
/** Milliseconds a slow method waits for the pointer to come to rest. */
const REST = 250;

interface Told {
  full: number;
  target: number;
  prediction: number;
  top: [number, number][];
  error: number | null;
  flagged: boolean;
  completeness: string;
  likeness: number | null;
}

export function Explain({ store }: { store: Store }) {
  return (
    <Inspected store={store}>
      {(inspections) => <Chosen store={store} methods={merged(inspections)} />}
    </Inspected>
  );
}

/** The table of methods; one that any model supports can be chosen. */
function merged(inspections: readonly { methods: MethodInfo[] }[]): MethodInfo[] {
  const [first, ...others] = inspections.map(({ methods }) => methods);
  return (first ?? []).map((method, i) => ({
    ...method,
    unsupported: others.some((methods) => !methods[i]?.unsupported) ? "" : method.unsupported,
  }));
}

function Chosen({ store, methods }: { store: Store; methods: readonly MethodInfo[] }) {
  const { view, hello } = store;
  const parameters = useSignal<Readonly<Record<string, FieldValue>>>({});
  const target = useSignal("prediction");
  const rows = useSignal(ROWS);
  const usable = methods.filter(({ unsupported }) => !unsupported);
  const method = usable.find(({ name }) => name === view.method.value) ?? usable[0];
  if (method === undefined) {
    return <p class="dvi-empty">No method supports these models.</p>;
  }
  const selected = store.selection.value.indices;
  // Quick methods follow the pointer, slow ones wait for a choice.
  const raised = method.eager ? store.raised.value : store.pinned.value;
  const first = raised ?? selected[0] ?? null;
  const others = Array.from(selected.subarray(0, rows.value + 1)).filter(
    (index) => index !== first,
  );
  const large = LARGE[Math.min(hello.models.length, LARGE.length) - 1] as number;
  const asked = { store, method, parameters: parameters.value, target: target.value };
  return (
    <div class="dvi-explain" data-testid="explain">
      <div class="dvi-form">
        <label>
          <span>method</span>
          <select
            data-testid="method"
            value={method.name}
            onChange={({ currentTarget }) => {
              parameters.value = {};
              view.method.value = currentTarget.value;
            }}
          >
            {methods.map(({ name, label, unsupported }) => (
              <option key={name} value={name} disabled={unsupported !== ""} title={unsupported}>
                {label}
                {unsupported !== "" && " (not for these models)"}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>class explained</span>
          <select
            value={target.value}
            onChange={({ currentTarget }) => {
              target.value = currentTarget.value;
            }}
          >
            <option value="prediction">each model's own</option>
            <option value="label">the label</option>
            {hello.classes.map((name, i) => (
              <option key={name} value={String(i)}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>picture to map</span>
          <input
            type="range"
            min={0}
            max={1}
            step={0.05}
            value={view.blend.value}
            onInput={({ currentTarget }) => {
              view.blend.value = currentTarget.valueAsNumber;
            }}
          />
        </label>
      </div>
      <p class="dvi-note">{method.description}</p>
      {method.parameters.length > 0 && (
        <details>
          <summary>Parameters</summary>
          <Form
            fields={method.parameters.map(field)}
            values={parameters.value}
            change={(name, value) => {
              parameters.value = { ...parameters.value, [name]: value };
            }}
          />
        </details>
      )}
      {first === null ? (
        <p class="dvi-empty">Point at a sample, or select some, to see what the models look at.</p>
      ) : (
        <Row key={first} {...asked} index={first} side={large} />
      )}
      {others.slice(0, rows.value).map((index) => (
        <Row key={index} {...asked} index={index} side={SMALL} />
      ))}
      {selected.length > rows.value + 1 && (
        <button type="button" onClick={() => (rows.value += ROWS)}>
          Show more of the selection
        </button>
      )}
    </div>
  );
}

interface RowProperties {
  store: Store;
  method: MethodInfo;
  parameters: Readonly<Record<string, FieldValue>>;
  target: string;
  index: number;
  side: number;
}

/** One sample, and what each model sees in it, on one scale. */
function Row({ store, method, parameters, target, index, side }: RowProperties) {
  const { models, labels, classes } = store.hello;
  const label = labels[index] as number;
  const wanted = target === "label" ? label : Number(target);
  const nameless = target === "label" && label < 0;
  const replies = models.map((model, place) =>
    useReply(
      store,
      method.eager ? "glance" : "attribute",
      nameless
        ? null
        : {
            model: place,
            epoch: epochOf(store, model),
            index,
            method: method.name,
            parameters,
            target: target === "prediction" ? null : wanted,
          },
      method.eager ? 0 : REST,
    ),
  );
  const limit = Math.max(0, ...replies.map(({ answer }) => (answer ? told(answer).full : 0)));
  return (
    <section
      class="dvi-explained"
      aria-label={`Sample ${index}`}
      onPointerEnter={() => side === SMALL && store.hover(index, "panel")}
      onPointerLeave={() => side === SMALL && store.hover(null)}
    >
      <h4>
        #{index} <span>{label < 0 ? "no label" : classes[label]}</span>
      </h4>
      {nameless && <p class="dvi-note">This sample has no label to explain.</p>}
      <div class="dvi-explained-models">
        {models.map((model, place) => {
          const { answer, error, progress, retry } = replies[place] ?? {};
          return (
            <figure key={model.name} style={{ width: `${side}px` }}>
              <Explanation store={store} index={index} answer={answer} limit={limit} side={side} />
              <figcaption>
                {models.length > 1 && <b>{model.name}</b>}
                {error !== undefined && <Problem error={error} retry={retry} />}
                {progress !== undefined && answer === undefined && (
                  <progress value={progress.fraction} max={1} aria-label={progress.text} />
                )}
                {answer !== undefined && (
                  <Facts store={store} answer={answer} brief={side === SMALL} />
                )}
              </figcaption>
            </figure>
          );
        })}
      </div>
    </section>
  );
}

const told = (answer: Answer): Told => answer.result as unknown as Told;

interface ExplanationProperties {
  store: Store;
  index: number;
  answer: Answer | undefined;
  limit: number;
  side: number;
}

function Explanation({ store, index, answer, limit, side }: ExplanationProperties) {
  const { pictures } = store;
  pictures.revision.value;
  const picture = pictures.get(index);
  if (picture === undefined && store.hello.images !== null) {
    pictures.want([index]);
  }
  const values = answer?.arrays.get("values");
  const [height, width] = (values?.shape ?? [1, 1]) as [number, number];
  const heat =
    values === undefined
      ? undefined
      : { width, height, values: values.data as Float32Array, limit };
  return (
    <span class="dvi-map" style={{ width: `${side}px`, height: `${side}px` }}>
      {(picture ?? heat) !== undefined && (
        <Pixels
          picture={picture}
          heat={heat}
          opacity={store.view.blend.value}
          side={side}
          name={`Attribution map of sample ${index}`}
        />
      )}
    </span>
  );
}

/** What the model says, and how far its map may be trusted. */
function Facts({ store, answer, brief }: { store: Store; answer: Answer; brief: boolean }) {
  const { target, top, error, flagged, completeness, likeness } = told(answer);
  return (
    <>
      <ol class="dvi-top-classes">
        {top.slice(0, brief ? 1 : 3).map(([place, p]) => (
          <li key={place} class={place === target ? "dvi-target" : ""}>
            <span class="dvi-name">{className(store.hello, place)}</span> {percent(p)}
          </li>
        ))}
      </ol>
      {flagged && (
        <span class="dvi-badge" title={completeness}>
          misses {error === null ? "its sum" : `${percent(error)} of the effect`}
        </span>
      )}
      {!brief && error !== null && !flagged && (
        <small title={completeness}>accounts for the effect to {percent(error)}</small>
      )}
      {!brief && likeness !== null && (
        <small title="Cosine between this map and the same method's map for the runner-up class. Near 1, the map says little about this class in particular.">
          likeness to the runner-up's map {number(likeness)}
          {likeness > 0.6 && ": not about this class alone"}
        </small>
      )}
    </>
  );
}
