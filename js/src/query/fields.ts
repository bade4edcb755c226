// A filter by fields, for who does not want to type: what each field says in the text, and the text with it changed.
import { type Condition, type Kind, parse, pieces, type Vocabulary } from "./query";

/** The only condition of these kinds that holds where it stands, if there is just one. */
export function conditionOf(
  text: string,
  kinds: readonly Kind[],
  known: Vocabulary,
): Condition | null {
  const found = parse(text, known).conditions.filter(
    ({ kind, negated }) => kinds.includes(kind) && !negated,
  );
  return found.length === 1 ? (found[0] as Condition) : null;
}

/** The text without any conditions of these kinds, and with another one instead. */
export function withCondition(
  text: string,
  kinds: readonly Kind[],
  instead: string,
  known: Vocabulary,
): string {
  const signs = Array.from(text);
  const kept = pieces(text)
    .map(({ start, end }) => signs.slice(start, end).join(""))
    .filter((piece) => {
      const condition = parse(piece, known).conditions[0];
      return condition === undefined || condition.negated || !kinds.includes(condition.kind);
    });
  return [...kept, instead].filter((piece) => piece !== "").join(" ");
}
