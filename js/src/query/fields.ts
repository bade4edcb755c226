// A filter by fields: the condition that each field stands for, and the text with that condition replaced.
import { type Condition, type Kind, pieces, type Vocabulary } from "./grammar";
import { parse } from "./parse";

type Of<K extends Kind> = Extract<Condition, { kind: K }>;

/** The one condition of these kinds that must hold, if there is just one. */
export function conditionOf<K extends Kind>(
  text: string,
  kinds: readonly K[],
  known: Vocabulary,
): Of<K> | null {
  const isWanted = (condition: Condition): condition is Of<K> =>
    kinds.some((kind) => kind === condition.kind) && !condition.negated;
  const [first, ...others] = parse(text, known).conditions.filter(isWanted);
  return first === undefined || others.length > 0 ? null : first;
}

/** The text without its conditions of these kinds, and with another one in their stead. */
export function withCondition(
  text: string,
  kinds: readonly Kind[],
  instead: string,
  known: Vocabulary,
): string {
  const signs = Array.from(text);
  const others = pieces(text)
    .map(({ start, end }) => signs.slice(start, end).join(""))
    .filter((piece) => {
      const condition = parse(piece, known).conditions[0];
      return condition === undefined || condition.negated || !kinds.includes(condition.kind);
    });
  return [...others, instead].filter((piece) => piece !== "").join(" ");
}
