// How far the map can be trusted: figures of merit, each with its meaning, range, course and what chance reaches.
import { Asked } from "../../pieces/asked";
import { path } from "../../pieces/lines";
import { linear } from "../../pieces/scale";
import { measured, percent, plural } from "../../pieces/words";
import type { MeasureRow } from "../../protocol/requests";
import { CERTAINTY } from "../../protocol/source";
import { scopeOf } from "../../state/scope";
import type { Store } from "../../state/store";

interface Meaning {
  title: string;
  /** # stands for the number of neighbours. */
  words: string;
  /** From the worst value to the best; null where there is no best. */
  range: readonly [number, number] | null;
}

const SHARE = [0, 1] as const;
/** In the order in which they are displayed. */
const MEANINGS: Record<string, Meaning> = {
  nn_pv: {
    title: "Neighbours kept",
    words: "of a sample's # nearest neighbours are its nearest on the map too.",
    range: SHARE,
  },
  trustworthiness: {
    title: "Trustworthiness",
    words: "is how little others intrude among a sample's # nearest on the map.",
    range: SHARE,
  },
  continuity: {
    title: "Continuity",
    words: "is how little a sample's # nearest are torn from it on the map.",
    range: SHARE,
  },
  purity: {
    title: "Purity on the map",
    words:
      "of a sample's # nearest on the map are predicted as it is: as many as below, if it is true.",
    range: null,
  },
  purity_of_representation: {
    title: "Purity of the representation",
    words: "of a sample's # nearest in the representation are predicted as it is.",
    range: null,
  },
  looks_pure: {
    title: "Mixed, but looks pure",
    words: "of the samples among others are drawn among their own alone; lower is better.",
    range: [1, 0],
  },
  class_distance: {
    title: "Distances of classes",
    words:
      "is the rank correlation of the classes' distances on the map and in the representation.",
    range: [0, 1],
  },
  triplets: {
    title: "Far and near",
    words: "of two samples the nearer one to a third is the nearer one on the map too.",
    range: SHARE,
  },
  margin: {
    title: "Distance to the border",
    words:
      "is the rank correlation of how far samples lie from the drawn border with how far they are from another prediction.",
    range: [0, 1],
  },
  delta_recall: {
    title: "Boundary on drawn borders",
    words: "of the boundary points lie on a drawn border.",
    range: SHARE,
  },
  delta_precision: {
    title: "Drawn borders with boundary",
    words: "of the drawn borders near samples have boundary points.",
    range: SHARE,
  },
  boundary_pv: {
    title: "Boundary kept",
    words: "of a sample's # nearest boundary points are its nearest on the map too.",
    range: SHARE,
  },
  confidence_error: {
    title: "Unsure, but painted sure",
    words:
      "is how far the paint under unsure samples is from their own confidence; lower is better.",
    range: [1, 0],
  },
  ppr: {
    title: "Predictions kept",
    words:
      "of the samples lie on land of their prediction; of test samples, which were placed later, it says more.",
    range: SHARE,
  },
  rec_pv: {
    title: "Error of decoding",
    words:
      "is the mean squared error of the representations decoded from the map; lower is better.",
    range: null,
  },
  move_change: {
    title: "Movement that happened",
    words: "is the rank correlation of how far samples moved with how their distances changed.",
    range: [0, 1],
  },
  move_neighbors: {
    title: "Movement of those with new neighbours",
    words: "is the rank correlation of how far samples moved with how many neighbours they lost.",
    range: [0, 1],
  },
  sign_agreement: {
    title: "Approaching and parting",
    words: "of the neighbours that approach each other, or part, do so on the map too.",
    range: SHARE,
  },
  temporal_pv: {
    title: "Correlation over time",
    words:
      "is the correlation, over the epochs, of how far a sample moves with how many neighbours it keeps.",
    range: [1, -1],
  },
  temporal_undefined: {
    title: "No correlation over time",
    words: "of the samples have none, as nothing about them changes; each counts as 0 above.",
    range: [1, 0],
  },
  q_knn: {
    title: "Neighbours of one class",
    words: "of the samples are predicted as most of their # neighbours on the map are.",
    range: SHARE,
  },
  q_knn_e: {
    title: "The same without the classifier",
    words: "would be, had the map been made from the inputs alone.",
    range: SHARE,
  },
  q_data: {
    title: "Samples decoded right",
    words: "of the samples decode, from their position, to their own class.",
    range: SHARE,
  },
  q_not_data: {
    title: "Background right",
    words:
      "of the background is right: so many samples get their class where the map had to guess it.",
    range: SHARE,
  },
  q_not_data_70_30: {
    title: "Background right, 30% left out",
    words: "of it is, with 30% of the samples left out at once.",
    range: SHARE,
  },
  border_leaps: {
    title: "Borders that are leaps",
    words: "of the painted border has unlike inputs on its two sides; lower is better.",
    range: [1, 0],
  },
  regions: {
    title: "Regions",
    words: "is how many pieces the land of a class has on average.",
    range: null,
  },
  seed_disparity: {
    title: "Left to chance",
    words: "of the map's shape is another with the next seed; lower is better.",
    range: [1, 0],
  },
  certified: {
    title: "Neighbours proven",
    words: "of the samples have neighbours that are proven to be the nearest.",
    range: SHARE,
  },
};
/** Of several numbers of neighbours, this one is displayed. */
const K = 15;

