// Components that are fetched when one of them is first shown.
import type { ComponentType } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { fetched, fetchMore, type More } from "../later";
import type { Store } from "../store";

type Parts = More["parts"];

/** A component by its name in `more/index.ts`. */
export function later<Name extends keyof Parts>(name: Name): Parts[Name] {
  const Later = (properties: { store: Store }) => {
    const { store } = properties;
    const fetch = (): void => {
      // What went wrong is told below.
      fetchMore(store.ask).catch(() => {});
    };
    useLayoutEffect(fetch, [store]);
    const { more, error } = fetched.value;
    if (error !== undefined) {
      return (
        <p class="dvi-asked dvi-problem" role="alert">
          {error}{" "}
          <button type="button" onClick={fetch}>
            Try again
          </button>
        </p>
      );
    }
    const Part = more?.parts[name] as ComponentType<typeof properties> | undefined;
    return Part === undefined ? (
      <p class="dvi-asked dvi-waiting" role="status">
        Fetching this part …
      </p>
    ) : (
      <>
        <style>{more?.styles}</style>
        <Part {...properties} />
      </>
    );
  };
  return Later as Parts[Name];
}
