// The filter language: its conditions, the names they may use, and a text cut at white space and quotation marks.

/** A range of sample numbers, both ends included. */
export type Span = readonly [number, number];
/** How a confidence is compared; "in" is a range with both ends. */
export type Relation = "<" | "<=" | ">" | ">=" | "in";

/** What a condition demands; `query.py` has the same kinds and values. */
export type Demand =
  | { kind: "label" | "pred"; values: readonly number[] }
  | { kind: "conf"; values: readonly [relation: Relation, low: number, high?: number] }
  | { kind: "split"; values: readonly ["train" | "test"] }
  | { kind: "group"; values: readonly [string] }
  | { kind: "changed"; values: readonly [before: number, after: number] }
  | { kind: "index"; values: readonly Span[] }
  | { kind: "correct" | "wrong"; values: readonly [] };

export type Kind = Demand["kind"];

/** A demand that must hold, or must not. */
export type Condition = Demand & { negated: boolean };

/** A part of a filter that was not understood; `start` and `end` count code points. */
export interface Problem {
  start: number;
  end: number;
  sentence: string;
}

export interface Query {
  conditions: Condition[];
  problems: Problem[];
}

/** The names that a filter may use. */
export interface Vocabulary {
  n: number;
  classes: readonly string[];
  groups: readonly string[];
  epochs: readonly number[];
}

/** The characters of a condition: as written, and with a stand-in for each that is quoted or of two units. */
export interface Piece {
  text: string[];
  plain: string;
}

/** A condition of a text; not closed where its quotation mark never ends. */
export interface PlacedPiece {
  start: number;
  end: number;
  piece: Piece;
  closed: boolean;
}

/** Stands in `Piece.plain` for a quoted character. */
export const QUOTED = "\0";

export const FIELDS = [
  "prediction",
  "confidence",
  "label",
  "pred",
  "conf",
  "split",
  "group",
  "changed",
] as const;

const SPACE = /[ \t\n\r\u00a0]/;

/** The conditions of a text as they stand between white space. */
export function pieces(text: string): PlacedPiece[] {
  const signs = Array.from(text);
  const all: PlacedPiece[] = [];
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
    all.push({ start, end: at, piece, closed: !quoted });
  }
  return all;
}

export function cut({ text, plain }: Piece, from: number, to?: number): Piece {
  return { text: text.slice(from, to), plain: plain.slice(from, to) };
}

export function cutAtCommas(piece: Piece): Piece[] {
  let end = -1;
  return piece.plain.split(",").map(({ length }) => {
    const start = end + 1;
    end = start + length;
    return cut(piece, start, end);
  });
}

/** The field that a word names, in any case and in full; null for none. */
export function fieldOf(
  said: string,
): "label" | "pred" | "conf" | "split" | "group" | "changed" | null {
  const name = FIELDS.find((field) => field === said.toLowerCase()) ?? null;
  return name === "prediction" ? "pred" : name === "confidence" ? "conf" : name;
}

/** Write a name in quotation marks. */
export function quote(name: string): string {
  return `"${name.replace(/["\\]/g, "\\$&")}"`;
}
