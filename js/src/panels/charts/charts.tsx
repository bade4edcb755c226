// A chart per column; what is chosen in one filters all others, and the map with them.
import { useComputed, useSignal } from "@preact/signals";
import { useMemo, useRef } from "preact/hooks";
import { Asked } from "../../pieces/asked";
import { Choice } from "../../pieces/choice";
import { DYNAMICS, dynamicsOf } from "../../pieces/dynamics";
import { Histogram } from "../../pieces/histogram";
import { linear } from "../../pieces/scale";
import { useSize } from "../../pieces/size";
import { Named } from "../../pieces/swatch";
import { count, plural } from "../../pieces/words";
import { CERTAINTY } from "../../protocol/source";
import { classText, groupText } from "../../query/complete";
import { conditionOf, withCondition } from "../../query/fields";
import { locate } from "../../state/locate";
import type { Store } from "../../state/store";

const BINS = 20;
const HEIGHT_PX = 56;
/** Of more classes, those with the most samples. */
const MAX_BARS = 12;

export function Charts({ store }: { store: Store }) {
  const { hello } = store;
  store.frames.revision.value;
  const frame = store.frames.get(store.playhead.resting.value);
  const { index, info } = store.side.value;
  const classes = hello.classes.map((_, i) => classText(i, store.filtering.known));
  const splits = new Set(hello.split).size > 1;
  const measure = useSignal("aum");
  const args = useMemo(() => ({ landscape: index }), [index]);
  return (
    <div class="dvi-scroll dvi-charts" data-testid="charts">
      {frame !== undefined && <Confidence store={store} values={frame.confidence} />}
      {hello.n > store.unlabelled && (
        <Bars store={store} title="Label" kind="label" names={classes} values={hello.labels} />
      )}
      {frame !== undefined && (
        <Bars
          store={store}
          title="Prediction"
          kind="pred"
          names={classes}
          values={frame.predictions}
        />
      )}
      {splits && (
        <Bars
          store={store}
          title="Split"
          kind="split"
          names={["train", "test"]}
          values={hello.split}
        />
      )}
      {[...hello.groups].map(([name, members]) => (
        <Bars
          key={name}
          store={store}
          title={name}
          kind="group"
          names={["", groupText(name)]}
          values={members}
        />
      ))}
      {info.services.includes("dynamics") && (
        <section>
          <h3>
            Over the epochs{" "}
            <Choice
              name="Measure"
              testid="charts-measure"
              value={measure.value}
              choices={Object.keys(DYNAMICS).map((value) => ({
                value,
                words: value.replaceAll("_", " "),
              }))}
              choose={(value) => {
                measure.value = value;
              }}
            />
          </h3>
          <Asked store={store} op="dynamics" args={args} waiting="Going through all epochs">
            {(answer) => (
              <Histogram
                key={measure.value}
                store={store}
                name={measure.value.replaceAll("_", " ")}
                values={dynamicsOf(answer, measure.value)}
              />
            )}
          </Asked>
        </section>
      )}
    </div>
  );
}

interface BarsProperties {
  store: Store;
  title: string;
  kind: "label" | "pred" | "split" | "group";
  /** As a filter writes them; an empty one has no bar. */
  names: readonly string[];
  /** The place of each sample's name. */
  values: ArrayLike<number>;
}

