// The filter language as query.py reads it (its grammar stands there): which samples to show, in one line of text.

export type Kind =
  | "label"
  | "pred"
  | "conf"
  | "split"
  | "group"
  | "changed"
  | "index"
  | "correct"
  | "wrong";

type Span = readonly [number, number];

/** What its values are, for each kind: see `Condition` in query.py. */
export interface Condition {
  kind: Kind;
  /** Whether it must not hold. */
  negated: boolean;
  values: readonly (number | string | Span)[];
}

/** A part of a filter that was not understood; places count code points. */
export interface Problem {
  start: number;
  end: number;
  sentence: string;
}

export interface Query {
  conditions: Condition[];
  problems: Problem[];
}

/** What a filter may name. */
export interface Vocabulary {
  n: number;
  classes: readonly string[];
  groups: readonly string[];
  epochs: readonly number[];
}

/** The predictions of one epoch. */
export interface Outputs {
  predictions: ArrayLike<number>;
  confidence: ArrayLike<number>;
}

export interface Samples {
  /** -1 where there is none. */
  labels: ArrayLike<number>;
  /** 0 train, 1 test. */
  split: ArrayLike<number>;
  groups: ReadonlyMap<string, ArrayLike<number>>;
  /** The epoch shown. */
  epoch: number;
  /** Of every epoch that `epochsNeeded` names. */
  outputs(epoch: number): Outputs;
  /** The confidence that stands for 1. */
  certainty: number;
}

/** Characters of a condition: what they say, and the same with one stand-in for each that is quoted or of two units. */
interface Piece {
  text: string[];
  plain: string;
}

/** A condition with its place; null for one whose quotation mark is never closed. */
interface Placed {
  start: number;
  end: number;
  piece: Piece;
  closed: boolean;
}

class NotUnderstood extends Error {}

const no: (sentence: string) => never = (sentence) => {
  throw new NotUnderstood(sentence);
};

const SPACE = /[ \t\n\r\u00a0]/;
const QUOTED = "\0";
const LISTED = 5;
/** Characters of a word that is compared with names. */
const WRITTEN = 40;
const FIELDS = [
  "prediction",
  "confidence",
  "label",
  "pred",
  "conf",
  "split",
  "group",
  "changed",
] as const;
const LEVEL = "(\\d+\\.?\\d*|\\.\\d+)(%?)";
const ONE_LEVEL = new RegExp(`^${LEVEL}$`);
const TWO_LEVELS = new RegExp(`^${LEVEL}-${LEVEL}$`);
const SPAN = /^(\d{1,15})(?:-(\d{1,15}))?$/;

