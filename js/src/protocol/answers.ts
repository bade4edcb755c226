// Answers that several panels may want: asked for once, kept for a while, cancelled when nobody waits.
import { type Signal, signal } from "@preact/signals";
import type { Answer, Args, Ask, AskOptions, Op } from "./wire";

/** What is known of an answer so far. */
export interface Reply<O extends Op> {
  answer?: Answer<O>;
  error?: string;
  progress?: { fraction: number; text: string };
}

const MAX_KEPT_BYTES = 64e6;
const MAX_KEPT = 500;

/** One request with its reply. */
export class Question<O extends Op> {
  readonly reply: Signal<Reply<O>> = signal({});
  users = 0;
  private abort: AbortController | null = null;

  constructor(
    private readonly send: (options: AskOptions<Answer<O>>) => Promise<Answer<O>>,
    /** Called when an answer came, or when nobody waits for one any more. */
    private readonly settled: (answered: boolean) => void,
  ) {}

  /** Wait for the answer, and ask after `delay` milliseconds unless somebody has. The last to leave cancels. */
  join(delay: number): () => void {
    this.users++;
    const timer = setTimeout(() => {
      if (this.abort === null && this.reply.peek().answer === undefined) {
        this.start();
      }
    }, delay);
    return () => {
      clearTimeout(timer);
      this.users--;
      if (this.users === 0 && this.reply.peek().answer === undefined) {
        this.abort?.abort();
        this.settled(false);
      }
    };
  }

  readonly start = (): void => {
    const abort = new AbortController();
    this.abort = abort;
    const settle = (reply: Reply<O>): void => {
      if (!abort.signal.aborted) {
        this.reply.value = reply;
      }
    };
    settle({});
    this.send({
      signal: abort.signal,
      progress: (fraction, text) => settle({ progress: { fraction, text } }),
    }).then(
      (answer) => {
        settle({ answer });
        this.settled(true);
      },
      (error: unknown) => settle({ error: error instanceof Error ? error.message : String(error) }),
    );
  };
}

export class Answers {
  // A Map keeps the order of insertion, so the first keys are the least recently used ones.
  private readonly questions = new Map<string, Question<Op>>();

  constructor(private readonly ask: Ask) {}

  /** The question with these arguments; equal requests share one. */
  about<O extends Op>(op: O, args: Args<O>): Question<O> {
    const key = `${op} ${JSON.stringify(args)}`;
    const known = this.questions.get(key) as Question<O> | undefined;
    const question =
      known ??
      new Question<O>(
        (options) => this.ask(op, args, options),
        (answered) => (answered ? this.tidy() : this.questions.delete(key)),
      );
    this.questions.delete(key);
    this.questions.set(key, question as unknown as Question<Op>);
    return question;
  }

  /** Let go of all answers: there is more to say now. Questions that somebody waits for go on. */
  forget(): void {
    this.questions.clear();
  }

  /** Let the oldest answers go that exceed what may be kept. */
  private tidy(): void {
    let bytes = 0;
    let kept = 0;
    for (const [key, { users, reply }] of [...this.questions].reverse()) {
      const { answer } = reply.peek();
      bytes += key.length + bytesOf(answer ?? {});
      kept++;
      if (users === 0 && answer !== undefined && (bytes > MAX_KEPT_BYTES || kept > MAX_KEPT)) {
        this.questions.delete(key);
      }
    }
  }
}

/** Bytes of the arrays of an answer. */
function bytesOf(answer: object): number {
  let bytes = 0;
  for (const value of Object.values(answer)) {
    bytes += ArrayBuffer.isView(value?.data) ? value.data.byteLength : 0;
  }
  return bytes;
}
