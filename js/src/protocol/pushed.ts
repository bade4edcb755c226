// Answers that the kernel sent unasked: while it trains it can send, but not be asked.
import type { Answer, Args, ArrayHeader, Op } from "./wire";
import { joinAnswer } from "./wire";

/** One answer with the question that nobody had asked. */
export interface PushedAnswer {
  op: Op;
  args: object;
  result: object;
  arrays: readonly ArrayHeader[];
  buffers: readonly (DataView | ArrayBuffer)[];
}

const MAX_KEPT_BYTES = 192e6;

export const keyOf = (op: Op, args: object): string => `${op} ${JSON.stringify(args)}`;

export class Pushed {
  // In the order of arrival; a map keeps it.
  private readonly kept = new Map<string, PushedAnswer>();
  private readonly listeners = new Set<(keys: ReadonlySet<string>) => void>();
  private bytes = 0;
  private extents = "";

  /** Keep answers, and tell which questions they answer. */
  take(sent: readonly PushedAnswer[]): void {
    const answers = sent.filter(isWhole);
    for (const answer of answers) {
      if (answer.op === "hello") {
        this.compareExtents(answer);
      }
    }
    for (const answer of answers) {
      const key = keyOf(answer.op, answer.args);
      this.drop(key);
      this.kept.set(key, answer);
      this.bytes += bytesOf(answer);
    }
    for (const key of this.kept.keys()) {
      if (this.bytes > MAX_KEPT_BYTES && !answers.some(({ op, args }) => keyOf(op, args) === key)) {
        this.drop(key);
      }
    }
    const keys = new Set(answers.map(({ op, args }) => keyOf(op, args)));
    for (const tell of this.listeners) {
      tell(keys);
    }
  }

  get<O extends Op>(op: O, args: Args<O>): Answer<O> | undefined {
    const known = this.kept.get(keyOf(op, args));
    return known && joinAnswer<O>(known.result, known.arrays, known.buffers);
  }

  /** Call back with the questions answered by each arrival. */
  listen(tell: (keys: ReadonlySet<string>) => void): () => void {
    this.listeners.add(tell);
    return () => this.listeners.delete(tell);
  }

  /** Positions count within an extent: those within another one are of no use any more. */
  private compareExtents({ result }: PushedAnswer): void {
    const { landscapes } = result as Answer<"hello">;
    const extents = JSON.stringify(landscapes.map(({ extent }) => extent));
    if (extents !== this.extents) {
      this.kept.clear();
      this.bytes = 0;
      this.extents = extents;
    }
  }

  private drop(key: string): void {
    const answer = this.kept.get(key);
    if (answer !== undefined) {
      this.kept.delete(key);
      this.bytes -= bytesOf(answer);
    }
  }
}

/** Some hosts lose the buffers of a model's first state: what needs them is asked for then. */
function isWhole({ arrays, buffers }: PushedAnswer): boolean {
  return (
    arrays.length === buffers.length && buffers.every((part) => part?.byteLength !== undefined)
  );
}

function bytesOf({ buffers }: PushedAnswer): number {
  return buffers.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
