// A cell of the confusion matrix over the epochs, as a share of its row.
import { useMemo } from "preact/hooks";
import { useReply } from "../../pieces/asked";
import { Lines } from "../../pieces/lines";
import { percent } from "../../pieces/words";
import { numberOf, type Split } from "../../state/split";
import type { Store } from "../../state/store";

interface CourseProperties {
  store: Store;
  cell: number;
  split: Split;
}

export function Course({ store, cell, split }: CourseProperties) {
  const side = store.side.value;
  const classes = store.hello.classes.length;
  const many = side.info.epochs.length > 1;
  const { answer } = useReply(
    store,
    "confusions",
    useMemo(() => (many ? { landscape: side.index } : null), [side, many]),
  );
  const label = Math.floor(cell / classes);
  const values = useMemo(() => {
    if (answer === undefined || answer.counts.data.length === 0) {
      return null;
    }
    const { data } = answer.counts;
    const only = numberOf(split);
    const size = classes * classes;
    return side.info.epochs.map((_, epoch) => {
      let samples = 0;
      let row = 0;
      for (const part of only === null ? [0, 1] : [only]) {
        const start = (part * side.info.epochs.length + epoch) * size;
        samples += data[start + cell] as number;
        for (let i = 0; i < classes; i++) {
          row += data[start + label * classes + i] as number;
        }
      }
      return row > 0 ? samples / row : Number.NaN;
    });
  }, [answer, side, cell, split, classes, label]);
  if (values === null) {
    return null;
  }
  const name = `${store.className(label)} taken for ${store.className(cell % classes)}, of all samples`;
  return (
    <Lines
      name={`Share of label ${store.className(label)} predicted ${store.className(cell % classes)}, over the epochs`}
      x={side.info.epochs}
      xName="epoch"
      yName=""
      curves={[{ name, values, hue: "var(--dvi-ink)" }]}
      range={[0, Math.max(0.05, ...values.filter(Number.isFinite))]}
      format={percent}
      height={84}
      at={side.epoch(store.playhead.resting.value)}
    />
  );
}
