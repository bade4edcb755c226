// What is fetched when it is first needed: panels and parts that would make every explorer wait for what few ask for.
import { type Signal, signal } from "@preact/signals";
import type { Ask } from "./data/protocol";
import { SHARED } from "./shared";

export type More = typeof import("./more/index");

/** Fetched once for all explorers of a page. */
export const fetched: Signal<{ more?: More; error?: string }> = signal({});
let asked: Promise<More> | null = null;

/** Everything that is fetched later; what went wrong is also told in `fetched`, and may be tried again. */
export function fetchMore(ask: Ask): Promise<More> {
  asked ??= load(ask).then(
    (more) => {
      fetched.value = { more };
      return more;
    },
    (error: Error) => {
      asked = null;
      fetched.value = { error: error.message };
      throw error;
    },
  );
  return asked;
}

async function load(ask: Ask): Promise<More> {
  fetched.value = {};
  const { result } = await ask("module", {});
  const url = URL.createObjectURL(new Blob([String(result.code)], { type: "text/javascript" }));
  const module = (await import(/* @vite-ignore */ url)) as { default: (shared: object) => More };
  URL.revokeObjectURL(url);
  return module.default(SHARED);
}
