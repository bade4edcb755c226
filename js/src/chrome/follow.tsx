// The menu for following the selected samples: trails, nearest neighbours, and the camera.
import type { Signal } from "@preact/signals";
import { MAX_NEIGHBORED, pairsOf } from "../canvas/following";
import { MAX_TRAILS } from "../canvas/lines";
import type { Stage } from "../canvas/stage";
import { Typed } from "../pieces/typed";
import { count } from "../pieces/words";
import type { Store } from "../state/store";

export function Follow({ store, stages }: { store: Store; stages: readonly Stage[] }) {
  const { view, hello, side } = store;
  const { indices } = store.selection.value;
  const following = stages[side.value.index]?.following;
  const neighbors = following?.neighbors.value ?? null;
  const problem = following?.problem.value ?? null;
  return (
    <>
      <Switch value={view.trails} testid="trails">
        Trails over the epochs
      </Switch>
      {view.trails.value && indices.length > MAX_TRAILS && (
        <small>
          Drawn for at most {MAX_TRAILS} samples; {count(indices.length)} are selected.
        </small>
      )}
      <Switch value={view.keep} testid="keep">
        Keep them in view
      </Switch>
      {side.value.can("neighbors") && (
        <>
          <Switch value={view.neighbors} testid="neighbors">
            Nearest in representation space
          </Switch>
          {view.neighbors.value && (
            <div class="dvi-menu-more">
              <label>
                <Typed
                  type="number"
                  min={1}
                  max={100}
                  data-testid="neighbors-k"
                  aria-label="How many neighbours"
                  required
                  value={String(view.k.value)}
                  change={(input) => {
                    view.k.value = input.valueAsNumber;
                  }}
                />{" "}
                of
              </label>
              <select
                data-testid="neighbors-among"
                aria-label="Among which samples"
                value={view.among.value}
                onChange={(event) => {
                  view.among.value = event.currentTarget.value;
                }}
              >
                <option value="">all samples</option>
                {["train", "test", ...hello.groups.keys()].map((group) => (
                  <option key={group} value={group}>
                    {group}
                  </option>
                ))}
              </select>
              {neighbors !== null && (
                <button
                  type="button"
                  class="dvi-link"
                  data-testid="select-neighbors"
                  onClick={() =>
                    store.select(
                      pairsOf(neighbors).map(([, near]) => near),
                      "add",
                    )
                  }
                >
                  Select them
                </button>
              )}
            </div>
          )}
          {problem !== null && (
            <small class="dvi-problem" role="alert">
              {problem}
            </small>
          )}
          {neighbors !== null && neighbors.samples.length < indices.length && (
            <small>
              {neighbors.samples.length === 1
                ? `Of sample #${neighbors.samples[0]}, the one clicked.`
                : `Of ${MAX_NEIGHBORED} of the ${count(indices.length)} selected.`}
            </small>
          )}
        </>
      )}
      {indices.length === 0 && (
        <small>Select samples to follow them: click one, or draw around some.</small>
      )}
    </>
  );
}

function Switch({
  value,
  testid,
  children,
}: {
  value: Signal<boolean>;
  testid: string;
  children: string;
}) {
  return (
    <label>
      <input
        type="checkbox"
        data-testid={testid}
        checked={value.value}
        onChange={() => {
          value.value = !value.value;
        }}
      />
      {children}
    </label>
  );
}
