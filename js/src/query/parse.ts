// Reads a filter: one line of text becomes conditions, and a sentence for each part that was not understood.
import {
  type Condition,
  cut,
  cutAtCommas,
  type Demand,
  FIELDS,
  fieldOf,
  type Piece,
  pieces,
  type Query,
  type Relation,
  type Span,
  type Vocabulary,
} from "./grammar";
import { didYouMean, equalityHint, listed, listedGroups } from "./hints";

/** Its message is the sentence that a person reads. */
class NotUnderstood extends Error {}

const refuse: (sentence: string) => never = (sentence) => {
  throw new NotUnderstood(sentence);
};

const LEVEL = "(\\d+(?:\\.\\d*)?|\\.\\d+)(%?)";
const ONE_LEVEL = new RegExp(`^${LEVEL}$`);
const TWO_LEVELS = new RegExp(`^${LEVEL}-${LEVEL}$`);
const SPAN = /^(\d{1,15})(?:-(\d{1,15}))?$/;

export function parse(text: string, known: Vocabulary): Query {
  const query: Query = { conditions: [], problems: [] };
  for (const { start, end, piece, closed } of pieces(text)) {
    try {
      query.conditions.push(
        closed ? readCondition(piece, known) : refuse("The quotation mark is never closed."),
      );
    } catch (error) {
      if (!(error instanceof NotUnderstood)) {
        throw error;
      }
      query.problems.push({ start, end, sentence: error.message });
    }
  }
  return query;
}

function readCondition(piece: Piece, known: Vocabulary): Condition {
  if (/^[!=]=$/.test(piece.plain)) {
    refuse(
      "Write wrong where label and prediction differ, correct where they agree; a condition holds no spaces: label:4.",
    );
  }
  const negated = /^[-!]/.test(piece.plain);
  const rest = cut(piece, Number(negated));
  if (negated && rest.text.length === 0) {
    refuse("A sign stands right before the condition that must not hold: -correct.");
  }
  return { ...readDemand(rest, known), negated };
}

function readDemand(piece: Piece, known: Vocabulary): Demand {
  if (piece.plain[0] === "#") {
    const spans = cutAtCommas(cut(piece, 1)).map(({ plain }) => readSpan(plain, known.n));
    return { kind: "index", values: spans };
  }
  const [all, said, operator] = /^([A-Za-z]+)([!<>]=|[<>:=])/.exec(piece.plain) ?? [];
  if (all === undefined || said === undefined || operator === undefined) {
    return readWord(piece, known);
  }
  const field = fieldOf(said);
  if (field === null) {
    const fields = "fields are label, pred, conf, split, group and changed.";
    return refuse(`There is no field “${said}”; ${didYouMean(said, FIELDS) || fields}`);
  }
  const value = cut(piece, all.length);
  const { plain } = value;
  if (field === "conf") {
    return { kind: "conf", values: readLevels(operator, plain) };
  }
  const equal = /^[:=]$/.test(operator);
  if (operator === "!=" || (equal && plain.startsWith("="))) {
    refuse(equalityHint(field, operator === "!=", value));
  }
  if (!equal) {
    refuse(`Only conf is compared with ${operator}; after ${field} comes a colon.`);
  }
  switch (field) {
    case "split": {
      const split = plain.toLowerCase();
      return split === "train" || split === "test"
        ? { kind: "split", values: [split] }
        : refuse("A split is train or test, as in split:test.");
    }
    case "group":
      return { kind: "group", values: [readGroup(value.text.join(""), known)] };
    case "changed":
      return { kind: "changed", values: readEpochs(plain, known.epochs) };
    default: {
      const classes = cutAtCommas(value).map((part) => readClass(part, known.classes, field));
      return { kind: field, values: [...new Set(classes)] };
    }
  }
}

