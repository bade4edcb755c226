// Puts an explorer into an element of a page and takes it out again, whoever the host is.
import { effect, signal } from "@preact/signals";
import { render } from "preact";
import { Explorer } from "../chrome/explorer";
import type { Source } from "../protocol/source";
import { type SharedState, Store } from "../state/store";
import { styles } from "./styles";
import { followStillness, followTheme } from "./theme";

export interface Host {
  source: Source;
  /** What the host remembers now. */
  state: () => SharedState;
  /** Keep the host and the store in step until the function returned is called. */
  bind: (store: Store) => () => void;
  close: () => void;
}

const STYLE = "data-dvi-style";

export function mount(element: HTMLElement, host: Host): () => void {
  const root = document.createElement("div");
  root.className = "dvi";
  element.append(root);
  const theme = followTheme(root);
  const stillness = followStillness();
  const abort = new AbortController();
  const problem = signal<string | null>(null);
  const cleanups = [theme.stop, stillness.stop, host.close];
  // A notebook may hand over an element that is not in the page yet, or will lie in a shadow root.
  cleanups.push(
    whenConnected(root, () => {
      cleanups.push(addStyle(root));
      theme.read();
    }),
  );

  const waiting = effect(() => {
    render(<Waiting problem={problem.value} />, root);
  });
  host.source.hello({ signal: abort.signal }).then(
    (hello) => {
      if (abort.signal.aborted) {
        return;
      }
      waiting();
      const store = new Store(host.source, hello, host.state(), {
        theme: theme.theme,
        still: stillness.still,
      });
      cleanups.push(() => store.close(), host.bind(store));
      render(<Explorer store={store} root={root} />, root);
    },
    (error: unknown) => {
      problem.value = error instanceof Error ? error.message : String(error);
    },
  );
  return () => {
    abort.abort();
    waiting();
    render(null, root);
    for (const cleanup of cleanups) {
      cleanup();
    }
    root.remove();
  };
}

function Waiting({ problem }: { problem: string | null }) {
  return (
    <div class="dvi-frame dvi-before">
      {problem === null ? (
        <p role="status" data-testid="connecting">
          Waiting for the data …
          <small class="dvi-patience">A notebook answers when the running cell is done.</small>
        </p>
      ) : (
        <p class="dvi-problem" role="alert" data-testid="problem">
          {problem}
        </p>
      )}
    </div>
  );
}

/** Call back once the element is in the page; gives back how to stop waiting. */
function whenConnected(element: HTMLElement, connected: () => void): () => void {
  if (element.isConnected) {
    connected();
    return () => {};
  }
  const observer = new ResizeObserver(() => {
    if (element.isConnected) {
      observer.disconnect();
      connected();
    }
  });
  observer.observe(element);
  return () => observer.disconnect();
}

/** One style element per document or shadow root, shared by all explorers in it and gone with the last. */
function addStyle(root: HTMLElement): () => void {
  const tree = root.getRootNode();
  const parent = tree instanceof ShadowRoot ? tree : document.head;
  let style = parent.querySelector<HTMLStyleElement>(`style[${STYLE}]`);
  if (style === null) {
    style = document.createElement("style");
    style.setAttribute(STYLE, "0");
    style.textContent = styles;
    parent.append(style);
  }
  const count = (by: number): number => {
    const users = Number(style.getAttribute(STYLE)) + by;
    style.setAttribute(STYLE, String(users));
    return users;
  };
  count(1);
  return () => {
    if (count(-1) === 0) {
      style.remove();
    }
  };
}
