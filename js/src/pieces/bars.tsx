// Probabilities as bars, one per class; of many classes the likeliest.

import type { Store } from "../state/store";
import { classHue } from "./swatch";
import { count, percent } from "./words";

/** Up to so many classes keep their own order, so that nothing moves from sample to sample. */
const MAX_ALL = 12;
/** Of more classes, the likeliest. */
const MAX_LIKELIEST = 10;

interface BarsProperties {
  store: Store;
  /** One per class. */
  probabilities: ArrayLike<number>;
  /** Marked, in red where another class is likelier; null for none. */
  label: number | null;
}

export function Bars({ store, probabilities, label }: BarsProperties) {
  const most = Array.from(probabilities).indexOf(Math.max(...Array.from(probabilities)));
  let classes = Array.from(probabilities, (_, i) => i);
  if (classes.length > MAX_ALL) {
    const likeliest = classes
      .sort((p, q) => (probabilities[q] as number) - (probabilities[p] as number))
      .slice(0, MAX_LIKELIEST);
    classes =
      label === null || likeliest.includes(label) ? likeliest : [...likeliest.slice(0, -1), label];
  }
  const more = probabilities.length - classes.length;
  return (
    <ul class="dvi-bars" data-testid="bars">
      {classes.map((i) => (
        <li key={i} class={i !== label ? "" : i === most ? "dvi-true" : "dvi-true dvi-wrong"}>
          <span class="dvi-bar-name" title={store.className(i)}>
            <span class="dvi-name">{store.className(i)}</span>
            {i === label && <small>label</small>}
          </span>
          <span class="dvi-bar">
            <span
              style={{
                width: `${100 * (probabilities[i] as number)}%`,
                background: classHue(store, i),
              }}
            />
          </span>
          <span class="dvi-count">{percent(probabilities[i] as number)}</span>
        </li>
      ))}
      {more > 0 && <li class="dvi-count">and {count(more)} more</li>}
    </ul>
  );
}
