// Completions of a filter: conditions, names of classes and groups, and values, each as a filter writes it.
import { fieldOf, pieces, quote, type Vocabulary } from "./grammar";

export interface Option {
  /** Compared with what is typed. */
  name: string;
  /** Replaces the part being typed. */
  text: string;
  hint: string;
  /** The class it names. */
  class?: number;
}

export interface Completion {
  /** The part being typed, in code units. */
  start: number;
  end: number;
  options: readonly Option[];
}

const MAX_OPTIONS = 60;
const WORDS = [
  ["wrong", "prediction differs from the label"],
  ["correct", "prediction equals the label"],
  ["label:", "class of the label"],
  ["pred:", "predicted class"],
  ["conf<", "confidence below, 0 to 1"],
  ["conf>", "confidence above, 0 to 1"],
  ["split:train", ""],
  ["split:test", ""],
  ["changed:", "prediction differs between two epochs"],
  ["#", "number of a sample"],
] as const;

/** Complete the part of a condition before the caret. */
export function complete(text: string, caret: number, known: Vocabulary): Completion {
  const signs = Array.from(text.slice(0, caret));
  const written = pieces(text.slice(0, caret)).at(-1);
  const rest = written?.closed === false ? /^[^"]*"?/ : /^[^\s",]*/;
  const typed = written?.end === signs.length ? signs.slice(written.start).join("") : "";
  const [, said, value = ""] = /^[-!]?(?:([A-Za-z]+)(?:[<>]=?|[:=]))?(.*)$/su.exec(typed) ?? [];
  const field = said === undefined ? null : fieldOf(said);
  // After a comma another name begins.
  const named = field === "label" || field === "pred";
  const part = named ? (/(?:"(?:\\.|[^"])*"?|[^,"])*$/su.exec(value)?.[0] ?? "") : value;
  const needle = part.replace(/["\\]/g, "").toLowerCase();
  const match = ({ name }: Option): number => name.toLowerCase().indexOf(needle);
  const all = said === undefined ? words(needle, known) : values(field, part, known);
  const fitting = all.filter((option) => match(option) >= 0 && option.text !== part);
  return {
    start: caret - part.length,
    end: caret + (rest.exec(text.slice(caret))?.[0].length ?? 0),
    // Names that begin with what is typed go first.
    options: fitting
      .sort((p, q) => Math.sign(match(p)) - Math.sign(match(q)))
      .slice(0, MAX_OPTIONS),
  };
}

function words(needle: string, known: Vocabulary): Option[] {
  return [
    ...WORDS.map(([text, hint]) => ({ name: text, text, hint })),
    ...known.groups.map((name) => ({ name, text: groupText(name), hint: "group" })),
    ...(needle === "" ? [] : ["label", "pred"]).flatMap((field) =>
      classes(field, known).map((option) => ({ ...option, text: `${field}:${option.text}` })),
    ),
  ];
}

function values(field: string | null, part: string, known: Vocabulary): Option[] {
  const plain = (text: string, hint = ""): Option => ({ name: text, text, hint });
  switch (field) {
    case "label":
      return [...classes(field, known), plain("none", "without a label")];
    case "pred":
      return classes(field, known);
    case "group":
      return known.groups.map((name) => ({ name, text: written(name), hint: "" }));
    case "split":
      return [plain("train"), plain("test")];
    case "changed": {
      const [from] = /^\d+-/.exec(part) ?? [];
      const epochs = known.epochs.filter((epoch) => `${epoch}-` !== from);
      return epochs.map((epoch) => plain(from === undefined ? `${epoch}-` : `${from}${epoch}`));
    }
    default:
      return [];
  }
}

function classes(field: string, known: Vocabulary): Option[] {
  return known.classes.map((name, i) => ({
    name,
    text: classText(i, known),
    hint: field === "label" ? "label" : "prediction",
    class: i,
  }));
}

/** A class after `label:` or `pred:`; by its number where its name is empty or another class has it too. */
export function classText(index: number, { classes }: Vocabulary): string {
  const name = classes[index] ?? "";
  return name === "" || classes.indexOf(name) !== index ? String(index) : written(name);
}

/** A group as a condition of its own. */
export function groupText(name: string): string {
  return /^[\p{L}_][\p{L}\p{N}_]*$/u.test(name) && !/^(correct|wrong)$/i.test(name)
    ? name
    : quote(name);
}

function written(name: string): string {
  return /^[^\s",\\=]+$/.test(name) ? name : quote(name);
}
