// Why one prediction: the picture's neighbours, what the models say of them, and the linear student that learns it.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Asked, Problem, useReply } from "../../pieces/asked";
import { field } from "../../pieces/fields";
import { type FieldValue, Form } from "../../pieces/form";
import { Lines } from "../../pieces/lines";
import { SamplePicture } from "../../pieces/picture";
import { Pixels } from "../../pieces/pixels";
import { tiles } from "../../pieces/tiles";
import { className, number, percent } from "../../pieces/words";
import type { Picture } from "../../protocol/source";
import type { Answer, NamedArray } from "../../protocol/wire";
import type { Store } from "../../state/store";
import { epochOf } from "../models/models";
import { Axes } from "./axes";

const SIDE = 84;
const TILE = 28;
const MAP = 40;
const LARGE = 140;
/** Classes with curves: the likeliest along the row. */
const CURVES = 6;
/** Milliseconds that the student waits for a hand to come to rest. */
const REST = 200;

export function Why({ store }: { store: Store }) {
  const { vae, models } = store.hello;
  const index = store.pinned.value ?? store.selection.value.indices[0] ?? null;
  if (vae === null || models.length === 0) {
    return (
      <p class="dvi-empty">
        Nobody here makes neighbours of a picture.
        <small>Train an autoencoder and pass it: Explorer(…, vae=dvi.VAE().fit(images)).</small>
      </p>
    );
  }
  if (index === null) {
    return <p class="dvi-empty">Click a sample to see why it is predicted as it is.</p>;
  }
  return (
    <div class="dvi-why" data-testid="why">
      <Asked store={store} op="latent" args={{ index }} waiting="Taking the picture apart">
        {({ arrays }) => (
          <Around
            key={index}
            store={store}
            index={index}
            own={Array.from(arrays.get("latent")?.data as Float32Array)}
            decoded={tiles(arrays.get("pixels") as NamedArray)[0] as Picture}
          />
        )}
      </Asked>
    </div>
  );
}

interface AroundProperties {
  store: Store;
  index: number;
  own: number[];
  decoded: Picture;
}

