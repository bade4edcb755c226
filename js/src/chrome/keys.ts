// Keys that mean the same everywhere in the explorer, unless the focused element needs them itself.
import type { Stage } from "../canvas/stage";
import type { Store } from "../state/store";

/** The share of the screen that shift and an arrow key pan by. */
const PAN = 0.2;
const ZOOM = 1.5;

/** Control or command with Z, or with Y for redo. */
function isUndo({ ctrlKey, metaKey, altKey, key }: KeyboardEvent): boolean {
  return (ctrlKey || metaKey) && !altKey && ["z", "y"].includes(key.toLowerCase());
}

type Actions = Record<string, (() => void) | undefined>;

/** Do what a key means, and keep it from the host. */
export function followKey(
  event: KeyboardEvent,
  store: Store,
  root: HTMLElement,
  stage: Stage | null,
): void {
  const target = event.target as HTMLElement;
  if (isUndo(event) && !target.matches("input, select, textarea")) {
    if (event.shiftKey || event.key.toLowerCase() === "y") {
      store.history.redo();
    } else {
      store.history.undo();
    }
    event.preventDefault();
    event.stopPropagation();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || target.matches("input, select, textarea")) {
    return;
  }
  const { playhead } = store;
  const press = (testid: string): void =>
    root.querySelector<HTMLElement>(`[data-testid=${testid}]`)?.click();
  const actions: Actions = {
    ArrowLeft: () => playhead.seek(playhead.position.peek() - 1),
    ArrowRight: () => playhead.seek(playhead.position.peek() + 1),
    Home: () => playhead.seek(0),
    End: () => playhead.seek(store.epochs.length - 1),
    ",": () => press("previous-moment"),
    ".": () => press("next-moment"),
    "+": () => stage?.camera.zoomBy(ZOOM),
    "=": () => stage?.camera.zoomBy(ZOOM),
    "-": () => stage?.camera.zoomBy(1 / ZOOM),
    "0": () => stage?.camera.reset(),
    "/": () => root.querySelector<HTMLElement>("[data-testid=find]")?.focus(),
    "?": () => {
      const key = root.querySelector<HTMLElement>("[data-testid=key]");
      key?.click();
      // From here, Escape closes it.
      key?.focus();
    },
    Escape: () => retreat(store, stage),
  };
  if (target.matches("[role=application]")) {
    Object.assign(actions, canvasActions(event, stage));
  }
  // A slider is also moved up and down; elsewhere these keys scroll the page.
  if (target.matches("[role=slider]")) {
    actions.ArrowUp = actions.ArrowRight;
    actions.ArrowDown = actions.ArrowLeft;
  }
  // Space presses a focused button.
  if (!target.matches("button")) {
    actions[" "] = () => playhead.toggle();
  }
  const action = actions[event.key];
  if (action !== undefined) {
    action();
    event.preventDefault();
    event.stopPropagation();
  }
}

/** Leave what was begun last: a lasso, the card of a place, the selection. */
function retreat(store: Store, stage: Stage | null): void {
  if (stage?.pointer.lasso.path.peek()) {
    stage.pointer.lasso.cancel();
  } else if (store.place.peek() !== null) {
    store.place.value = null;
  } else {
    store.clear();
  }
}

function canvasActions({ shiftKey }: KeyboardEvent, stage: Stage | null): Actions {
  const pan = (x: number, y: number) => () => stage?.camera.panBy(x, y);
  return {
    Enter: () => {
      const seen = stage?.camera.viewport.peek();
      if (seen) {
        stage?.pointer.press([seen.width / 2, seen.height / 2]);
      }
    },
    ...(shiftKey && {
      ArrowLeft: pan(-PAN, 0),
      ArrowRight: pan(PAN, 0),
      ArrowUp: pan(0, -PAN),
      ArrowDown: pan(0, PAN),
    }),
  };
}
