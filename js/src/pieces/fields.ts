// Fields of a form out of the kernel's own tables of parameters, so that what is new there needs nothing here.
import type { Field, FieldValue } from "./form";

/** A parameter as the kernel describes it. */
export interface FieldInfo {
  name: string;
  kind: string;
  default: FieldValue | null;
  description: string;
  low: number | null;
  high: number | null;
  choices: string[];
}

const KINDS = { int: "integer", float: "number", bool: "boolean" } as const;

export function field(info: FieldInfo): Field {
  const { name, kind, default: value, description, low, high, choices } = info;
  return {
    name,
    kind: choices.length > 0 ? "choice" : (KINDS[kind as keyof typeof KINDS] ?? "text"),
    value: value ?? "",
    help: description,
    ...(low === null ? {} : { min: low }),
    ...(high === null ? {} : { max: high }),
    ...(choices.length > 0 ? { choices } : {}),
  };
}
