// Forms made from a description of their fields, as for the parameters of a method.
import type { Field as Parameter } from "../protocol/requests";
import { Typed } from "./typed";
import { useUnique } from "./unique";

export type FieldValue = number | boolean | string;

export interface Field {
  name: string;
  kind: "number" | "integer" | "choice" | "boolean" | "text";
  value: FieldValue;
  min?: number;
  max?: number;
  step?: number;
  choices?: readonly string[];
  help?: string;
}

interface FormProperties {
  fields: readonly Field[];
  /** By name; a missing one stands at the field's own value. */
  values: Readonly<Record<string, FieldValue>>;
  /** Called with valid values only; the browser marks the others in place. */
  change: (name: string, value: FieldValue) => void;
}

export function Form({ fields, values, change }: FormProperties) {
  const id = useUnique();
  return (
    <div class="dvi-form">
      {fields.map((field) => (
        <label key={field.name} for={`${id}-${field.name}`} title={field.help}>
          <span>{field.name.replaceAll("_", " ")}</span>
          <Input
            id={`${id}-${field.name}`}
            field={field}
            value={values[field.name] ?? field.value}
            change={(value) => change(field.name, value)}
          />
        </label>
      ))}
    </div>
  );
}

interface InputProperties {
  id: string;
  field: Field;
  value: FieldValue;
  change: (value: FieldValue) => void;
}

function Input({
  id,
  field: { kind, min, max, step, choices = [] },
  value,
  change,
}: InputProperties) {
  if (kind === "choice") {
    return (
      <select id={id} value={String(value)} onChange={(event) => change(event.currentTarget.value)}>
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {choice}
          </option>
        ))}
      </select>
    );
  }
  if (kind === "boolean") {
    return (
      <input
        id={id}
        type="checkbox"
        checked={value === true}
        onChange={(event) => change(event.currentTarget.checked)}
      />
    );
  }
  if (kind === "text") {
    return (
      <Typed id={id} type="text" value={String(value)} change={(input) => change(input.value)} />
    );
  }
  return (
    <Typed
      id={id}
      type="number"
      value={String(value)}
      min={min}
      max={max}
      step={step ?? (kind === "integer" ? 1 : "any")}
      required
      change={(input) => change(input.valueAsNumber)}
    />
  );
}

/** The field of a parameter as the kernel describes it, so that a new parameter needs nothing here. */
export function fieldOf(parameter: Parameter): Field {
  const { name, kind, default: value, description, low, high, choices } = parameter;
  return {
    name,
    kind: choices.length > 0 ? "choice" : KINDS[kind],
    value: value ?? "",
    help: description,
    ...(low === null ? {} : { min: low }),
    ...(high === null ? {} : { max: high }),
    ...(choices.length > 0 ? { choices } : {}),
  };
}

const KINDS = {
  int: "integer",
  float: "number",
  bool: "boolean",
  choice: "text",
  layer: "text",
  fill: "text",
} as const;
