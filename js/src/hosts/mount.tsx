// Puts an explorer into an element of a page and takes it out again, whoever the host is.

import { effect, signal } from "@preact/signals";
import { render } from "preact";
import { Explorer } from "../chrome/explorer";
import type { Parts } from "../chrome/parts";
import { ON_MAP } from "../on_map/on_map";
import { savePicture } from "../on_map/picture";
import { PANELS } from "../panels/registry";
import { Patience } from "../pieces/patience";
import { Store } from "../state/store";
import type { Host } from "./host";
import { isolate } from "./isolation";
import { followReducedMotion, followTheme } from "./theme";

const PARTS: Parts = { panels: PANELS, onMap: ON_MAP, savePicture };

export function mount(element: HTMLElement, host: Host): () => void {
  const { root, remove } = isolate(element);
  const theme = followTheme(root);
  const motion = followReducedMotion();
  const abort = new AbortController();
  const problem = signal<string | null>(null);
  // A notebook may hand over an element that is not in the page yet.
  const stopWaiting = whenConnected(root, theme.read);
  const cleanups = [theme.stop, motion.stop, stopWaiting, host.close];

  const stopStatus = effect(() => {
    render(<Waiting problem={problem.value} lost={host.lost.value} />, root);
  });
  host.source.hello({ signal: abort.signal }).then(
    (hello) => {
      if (abort.signal.aborted) {
        return;
      }
      stopStatus();
      const store = new Store(host.source, hello, host.state(), {
        theme: theme.theme,
        reducedMotion: motion.reduced,
      });
      cleanups.push(() => store.close(), host.bind(store));
      const stopGrowth = host.onGrowth?.((grown) => store.grow(grown));
      if (stopGrowth !== undefined) {
        cleanups.push(stopGrowth);
      }
      render(<Explorer store={store} root={root} parts={PARTS} lost={host.lost} />, root);
    },
    (error: unknown) => {
      problem.value = error instanceof Error ? error.message : String(error);
    },
  );
  return () => {
    abort.abort();
    stopStatus();
    render(null, root);
    for (const cleanup of cleanups) {
      cleanup();
    }
    remove();
  };
}

function Waiting({ problem, lost }: { problem: string | null; lost: boolean }) {
  if (lost) {
    return (
      <p class="dvi-lost" role="status" data-testid="lost">
        No kernel knows this explorer any more: run this cell again.
      </p>
    );
  }
  return (
    <div class="dvi-frame dvi-before">
      {problem === null ? (
        <p role="status" data-testid="connecting">
          Waiting for the data …
          <Patience />
        </p>
      ) : (
        <p class="dvi-problem" role="alert" data-testid="problem">
          {problem}
        </p>
      )}
    </div>
  );
}

/** Call back once the element is in the page; returns how to stop waiting. */
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