/** A condition of one word: correct, wrong, or a group. */
function readWord(piece: Piece, known: Vocabulary): Demand {
  const text = piece.text.join("");
  const lower = piece.plain.toLowerCase();
  if (lower === "correct" || lower === "wrong") {
    return { kind: lower, values: [] };
  }
  const group = known.groups[indexOf(text, known.groups)];
  if (group !== undefined) {
    return { kind: "group", values: [group] };
  }
  if (indexOf(text, known.classes) >= 0) {
    refuse(`“${text}” is a class; write label: or pred: before it.`);
  }
  if (fieldOf(lower) !== null) {
    refuse(`After ${lower} comes a sign and a value, without a space: split:test, conf<0.6.`);
  }
  const hint =
    didYouMean(text, [...known.groups, "correct", "wrong", ...FIELDS]) || listedGroups(known);
  return refuse(`“${text}” is neither correct, wrong nor a group; ${hint}`);
}

/** The index of a name: as it is written, or regardless of case if just one fits; -1 for none. */
function indexOf(text: string, names: readonly string[]): number {
  const exact = names.indexOf(text);
  if (exact >= 0) {
    return exact;
  }
  const lower = text.toLowerCase();
  const [first, ...others] = [...names.keys()].filter((i) => names[i]?.toLowerCase() === lower);
  return first === undefined || others.length > 0 ? -1 : first;
}

function readGroup(text: string, known: Vocabulary): string {
  if (text === "") {
    refuse(`After group comes a name; ${listedGroups(known)}`);
  }
  const hint = (): string => didYouMean(text, known.groups) || listedGroups(known);
  return (
    known.groups[indexOf(text, known.groups)] ?? refuse(`There is no group “${text}”; ${hint()}`)
  );
}

function readClass(piece: Piece, names: readonly string[], field: string): number {
  const text = piece.text.join("");
  const { plain } = piece;
  if (text === "") {
    refuse(`After ${field} comes a class; ${listed("classes", names)}`);
  }
  const index = indexOf(text, names);
  if (index >= 0) {
    return index;
  }
  if (field === "label" && plain.toLowerCase() === "none") {
    return -1;
  }
  if (/^\d{1,15}$/.test(plain) && Number(plain) < names.length) {
    return Number(plain);
  }
  const hint = didYouMean(text, names) || listed("classes", names);
  return refuse(`There is no class “${text}”; ${hint}`);
}

function readLevels(operator: string, plain: string): [Relation, number, number?] {
  const range = /^[:=]$/.test(operator);
  const parts = operator === "!=" ? [] : ((range ? TWO_LEVELS : ONE_LEVEL).exec(plain) ?? []);
  const levels: number[] = [];
  for (let i = 1; i < parts.length; i += 2) {
    levels.push(Number(parts[i]) / (parts[i + 1] ? 100 : 1));
  }
  const [low, high] = levels.sort((p, q) => p - q);
  if (low === undefined || Math.max(...levels) > 1) {
    return refuse("Confidence is compared with numbers in 0 to 1: conf<0.6 or conf:0.2-0.6.");
  }
  return high === undefined ? [operator as Relation, low] : ["in", low, high];
}

function readEpochs(plain: string, recorded: readonly number[]): [number, number] {
  const [, a, b] = SPAN.exec(plain) ?? [];
  if (a === undefined || b === undefined || Number(a) === Number(b)) {
    return refuse("After changed come two epochs, as in changed:3-7.");
  }
  const both: [number, number] = [Number(a), Number(b)];
  const unknown = both.find((epoch) => !recorded.includes(epoch));
  if (unknown !== undefined) {
    refuse(`Epoch ${unknown} was not recorded; ${listed("epochs", recorded)}`);
  }
  return both;
}

function readSpan(plain: string, n: number): Span {
  const [, a, b] = SPAN.exec(plain) ?? [];
  if (a === undefined) {
    return refuse("After # comes the number of a sample, as in #17, #17,20 or #17-20.");
  }
  const ends = [Number(a), Number(b ?? a)] as const;
  const unknown = ends.find((index) => index >= n);
  if (unknown !== undefined) {
    refuse(`There is no sample ${unknown}; samples are numbered 0 to ${n - 1}.`);
  }
  return [Math.min(...ends), Math.max(...ends)];
}
