// How far the picture can be trusted: the engine's figures of merit, each with its meaning.
import { Asked } from "../../pieces/asked";
import { measured, percent, plural } from "../../pieces/words";
import type { MeasureRow } from "../../protocol/requests";
import type { Store } from "../../state/store";

/** The sentence after each figure; # stands for the number of neighbours. */
const MEANINGS: Record<string, string> = {
  q_knn: "of the samples are predicted as most of their # neighbours on the map are.",
  q_knn_e: "would be, had the map been made from the inputs alone, without the classifier.",
  q_data: "of the samples decode, from their position, to their own class.",
  q_not_data:
    "of the background is right: so many samples get their class where the map had to guess it.",
  q_not_data_70_30: "of it is, with 30 % of the samples left out at once.",
  certified: "of the samples have neighbours that are proven to be the nearest.",
  nn_pv: "of a sample's # nearest neighbours are its nearest on the canvas too.",
  boundary_pv: "of a sample's # nearest boundary points are its nearest on the canvas too.",
  ppr: "of the samples keep their prediction when they are decoded from the canvas.",
  rec_pv: "is the mean squared error of the representations decoded from the canvas.",
  temporal_pv:
    "is the correlation of how far samples move with how many neighbours they keep: −1 is best.",
};
/** Measures that are no shares. */
const NUMBERS = ["rec_pv", "temporal_pv"];
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
    <div class="dvi-measures" data-testid="measures">
      <Asked
        store={store}
        op="measures"
        args={{ landscape: side.index }}
        waiting="Taking the measures"
      >
        {({ rows, samples }) => (
          <>
            <Figures rows={rows.filter((row) => isDisplayed(row, epoch))} />
            <p class="dvi-hint">
              Measured on {plural(samples, "sample", "samples")}
              {store.epochs.length > 1 && ` at epoch ${epoch}`}.
            </p>
          </>
        )}
      </Asked>
    </div>
  );
}

function isDisplayed({ measure, epoch, k }: MeasureRow, current: number): boolean {
  return (
    MEANINGS[measure] !== undefined &&
    (epoch === null || epoch === current) &&
    (k === null || k <= 5 || k === K)
  );
}

function Figures({ rows }: { rows: readonly MeasureRow[] }) {
  const names = [...new Set(rows.map(({ measure }) => measure))];
  const splits = new Set(rows.map(({ split }) => split)).size;
  return (
    <dl>
      {names.map((name) => {
        const own = rows.filter(({ measure }) => measure === name);
        return (
          <div key={name} data-testid="measure">
            <dt>
              {own.map(({ split, value }) => (
                <span key={split}>
                  {splits > 1 && <small>{split} </small>}
                  <b>{figure(name, value)}</b>{" "}
                </span>
              ))}
            </dt>
            <dd>{MEANINGS[name]?.replaceAll("#", String(own[0]?.k))}</dd>
          </div>
        );
      })}
    </dl>
  );
}

function figure(name: string, value: number | null): string {
  if (value === null) {
    return "–";
  }
  return NUMBERS.includes(name) ? measured(value) : percent(value);
}