export function parse(text: string, known: Vocabulary): Query {
  const query: Query = { conditions: [], problems: [] };
  for (const { start, end, piece, closed } of pieces(text)) {
    try {
      query.conditions.push(
        closed ? read(piece, known) : no("The quotation mark is never closed."),
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

/** The conditions of a text as they stand between white space. */
export function pieces(text: string): Placed[] {
  const signs = Array.from(text);
  const found: Placed[] = [];
  for (let at = 0; at < signs.length; ) {
    if (SPACE.test(signs[at] as string)) {
      at++;
      continue;
    }
    const start = at;
    const piece: Piece = { text: [], plain: "" };
    let quoted = false;
    for (; at < signs.length && (quoted || !SPACE.test(signs[at] as string)); at++) {
      if (signs[at] === '"') {
        quoted = !quoted;
        continue;
      }
      if (quoted && signs[at] === "\\" && /^["\\]$/.test(signs[at + 1] ?? "")) {
        at++;
      }
      const sign = signs[at] as string;
      piece.text.push(sign);
      piece.plain += quoted ? QUOTED : sign.length > 1 || sign === QUOTED ? "\ufffd" : sign;
    }
    found.push({ start, end: at, piece, closed: !quoted });
  }
  return found;
}

function cut({ text, plain }: Piece, from: number, to?: number): Piece {
  return { text: text.slice(from, to), plain: plain.slice(from, to) };
}

function atCommas(piece: Piece): Piece[] {
  let end = -1;
  return piece.plain.split(",").map(({ length }) => {
    const start = end + 1;
    end = start + length;
    return cut(piece, start, end);
  });
}

function read(piece: Piece, known: Vocabulary): Condition {
  if (/^[!=]=$/.test(piece.plain)) {
    no(
      "Write wrong where label and prediction differ, correct where they agree; a condition holds no spaces: label:4.",
    );
  }
  const negated = /^[-!]/.test(piece.plain);
  const rest = cut(piece, Number(negated));
  if (negated && rest.text.length === 0) {
    no("A sign stands right before the condition that must not hold: -correct.");
  }
  const [kind, values] = meaning(rest, known);
  return { kind, negated, values };
}

type Meaning = [Kind, Condition["values"]];

function meaning(piece: Piece, known: Vocabulary): Meaning {
  if (piece.plain[0] === "#") {
    return ["index", atCommas(cut(piece, 1)).map(({ plain }) => span(plain, known.n))];
  }
  const [all, said, operator] = /^([A-Za-z]+)([!<>]=|[<>:=])/.exec(piece.plain) ?? [];
  if (all === undefined || said === undefined || operator === undefined) {
    return word(piece, known);
  }
  const field = fieldOf(said);
  if (field === null) {
    const there = "fields are label, pred, conf, split, group and changed.";
    no(`There is no field “${said}”; ${meant(said, FIELDS) || there}`);
  }
  const value = cut(piece, all.length);
  const { plain } = value;
  const text = value.text.join("");
  if (field === "conf") {
    return [field, levels(operator, plain)];
  }
  const equal = /^[:=]$/.test(operator);
  if (operator === "!=" || (equal && plain.startsWith("="))) {
    no(equality(field, operator === "!=", value));
  }
  if (!equal) {
    no(`Only conf is compared with ${operator}; after ${field} comes a colon.`);
  }
  if (field === "split") {
    const split = plain.toLowerCase();
    if (split !== "train" && split !== "test") {
      no("A split is train or test, as in split:test.");
    }
    return [field, [split]];
  }
  if (field === "group") {
    if (text === "") {
      no(`After group comes a name; ${groups(known)}`);
    }
    const group = named(text, known.groups);
    if (group === undefined) {
      const near = meant(text, known.groups) || groups(known);
      no(`There is no group “${text}”; ${near}`);
    }
    return [field, [known.groups[group] as string]];
  }
  if (field === "changed") {
    return [field, epochs(plain, known.epochs)];
  }
  const classes = atCommas(value).map((part) => classOf(part, known.classes, field));
  return [field, [...new Set(classes)]];
}

/** The field that a word names, in any case and in full. */
export function fieldOf(said: string): Exclude<Kind, "index" | "correct" | "wrong"> | null {
  const name = FIELDS.find((field) => field === said.toLowerCase()) ?? null;
  return name === "prediction" ? "pred" : name === "confidence" ? "conf" : name;
}

function word(piece: Piece, known: Vocabulary): Meaning {
  const text = piece.text.join("");
  const lower = piece.plain.toLowerCase();
  if (lower === "correct" || lower === "wrong") {
    return [lower, []];
  }
  const group = named(text, known.groups);
  if (group !== undefined) {
    return ["group", [known.groups[group] as string]];
  }
  no(
    named(text, known.classes) !== undefined
      ? `“${text}” is a class; write label: or pred: before it.`
      : fieldOf(lower) !== null
        ? `After ${lower} comes a sign and a value, without a space: split:test, conf<0.6.`
        : `“${text}” is neither correct, wrong nor a group; ${
            meant(text, [...known.groups, "correct", "wrong", ...FIELDS]) || groups(known)
          }`,
  );
}

/** What to write where somebody compares as programs do. */
function equality(field: string, differ: boolean, { text, plain }: Piece): string {
  const first = plain.search(/[^=]|$/);
  const other = fieldOf(plain.slice(first));
  if (/label|pred/.test(field) && (other === "label" || other === "pred")) {
    const [said, relation] = differ ? ["wrong", "differ"] : ["correct", "agree"];
    return `Write ${said} for samples whose label and prediction ${relation}.`;
  }
  const said = text.slice(first).join("") || "…";
  const written = plain.includes(QUOTED) ? quoted(said) : said;
  return differ
    ? `Write “-${field}:${written}”; the sign before it means not.`
    : `Write “${field}:${written}”.`;
}

/** A name in quotation marks. */
export function quoted(name: string): string {
  return `"${name.replace(/["\\]/g, "\\$&")}"`;
}

/** Place of a name: as it is, or regardless of case if just one fits. */
function named(text: string, names: readonly string[]): number | undefined {
  const exact = names.indexOf(text);
  if (exact >= 0) {
    return exact;
  }
  const lower = text.toLowerCase();
  const fitting = [...names.keys()].filter((i) => names[i]?.toLowerCase() === lower);
  return fitting.length === 1 ? fitting[0] : undefined;
}

function classOf(piece: Piece, names: readonly string[], field: string): number {
  const text = piece.text.join("");
  const plain = piece.plain;
  const there = all("classes", names);
  if (text === "") {
    no(`After ${field} comes a class; ${there}`);
  }
  const place = named(text, names);
  if (place !== undefined) {
    return place;
  }
  if (field === "label" && plain.toLowerCase() === "none") {
    return -1;
  }
  if (/^\d{1,15}$/.test(plain) && Number(plain) < names.length) {
    return Number(plain);
  }
  no(`There is no class “${text}”; ${meant(text, names) || there}`);
}

function levels(operator: string, plain: string): Condition["values"] {
  const range = /^[:=]$/.test(operator);
  const found = operator === "!=" ? [] : ((range ? TWO_LEVELS : ONE_LEVEL).exec(plain) ?? []);
  const numbers: number[] = [];
  for (let i = 1; i < found.length; i += 2) {
    numbers.push(Number(found[i]) / (found[i + 1] ? 100 : 1));
  }
  if (numbers.length === 0 || Math.max(...numbers) > 1) {
    no("Confidence is compared with numbers in 0 to 1: conf<0.6 or conf:0.2-0.6.");
  }
  return [range ? "in" : operator, ...numbers.sort((p, q) => p - q)];
}

function epochs(plain: string, recorded: readonly number[]): Condition["values"] {
  const [, a, b] = SPAN.exec(plain) ?? [];
  if (a === undefined || b === undefined || Number(a) === Number(b)) {
    no("After changed come two epochs, as in changed:3-7.");
  }
  const both = [Number(a), Number(b)];
  const unknown = both.find((epoch) => !recorded.includes(epoch));
  if (unknown !== undefined) {
    no(`Epoch ${unknown} was not recorded; ${all("epochs", recorded)}`);
  }
  return both;
}

function span(plain: string, n: number): Span {
  const [, a, b] = SPAN.exec(plain) ?? [];
  if (a === undefined) {
    no("After # comes the number of a sample, as in #17, #17,20 or #17-20.");
  }
  const ends = [Number(a), Number(b ?? a)] as const;
  const unknown = ends.find((index) => index >= n);
  if (unknown !== undefined) {
    no(`There is no sample ${unknown}; samples are numbered 0 to ${n - 1}.`);
  }
  return [Math.min(...ends), Math.max(...ends)];
}

function groups(known: Vocabulary): string {
  return known.groups.length > 0 ? all("groups", known.groups) : "the samples have no groups.";
}

function all(what: string, names: readonly (string | number)[]): string {
  const more = names.length > LISTED ? ` and ${names.length - LISTED} more` : "";
  return `${what} are ${names.slice(0, LISTED).join(", ")}${more}.`;
}

/** A question for the name that was probably meant; empty if none is near. */
function meant(text: string, names: readonly string[]): string {
  const written = Array.from(text);
  let fewest = Math.min(Math.max(1, Math.floor(written.length / 3)), written.length - 1);
  let best = "";
  if (written.length <= WRITTEN) {
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

/** Fewest insertions, deletions, replacements and swaps of neighbours that make one of the other. */
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

/** The epochs whose outputs decide a filter. */
export function epochsNeeded({ conditions }: Query, now: number): number[] {
  const needed = conditions.flatMap(({ kind, values }) =>
    kind === "changed"
      ? (values as number[])
      : ["pred", "conf", "correct", "wrong"].includes(kind)
        ? [now]
        : [],
  );
  return [...new Set(needed)];
}

/** A byte per sample, 1 where all conditions hold. */
export function holds({ conditions }: Query, samples: Samples): Uint8Array {
  const n = samples.labels.length;
  const mask = new Uint8Array(n).fill(1);
  for (const condition of conditions) {
    const test = testOf(condition, samples);
    for (let i = 0; i < n; i++) {
      if (mask[i] === 1 && test(i) === condition.negated) {
        mask[i] = 0;
      }
    }
  }
  return mask;
}

function testOf({ kind, values }: Condition, samples: Samples): (sample: number) => boolean {
  const { labels, split, certainty } = samples;
  const now = (): Outputs => samples.outputs(samples.epoch);
  switch (kind) {
    case "label":
    case "pred": {
      const classes = kind === "label" ? labels : now().predictions;
      const numbers = values as number[];
      const wanted = new Uint8Array(Math.max(...numbers) + 2);
      for (const number of numbers) {
        wanted[number + 1] = 1;
      }
      return (i) => wanted[(classes[i] as number) + 1] === 1;
    }
    case "conf": {
      // Exact for levels of four digits (see CERTAINTY). Nearer to others than one part of it, samples may fall on
      // the other side than in Python, which compares unrounded.
      const { confidence } = now();
      const [relation, low, high = low] = values as [string, number, number?];
      const value = (i: number): number => (confidence[i] as number) / certainty;
      const relations: Record<string, (i: number) => boolean> = {
        "<": (i) => value(i) < low,
        "<=": (i) => value(i) <= low,
        ">": (i) => value(i) > low,
        ">=": (i) => value(i) >= low,
        in: (i) => value(i) >= low && value(i) <= high,
      };
      return relations[relation] as (i: number) => boolean;
    }
    case "split": {
      const wanted = values[0] === "test" ? 1 : 0;
      return (i) => split[i] === wanted;
    }
    case "group": {
      const members = samples.groups.get(values[0] as string) as ArrayLike<number>;
      return (i) => members[i] === 1;
    }
    case "changed": {
      const [before, after] = (values as number[]).map((e) => samples.outputs(e).predictions) as [
        ArrayLike<number>,
        ArrayLike<number>,
      ];
      return (i) => before[i] !== after[i];
    }
    case "index":
      return (i) => (values as Span[]).some(([first, last]) => i >= first && i <= last);
    default: {
      const { predictions } = now();
      const right = kind === "correct";
      return (i) => (labels[i] as number) >= 0 && (labels[i] === predictions[i]) === right;
    }
  }
}
