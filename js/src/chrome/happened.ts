// What each epoch changed: in words, and as the filter that finds its samples.
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
