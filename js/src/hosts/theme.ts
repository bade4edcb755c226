// The theme of the host, else of the system, followed live: dark or light, and its colours.
import { type Signal, signal } from "@preact/signals";
import type { Rgb, Theme } from "../state/colors";

const LIGHT: Theme = { dark: false, background: [255, 255, 255], ink: [23, 26, 31] };
const DARK: Theme = { dark: true, background: [17, 19, 24], ink: [236, 239, 244] };

/** Follow the theme of the page around `root`, which gets `data-theme`. `read` looks again, as when the root joins the page. */
export function followTheme(root: HTMLElement): {
  theme: Signal<Theme>;
  read: () => void;
  stop: () => void;
} {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const theme = signal<Theme>(LIGHT);
  let request = 0;
  const read = (): void => {
    const dark = hostIsDark() ?? system.matches;
    root.dataset.theme = dark ? "dark" : "light";
    const style = getComputedStyle(root);
    const fallback = dark ? DARK : LIGHT;
    const next: Theme = {
      dark,
      background: parseColor(style.backgroundColor) ?? fallback.background,
      ink: parseColor(style.color) ?? fallback.ink,
    };
    if (JSON.stringify(next) !== JSON.stringify(theme.peek())) {
      theme.value = next;
    }
  };
  // Hosts set their attribute before or after their variables: read now, and again once both are there.
  const changed = (): void => {
    read();
    cancelAnimationFrame(request);
    request = requestAnimationFrame(read);
  };
  const observer = new MutationObserver(changed);
  for (const element of [document.documentElement, document.body]) {
    observer.observe(element, {
      attributes: true,
      attributeFilter: [
        "class",
        "style",
        "theme",
        "data-theme",
        "data-jp-theme-light",
        "data-jp-theme-name",
        "data-vscode-theme-kind",
      ],
    });
  }
  system.addEventListener("change", changed);
  changed();
  return {
    theme,
    read,
    stop: () => {
      observer.disconnect();
      system.removeEventListener("change", changed);
      cancelAnimationFrame(request);
    },
  };
}

/** What JupyterLab, VS Code, Colab or marimo say; null where nobody says anything. */
function hostIsDark(): boolean | null {
  const { body, documentElement } = document;
  const jupyter = body.dataset.jpThemeLight;
  if (jupyter !== undefined) {
    return jupyter === "false";
  }
  const code = body.dataset.vscodeThemeKind ?? body.className;
  if (/vscode-(dark|light|high-contrast)/.test(code)) {
    return /vscode-(dark|high-contrast(?!-light))/.test(code);
  }
  for (const element of [documentElement, body]) {
    const said = element.getAttribute("theme") ?? element.dataset.theme;
    if (said === "dark" || element.classList.contains("dark")) {
      return true;
    }
    if (said === "light" || element.classList.contains("light")) {
      return false;
    }
  }
  return null;
}

function parseColor(css: string): Rgb | null {
  const match = /^rgba?\(\s*([\d.]+)[\s,]+([\d.]+)[\s,]+([\d.]+)(?:\s*[,/]\s*([\d.]+))?/.exec(css);
  if (match === null || match[4] === "0") {
    return null;
  }
  return [Math.round(Number(match[1])), Math.round(Number(match[2])), Math.round(Number(match[3]))];
}

/** Whether the system asks for reduced motion, followed live. */
export function followReducedMotion(): { reduced: Signal<boolean>; stop: () => void } {
  const query = window.matchMedia("(prefers-reduced-motion: reduce)");
  const reduced = signal(query.matches);
  const changed = (): void => {
    reduced.value = query.matches;
  };
  query.addEventListener("change", changed);
  return { reduced, stop: () => query.removeEventListener("change", changed) };
}
