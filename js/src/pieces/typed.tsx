// A field for a number or a word: what is being typed stays in it, whatever is drawn anew meanwhile.
import { useSignal } from "@preact/signals";
import type { TargetedEvent } from "preact";
import { useLayoutEffect } from "preact/hooks";

interface TypedProperties {
  type: "number" | "text";
  value: string;
  /** Called when a valid value is done; the browser marks the others in place. Without it a form reads the field. */
  change?: (input: HTMLInputElement) => void;
  id?: string;
  name?: string;
  min?: number | undefined;
  max?: number | undefined;
  step?: number | "any";
  required?: boolean;
  "aria-label"?: string;
  "data-testid"?: string;
}

export function Typed({ type, value, change, ...others }: TypedProperties) {
  const typed = useSignal<string | null>(null);
  useLayoutEffect(() => {
    typed.value = null;
  }, [typed, value]);
  const field = {
    ...others,
    value: typed.value ?? value,
    onInput: ({ currentTarget }: TargetedEvent<HTMLInputElement>) => {
      typed.value = currentTarget.value;
    },
    onChange: ({ currentTarget: input }: TargetedEvent<HTMLInputElement>) => {
      if (change !== undefined && input.checkValidity()) {
        typed.value = null;
        change(input);
      }
    },
  };
  return type === "number" ? <input type="number" {...field} /> : <input type="text" {...field} />;
}