function Around({ store, index, own, decoded }: AroundProperties) {
  const { vae, models } = store.hello as {
    vae: NonNullable<Store["hello"]["vae"]>;
  } & Store["hello"];
  const latent = useSignal<number[] | null>(null);
  const bounds = useSignal<number[][] | null>(null);
  const settings = useSignal<Readonly<Record<string, FieldValue>>>({});
  const morphs = useSignal(false);
  const { indices } = store.selection.value;
  const other = indices.length === 2 ? (indices[0] === index ? indices[1] : indices[0]) : undefined;
  const morphing = morphs.value && other !== undefined;
  const unfolded = useReply(
    store,
    "unfold",
    latent.value === null ? null : { latent: latent.value },
  );
  const shown = unfolded.answer
    ? (tiles(unfolded.answer.arrays.get("pixels") as NamedArray)[0] as Picture)
    : decoded;
  const replies = models.map((model, place) =>
    useReply(
      store,
      "student",
      {
        model: place,
        epoch: epochOf(store, model),
        index,
        other: morphing ? other : null,
        latent: morphing ? null : latent.value,
        bounds: morphing ? null : bounds.value,
        settings: settings.value,
      },
      REST,
    ),
  );
  // What was last answered stays while the next is on its way.
  const last = useRef<readonly (Answer | undefined)[]>([]);
  const answers = replies.map(({ answer }, i) => answer ?? last.current[i]);
  last.current = answers;
  const first = answers[0];
  const changed = latent.value !== null || bounds.value !== null;
  return (
    <div class="dvi-around">
      <div class="dvi-why-pictures">
        <figure>
          <SamplePicture store={store} index={index} side={SIDE} name={`Sample ${index}`} />
          <figcaption>#{index}</figcaption>
        </figure>
        <figure>
          <Pixels picture={shown} side={SIDE} name="The picture out of the autoencoder" />
          <figcaption>{latent.value === null ? "decoded" : "as dragged"}</figcaption>
        </figure>
        <div class="dvi-why-buttons">
          {other !== undefined && (
            <button
              type="button"
              aria-pressed={morphing}
              onClick={() => {
                morphs.value = !morphs.value;
              }}
            >
              {morphing ? `Back to #${index} alone` : `Morph into #${other}`}
            </button>
          )}
          {changed && (
            <button
              type="button"
              onClick={() => {
                latent.value = bounds.value = null;
              }}
            >
              Back to the picture's own
            </button>
          )}
        </div>
      </div>
      {!morphing && (
        <Axes
          ranges={vae.ranges}
          latent={latent.value ?? own}
          bounds={(first?.arrays.get("bounds")?.data as Float32Array) ?? null}
          neighbors={(first?.arrays.get("latents")?.data as Float32Array) ?? null}
          move={(moved) => {
            latent.value = moved;
          }}
          brush={(dimension, low, high) => {
            const before = first?.arrays.get("bounds")?.data;
            bounds.value = vae.ranges.map((range, i) =>
              i === dimension
                ? [low, high]
                : [before?.[2 * i] ?? range[0], before?.[2 * i + 1] ?? range[1]],
            );
          }}
        />
      )}
      <details>
        <summary>Settings</summary>
        <Form
          fields={vae.settings.map(field)}
          values={settings.value}
          change={(name, value) => {
            settings.value = { ...settings.value, [name]: value };
          }}
        />
        <Search
          store={store}
          use={(found) => {
            settings.value = { ...settings.value, ...found };
          }}
        />
      </details>
      {models.map((model, i) => {
        const { error, progress, retry } = replies[i] ?? {};
        const answer = answers[i];
        return (
          <section key={model.name} aria-label={model.name}>
            {models.length > 1 && <h4>{model.name}</h4>}
            {error !== undefined && <Problem error={error} retry={retry} />}
            {answer === undefined && error === undefined && (
              <p class="dvi-asked dvi-waiting" role="status">
                {progress?.text ?? "Making neighbours"} …
              </p>
            )}
            {answer !== undefined && (
              <div class={replies[i]?.answer === undefined ? "dvi-stale" : ""}>
                <Student store={store} answer={answer} index={index} />
              </div>
            )}
          </section>
        );
      })}
    </div>
  );
}

interface StudentProperties {
  store: Store;
  answer: Answer;
  index: number;
}

