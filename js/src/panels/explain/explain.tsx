// Attribution maps: what in the pictures speaks for a class, a column for each model.
import { useSignal } from "@preact/signals";
import { Problem, useReply } from "../../pieces/asked";
import { type FieldValue, Form, fieldOf } from "../../pieces/form";
import { epochOf, Inspected, type Inspection } from "../../pieces/models";
import { Pixels } from "../../pieces/pixels";
import { number, percent } from "../../pieces/words";
import type { MethodOutline } from "../../protocol/requests";
import type { Answer } from "../../protocol/wire";
import type { Store } from "../../state/store";

/** Side of the map of the current sample, by the number of models. */
const LARGE_PX = [176, 168, 112];
/** Side of the maps of other samples. */
const SMALL_PX = 72;
/** Other samples shown at first, and more at each press. */
const MAX_OTHERS = 6;
/** A slow method waits until the pointer rests so long. */
const REST_MS = 250;
/** A map more like the runner-up's than this says little about its own class. */
const MAX_LIKENESS = 0.6;

type Explanation = Answer<"attribute">;

export function Explain({ store }: { store: Store }) {
  return (
    <Inspected store={store}>
      {(inspections) => <Chosen store={store} methods={merged(inspections)} />}
    </Inspected>
  );
}

/** The methods, each supported if any model supports it. */
function merged(inspections: readonly Inspection[]): MethodOutline[] {
  const [first, ...others] = inspections.map(({ methods }) => methods);
  return (first ?? []).map((method, i) => ({
    ...method,
    unsupported: others.some((methods) => !methods[i]?.unsupported) ? "" : method.unsupported,
  }));
}

interface ChosenProperties {
  store: Store;
  methods: readonly MethodOutline[];
}

function Chosen({ store, methods }: ChosenProperties) {
  const { view, hello } = store;
  const parameters = useSignal<Readonly<Record<string, FieldValue>>>({});
  const target = useSignal("prediction");
  const against = useSignal("");
  const rows = useSignal(MAX_OTHERS);
  const usable = methods.filter(({ unsupported }) => !unsupported);
  const method = usable.find(({ name }) => name === view.method.value) ?? usable[0];
  if (method === undefined) {
    return <p class="dvi-empty">No method supports these models.</p>;
  }
  const selected = store.selection.value.indices;
  // Quick methods follow the pointer, slow ones wait for a click.
  const raised = method.eager ? store.raised.value : store.pinned.value;
  const first = raised ?? selected[0] ?? null;
  const others = Array.from(selected.subarray(0, rows.value + 1)).filter(
    (index) => index !== first,
  );
  const large = LARGE_PX[Math.min(hello.models.length, LARGE_PX.length) - 1] ?? SMALL_PX;
  const question = {
    store,
    method,
    parameters: parameters.value,
    target: target.value,
    against: method.contrasts ? against.value : "",
  };
  const classOptions = () =>
    hello.classes.map((_, i) => (
      <option key={i} value={String(i)}>
        {store.className(i)}
      </option>
    ));
  return (
    <div class="dvi-scroll dvi-explain" data-testid="explain">
      <div class="dvi-form">
        <label>
          <span>Method</span>
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
          <span>Class explained</span>
          <select
            value={target.value}
            data-testid="target"
            onChange={({ currentTarget }) => {
              target.value = currentTarget.value;
            }}
          >
            <option value="prediction">each model's own</option>
            <option value="label">the label</option>
            {classOptions()}
          </select>
        </label>
        {method.contrasts && (
          <label title="What speaks for the class explained rather than for this one: the difference between both logits">
            <span>Instead of</span>
            <select
              value={against.value}
              data-testid="against"
              onChange={({ currentTarget }) => {
                against.value = currentTarget.value;
              }}
            >
              <option value="">no class in particular</option>
              {classOptions()}
            </select>
          </label>
        )}
        <label>
          <span>Heatmap opacity</span>
          <input
            type="range"
            min={0}
            max={1}
            step={0.05}
            data-testid="opacity"
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
            fields={method.parameters.map(fieldOf)}
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
        <ExplainedSample key={first} {...question} index={first} side={large} />
      )}
      {others.slice(0, rows.value).map((index) => (
        <ExplainedSample key={index} {...question} index={index} side={SMALL_PX} />
      ))}
      {selected.length > rows.value + 1 && (
        <button
          type="button"
          onClick={() => {
            rows.value += MAX_OTHERS;
          }}
        >
          Show more of the selection
        </button>
      )}
    </div>
  );
}

