// The samples nearest to one sample in representation space, ranked.
import { useMemo, useRef } from "preact/hooks";
import { Asked, HOVER_DELAY_MS } from "../../pieces/asked";
import { SampleRow } from "../../pieces/sample_row";
import { plural } from "../../pieces/words";
import { currentEpoch } from "../../state/markers";
import { joins } from "../../state/selection";
import type { Store } from "../../state/store";

const MOST = 30;

export function Similar({ store }: { store: Store }) {
  const { indices } = store.selection.value;
  const side = store.side.value;
  const last = useRef<number | null>(null);
  const single = indices.length === 1 ? (indices[0] ?? null) : null;
  // A row that is pointed at here must not replace the list that it stands in.
  const hovered = store.hovered.value;
  const index =
    store.pinned.value ??
    (hovered?.from === "canvas" ? hovered.index : null) ??
    single ??
    last.current;
  last.current = index;
  const { epoch } = currentEpoch(store, side);
  const { pixels } = store.view;
  const args = useMemo(
    () => ({
      landscape: side.index,
      epoch,
      indices: index === null ? [] : [index],
      k: Math.min(MOST, store.hello.n - 1),
      group: null,
    }),
    [store, side, epoch, index],
  );
  if (!side.can("neighbors")) {
    return (
      <p class="dvi-empty">
        This landscape has no engine that finds neighbours: show that of a fitted model.
      </p>
    );
  }
  if (index === null) {
    return <p class="dvi-empty">Click a sample to see those that the network finds similar.</p>;
  }
  return (
    <div class="dvi-similar" data-testid="similar" data-index={index}>
      <Asked
        store={store}
        op="neighbors"
        args={args}
        waiting="Searching its neighbours"
        delay={HOVER_DELAY_MS}
      >
        {({ neighbors }) => (
          <>
            <p class="dvi-lists-line">
              <span>
                Nearest to #{index} at epoch {epoch}, nearest first
              </span>
              {store.hello.images !== null && (
                <label title="Beside those whose pixels are nearest">
                  <input
                    type="checkbox"
                    data-testid="compare-pixels"
                    checked={pixels.value}
                    onChange={(event) => {
                      pixels.value = event.currentTarget.checked;
                    }}
                  />{" "}
                  beside pixels
                </label>
              )}
              <button
                type="button"
                class="dvi-link"
                data-testid="select-similar"
                title="Shift adds to the selection, alt removes from it"
                onClick={(event) =>
                  store.select([index, ...neighbors.data], joins(event, store.combine.peek()))
                }
              >
                Select it and its {plural(neighbors.data.length, "neighbour", "neighbours")}
              </button>
            </p>
            {store.hello.images !== null && pixels.value ? (
              <Beside store={store} index={index} near={neighbors.data} />
            ) : (
              <Rows store={store} samples={neighbors.data} />
            )}
          </>
        )}
      </Asked>
    </div>
  );
}

function Rows({ store, samples }: { store: Store; samples: ArrayLike<number> }) {
  return (
    <ol class="dvi-similar-rows">
      {Array.from(samples, (near, rank) => (
        <li key={near}>
          <SampleRow store={store} index={near} rank={rank + 1} />
        </li>
      ))}
    </ol>
  );
}

interface BesideProperties {
  store: Store;
  index: number;
  /** The nearest in representation space. */
  near: Int32Array;
}

/** What the network finds similar, beside what the pixels say. */
function Beside({ store, index, near }: BesideProperties) {
  const args = useMemo(() => ({ index, k: near.length }), [index, near.length]);
  return (
    <Asked store={store} op="lookalikes" args={args} waiting="Comparing all pictures">
      {({ indices }) => {
        const label = store.hello.labels[index] as number;
        const same = (samples: Int32Array): string =>
          label < 0
            ? ""
            : `, ${samples.filter((i) => store.hello.labels[i] === label).length} of its class`;
        const common = indices.data.filter((i) => near.includes(i)).length;
        return (
          <>
            <p class="dvi-similar-common" data-testid="in-common">
              {common} of {near.length} in both
            </p>
            <div class="dvi-similar-both">
              <section aria-label="By the network">
                <h4>By the network{same(near)}</h4>
                <Rows store={store} samples={near} />
              </section>
              <section aria-label="By pixels" data-testid="by-pixels">
                <h4>By pixels{same(indices.data)}</h4>
                <Rows store={store} samples={indices.data} />
              </section>
            </div>
          </>
        );
      }}
    </Asked>
  );
}