function Student({ store, answer, index }: StudentProperties) {
  const { hello, colors } = store;
  const { verdict, trustworthy, crossings, window } = answer.result as {
    window: number;
    verdict: string;
    trustworthy: boolean;
    crossings: [number, number, number][];
  };
  const floats = (name: string): Float32Array => answer.arrays.get(name)?.data as Float32Array;
  const teacher = floats("teacher");
  const student = floats("student");
  const probabilities = floats("probabilities");
  const positions = floats("positions");
  const pictures = tiles(answer.arrays.get("pixels") as NamedArray);
  const classes = answer.arrays.get("classes")?.data as Int16Array;
  const hue = (kind: number): string => `rgb(${(colors.value[kind] ?? [128, 134, 143]).join(" ")})`;
  const n = positions.length;
  const c = teacher.length;
  const label = hello.labels[index] as number;
  const most = teacher.indexOf(Math.max(...teacher));
  const likeliest = Array.from(teacher, (_, kind) => {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      sum += probabilities[i * c + kind] as number;
    }
    return { kind, sum };
  })
    .sort((a, b) => b.sum - a.sum)
    .slice(0, CURVES)
    .map(({ kind }) => kind);
  const named = [...new Set([...likeliest, ...(label < 0 ? [] : [label])])].sort((a, b) => a - b);
  return (
    <>
      <p class={trustworthy ? "dvi-note" : "dvi-problem"} data-testid="verdict">
        {verdict}
      </p>
      <table class="dvi-student">
        <thead>
          <tr>
            <th>class</th>
            <th title="For this class rather than the others, each of which counts by its probability on average over the neighbours; each scaled by itself">
              weights
            </th>
            <th title="Weights times pixels, all on one scale">weighted</th>
            <th>model</th>
            <th>student</th>
          </tr>
        </thead>
        <tbody>
          {named.map((kind) => (
            <tr
              key={kind}
              class={
                kind !== label ? "" : kind === most ? "dvi-labelled" : "dvi-labelled dvi-wrong"
              }
            >
              <th scope="row">{className(hello, kind)}</th>
              <td>
                <Weights array={answer.arrays.get("weights") as NamedArray} kind={kind} />
              </td>
              <td>
                <Weights array={answer.arrays.get("weighted") as NamedArray} kind={kind} together />
              </td>
              {[teacher, student].map((said, i) => (
                <td key={i}>
                  <span class="dvi-bar">
                    <span
                      style={{ width: `${100 * (said[kind] as number)}%`, background: hue(kind) }}
                    />
                  </span>
                  {percent(said[kind] as number)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <Lines
        name="What the model says of the neighbours"
        x={positions}
        xName="along the neighbours"
        yName="probability"
        range={[0, 1]}
        curves={likeliest.map((kind) => ({
          name: className(hello, kind),
          values: averaged(
            probabilities.filter((_, i) => i % c === kind),
            window,
          ),
          hue: hue(kind),
        }))}
        marks={crossings.map(([after, before, next]) => ({
          x: positions[after] as number,
          name: `${className(hello, before)} → ${className(hello, next)}`,
        }))}
      />
      <ul class="dvi-tiles dvi-neighbors" aria-label="Neighbours">
        {pictures.map((picture, i) => (
          <li key={picture.pixels.byteOffset} title={className(hello, classes[i] as number)}>
            <span style={{ borderColor: hue(classes[i] as number) }}>
              <Pixels picture={picture} side={TILE} />
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

/** The running mean over so many places: single draws are off the row's direction by chance. */
function averaged(values: Float32Array, window: number): Float32Array {
  const half = Math.floor(window / 2);
  return values.map((_, i) => {
    const near = values.subarray(Math.max(0, i - half), i + half + 1);
    return near.reduce((sum, value) => sum + value, 0) / near.length;
  });
}

interface WeightsProperties {
  array: NamedArray;
  kind: number;
  /** Whether all classes are on one scale. */
  together?: boolean;
}

/** The map of one class; it grows under the pointer. */
function Weights({ array: { data, shape }, kind, together = false }: WeightsProperties) {
  const [, height, width] = shape as [number, number, number];
  const size = width * height;
  const all = data as Float32Array;
  const limit = together
    ? { limit: all.reduce((most, value) => Math.max(most, Math.abs(value)), 0) }
    : {};
  const heat = { width, height, values: all.subarray(kind * size, (kind + 1) * size), ...limit };
  return (
    <span class="dvi-grows">
      <Pixels heat={heat} side={MAP} />
      <span class="dvi-grown" aria-hidden="true">
        <Pixels heat={heat} side={LARGE} />
      </span>
    </span>
  );
}

interface SearchProperties {
  store: Store;
  use: (settings: Record<string, number>) => void;
}

/** Settings tried on the selection, the ones whose students can be believed first. */
function Search({ store, use }: SearchProperties) {
  const asked = useSignal<number[] | null>(null);
  const { indices } = store.selection.value;
  const model = store.hello.models[0];
  return (
    <>
      <button
        type="button"
        disabled={indices.length === 0}
        title="Tries bands and regularisations on up to 24 of the selected samples"
        onClick={() => {
          asked.value = Array.from(indices.subarray(0, 24));
        }}
      >
        Search for better ones
      </button>
      {asked.value !== null && model !== undefined && (
        <Asked
          store={store}
          op="search"
          args={{ model: 0, epoch: epochOf(store, model), indices: asked.value }}
          waiting="Trying settings"
        >
          {({ result }) => (
            <ol class="dvi-found">
              {(result.rows as Record<string, number>[]).slice(0, 5).map((row) => (
                <li key={`${row.band} ${row.regularization}`}>
                  band {row.band}, regularisation {row.regularization}: believed{" "}
                  {percent(row.believed ?? 0)}, KL {number(row.kl ?? Number.NaN)}{" "}
                  <button
                    type="button"
                    onClick={() =>
                      use({
                        band: row.band as number,
                        regularization: row.regularization as number,
                      })
                    }
                  >
                    Use
                  </button>
                </li>
              ))}
            </ol>
          )}
        </Asked>
      )}
    </>
  );
}
