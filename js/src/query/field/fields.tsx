// The filter as a form, for those who do not want to type: each field writes its condition into the text.
import { type Field, type FieldValue, Form } from "../../pieces/form";
import type { Store } from "../../state/store";
import { classText, groupText } from "../complete";
import { conditionOf, withCondition } from "../fields";
import type { Kind } from "../grammar";

/** With spaces, so that no name in a filter equals it. */
const ANY = "– any –";

export function Fields({ store }: { store: Store }) {
  const { filter } = store;
  const { known } = store.filtering;
  const text = filter.value;
  const find = <K extends Kind>(...kinds: K[]) => conditionOf(text, kinds, known);
  const put = (kinds: readonly Kind[], condition: string): void => {
    filter.value = withCondition(text, kinds, condition, known);
  };
  const choice = (name: string, value: string | undefined, choices: readonly string[]): Field => ({
    name,
    kind: "choice",
    value: value ?? ANY,
    choices: [ANY, ...choices],
  });
  const level = (name: string, value: number): Field => ({
    name,
    kind: "number",
    value,
    min: 0,
    max: 1,
  });

  const classes = known.classes.map((_, i) => classText(i, known));
  const classOf = (kind: "label" | "pred"): string | undefined => {
    const [value, ...others] = find(kind)?.values ?? [];
    return value === undefined || others.length > 0 ? undefined : (classes[value] ?? "none");
  };
  const [group] = find("group")?.values ?? [];
  const [relation, first = 0, second = first] = find("conf")?.values ?? [];
  const low = relation === "in" || relation?.startsWith(">") ? first : 0;
  const high = relation === "in" || relation?.startsWith("<") ? second : 1;
  const confidence = (from: FieldValue, to: FieldValue): void => {
    // The filter language has no exponents.
    const [a, b] = [from, to].map((value) => String(Number(Number(value).toFixed(6))));
    put(
      ["conf"],
      a === "0" ? (b === "1" ? "" : `conf<=${b}`) : b === "1" ? `conf>=${a}` : `conf:${a}-${b}`,
    );
  };
  const epochs = known.epochs.map(String);
  const [before, after] = (find("changed")?.values ?? []).map(String);
  const changed = (a = epochs[0], b = epochs.at(-1)): void =>
    put(["changed"], a === b || a === ANY || b === ANY ? "" : `changed:${a}-${b}`);

  const fields: [Field, (value: string) => void][] = [
    [
      choice("label", classOf("label"), store.unlabelled > 0 ? [...classes, "none"] : classes),
      (value) => put(["label"], value && `label:${value}`),
    ],
    [
      choice("prediction", classOf("pred"), classes),
      (value) => put(["pred"], value && `pred:${value}`),
    ],
    [
      choice("correctness", find("correct", "wrong")?.kind, ["correct", "wrong"]),
      (value) => put(["correct", "wrong"], value),
    ],
    [
      choice("split", find("split")?.values[0], ["train", "test"]),
      (value) => put(["split"], value && `split:${value}`),
    ],
    [
      choice("group", group === undefined ? group : groupText(group), known.groups.map(groupText)),
      (value) => put(["group"], value),
    ],
    [level("confidence from", low), (value) => confidence(value, high)],
    [level("confidence to", high), (value) => confidence(low, value)],
    [choice("changed after epoch", before, epochs), (value) => changed(value || ANY, after)],
    [choice("changed until epoch", after, epochs), (value) => changed(before, value || ANY)],
  ];
  const useful = fields.filter(([{ choices }]) => choices?.length !== 1);
  return (
    <div data-testid="fields-panel">
      <Form
        fields={useful.map(([field]) => field)}
        values={{}}
        change={(name, value) =>
          useful.find(([field]) => field.name === name)?.[1](value === ANY ? "" : String(value))
        }
      />
    </div>
  );
}
