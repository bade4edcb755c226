// What panels and cards show of one sample: its picture, its facts, its text, and a button that selects it.
import type { ComponentChildren } from "preact";
import type { Side } from "../state/sides";
import type { Store } from "../state/store";
import { HOVER_DELAY_MS, useReply } from "./asked";
import { Pixels } from "./pixels";
import { Named } from "./swatch";
import { percent } from "./words";

interface SampleProperties {
  store: Store;
  index: number;
}

interface SamplePictureProperties extends SampleProperties {
  /** Side of the square it is fitted into, in CSS pixels. */
  side: number;
  /** Its description; without one the picture is decoration. */
  name?: string;
  /** Laid over the picture. */
  children?: ComponentChildren;
}

/** The picture of a sample in full size, a small one until that is here; its number where there are no pictures. */
export function SamplePicture({ store, index, side, name, children }: SamplePictureProperties) {
  const { pictures, thumbnails, hello } = store;
  if (hello.images === null) {
    return <span>#{index}</span>;
  }
  pictures.revision.value;
  thumbnails.revision.value;
  const picture = pictures.get(index) ?? thumbnails.get(index);
  pictures.add(index);
  return (
    <span class="dvi-sample-picture" style={{ width: `${side}px`, height: `${side}px` }}>
      {picture !== undefined && (
        <Pixels picture={picture} side={side} name={name}>
          {children}
        </Pixels>
      )}
    </span>
  );
}

/** Label, prediction and confidence of a sample at the current epoch, its number and its groups. */
export function SampleFacts({ store, index, side }: SampleProperties & { side: Side }) {
  const { hello, playhead } = store;
  side.frames.revision.value;
  const { label, prediction, confidence, split } = store.sample(
    index,
    playhead.position.value,
    side,
  );
  const wrong = label !== null && prediction !== null && label !== prediction;
  const groups = [...hello.groups]
    .filter(([, members]) => members[index] === 1)
    .map(([name]) => name)
    .join(", ");
  return (
    <dl class="dvi-facts">
      <dt>label</dt>
      <dd title={store.className(label)}>
        <Named store={store} index={label} />
      </dd>
      <dt>predicted</dt>
      <dd
        class={wrong ? "dvi-wrong" : ""}
        title={prediction === null ? "" : store.className(prediction)}
      >
        {prediction !== null && <Named store={store} index={prediction} />}
      </dd>
      <dt>confidence</dt>
      <dd>{confidence === null ? "" : percent(confidence)}</dd>
      <dt>{split}</dt>
      <dd>#{index}</dd>
      {groups !== "" && (
        <>
          <dt>groups</dt>
          <dd title={groups}>
            <span class="dvi-name">{groups}</span>
          </dd>
        </>
      )}
    </dl>
  );
}

/** The text of a sample, where samples have texts. */
export function SampleText({ store, index }: SampleProperties) {
  const args = store.hello.texts ? { indices: [index] } : null;
  const { answer, error } = useReply(store, "describe", args, HOVER_DELAY_MS);
  return args && <span class="dvi-text">{answer?.texts[0] ?? error ?? "…"}</span>;
}

interface SampleButtonProperties extends SampleProperties {
  class?: string;
  testid?: string;
  /** CSS colour of its border. */
  hue?: string;
  /** Called after the sample is selected. */
  chosen?: () => void;
  children: ComponentChildren;
}

/** A button that raises its sample while it is hovered, and selects it. */
export function SampleButton(properties: SampleButtonProperties) {
  const { store, index, testid, hue, chosen, children } = properties;
  const label = store.hello.labels[index] as number;
  const name = `Select sample #${index}, ${label < 0 ? "no label" : store.className(label)}`;
  return (
    <button
      type="button"
      class={properties.class}
      data-testid={testid}
      title={name}
      aria-label={name}
      style={hue === undefined ? {} : { "--dvi-hue": hue }}
      onPointerEnter={() => store.hover(index, "panel")}
      onPointerLeave={() => store.hover(null)}
      onClick={() => {
        store.select([index], "replace");
        store.pin(index);
        chosen?.();
      }}
    >
      {children}
    </button>
  );
}
