// A search for settings whose students can be believed, tried on the selection.
import { useSignal } from "@preact/signals";
import { Asked } from "../../pieces/asked";
import type { FieldValue } from "../../pieces/form";
import { epochOf } from "../../pieces/models";
import { number, percent } from "../../pieces/words";
import type { Store } from "../../state/store";

const MAX_SAMPLES = 24;
const MAX_LISTED = 5;

interface SettingsSearchProperties {
  store: Store;
  use: (settings: Record<string, FieldValue>) => void;
}

export function SettingsSearch({ store, use }: SettingsSearchProperties) {
  const samples = useSignal<number[] | null>(null);
  const { indices } = store.selection.value;
  const model = store.hello.models[0];
  return (
    <>
      <button
        type="button"
        disabled={indices.length === 0}
        title={`Tries bands, regularisations and temperatures on up to ${MAX_SAMPLES} of the selected samples`}
        onClick={() => {
          samples.value = Array.from(indices.subarray(0, MAX_SAMPLES));
        }}
      >
        Search for better ones
      </button>
      {samples.value !== null && model !== undefined && (
        <Asked
          store={store}
          op="search"
          args={{ model: 0, epoch: epochOf(store, model), indices: samples.value }}
          waiting="Trying settings"
        >
          {({ rows }) => (
            <ol class="dvi-ranking">
              {rows
                .slice(0, MAX_LISTED)
                .map(({ band, method, regularization, temperature, believed, kl }) => {
                  const [name, value] =
                    regularization === null
                      ? (["temperature", temperature as number] as const)
                      : (["regularization", regularization] as const);
                  return (
                    <li key={`${band} ${name} ${value}`}>
                      band {band}, {name === "temperature" ? name : "regularisation"} {value}:
                      believed {percent(believed)}, KL {number(kl)}{" "}
                      <button type="button" onClick={() => use({ band, method, [name]: value })}>
                        Use
                      </button>
                    </li>
                  );
                })}
            </ol>
          )}
        </Asked>
      )}
    </>
  );
}