export function Measures({ store }: { store: Store }) {
  const side = store.side.value;
  const { services } = side.info;
  if (!services.includes("measures") && !services.includes("boundary")) {
    return (
      <p class="dvi-empty">
        This landscape has no engine that could measure it: show that of a fitted model.
      </p>
    );
  }
  const epoch = side.epoch(store.playhead.resting.value);
  return (
    <section
      class="dvi-measures"
      data-testid="measures"
      aria-label="Figures of merit"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and nothing in it takes the focus
      tabIndex={0}
    >
      <OfSome store={store} />
      <Asked
        store={store}
        op="measures"
        args={{ landscape: side.index }}
        waiting="Taking the measures"
      >
        {({ rows, samples }) => (
          <>
            <Figures rows={rows} epoch={epoch} />
            <p class="dvi-hint">
              Measured on {plural(samples, "sample", "samples")}
              {store.epochs.length > 1 && ` at epoch ${epoch}`}.
            </p>
          </>
        )}
      </Asked>
    </section>
  );
}

/** Figures that single samples have, of those selected or found. */
function OfSome({ store }: { store: Store }) {
  const { mask, samples, kind } = scopeOf(store, "measures");
  store.frames.revision.value;
  const frame = store.frames.get(store.playhead.resting.value);
  if (mask === null || frame === undefined || samples === 0) {
    return null;
  }
  let [labelled, right, confidence] = [0, 0, 0];
  store.hello.labels.forEach((label, i) => {
    if (mask[i] === 1) {
      confidence += (frame.confidence[i] as number) / CERTAINTY;
      labelled += label >= 0 ? 1 : 0;
      right += label === frame.predictions[i] ? 1 : 0;
    }
  });
  return (
    <p class="dvi-of-some" data-testid="of-some">
      {labelled > 0 && (
        <>
          <b>{percent(right / labelled)}</b> right,{" "}
        </>
      )}
      mean confidence <b>{percent(confidence / samples)}</b>{" "}
      <span class="dvi-hint">of the {kind}. The figures below are of the whole map.</span>
    </p>
  );
}

function isDisplayed({ measure, k }: MeasureRow): boolean {
  return MEANINGS[measure] !== undefined && (k === null || k <= 5 || k === K);
}

function Figures({ rows, epoch }: { rows: readonly MeasureRow[]; epoch: number }) {
  const displayed = rows.filter(isDisplayed);
  const taken = new Set(displayed.map(({ measure }) => measure));
  const names = Object.keys(MEANINGS).filter((name) => taken.has(name));
  const splits = new Set(displayed.map(({ split }) => split)).size;
  return (
    <dl>
      {names.map((name) => {
        const { title, words, range } = MEANINGS[name] as Meaning;
        const all = displayed.filter(({ measure }) => measure === name);
        const own = all.filter((row) => row.epoch === null || row.epoch === epoch);
        return (
          own.length > 0 && (
            <div key={name} data-testid="measure">
              <dt>{title}</dt>
              {own.map((row) => (
                <dd key={row.split} class="dvi-figure">
                  <span class="dvi-count">{splits > 1 && row.split}</span>
                  <b>{figure(row.value, range)}</b>
                  {range !== null && <Range range={range} {...row} />}
                  <Course rows={all.filter(({ split }) => split === row.split)} range={range} />
                  {row.placebo !== null && (
                    <small title="What a map without information reaches by itself">
                      by chance {figure(row.placebo, range)}
                    </small>
                  )}
                </dd>
              ))}
              <dd>{words.replaceAll("#", String(own[0]?.k))}</dd>
            </div>
          )
        );
      })}
    </dl>
  );
}

interface RangeProperties {
  range: readonly [number, number];
  value: number | null;
  placebo: number | null;
}

/** Where a value lies from the worst at the left to the best at the right; a line marks what chance reaches. */
function Range({ range: [worst, best], value, placebo }: RangeProperties) {
  const across = (of: number): string =>
    `${Math.min(Math.max((100 * (of - worst)) / (best - worst), 0), 100)}%`;
  return (
    <span
      class="dvi-bar dvi-range-bar"
      title="From the worst to the best there is"
      aria-hidden="true"
    >
      {value !== null && <span style={{ width: across(value) }} />}
      {placebo !== null && <i style={{ left: across(placebo) }} />}
    </span>
  );
}

const COURSE = [56, 16] as const;

/** A figure over the epochs. */
function Course({
  rows,
  range,
}: {
  rows: readonly MeasureRow[];
  range: readonly [number, number] | null;
}) {
  const values = rows.map(({ value }) => value ?? Number.NaN);
  const finite = values.filter(Number.isFinite);
  if (finite.length < 2) {
    return null;
  }
  const [low, high] = range ? [Math.min(...range), Math.max(...range)] : [0, Math.max(...finite)];
  const across = linear([0, values.length - 1], [1, COURSE[0] - 1]);
  const up = linear([low, high], [COURSE[1] - 1, 1]);
  return (
    <svg width={COURSE[0]} height={COURSE[1]} role="img" aria-label="Over the epochs">
      <path class="dvi-spark dvi-course" d={path(values, across, up)} />
    </svg>
  );
}

function figure(value: number | null, range: readonly [number, number] | null): string {
  if (value === null) {
    return "not defined";
  }
  return range === SHARE ? percent(value) : measured(value);
}
