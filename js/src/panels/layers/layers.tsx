// Inside a model: the filters of a layer, its activations, what excites a unit, and the nearest samples in its space.
import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Asked } from "../../pieces/asked";
import { Histogram } from "../../pieces/histogram";
import { epochOf, Inspected, type Inspection, ModelChoice } from "../../pieces/models";
import { Pixels } from "../../pieces/pixels";
import { SampleButton, SamplePicture } from "../../pieces/sample";
import { Typed } from "../../pieces/typed";
import { count, number, plural } from "../../pieces/words";
import { type Picture, readChannels, readPictures } from "../../protocol/pictures";
import type { Layer } from "../../protocol/requests";
import type { Answer } from "../../protocol/wire";
import type { Store } from "../../state/store";

const TILE_PX = 44;
const PATCH_PX = 64;
/** Patches that excite a unit most, and nearest samples. */
const K = 9;

export function Layers({ store }: { store: Store }) {
  return (
    <Inspected store={store}>
      {(inspections) => <Inside store={store} inspections={inspections} />}
    </Inspected>
  );
}

interface InsideProperties {
  store: Store;
  inspections: Inspection[];
}

function Inside({ store, inspections }: InsideProperties) {
  const { view, hello } = store;
  const chosen = useSignal(0);
  const unit = useSignal(0);
  const { layers = [], last_convolution = null, remarks = [] } = inspections[chosen.value] ?? {};
  const wanted = view.layer.value || last_convolution;
  const layer = layers.find(({ name }) => name === wanted) ?? layers.at(-1);
  const model = hello.models[chosen.value];
  if (layer === undefined || model === undefined) {
    return <p class="dvi-empty">{remarks.join(" ") || "This model has no layers to show."}</p>;
  }
  const args = { model: chosen.value, epoch: epochOf(store, model), layer: layer.name };
  const index = store.raised.value ?? store.selection.value.indices[0] ?? null;
  const current = Math.min(unit.value, layer.units - 1);
  const choose = (i: number): void => {
    unit.value = i;
  };
  return (
    <div class="dvi-scroll dvi-layers" data-testid="layers">
      <div class="dvi-form">
        <ModelChoice store={store} chosen={chosen} />
        <LayerChoice store={store} layers={layers} layer={layer} unit={unit} />
      </div>
      {layer.convolution && (
        <Part title="Filters">
          <Asked store={store} op="filters" args={args} waiting="Reading the filters">
            {({ whole, units, channels, pixels }) =>
              whole ? (
                <Tiles
                  pictures={readPictures(pixels)}
                  total={units}
                  current={current}
                  choose={choose}
                />
              ) : (
                <Tiles pictures={readChannels(pixels, current)} total={channels} />
              )
            }
          </Asked>
        </Part>
      )}
      <Part title={index === null ? "Activation maps" : `Activation maps of #${index}`}>
        {index === null ? (
          <p class="dvi-note">Point at a sample to see its activations in this layer.</p>
        ) : (
          <Asked
            store={store}
            op="activations"
            args={{ ...args, index }}
            waiting="Passing the sample through the model"
          >
            {({ units, maps: { data, shape } }) => (
              <Tiles
                pictures={readPictures({ data, shape: [...shape, 1] })}
                total={units}
                current={current}
                choose={choose}
              />
            )}
          </Asked>
        )}
      </Part>
      <Part title={`What excites unit ${current} most`}>
        <Asked
          store={store}
          op="patches"
          args={{ ...args, unit: current, k: K }}
          waiting="Searching the samples"
        >
          {(answer) => (
            <>
              <Patches store={store} answer={answer} />
              <p class="dvi-note">
                Each picture with the part that the unit sees, and beside it what excites the unit
                there, sent back by deconvolution. {plural(answer.searched, "sample", "samples")}{" "}
                searched.
              </p>
            </>
          )}
        </Asked>
      </Part>
      <Part title={`Unit ${current} over all samples`}>
        <Asked
          store={store}
          op="histogram"
          args={{ ...args, unit: current }}
          waiting="Asking the model about every sample"
        >
          {({ name, values }) => <Histogram store={store} name={name} values={values.data} />}
        </Asked>
      </Part>
      {index !== null && (
        <Part title={`Nearest to #${index} in ${layer.name}`}>
          <Asked
            store={store}
            op="alike"
            args={{ ...args, index, k: K }}
            waiting="Searching the training samples"
          >
            {({ indices }) => (
              <ul class="dvi-tiles">
                {Array.from(indices.data, (sample) => (
                  <li key={sample}>
                    <SampleButton store={store} index={sample}>
                      <SamplePicture store={store} index={sample} side={PATCH_PX} />
                    </SampleButton>
                  </li>
                ))}
              </ul>
            )}
          </Asked>
        </Part>
      )}
    </div>
  );
}

