// The linear student beside its teacher: weights and probabilities per class, and both along the row of neighbours.
import { Lines } from "../../pieces/lines";
import { type Heat, Pixels } from "../../pieces/pixels";
import { classHue } from "../../pieces/swatch";
import { percent } from "../../pieces/words";
import { readPictures } from "../../protocol/pictures";
import type { Answer, NamedArray } from "../../protocol/wire";
import type { Store } from "../../state/store";

const TILE_PX = 28;
const MAP_PX = 40;
const GROWN_PX = 140;
/** Classes with curves: the likeliest along the row. */
const MAX_CURVES = 6;

interface StudentProperties {
  store: Store;
  answer: Answer<"student">;
  index: number;
}

export function Student({ store, answer, index }: StudentProperties) {
  const likeliest = likeliestClasses(answer);
  return (
    <>
      <p class={answer.trustworthy ? "dvi-note" : "dvi-problem"} data-testid="verdict">
        {answer.verdict}
      </p>
      <Comparison store={store} answer={answer} index={index} classes={likeliest} />
      <Curves store={store} answer={answer} classes={likeliest} />
      <Neighbors store={store} answer={answer} />
    </>
  );
}

/** The classes with the largest summed probability along the row. */
function likeliestClasses({ probabilities, positions, teacher }: Answer<"student">): number[] {
  const classes = teacher.data.length;
  const sums = new Float64Array(classes);
  for (let i = 0; i < positions.data.length * classes; i++) {
    sums[i % classes] = (sums[i % classes] as number) + (probabilities.data[i] as number);
  }
  return Array.from(sums.keys())
    .sort((p, q) => (sums[q] as number) - (sums[p] as number))
    .slice(0, MAX_CURVES);
}

interface ClassesProperties {
  store: Store;
  answer: Answer<"student">;
  classes: readonly number[];
}

/** A row per class: the student's weights, the weighted picture, and both probabilities. */
function Comparison({ store, answer, index, classes }: ClassesProperties & { index: number }) {
  const label = store.hello.labels[index] as number;
  const teacher = answer.teacher.data;
  const student = answer.student.data;
  const best = teacher.indexOf(Math.max(...teacher));
  const rows = [...new Set([...classes, ...(label < 0 ? [] : [label])])].sort((a, b) => a - b);
  return (
    <table class="dvi-student">
      <thead>
        <tr>
          <th>class</th>
          <th title="For this class rather than the others, each of which counts by its mean probability over the neighbours; each map on a scale of its own; grey: inputs that no neighbour varies">
            weights
          </th>
          <th title="Weights times pixels, all maps on one scale; grey: inputs that no neighbour varies">
            weighted
          </th>
          <th>model</th>
          <th>student</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr
            key={row}
            class={row !== label ? "" : row === best ? "dvi-labelled" : "dvi-labelled dvi-wrong"}
          >
            <th scope="row">{store.className(row)}</th>
            <td>
              <WeightMap array={answer.weights} row={row} />
            </td>
            <td>
              <WeightMap array={answer.weighted} row={row} together />
            </td>
            {[teacher, student].map((probabilities, i) => (
              <td key={i}>
                <span class="dvi-bar">
                  <span
                    style={{
                      width: `${100 * (probabilities[row] as number)}%`,
                      background: classHue(store, row),
                    }}
                  />
                </span>
                {percent(probabilities[row] as number)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Curves({ store, answer, classes }: ClassesProperties) {
  const { teacher, probabilities, positions, crossings, window } = answer;
  const n = teacher.data.length;
  return (
    <Lines
      name="Probabilities of the model along the neighbours"
      x={positions.data}
      xName="along the neighbours"
      yName="probability"
      range={[0, 1]}
      curves={classes.map((row) => ({
        name: store.className(row),
        values: runningMean(
          probabilities.data.filter((_, i) => i % n === row),
          window,
        ),
        hue: classHue(store, row),
      }))}
      marks={crossings.map(([after, before, next]) => ({
        x: positions.data[after] as number,
        name: `${store.className(before)} → ${store.className(next)}`,
      }))}
    />
  );
}

function Neighbors({ store, answer }: { store: Store; answer: Answer<"student"> }) {
  const classes = answer.classes.data;
  return (
    <ul class="dvi-tiles dvi-neighbors" aria-label="Neighbours">
      {readPictures(answer.pixels).map((picture, i) => (
        <li key={picture.pixels.byteOffset} title={store.className(classes[i] as number)}>
          <span style={{ borderColor: classHue(store, classes[i] as number) }}>
            <Pixels picture={picture} side={TILE_PX} />
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Single draws are off the row's direction by chance, so curves are running means over `window` of them. */
function runningMean(values: Float32Array, window: number): Float32Array {
  const half = Math.floor(window / 2);
  return values.map((_, i) => {
    const near = values.subarray(Math.max(0, i - half), i + half + 1);
    return near.reduce((sum, value) => sum + value, 0) / near.length;
  });
}

interface WeightMapProperties {
  array: NamedArray<Float32Array>;
  row: number;
  /** Whether all classes share one scale. */
  together?: boolean;
}

/** The map of one class; it grows under the pointer. */
function WeightMap({ array: { data, shape }, row, together = false }: WeightMapProperties) {
  const [, height = 1, width = 1] = shape;
  const size = width * height;
  const heat: Heat = {
    width,
    height,
    values: data.subarray(row * size, (row + 1) * size),
    ...(together && {
      limit: data.reduce((most, value) => Math.max(most, Math.abs(value) || 0), 0),
    }),
  };
  return (
    <span class="dvi-grows">
      <Pixels heat={heat} side={MAP_PX} />
      <span class="dvi-grown" aria-hidden="true">
        <Pixels heat={heat} side={GROWN_PX} />
      </span>
    </span>
  );
}
