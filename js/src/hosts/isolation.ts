// A root of its own in the host's page: the host's styles and shortcuts stay out of it, and its own stay in.
import { styles } from "./styles";

export interface Isolated {
  root: HTMLElement;
  remove: () => void;
}

const FIELDS = "input, select, textarea";
/** With control or command: undo, redo, cut, copy, paste, select all. */
const EDITING = new Set("zyxcva");
const KEYS = ["keydown", "keypress", "keyup"] as const;
/** Lumino, the framework of JupyterLab and Notebook 7, takes no keys from inside elements with this attribute. */
const SUPPRESS = "data-lm-suppress-shortcuts";

/**
 * Append a shadow root to an element of the page. A reset of the host's styles would not do: hosts style tables,
 * lists and inputs inside outputs by selectors of any specificity, some with `!important`.
 */
export function isolate(element: HTMLElement): Isolated {
  const shell = document.createElement("div");
  const shadow = shell.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(styles);
  shadow.adoptedStyleSheets = [sheet];
  const root = document.createElement("div");
  root.className = "dvi";
  // Focusable, so that a press on plain text leaves the focus inside and not with the notebook's cell.
  root.tabIndex = -1;
  shadow.append(root);
  element.append(shell);

  // Single keys belong to the explorer. With control or command they are the host's, but in fields the browser's,
  // and those that edit never change a document behind the explorer's back: undo is the explorer's own.
  const isOurs = (event: KeyboardEvent): boolean => {
    const [target] = event.composedPath();
    const inField = target instanceof Element && target.matches(FIELDS);
    return inField || !(event.ctrlKey || event.metaKey) || EDITING.has(event.key.toLowerCase());
  };
  // On the window, because Lumino listens on the document.
  const announce = (event: KeyboardEvent): void => {
    if (event.composedPath().includes(shell)) {
      shell.toggleAttribute(SUPPRESS, isOurs(event));
    }
  };
  const keep = (event: KeyboardEvent): void => {
    if (isOurs(event)) {
      event.stopPropagation();
    }
  };
  window.addEventListener("keydown", announce, true);
  for (const type of KEYS) {
    shell.addEventListener(type, keep);
  }
  return {
    root,
    remove: () => {
      window.removeEventListener("keydown", announce, true);
      shell.remove();
    },
  };
}