interface ExplainedSampleProperties {
  store: Store;
  method: MethodOutline;
  parameters: Readonly<Record<string, FieldValue>>;
  /** "prediction", "label", or the number of a class. */
  target: string;
  /** The number of the class whose logit is taken off, or "". */
  against: string;
  index: number;
  side: number;
}

/** One sample with the map of each model, on one scale. */
function ExplainedSample(properties: ExplainedSampleProperties) {
  const { store, method, parameters, target, against, index, side } = properties;
  const { models, labels } = store.hello;
  const label = labels[index] as number;
  const wanted = target === "label" ? label : Number(target);
  const unlabelled = target === "label" && label < 0;
  const replies = models.map((model, i) =>
    useReply(
      store,
      method.eager ? "glance" : "attribute",
      unlabelled
        ? null
        : {
            model: i,
            epoch: epochOf(store, model),
            index,
            method: method.name,
            parameters,
            target: target === "prediction" ? null : wanted,
            against: against === "" ? null : Number(against),
          },
      method.eager ? 0 : REST_MS,
    ),
  );
  const limit = Math.max(0, ...replies.map(({ answer }) => answer?.full ?? 0));
  const small = side === SMALL_PX;
  return (
    <section
      class="dvi-explained"
      aria-label={`Sample ${index}`}
      onPointerEnter={() => small && store.hover(index, "panel")}
      onPointerLeave={() => small && store.hover(null)}
    >
      <h4>
        #{index} <span>{label < 0 ? "no label" : store.className(label)}</span>
      </h4>
      {unlabelled && <p class="dvi-note">This sample has no label to explain.</p>}
      <div class="dvi-explained-models">
        {models.map((model, i) => {
          const { answer, error, progress, retry } = replies[i] ?? {};
          return (
            <figure key={model.name} style={{ width: `${side}px` }}>
              <AttributionMap
                store={store}
                index={index}
                answer={answer}
                limit={limit}
                side={side}
              />
              <figcaption>
                {models.length > 1 && <b>{model.name}</b>}
                {error !== undefined && <Problem error={error} retry={retry} />}
                {progress !== undefined && answer === undefined && (
                  <progress value={progress.fraction} max={1} aria-label={progress.text} />
                )}
                {answer !== undefined && <Verdict store={store} answer={answer} brief={small} />}
              </figcaption>
            </figure>
          );
        })}
      </div>
    </section>
  );
}

interface AttributionMapProperties {
  store: Store;
  index: number;
  answer: Explanation | undefined;
  limit: number;
  side: number;
}

function AttributionMap({ store, index, answer, limit, side }: AttributionMapProperties) {
  const { pictures } = store;
  pictures.revision.value;
  const picture = pictures.get(index);
  if (store.hello.images !== null) {
    pictures.add(index);
  }
  const [height = 1, width = 1] = answer?.values.shape ?? [];
  const heat = answer && { width, height, values: answer.values.data, limit };
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

interface VerdictProperties {
  store: Store;
  answer: Explanation;
  brief: boolean;
}

/** The likeliest classes of the model, and how far its map can be trusted. */
function Verdict({ store, answer, brief }: VerdictProperties) {
  const { target, top, error, flagged, completeness, likeness } = answer;
  const rows = brief ? 1 : 3;
  return (
    <>
      <ol class="dvi-top-classes">
        {top
          .filter(([index], rank) => rank < rows || index === target)
          .map(([index, probability]) => (
            <li key={index} class={index === target ? "dvi-target" : ""}>
              <span class="dvi-name">{store.className(index)}</span> {percent(probability)}
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
          {likeness > MAX_LIKENESS && ": not about this class alone"}
        </small>
      )}
    </>
  );
}
