// Samples explained alike: the selection grouped by its attribution maps, each group with its mean map.
import { useSignal } from "@preact/signals";
import { Asked } from "../../pieces/asked";
import { epochOf } from "../../pieces/models";
import { Pixels } from "../../pieces/pixels";
import { count, plural } from "../../pieces/words";
import type { Answer } from "../../protocol/wire";
import type { Store } from "../../state/store";
import { Scatter } from "./scatter";

const MIN_SAMPLES = 4;
const MAX_SAMPLES = 500;
const MAP_PX = 56;

export function Alike({ store, model }: { store: Store; model: number }) {
  const { selection, hello, view } = store;
  const wanted = useSignal<{ indices: number[]; method: string } | null>(null);
  const { indices } = selection.value;
  const chosen = hello.models[model];
  const enough = indices.length >= MIN_SAMPLES;
  if (chosen === undefined) {
    return null;
  }
  const first = indices.length > MAX_SAMPLES ? `the first ${MAX_SAMPLES} of ` : "";
  return (
    <>
      <h4>Explained alike</h4>
      <p class="dvi-note">
        Groups samples by their attribution maps. A group that looks at the same corner can give
        away a shortcut that the model has learned.
      </p>
      <button
        type="button"
        disabled={!enough}
        onClick={() => {
          wanted.value = {
            indices: Array.from(indices.subarray(0, MAX_SAMPLES)),
            method: view.method.value,
          };
        }}
      >
        {enough
          ? `Group ${first}${plural(indices.length, "selected sample", "selected samples")}`
          : `Select ${MIN_SAMPLES} samples or more to group them`}
      </button>
      {wanted.value !== null && (
        <Asked
          store={store}
          op="clusters"
          args={{ model, epoch: epochOf(store, chosen), parameters: {}, ...wanted.value }}
          waiting="Making maps"
        >
          {(answer) => <Clusters store={store} answer={answer} />}
        </Asked>
      )}
    </>
  );
}

function Clusters({ store, answer }: { store: Store; answer: Answer<"clusters"> }) {
  const samples = answer.indices.data;
  const cluster = answer.cluster.data;
  const { data, shape } = answer.prototypes;
  const [groups = 0, height = 1, width = 1] = shape;
  const x = answer.positions.data.filter((_, i) => i % 2 === 0);
  const y = answer.positions.data.filter((_, i) => i % 2 === 1);
  const lightness = store.theme.value.dark ? 65 : 42;
  const hue = (group: number): string =>
    `hsl(${(360 * group) / Math.max(1, groups)} 60% ${lightness}%)`;
  return (
    <>
      <Scatter
        store={store}
        name="Samples by their attribution maps"
        x={x}
        y={y}
        samples={samples}
        range={[Math.min(...x), Math.max(...x), Math.min(...y), Math.max(...y)]}
        hue={(point) => hue(cluster[point] as number)}
      />
      <ul class="dvi-tiles">
        {Array.from({ length: groups }, (_, group) => {
          const members = samples.filter((_, i) => cluster[i] === group);
          const size = width * height;
          const values = data.subarray(group * size, (group + 1) * size);
          return (
            <li key={group}>
              <button
                type="button"
                title={`Select the ${count(members.length)} of group ${group + 1}`}
                aria-label={`Group ${group + 1}, ${plural(members.length, "sample", "samples")}`}
                style={{ border: `2px solid ${hue(group)}` }}
                onClick={() => store.select(members)}
              >
                <Pixels heat={{ width, height, values }} side={MAP_PX} />
                {count(members.length)}
              </button>
            </li>
          );
        })}
      </ul>
    </>
  );
}
