// Questions of the panels and their answers: asked once for all who wait for the same, kept for a while.
import { type Signal, signal } from "@preact/signals";
import type { Answer, Ask, AskOptions } from "./wire";

export interface Reply {
  answer?: Answer;
  error?: string;
  progress?: { fraction: number; text: string };
}

const KEPT_BYTES = 64e6;
const KEPT = 500;

export class Question {
  readonly reply: Signal<Reply> = signal({});
  users = 0;
  private abort: AbortController | null = null;

  constructor(
    private readonly send: (options: AskOptions) => Promise<Answer>,
    /** Called when an answer came, or when nobody waits for one any more. */
    private readonly settled: (answered: boolean) => void,
  ) {}

  /** Wait for the answer, and ask after so many milliseconds if nobody has. The last to leave cancels. */
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
    const settle = (reply: Reply): void => {
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
  // A Map keeps the order of insertion, so its first keys are the ones asked for longest ago.
  private readonly questions = new Map<string, Question>();

  constructor(private readonly ask: Ask) {}

  about(op: string, args: Record<string, unknown>): Question {
    const key = `${op} ${JSON.stringify(args)}`;
    const question =
      this.questions.get(key) ??
      new Question(
        (options) => this.ask(op, args, options),
        (answered) => (answered ? this.tidy() : this.questions.delete(key)),
      );
    this.questions.delete(key);
    this.questions.set(key, question);
    return question;
  }

  /** Forget the oldest answers beyond what may be kept. */
  private tidy(): void {
    let bytes = 0;
    let kept = 0;
    for (const [key, { users, reply }] of [...this.questions].reverse()) {
      const { answer } = reply.peek();
      bytes += key.length;
      for (const { data } of answer?.arrays.values() ?? []) {
        bytes += data.byteLength;
      }
      kept++;
      if (users === 0 && answer !== undefined && (bytes > KEPT_BYTES || kept > KEPT)) {
        this.questions.delete(key);
      }
    }
  }
}
