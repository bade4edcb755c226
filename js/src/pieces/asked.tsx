// A question and its answer on the page: progress while it is on its way, an error with a way on, then its content.
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Reply } from "../protocol/answers";
import type { Answer, Args, Op } from "../protocol/wire";
import type { Store } from "../state/store";
import { Patience } from "./patience";
import { Retry } from "./retry";

/** Panels that follow the pointer ask only about samples where it rests so long. */
export const HOVER_DELAY_MS = 80;

/**
 * Ask a question after `delay` milliseconds, and cancel it when the arguments change. Null asks nothing.
 * Keep the arguments the same object while they are equal: they may be long lists.
 */
export function useReply<O extends Op>(
  store: Store,
  op: O,
  args: Args<O> | null,
  delay = 0,
): Reply<O> & { retry?: () => void } {
  const question = useMemo(
    () => (args === null ? null : store.answers.about(op, args)),
    [store, op, args],
  );
  useLayoutEffect(() => question?.join(delay), [question]);
  return question === null ? {} : { ...question.reply.value, retry: question.start };
}

export function Problem({ error, retry }: { error: string; retry?: (() => void) | undefined }) {
  return (
    <p class="dvi-asked dvi-problem" role="alert">
      {error} <Retry error={error} retry={retry} />
    </p>
  );
}

interface AskedProperties<O extends Op> {
  store: Store;
  op: O;
  args: Args<O>;
  /** What the kernel does meanwhile: "Decoding this point". */
  waiting: string;
  delay?: number;
  children: (answer: Answer<O>) => ComponentChildren;
}

/** The content of an answer; the last one stays, dimmed, while the next is on its way. */
export function Asked<O extends Op>(properties: AskedProperties<O>) {
  const { store, op, args, waiting, delay, children } = properties;
  const { answer, error, progress, retry } = useReply(store, op, args, delay);
  const last = useRef<Answer<O> | undefined>(undefined);
  if (error !== undefined) {
    return <Problem error={error} retry={retry} />;
  }
  last.current = answer ?? last.current;
  return (
    <>
      {answer === undefined && (progress !== undefined || last.current === undefined) && (
        <p class="dvi-asked dvi-waiting" role="status">
          {progress?.text || waiting} …{progress === undefined && <Patience />}
          <progress value={progress?.fraction} max={1} aria-label="Progress" />
        </p>
      )}
      {last.current !== undefined && (
        <div class={answer === undefined ? "dvi-stale" : ""} aria-busy={answer === undefined}>
          {children(last.current)}
        </div>
      )}
    </>
  );
}