/** A bar per value; a click filters by it, with shift by it as well. */
function Bars({ store, title, kind, names, values }: BarsProperties) {
  const { known } = store.filtering;
  const others = useComputed(() => store.filtering.without([kind])).value;
  const { all, fitting } = useMemo(() => {
    const tally = { all: new Uint32Array(names.length), fitting: new Uint32Array(names.length) };
    for (let i = 0; i < values.length; i++) {
      const at = values[i] as number;
      if (at >= 0 && at < names.length) {
        tally.all[at] = (tally.all[at] as number) + 1;
        tally.fitting[at] = (tally.fitting[at] as number) + (others?.[i] !== 0 ? 1 : 0);
      }
    }
    return tally;
  }, [values, names.length, others]);
  const condition = conditionOf(store.filter.value, [kind], known);
  const chosen = new Set(
    names.flatMap((name, i) => {
      const value = kind === "split" || kind === "group" ? name.replace(/^group:/, "") : i;
      return (condition?.values as readonly unknown[] | undefined)?.includes(value) ? [i] : [];
    }),
  );
  const shown = names.flatMap((name, i) => (name === "" ? [] : [i]));
  const most = Math.max(1, ...shown.map((i) => all[i] as number));
  const rows =
    shown.length > MAX_BARS
      ? shown.sort((p, q) => (all[q] as number) - (all[p] as number)).slice(0, MAX_BARS)
      : shown;
  const choose = (i: number, add: boolean): void => {
    const next = add ? new Set(chosen) : new Set<number>();
    // Alone already, it lets all others in again.
    if (chosen.has(i) && (add || chosen.size === 1)) {
      next.delete(i);
    } else {
      next.add(i);
    }
    const values = [...next].sort((p, q) => p - q).map((one) => names[one]);
    const text =
      values.length === 0 ? "" : kind === "group" ? values[0] : `${kind}:${values.join(",")}`;
    store.filter.value = withCondition(store.filter.value, [kind], text ?? "", known);
  };
  return (
    <section>
      <h3>{title}</h3>
      <ul class="dvi-chart-bars">
        {rows.map((i) => (
          <li key={i}>
            <button
              type="button"
              data-testid={`chart-${kind}`}
              aria-pressed={chosen.has(i)}
              title={`Filter by it (with shift by it as well): ${count(fitting[i] as number)} of ${count(all[i] as number)}`}
              onClick={(event) => choose(i, event.shiftKey && kind !== "group")}
            >
              {kind === "label" || kind === "pred" ? (
                <Named store={store} index={i} />
              ) : (
                <span class="dvi-name">{kind === "group" ? "members" : names[i]}</span>
              )}
              <span class="dvi-bar" aria-hidden="true">
                <i style={{ width: `${(100 * (all[i] as number)) / most}%` }} />
                <span style={{ width: `${(100 * (fitting[i] as number)) / most}%` }} />
              </span>
              <span class="dvi-count">{count(fitting[i] as number)}</span>
            </button>
          </li>
        ))}
      </ul>
      {shown.length > rows.length && (
        <p class="dvi-hint">and {plural(shown.length - rows.length, "other", "others")}</p>
      )}
    </section>
  );
}

/** The confidence as a histogram; a range drawn over it filters. */
function Confidence({ store, values }: { store: Store; values: Uint16Array }) {
  const element = useRef<HTMLDivElement>(null);
  const { width } = useSize(element);
  const { known } = store.filtering;
  const others = useComputed(() => store.filtering.without(["conf"])).value;
  const drawn = useSignal<readonly [number, number] | null>(null);
  const start = useRef(0);
  const bins = useMemo(() => {
    const tally = new Uint32Array(BINS);
    for (let i = 0; i < values.length; i++) {
      if (others?.[i] !== 0) {
        const bin = Math.min(BINS - 1, Math.floor((BINS * (values[i] as number)) / CERTAINTY));
        tally[bin] = (tally[bin] as number) + 1;
      }
    }
    return tally;
  }, [values, others]);
  const condition = conditionOf(store.filter.value, ["conf"], known);
  const [relation, first = 0, second = first] = condition?.values ?? [];
  const set: readonly [number, number] | null =
    relation === undefined
      ? null
      : [
          relation === "in" || relation.startsWith(">") ? first : 0,
          relation === "in" || relation.startsWith("<") ? second : 1,
        ];
  const range = drawn.value ?? set;
  const across = linear([0, 1], [0, Math.max(1, width.value)]);
  const most = Math.max(1, ...bins);
  const at = (event: PointerEvent & { currentTarget: HTMLElement }): number => {
    const share = across.invert(locate(event.currentTarget, event)[0]);
    return Math.round(Math.min(1, Math.max(0, share)) * 100) / 100;
  };
  return (
    <section>
      <h3>Confidence</h3>
      <div
        class="dvi-chart-histogram"
        ref={element}
        data-testid="chart-confidence"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          start.current = at(event);
          drawn.value = [start.current, start.current];
        }}
        onPointerMove={(event) => {
          if (drawn.peek() !== null) {
            const here = at(event);
            drawn.value = [Math.min(start.current, here), Math.max(start.current, here)];
          }
        }}
        onPointerUp={() => {
          const [low, high] = drawn.peek() ?? [0, 0];
          drawn.value = null;
          const text = high > low ? `conf:${low}-${high}` : "";
          store.filter.value = withCondition(store.filter.value, ["conf"], text, known);
        }}
        onPointerCancel={() => {
          drawn.value = null;
        }}
      >
        <svg
          width={width.value}
          height={HEIGHT_PX}
          role="img"
          aria-label="Histogram of the confidence: draw over it to filter, click to take the filter away"
        >
          {Array.from(bins, (samples, bin) => {
            // A root keeps single samples visible beside thousands.
            const size = Math.sqrt(samples / most) * HEIGHT_PX;
            return (
              <rect
                key={bin}
                x={across(bin / BINS)}
                y={HEIGHT_PX - size}
                width={Math.max(1, across(1 / BINS) - 1)}
                height={size}
              />
            );
          })}
          {range !== null && (
            <rect
              class="dvi-range"
              x={across(range[0])}
              y={0}
              width={across(range[1]) - across(range[0])}
              height={HEIGHT_PX}
            />
          )}
        </svg>
      </div>
    </section>
  );
}
