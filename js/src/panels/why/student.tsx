// The linear student beside its teacher: weights and probabilities per class, and both along the row of neighbours.
import { useSignal } from "@preact/signals";
import { Lines } from "../../pieces/lines";
import { type Heat, Pixels } from "../../pieces/pixels";
import { classHue } from "../../pieces/swatch";
import { count, percent } from "../../pieces/words";
import { readPictures } from "../../protocol/pictures";
import type { Answer, NamedArray } from "../../protocol/wire";
import type { Store } from "../../state/store";

const TILE_PX = 28;
const MAP_PX = 40;
const GROWN_PX = 140;
/** Classes with curves: the likeliest along the row. */
const MAX_CURVES = 6;
/** Classes in the table at first, and so many more at a time: each has two maps. */
const FIRST_ROWS = 10;
const MORE_ROWS = 40;

interface StudentProperties {
  store: Store;
  answer: Answer<"student">;
  index: number;
  /** The picture that the neighbours lead to, if they do. */
  other: number | null;
}

export function Student({ store, answer, index, other }: StudentProperties) {
  const ranked = rankedClasses(answer);
  const likeliest = ranked.slice(0, MAX_CURVES);
  return (
    <>
      <p class={answer.trustworthy ? "dvi-note" : "dvi-problem"} data-testid="verdict">
        {answer.verdict}
      </p>
      <Comparison store={store} answer={answer} index={index} other={other} classes={ranked} />
      <Course answer={answer} />
      <Curves store={store} answer={answer} classes={likeliest} />
      <Neighbors store={store} answer={answer} />
    </>
  );
}

/** All classes, those with the largest summed probability along the row first. */
function rankedClasses({ probabilities, positions, teacher }: Answer<"student">): number[] {
  const classes = teacher.data.length;
  const sums = new Float64Array(classes);
  for (let i = 0; i < positions.data.length * classes; i++) {
    sums[i % classes] = (sums[i % classes] as number) + (probabilities.data[i] as number);
  }
  return Array.from(sums.keys()).sort((p, q) => (sums[q] as number) - (sums[p] as number));
}

interface ClassesProperties {
  store: Store;
  answer: Answer<"student">;
  classes: readonly number[];
}

/** How far the student was from its teacher while it learnt, where it learnt by gradient descent. */
function Course({ answer: { course } }: { answer: Answer<"student"> }) {
  if (course.data.length < 2) {
    return null;
  }
  return (
    <section data-testid="student-course">
      <h4>While it learnt</h4>
      <Lines
        name="Loss of the student over its epochs"
        x={Float32Array.from(course.data, (_, i) => i + 1)}
        xName="epoch of the descent"
        yName="nats"
        curves={[{ name: "divergence from the model", values: course.data, hue: "var(--dvi-ink)" }]}
        height={96}
      />
    </section>
  );
}

/** A row per class: the student's weights, the weighted picture, and both probabilities. */
function Comparison(properties: ClassesProperties & { index: number; other: number | null }) {
  const { store, answer, index, other, classes } = properties;
  const { weighted_other: weightedOther } = answer;
  const label = store.hello.labels[index] as number;
  const teacher = answer.teacher.data;
  const student = answer.student.data;
  const best = teacher.indexOf(Math.max(...teacher));
  const shown = useSignal(FIRST_ROWS);
  const first = classes.slice(0, shown.value);
  const rows = [...new Set([...first, ...(label < 0 ? [] : [label])])].sort((a, b) => a - b);
  const more = Math.min(MORE_ROWS, classes.length - first.length);
  return (
    <>
      <table class="dvi-student" data-testid="student">
        <thead>
          <tr>
            <th>class</th>
            <th title="For this class rather than the others, each of which counts by its mean probability over the neighbours; each map on a scale of its own; grey: inputs that no neighbour varies">
              weights
            </th>
            <th title="Weights times pixels, all maps on one scale; grey: inputs that no neighbour varies">
              {other === null ? "weighted" : `weighted #${index}`}
            </th>
            {other !== null && weightedOther !== undefined && (
              <th title="The same weights times the pixels of the other picture, on a scale of its own">
                weighted #{other}
              </th>
            )}
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
              {other !== null && weightedOther !== undefined && (
                <td data-testid="weighted-other">
                  <WeightMap array={weightedOther} row={row} together />
                </td>
              )}
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
      {more > 0 && (
        <button
          type="button"
          class="dvi-link"
          data-testid="more-classes"
          onClick={() => {
            shown.value += MORE_ROWS;
          }}
        >
          {more} more of {count(classes.length)} classes
        </button>
      )}
    </>
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
