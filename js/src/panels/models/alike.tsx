// Samples explained alike: the maps of the selection in groups, each with the mean of its maps.
import { useSignal } from "@preact/signals";
import { Asked } from "../../pieces/asked";
import { Pixels } from "../../pieces/pixels";
import { count, plural } from "../../pieces/words";
import type { Store } from "../../state/store";
import { epochOf } from "./models";
import { Scatter } from "./scatter";

const LEAST = 4;
const MOST = 500;
const SIDE = 56;

export function Alike({ store, model }: { store: Store; model: number }) {
  const { selection, hello, view, theme } = store;
  const asked = useSignal<{ indices: number[]; method: string } | null>(null);
  const { indices } = selection.value;
  const chosen = hello.models[model];
  const enough = indices.length >= LEAST;
  if (chosen === undefined) {
    return null;
  }
  return (
    <>
      <h4>Explained alike</h4>
      <p class="dvi-note">
        Groups samples by where their attribution maps lie. A group of its own can give away a cue
        that is not the thing itself.
      </p>
      <button
        type="button"
        disabled={!enough}
        onClick={() => {
          asked.value = {
            indices: Array.from(indices.subarray(0, MOST)),
            method: view.method.value,
          };
        }}
      >
        {enough
          ? `Group ${indices.length > MOST ? `the first ${MOST} of ` : ""}${plural(indices.length, "selected sample", "selected samples")}`
          : `Select ${LEAST} samples or more to group them`}
      </button>
      {asked.value !== null && (
        <Asked
          store={store}
          op="clusters"
          args={{ model, epoch: epochOf(store, chosen), parameters: {}, ...asked.value }}
          waiting="Making maps"
        >
          {({ arrays }) => {
            const samples = arrays.get("indices")?.data as Int32Array;
            const cluster = arrays.get("cluster")?.data as Uint8Array;
            const positions = arrays.get("positions")?.data as Float32Array;
            const { data, shape } = arrays.get("prototypes") ?? {
              data: new Float32Array(0),
              shape: [],
            };
            const [groups = 0, height = 1, width = 1] = shape;
            const x = positions.filter((_, i) => i % 2 === 0);
            const y = positions.filter((_, i) => i % 2 === 1);
            const hue = (group: number): string =>
              `hsl(${(360 * group) / Math.max(1, groups)} 60% ${theme.value.dark ? 65 : 42}%)`;
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
                    return (
                      <li key={group}>
                        <button
                          type="button"
                          title={`Select the ${count(members.length)} of group ${group + 1}`}
                          aria-label={`Group ${group + 1}, ${plural(members.length, "sample", "samples")}`}
                          style={{ border: `2px solid ${hue(group)}` }}
                          onClick={() => store.select(members)}
                        >
                          <Pixels
                            heat={{
                              width,
                              height,
                              values: data.subarray(
                                group * width * height,
                                (group + 1) * width * height,
                              ),
                            }}
                            side={SIDE}
                          />
                          {count(members.length)}
                        </button>
                      </li>
                    );
                  })}
                </ul>
              </>
            );
          }}
        </Asked>
      )}
    </>
  );
}
