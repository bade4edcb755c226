// What each epoch changed: in words, and as the filter that finds its samples.

import { percent, plural } from "../pieces/words";
import type { EventRow } from "../protocol/requests";
import type { Answer } from "../protocol/wire";
import { classText } from "../query/complete";
import type { Vocabulary } from "../query/grammar";

const points = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0, signDisplay: "never" });

/** An event as a sentence, with the names of its classes. */
export function eventWords({ event, classes, change }: EventRow, names: readonly string[]): string {
  const [one, other] = classes.map((index) => names[index] ?? String(index));
  const by = `${points.format(100 * change)} points`;
  switch (event) {
    case "fell":
      return `${one} is recognised less often, by ${by}`;
    case "merged":
      return `${one} and ${other} merge: taken for each other more often, by ${by}`;
    case "parted":
      return `${one} and ${other} part: taken for each other less often, by ${by}`;
    case "changed":
      return "got another prediction";
  }
}

/** The epochs that one can look for, by what happened there. */
export const CONDITIONS = [
  { key: "", words: "anything notable happened", classes: 0 },
  { key: "accuracy", words: "accuracy fell", classes: 0 },
  { key: "fell", words: "a class is recognised less often", classes: 1 },
  { key: "parted", words: "two classes part", classes: 2 },
  { key: "merged", words: "two classes merge", classes: 2 },
] as const;

/** What happened at an epoch, and the filter that finds its samples. */
export interface Moment {
  epoch: number;
  event: EventRow["event"] | "accuracy";
  key: string;
  words: string;
  /** How many samples; null where the words say it. */
  samples: number | null;
  filter: string;
}

/** Pairs of an epoch that are listed where nothing particular is looked for. */
const MAX_PAIRS = 3;

/** All that happened, or what fits a condition, by epoch; changed predictions, which are nearly everywhere, come with the rest. */
export function momentsOf(
  { rows, split }: Answer<"events">,
  condition: { kind: string; classes: readonly number[] },
  course: { name: string; epochs: readonly number[]; values: readonly (number | null)[] },
  known: Vocabulary,
): Moment[] {
  if (condition.kind === "accuracy") {
    return falls(course, split);
  }
  const seen = new Map<string, number>();
  return rows
    .filter(({ epoch, event, classes }) => {
      if (condition.kind !== "") {
        return (
          event === condition.kind && condition.classes.every((index) => classes.includes(index))
        );
      }
      const rank = seen.get(`${epoch} ${event}`) ?? 0;
      seen.set(`${epoch} ${event}`, rank + 1);
      return rank < MAX_PAIRS || event === "fell";
    })
    .map((row) => ({
      epoch: row.epoch,
      event: row.event,
      key: `${row.event} ${row.classes}`,
      words:
        row.event === "changed"
          ? `${plural(row.samples, "sample", "samples")} ${eventWords(row, known.classes)}`
          : eventWords(row, known.classes),
      samples: row.event === "changed" ? null : row.samples,
      filter: eventFilter(row, split, known),
    }));
}

/** The epochs at which a share is lower than at the one before. */
function falls(
  {
    name,
    epochs,
    values,
  }: { name: string; epochs: readonly number[]; values: readonly (number | null)[] },
  split: Answer<"events">["split"],
): Moment[] {
  return epochs.flatMap((epoch, i) => {
    const [before, after] = [values[i - 1] ?? null, values[i] ?? null];
    if (before === null || after === null || after >= before) {
      return [];
    }
    const filter = ["wrong", ...(split === null ? [] : [`split:${split}`])];
    return [
      {
        epoch,
        event: "accuracy" as const,
        key: "accuracy",
        words: `${name} fell from ${percent(before)} to ${percent(after)}`,
        samples: null,
        filter: [...filter, `changed:${epochs[i - 1]}-${epoch}`].join(" "),
      },
    ];
  });
}

/** The filter that shows the samples of an event. */
export function eventFilter(
  { event, epoch, before, classes }: EventRow,
  split: Answer<"events">["split"],
  known: Vocabulary,
): string {
  const named = classes.map((index) => classText(index, known)).join(",");
  const conditions = {
    changed: [],
    fell: [`label:${named}`, "wrong"],
    merged: [`label:${named}`, `pred:${named}`, "wrong"],
    parted: [`label:${named}`],
  }[event];
  return [
    ...conditions,
    ...(event === "changed" || split === null ? [] : [`split:${split}`]),
    `changed:${before}-${epoch}`,
  ].join(" ");
}
