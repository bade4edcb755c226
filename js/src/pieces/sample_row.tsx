// A sample as a row of a short list: its rank, picture, number, label and prediction; a click selects it.
import { useComputed } from "@preact/signals";
import { joins } from "../state/selection";
import type { Store } from "../state/store";
import { Pixels } from "./pixels";
import { Named } from "./swatch";
import { useThumbnail } from "./thumbnail";

const PICTURE_PX = 28;

interface SampleRowProperties {
  store: Store;
  index: number;
  /** From 1. */
  rank: number;
}

export function SampleRow({ store, index, rank }: SampleRowProperties) {
  store.frames.revision.value;
  const hovered = useComputed(() => store.hovered.value?.index === index);
  const picture = useThumbnail(store, index);
  const { label, prediction } = store.sample(index, store.playhead.resting.value);
  return (
    <button
      type="button"
      class={`dvi-sample-row${hovered.value ? " dvi-hovered" : ""}`}
      data-testid="sample-row"
      data-index={index}
      onPointerEnter={() => store.hover(index, "panel")}
      onPointerLeave={() => store.hover(null)}
      onFocus={() => store.hover(index, "panel")}
      onBlur={() => store.hover(null)}
      onClick={(event) => store.select([index], joins(event, store.combine.peek()))}
    >
      <span class="dvi-count">{rank}</span>
      <span>{picture !== undefined && <Pixels picture={picture} side={PICTURE_PX} />}</span>
      <span>#{index}</span>
      <span>
        <Named store={store} index={label} />
        {prediction !== null && prediction !== label && (
          <>
            →<Named store={store} index={prediction} />
          </>
        )}
      </span>
    </button>
  );
}
