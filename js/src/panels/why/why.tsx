// Why one prediction: neighbours of its picture, the models' probabilities for them, and the student that learns them.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Asked, Problem, useReply } from "../../pieces/asked";
import { type FieldValue, Form, fieldOf } from "../../pieces/form";
import { epochOf } from "../../pieces/models";
import { Pixels } from "../../pieces/pixels";
import { SamplePicture } from "../../pieces/sample";
import { readPictures } from "../../protocol/pictures";
import type { AutoencoderOutline } from "../../protocol/requests";
import type { Answer } from "../../protocol/wire";
import type { Store } from "../../state/store";
import { Axes } from "./axes";
import { SettingsSearch } from "./search";
import { Student } from "./student";

const PICTURE_PX = 84;
/** The student waits until a dragged value rests so long. */
const REST_MS = 200;
/** Settings that a method of learning does not read. */
const UNUSED: Readonly<Record<string, readonly string[]>> = {
  ridge: ["temperature", "initializer", "optimizer", "learning_rate", "epochs", "batch_size"],
  descent: ["regularization", "smoothness"],
};

export function Why({ store }: { store: Store }) {
  const { vae, models } = store.hello;
  const index = store.pinned.value ?? store.selection.value.indices[0] ?? null;
  if (vae === null || models.length === 0) {
    return (
      <p class="dvi-empty">
        No autoencoder was passed.
        <small>Train one and pass it: Explorer(…, vae=dvi.VAE().fit(images)).</small>
      </p>
    );
  }
  if (index === null) {
    return <p class="dvi-empty">Click a sample to see why it is predicted as it is.</p>;
  }
  return (
    <div class="dvi-scroll" data-testid="why">
      <Asked store={store} op="latent" args={{ index }} waiting="Encoding the picture">
        {(answer) => <Around key={index} store={store} index={index} vae={vae} encoded={answer} />}
      </Asked>
    </div>
  );
}

interface AroundProperties {
  store: Store;
  index: number;
  vae: AutoencoderOutline;
  encoded: Answer<"latent">;
}

function Around({ store, index, vae, encoded }: AroundProperties) {
  const { models } = store.hello;
  const latent = useSignal<number[] | null>(null);
  const bounds = useSignal<[number, number][] | null>(null);
  const settings = useSignal<Readonly<Record<string, FieldValue>>>({});
  const morphs = useSignal(false);
  const method = String(settings.value.method ?? "ridge");
  const { indices } = store.selection.value;
  const other = indices.length === 2 ? (indices[0] === index ? indices[1] : indices[0]) : undefined;
  const morphing = morphs.value && other !== undefined;
  const replies = models.map((model, i) =>
    useReply(
      store,
      "student",
      {
        model: i,
        epoch: epochOf(store, model),
        index,
        other: morphing ? other : null,
        latent: morphing ? null : latent.value,
        bounds: morphing ? null : bounds.value,
        settings: settings.value,
      },
      REST_MS,
    ),
  );
  // The last answer stays while the next is on its way.
  const last = useRef<readonly (Answer<"student"> | undefined)[]>([]);
  const answers = replies.map(({ answer }, i) => answer ?? last.current[i]);
  last.current = answers;
  const first = answers[0];
  const own = Array.from(encoded.latent.data);
  return (
    <div class="dvi-around">
      <div class="dvi-why-pictures">
        <figure>
          <SamplePicture store={store} index={index} side={PICTURE_PX} name={`Sample ${index}`} />
          <figcaption>#{index}</figcaption>
        </figure>
        <DecodedPicture store={store} encoded={encoded} latent={latent.value} />
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
          {(latent.value !== null || bounds.value !== null) && (
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
      {(!morphing || first?.ends !== undefined) && (
        <Axes
          ranges={vae.ranges}
          latent={morphing ? own : (latent.value ?? own)}
          other={morphing ? first?.ends?.data.subarray(vae.ranges.length) : undefined}
          bounds={morphing ? null : (first?.bounds.data ?? null)}
          neighbors={first?.latents.data ?? null}
          move={(moved) => {
            latent.value = moved;
          }}
          brush={(dimension, low, high) => {
            const before = first?.bounds.data;
            bounds.value = vae.ranges.map((range, i) =>
              i === dimension
                ? [low, high]
                : [before?.[2 * i] ?? range[0], before?.[2 * i + 1] ?? range[1]],
            );
          }}
        />
      )}
      {morphing && (
        <p class="dvi-note">
          Latent vectors: #{index} solid, #{other} dashed, and those on the way between them.
        </p>
      )}
      <details>
        <summary>Settings</summary>
        <Form
          fields={vae.settings.filter(({ name }) => !UNUSED[method]?.includes(name)).map(fieldOf)}
          values={settings.value}
          change={(name, value) => {
            settings.value = { ...settings.value, [name]: value };
          }}
        />
        <SettingsSearch
          store={store}
          use={(best) => {
            settings.value = { ...settings.value, ...best };
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
                <Student
                  store={store}
                  answer={answer}
                  index={index}
                  other={morphing ? (other ?? null) : null}
                />
              </div>
            )}
          </section>
        );
      })}
    </div>
  );
}

interface DecodedPictureProperties {
  store: Store;
  encoded: Answer<"latent">;
  /** As dragged; null for the picture's own. */
  latent: number[] | null;
}

function DecodedPicture({ store, encoded, latent }: DecodedPictureProperties) {
  const { answer } = useReply(store, "unfold", latent && { latent });
  const [picture] = readPictures((answer ?? encoded).pixels);
  return (
    <figure>
      <Pixels picture={picture} side={PICTURE_PX} name="The picture out of the autoencoder" />
      <figcaption>{latent === null ? "decoded" : "as dragged"}</figcaption>
    </figure>
  );
}
