// A button with a small menu; Escape, or a press or focus elsewhere, closes it.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";

interface MenuProperties {
  testid: string;
  name: string;
  icon: ComponentChildren;
  /** Whether anything in the menu differs from its default. */
  on: boolean;
  children: ComponentChildren;
}

export function Menu({ testid, name, icon, on, children }: MenuProperties) {
  const open = useSignal(false);
  const button = useRef<HTMLButtonElement>(null);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it listens to its button and its menu
    <div
      class="dvi-menu-place"
      onFocusOut={(event) => {
        const { relatedTarget, currentTarget } = event;
        if (relatedTarget instanceof Node && !currentTarget.contains(relatedTarget)) {
          open.value = false;
        }
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape" && open.peek()) {
          open.value = false;
          button.current?.focus();
          event.stopPropagation();
        }
      }}
    >
      <button
        type="button"
        class="dvi-tool"
        ref={button}
        data-testid={testid}
        title={name}
        aria-label={name}
        aria-haspopup="dialog"
        aria-expanded={open.value}
        data-on={on}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        {icon}
      </button>
      {open.value && (
        <>
          {/* A press beside the menu closes it and does nothing else. */}
          <div class="dvi-menu-beside" onPointerDown={() => (open.value = false)} />
          {/* Focusable, because a press on its words would give the focus to whatever the host has around the explorer. */}
          <div class="dvi-menu" role="dialog" aria-label={name} tabIndex={-1}>
            {children}
          </div>
        </>
      )}
    </div>
  );
}
