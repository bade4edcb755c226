// Undo and redo: what a person changed, in steps that begin and end where nothing changes for a moment.
import { effect, type ReadonlySignal, type Signal, signal, untracked } from "@preact/signals";

/** A part of the state; equal values must be identical. */
export interface Part {
  read: () => unknown;
  write: (value: never) => void;
}

type Step = ReadonlyMap<Part, unknown>;

/** Changes with less time between them are one step, such as the letters of a word. */
const REST_MS = 400;
const MAX_STEPS = 100;

export class History {
  private readonly parts = new Set<Part>();
  private readonly past: Signal<readonly Step[]> = signal([]);
  private readonly future: Signal<readonly Step[]> = signal([]);
  /** The state as it was when it last rested. */
  private rested = new Map<Part, unknown>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** Remember a part of the state until the function returned is called. */
  add(part: Part): () => void {
    this.parts.add(part);
    this.rested.set(part, untracked(part.read));
    const stop = effect(() => {
      if (part.read() !== this.rested.get(part)) {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.rest(), REST_MS);
      }
    });
    return () => {
      stop();
      this.parts.delete(part);
      this.rested.delete(part);
    };
  }

  get undoable(): ReadonlySignal<readonly Step[]> {
    return this.past;
  }

  get redoable(): ReadonlySignal<readonly Step[]> {
    return this.future;
  }

  undo(): void {
    this.rest();
    this.go(this.past, this.future);
  }

  redo(): void {
    this.rest();
    this.go(this.future, this.past);
  }

  /** What has changed is a step now. */
  private rest(): void {
    clearTimeout(this.timer);
    const now = this.now();
    if ([...now].some(([part, value]) => value !== this.rested.get(part))) {
      this.past.value = [...this.past.peek(), this.rested].slice(-MAX_STEPS);
      this.future.value = [];
      this.rested = now;
    }
  }

  private go(from: Signal<readonly Step[]>, to: Signal<readonly Step[]>): void {
    const step = from.peek().at(-1);
    if (step === undefined) {
      return;
    }
    from.value = from.peek().slice(0, -1);
    to.value = [...to.peek(), this.rested];
    for (const [part, value] of step) {
      if (this.parts.has(part) && untracked(part.read) !== value) {
        part.write(value as never);
      }
    }
    this.rested = this.now();
    clearTimeout(this.timer);
  }

  private now(): Map<Part, unknown> {
    return new Map([...this.parts].map((part) => [part, untracked(part.read)]));
  }

  close(): void {
    clearTimeout(this.timer);
  }
}