interface LayerChoiceProperties {
  store: Store;
  layers: readonly Layer[];
  layer: Layer;
  unit: Signal<number>;
}

function LayerChoice({ store, layers, layer, unit }: LayerChoiceProperties) {
  return (
    <>
      <label>
        <span>layer</span>
        <select
          data-testid="layer"
          value={layer.name}
          onChange={({ currentTarget }) => {
            unit.value = 0;
            store.view.layer.value = currentTarget.value;
          }}
        >
          {layers.map(({ name, type, shape }) => (
            <option key={name} value={name}>
              {"\u2007".repeat(2 * (name.split(".").length - 1))}
              {name} · {type} {shape.join("×")}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>unit of {count(layer.units)}</span>
        <Typed
          type="number"
          data-testid="unit"
          min={0}
          max={layer.units - 1}
          required
          value={String(Math.min(unit.value, layer.units - 1))}
          change={(input) => {
            unit.value = input.valueAsNumber;
          }}
        />
      </label>
    </>
  );
}

/** A part that asks only while it is open. */
function Part({ title, children }: { title: string; children: ComponentChildren }) {
  const open = useSignal(true);
  return (
    <details
      open={open.value}
      onToggle={({ currentTarget }) => {
        open.value = currentTarget.open;
      }}
    >
      <summary>{title}</summary>
      {open.value && children}
    </details>
  );
}

interface TilesProperties {
  pictures: readonly Picture[];
  /** With those that are not shown. */
  total: number;
  current?: number;
  choose?: (tile: number) => void;
}

function Tiles({ pictures, total, current, choose }: TilesProperties) {
  return (
    <>
      <ul class="dvi-tiles">
        {pictures.map((picture, i) => (
          <li key={picture.pixels.byteOffset}>
            {choose === undefined ? (
              <Pixels picture={picture} side={TILE_PX} name={`Channel ${i}`} />
            ) : (
              <button
                type="button"
                aria-label={`Unit ${i}`}
                aria-pressed={i === current}
                title={`Unit ${i}`}
                onClick={() => choose(i)}
              >
                <Pixels picture={picture} side={TILE_PX} />
              </button>
            )}
          </li>
        ))}
      </ul>
      {total > pictures.length && (
        <p class="dvi-note">
          The first {count(pictures.length)} of {count(total)}.
        </p>
      )}
    </>
  );
}

interface PatchesProperties {
  store: Store;
  answer: Answer<"patches">;
}

function Patches({
  store,
  answer: { indices, boxes, values, reconstructions },
}: PatchesProperties) {
  const [, height = 1, width = 1] = reconstructions.shape;
  const size = width * height;
  return (
    <ul class="dvi-tiles dvi-patches">
      {Array.from(indices.data, (sample, i) => {
        const [top = 0, left = 0, bottom = 0, right = 0] = boxes.data.subarray(4 * i, 4 * i + 4);
        const heat = reconstructions.data.subarray(i * size, (i + 1) * size);
        return (
          <li key={sample} title={`#${sample}, activation ${number(values.data[i] as number)}`}>
            <SampleButton store={store} index={sample}>
              <SamplePicture store={store} index={sample} side={PATCH_PX}>
                <span
                  class="dvi-patch"
                  style={{
                    top: `${(100 * top) / height}%`,
                    left: `${(100 * left) / width}%`,
                    width: `${(100 * (right - left)) / width}%`,
                    height: `${(100 * (bottom - top)) / height}%`,
                  }}
                />
              </SamplePicture>
            </SampleButton>
            <Pixels
              heat={{ width, height, values: heat }}
              side={PATCH_PX}
              name="What excites the unit there"
            />
          </li>
        );
      })}
    </ul>
  );
}
