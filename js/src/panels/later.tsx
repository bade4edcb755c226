// Panels that are fetched when one of them is first opened: they would make every explorer wait for what few ask for.
import { type Signal, signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { SHARED } from "../shared";
import type { Store } from "../store";

type Content = ComponentType<{ store: Store }>;

interface More {
  panels: Record<string, Content>;
  styles: string;
}

/** Fetched once for all explorers of a page. */
const fetched: Signal<{ more?: More; error?: string }> = signal({});
let asking = false;

async function fetchMore(store: Store): Promise<void> {
  if (asking || fetched.peek().more !== undefined) {
    return;
  }
  asking = true;
  fetched.value = {};
  try {
    const { result } = await store.ask("module", {});
    const url = URL.createObjectURL(new Blob([String(result.code)], { type: "text/javascript" }));
    const module = (await import(/* @vite-ignore */ url)) as { default: (shared: object) => More };
    URL.revokeObjectURL(url);
    fetched.value = { more: module.default(SHARED) };
  } catch (error) {
    fetched.value = { error: (error as Error).message };
  }
  asking = false;
}

/** A panel by its name in `more/index.ts`. */
export function later(name: string): Content {
  return ({ store }) => {
    useLayoutEffect(() => {
      void fetchMore(store);
    }, [store]);
    const { more, error } = fetched.value;
    if (error !== undefined) {
      return (
        <p class="dvi-asked dvi-problem" role="alert">
          {error}{" "}
          <button type="button" onClick={() => void fetchMore(store)}>
            Try again
          </button>
        </p>
      );
    }
    const Panel = more?.panels[name];
    return Panel === undefined ? (
      <p class="dvi-asked dvi-waiting" role="status">
        Fetching the panel …
      </p>
    ) : (
      <>
        <style>{more?.styles}</style>
        <Panel store={store} />
      </>
    );
  };
}
