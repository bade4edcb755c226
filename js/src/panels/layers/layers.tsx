// Inside a model: the filters of a layer, what it makes of a sample, what excites a unit, who lies near in its space.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Asked } from "../../pieces/asked";
import { Histogram } from "../../pieces/histogram";
import { SamplePicture } from "../../pieces/picture";
import { Pixels } from "../../pieces/pixels";
import { channels, tiles } from "../../pieces/tiles";
import { className, count, number, plural } from "../../pieces/words";
import type { Picture } from "../../protocol/source";
import type { NamedArray } from "../../protocol/wire";
import type { Store } from "../../state/store";
import { epochOf, Inspected, type Inspection, ModelChoice } from "../models/models";

const TILE = 44;
const PATCH = 64;
const BEST = 9;

export function Layers({ store }: { store: Store }) {
  return (
    <Inspected store={store}>
      {(inspections) => <Inside store={store} inspections={inspections} />}
    </Inspected>
  );
}

function Inside({ store, inspections }: { store: Store; inspections: Inspection[] }) {
  const { models } = store.hello;
  const { view } = store;
  const place = useSignal(0);
  const unit = useSignal(0);
  const { layers, last_convolution, remarks } = inspections[place.value] as Inspection;
  const wanted = view.layer.value || last_convolution;
  const layer = layers.find(({ name }) => name === wanted) ?? layers.at(-1);
  const model = models[place.value];
  if (layer === undefined || model === undefined) {
    return <p class="dvi-empty">{remarks.join(" ") || "This model shows no layers."}</p>;
  }
  const asked = { model: place.value, epoch: epochOf(store, model), layer: layer.name };
  const chosenUnit = Math.min(unit.value, layer.units - 1);
  const index = store.raised.value ?? store.selection.value.indices[0] ?? null;
  return (
    <div class="dvi-layers" data-testid="layers">
      <div class="dvi-form">
        <ModelChoice store={store} chosen={place} />
        <label>
          <span>layer</span>
          <select
            data-testid="layer"
            value={layer.name}
            onChange={({ currentTarget }) => {
              unit.value = 0;
              view.layer.value = currentTarget.value;
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
          <input
            type="number"
            min={0}
            max={layer.units - 1}
            value={chosenUnit}
            onChange={({ currentTarget }) => {
              if (currentTarget.checkValidity()) {
                unit.value = currentTarget.valueAsNumber;
              }
            }}
          />
        </label>
      </div>
      {layer.convolution && (
        <Part title="Filters">
          <Asked store={store} op="filters" args={asked} waiting="Reading the filters">
            {({ result, arrays }) => {
              const pixels = arrays.get("pixels") as NamedArray;
              return result.whole ? (
                <Tiles
                  pictures={tiles(pixels)}
                  of={Number(result.units)}
                  chosen={chosenUnit}
                  choose={(i) => {
                    unit.value = i;
                  }}
                />
              ) : (
                <Tiles pictures={channels(pixels, chosenUnit)} of={Number(result.channels)} />
              );
            }}
          </Asked>
        </Part>
      )}
      <Part title={index === null ? "Activation maps" : `Activation maps of #${index}`}>
        {index === null ? (
          <p class="dvi-note">Point at a sample to see what this layer makes of it.</p>
        ) : (
          <Asked
            store={store}
            op="activations"
            args={{ ...asked, index }}
            waiting="Passing the sample through the model"
          >
            {({ result, arrays }) => {
              const { data, shape } = arrays.get("maps") as NamedArray;
              return (
                <Tiles
                  pictures={tiles({ data, shape: [...shape, 1] })}
                  of={Number(result.units)}
                  chosen={chosenUnit}
                  choose={(i) => {
                    unit.value = i;
                  }}
                />
              );
            }}
          </Asked>
        )}
      </Part>
      <Part title={`What excites unit ${chosenUnit} most`}>
        <Asked
          store={store}
          op="patches"
          args={{ ...asked, unit: chosenUnit, k: BEST }}
          waiting="Searching the samples"
        >
          {({ result, arrays }) => (
            <>
              <Patches
                store={store}
                indices={arrays.get("indices")?.data as Int32Array}
                boxes={arrays.get("boxes")?.data as Int32Array}
                values={arrays.get("values")?.data as Float32Array}
                sent={arrays.get("reconstructions")?.data as Float32Array}
                shape={arrays.get("reconstructions")?.shape ?? [0, 1, 1]}
              />
              <p class="dvi-note">
                Each picture with the part that the unit sees there, and beside it what excites the
                unit, sent back by deconvolution.{" "}
                {plural(Number(result.searched), "sample", "samples")} searched.
              </p>
            </>
          )}
        </Asked>
      </Part>
      <Part title={`Unit ${chosenUnit} over all samples`}>
        <Asked
          store={store}
          op="histogram"
          args={{ ...asked, unit: chosenUnit }}
          waiting="Asking the model about every sample"
        >
          {({ result, arrays }) => (
            <Histogram
              store={store}
              name={String(result.name)}
              values={arrays.get("values")?.data as Float32Array}
            />
          )}
        </Asked>
      </Part>
      {index !== null && (
        <Part title={`Nearest to #${index} in ${layer.name}`}>
          <Asked
            store={store}
            op="alike"
            args={{ ...asked, index, k: BEST }}
            waiting="Searching the training samples"
          >
            {({ arrays }) => (
              <ul class="dvi-tiles">
                {Array.from(arrays.get("indices")?.data as Int32Array, (sample) => (
                  <li key={sample}>
                    <SampleButton store={store} index={sample}>
                      <SamplePicture store={store} index={sample} side={PATCH} />
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

/** A part that is asked for only while it is open. */
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
  /** How many there are in all. */
  of: number;
  chosen?: number;
  choose?: (tile: number) => void;
}

function Tiles({ pictures, of, chosen, choose }: TilesProperties) {
  return (
    <>
      <ul class="dvi-tiles">
        {pictures.map((picture, i) => (
          <li key={picture.pixels.byteOffset}>
            {choose === undefined ? (
              <Pixels picture={picture} side={TILE} name={`Channel ${i}`} />
            ) : (
              <button
                type="button"
                aria-label={`Unit ${i}`}
                aria-pressed={i === chosen}
                title={`Unit ${i}`}
                onClick={() => choose(i)}
              >
                <Pixels picture={picture} side={TILE} />
              </button>
            )}
          </li>
        ))}
      </ul>
      {of > pictures.length && (
        <p class="dvi-note">
          The first {count(pictures.length)} of {count(of)}.
        </p>
      )}
    </>
  );
}

interface PatchesProperties {
  store: Store;
  indices: Int32Array;
  boxes: Int32Array;
  values: Float32Array;
  sent: Float32Array;
  shape: readonly number[];
}

function Patches({ store, indices, boxes, values, sent, shape }: PatchesProperties) {
  const [, height, width] = shape as [number, number, number];
  const scale = PATCH / Math.max(height, width);
  return (
    <ul class="dvi-tiles dvi-patches">
      {Array.from(indices, (sample, i) => {
        const [top, left, bottom, right] = boxes.subarray(4 * i, 4 * i + 4) as unknown as [
          number,
          number,
          number,
          number,
        ];
        return (
          <li key={sample} title={`#${sample}, activation ${number(values[i] as number)}`}>
            <SampleButton store={store} index={sample}>
              <SamplePicture store={store} index={sample} side={PATCH} />
              <span
                class="dvi-patch"
                style={{
                  top: `${top * scale}px`,
                  left: `${left * scale}px`,
                  width: `${(right - left) * scale}px`,
                  height: `${(bottom - top) * scale}px`,
                }}
              />
            </SampleButton>
            <Pixels
              heat={{
                width,
                height,
                values: sent.subarray(i * width * height, (i + 1) * width * height),
              }}
              side={PATCH}
              name="What excites the unit there"
            />
          </li>
        );
      })}
    </ul>
  );
}

interface SampleButtonProperties {
  store: Store;
  index: number;
  children: ComponentChildren;
}

/** A sample that is raised while the pointer is on it and selected by a click. */
function SampleButton({ store, index, children }: SampleButtonProperties) {
  const label = store.hello.labels[index] as number;
  const name = `#${index}, ${label < 0 ? "no label" : className(store.hello, label)}`;
  return (
    <button
      type="button"
      class="dvi-sample"
      aria-label={name}
      title={name}
      onPointerEnter={() => store.hover(index, "panel")}
      onPointerLeave={() => store.hover(null)}
      onClick={() => {
        store.select([index]);
        store.pin(index);
      }}
    >
      {children}
    </button>
  );
}
