// The line above the landscape: the find field, fetched whole when somebody turns to it or a filter is set.
import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { fetched, fetchMore } from "../later";
import type { Store } from "../store";
import { plural } from "../words";
import { FindIcon } from "./icons";

export function FindLine({ store }: { store: Store }) {
  const wanted = useSignal(false);
  const focused = useSignal(false);
  const text = store.filter.value;
  const active = useRef(false);
  active.current ||= wanted.value || text !== "";
  useLayoutEffect(() => {
    if (active.current) {
      // What went wrong is told below.
      fetchMore(store.ask).catch(() => {});
    }
  }, [store, active.current]);
  // Whoever turns to the field again after a failure tries again.
  const turn = (): void => {
    wanted.value = true;
    fetchMore(store.ask).catch(() => {});
  };
  const { more, error } = fetched.value;
  if (active.current && more !== undefined) {
    return (
      <>
        <style>{more.styles}</style>
        <more.parts.Find store={store} focused={focused.peek()} />
      </>
    );
  }
  return (
    <search class="dvi-find">
      <FindIcon />
      <div class="dvi-find-line">
        <input
          type="text"
          data-testid="find"
          data-lm-suppress-shortcuts="true"
          aria-label="Find samples"
          placeholder="Find: conf<0.6 wrong split:test"
          title={error}
          value={text}
          onInput={(event) => {
            store.filter.value = event.currentTarget.value;
          }}
          onPointerEnter={turn}
          onFocus={() => {
            focused.value = true;
            turn();
          }}
          onBlur={() => {
            focused.value = false;
          }}
        />
      </div>
      <span class="dvi-total" role="status" data-testid="count">
        {error ?? plural(store.hello.n, "sample", "samples")}
      </span>
    </search>
  );
}
