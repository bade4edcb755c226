// A question and what becomes of it: waiting with progress, an error with a way on, else what the answer shows.
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Reply } from "../protocol/answers";
import type { Answer } from "../protocol/wire";
import type { Store } from "../state/store";

/** What is known of an answer; asked after `delay` milliseconds, cancelled when the arguments change. Null asks nothing. */
export function useReply(
  store: Store,
  op: string,
  args: Record<string, unknown> | null,
  delay = 0,
): Reply & { retry?: () => void } {
  // Arguments may be long lists, so what is the same is not read again.
  const question = useMemo(
    () => (args === null ? null : store.answers.about(op, args)),
    [store, op, args],
  );
  useLayoutEffect(() => question?.join(delay), [question]);
  return question === null ? {} : { ...question.reply.value, retry: question.start };
}

/** What went wrong, in place, and the way on. */
export function Problem({ error, retry }: { error: string; retry?: (() => void) | undefined }) {
  return (
    <p class="dvi-asked dvi-problem" role="alert">
      {error}{" "}
      <button type="button" onClick={retry}>
        Try again
      </button>
    </p>
  );
}

interface AskedProperties {
  store: Store;
  op: string;
  args: Record<string, unknown>;
  /** What is waited for, as a person says it. */
  waiting: string;
  delay?: number;
  children: (answer: Answer) => ComponentChildren;
}

/** While the next answer is on its way the last one stays, dimmed. */
export function Asked({ store, op, args, waiting, delay, children }: AskedProperties) {
  const { answer, error, progress, retry } = useReply(store, op, args, delay);
  const last = useRef<Answer | undefined>(undefined);
  if (error !== undefined) {
    return <Problem error={error} retry={retry} />;
  }
  last.current = answer ?? last.current;
  return (
    <>
      {answer === undefined && (progress !== undefined || last.current === undefined) && (
        <p class="dvi-asked dvi-waiting" role="status">
          {progress?.text || waiting} …
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
