// Hints where a filter was not understood: the names there are, the name probably meant, what to write instead.
import { fieldOf, type Piece, QUOTED, quote, type Vocabulary } from "./grammar";

const MAX_LISTED = 5;
/** Longer words are not compared with names. */
const MAX_COMPARED = 40;

/** List names in a sentence, cut short. */
export function listed(what: string, names: readonly (string | number)[]): string {
  const more = names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : "";
  return `${what} are ${names.slice(0, MAX_LISTED).join(", ")}${more}.`;
}

export function listedGroups(known: Vocabulary): string {
  return known.groups.length > 0 ? listed("groups", known.groups) : "the samples have no groups.";
}

/** Ask for the name that was probably meant; empty if none is near. */
export function didYouMean(text: string, names: readonly string[]): string {
  const written = Array.from(text);
  let fewest = Math.min(Math.max(1, Math.floor(written.length / 3)), written.length - 1);
  let best = "";
  if (written.length <= MAX_COMPARED) {
    for (const name of names) {
      if (Math.abs(Array.from(name).length - written.length) <= fewest) {
        const needed = edits(text, name);
        if (needed < fewest + Number(best === "")) {
          best = name;
          fewest = needed;
        }
      }
    }
  }
  return fewest && best ? `did you mean “${best}”?` : "";
}

/** Say what to write where somebody compares as programs do. */
export function equalityHint(field: string, differ: boolean, { text, plain }: Piece): string {
  const first = plain.search(/[^=]|$/);
  const other = fieldOf(plain.slice(first));
  if (/label|pred/.test(field) && (other === "label" || other === "pred")) {
    const [word, relation] = differ ? ["wrong", "differ"] : ["correct", "agree"];
    return `Write ${word} for samples whose label and prediction ${relation}.`;
  }
  const value = text.slice(first).join("") || "…";
  const written = plain.includes(QUOTED) ? quote(value) : value;
  return differ
    ? `Write “-${field}:${written}”; the sign before it means not.`
    : `Write “${field}:${written}”.`;
}

/** The fewest insertions, deletions, replacements and swaps of neighbours that turn one text into the other. */
function edits(one: string, other: string): number {
  const a = Array.from(one.toLowerCase());
  const b = Array.from(other.toLowerCase());
  let earlier: number[] = [];
  let before: number[] = [];
  let row = [0, ...b.map((_, j) => j + 1)];
  for (let i = 1; i <= a.length; i++) {
    [earlier, before, row] = [before, row, [i]];
    for (let j = 1; j <= b.length; j++) {
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        (before[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (before[j - 1] as number) + Number(a[i - 1] !== b[j - 1]),
        swapped ? (earlier[j - 2] as number) + 1 : Number.POSITIVE_INFINITY,
      );
    }
  }
  return row[b.length] as number;
}
