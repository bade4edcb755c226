// A button that is only an icon: its name is a tooltip, and read out by screen readers.
import type { ComponentChildren } from "preact";

interface ToolButtonProperties {
  testid: string;
  name: string;
  pressed?: boolean;
  disabled?: boolean;
  press: (event: MouseEvent) => void;
  children: ComponentChildren;
}

export function ToolButton({
  testid,
  name,
  pressed,
  disabled,
  press,
  children,
}: ToolButtonProperties) {
  return (
    <button
      type="button"
      class="dvi-tool"
      data-testid={testid}
      title={name}
      aria-label={name}
      aria-pressed={pressed}
      disabled={disabled}
      onClick={press}
    >
      {children}
    </button>
  );
}
