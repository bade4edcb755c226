// A button that opens a small menu over the canvas; Escape, and going elsewhere, close it.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";

interface MenuProperties {
  testid: string;
  name: string;
  icon: ComponentChildren;
  /** Whether something in the menu is switched on. */
  on: boolean;
  children: ComponentChildren;
}

export function Menu({ testid, name, icon, on, children }: MenuProperties) {
  const open = useSignal(false);
  const button = useRef<HTMLButtonElement>(null);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it hears what happens in its button and its menu
    <div
      class="dvi-menu-place"
      onFocusOut={(event) => {
        const { relatedTarget, currentTarget } = event;
        // A click on plain text inside gives the focus to nobody.
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
          {/* Whoever presses beside the menu means to close it, and nothing else. */}
          <div class="dvi-menu-beside" onPointerDown={() => (open.value = false)} />
          <div class="dvi-menu" role="dialog" aria-label={name}>
            {children}
          </div>
        </>
      )}
    </div>
  );
}
