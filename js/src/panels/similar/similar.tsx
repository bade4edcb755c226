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
            <ol class="dvi-similar-rows">
              {Array.from(neighbors.data, (near, rank) => (
                <li key={near}>
                  <SampleRow store={store} index={near} rank={rank + 1} />
                </li>
              ))}
            </ol>
          </>
        )}
      </Asked>
    </div>
  );
}
