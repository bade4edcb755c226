// A window of epochs in memory: the one looked at first, its neighbours prefetched, the rest let go.
import { type Signal, signal } from "@preact/signals";
import type { Progress } from "./wire";

interface Loading<T> {
  abort: AbortController;
  progress: { fraction: number; text: string } | null;
  partial: T | undefined;
}

export interface WindowOptions<T> {
  /** Positions that show the same epoch are one: the first of them. */
  same?(position: number): number;
  load(position: number, signal: AbortSignal, progress: Progress<T>): Promise<T>;
  bytes(value: T): number;
  /** How many bytes may be kept. At least `FEWEST` epochs are, and those held, whatever they weigh. */
  budget: number;
  /** How many requests may be under way at once. */
  lanes: number;
}

const FEWEST = 4;

export class EpochWindow<T> {
  /** Counts what came, went or failed: read it to follow the window. */
  readonly revision: Signal<number> = signal(0);
  private readonly kept = new Map<number, T>();
  private readonly loading = new Map<number, Loading<T>>();
  private readonly failed = new Map<number, string>();
  private order: readonly number[] = [];
  private held: readonly number[] = [];
  private capacity = 2;
  private closed = false;

  constructor(private readonly options: WindowOptions<T>) {}

  get(position: number): T | undefined {
    return this.kept.get(this.same(position));
  }

  /** The same, or as much of it as has arrived. */
  partial(position: number): T | undefined {
    return this.get(position) ?? this.loading.get(this.same(position))?.partial;
  }

  /** Why the epoch at this position could not be had, if so. */
  error(position: number): string | undefined {
    return this.failed.get(this.same(position));
  }

  progress(position: number): { fraction: number; text: string } | null {
    return this.loading.get(this.same(position))?.progress ?? null;
  }

  /** Say what is wanted, the most wanted first. What lies beyond the budget is neither loaded nor kept. */
  want(order: readonly number[]): void {
    this.order = this.options.same ? [...new Set(order.map(this.options.same))] : order;
    this.pump();
  }

  /** Say what is needed besides what is looked at, until something else is. */
  hold(positions: readonly number[]): void {
    this.held = positions.map((position) => this.same(position));
    this.pump();
  }

  /** Ask again for what failed. */
  retry(): void {
    this.failed.clear();
    this.revision.value++;
    this.pump();
  }

  /** Let go of everything. */
  clear(): void {
    for (const { abort } of this.loading.values()) {
      abort.abort();
    }
    this.loading.clear();
    this.kept.clear();
    this.failed.clear();
    this.revision.value++;
    this.pump();
  }

  /** Exchange every value kept for another one. */
  update(change: (value: T) => T): void {
    for (const [position, value] of this.kept) {
      this.kept.set(position, change(value));
    }
    this.revision.value++;
  }

  close(): void {
    this.closed = true;
    for (const { abort } of this.loading.values()) {
      abort.abort();
    }
    this.loading.clear();
    this.kept.clear();
  }

  private same(position: number): number {
    return this.options.same?.(position) ?? position;
  }

  /** As much as may be kept, the most wanted first. */
  private wanted(): number[] {
    const [seen, next] = [this.order.slice(0, 2), this.order.slice(2)];
    const all = [...new Set([...seen, ...this.held, ...next])];
    return all.slice(0, Math.max(this.capacity, 2 + this.held.length));
  }

  private pump(): void {
    if (this.closed) {
      return;
    }
    const wanted = this.wanted();
    for (const [position, { abort }] of this.loading) {
      if (!wanted.includes(position)) {
        this.loading.delete(position);
        abort.abort();
      }
    }
    for (const [rank, position] of wanted.entries()) {
      if (this.kept.has(position) || this.loading.has(position) || this.failed.has(position)) {
        continue;
      }
      // What is on the screen goes before what is only prefetched.
      if (this.loading.size >= this.options.lanes && rank < 2) {
        this.abortLeastWanted(wanted);
      }
      if (this.loading.size >= this.options.lanes) {
        break;
      }
      this.start(position);
    }
  }

  private abortLeastWanted(wanted: readonly number[]): void {
    for (let rank = wanted.length - 1; rank >= 2; rank--) {
      const position = wanted[rank] as number;
      const loading = this.loading.get(position);
      if (loading !== undefined) {
        this.loading.delete(position);
        loading.abort.abort();
        return;
      }
    }
  }

  private start(position: number): void {
    const entry: Loading<T> = {
      abort: new AbortController(),
      progress: null,
      partial: undefined,
    };
    this.loading.set(position, entry);
    const progress: Progress<T> = (fraction, text, partial) => {
      entry.progress = { fraction, text };
      entry.partial = partial ?? entry.partial;
      this.revision.value++;
    };
    this.options.load(position, entry.abort.signal, progress).then(
      (value) => this.settle(position, entry, () => this.keep(position, value)),
      (error: unknown) =>
        this.settle(position, entry, () =>
          this.failed.set(position, error instanceof Error ? error.message : String(error)),
        ),
    );
  }

  /** An answer that was cancelled, or asked for again meanwhile, changes nothing. */
  private settle(position: number, entry: Loading<T>, change: () => void): void {
    if (this.closed || this.loading.get(position) !== entry) {
      return;
    }
    this.loading.delete(position);
    change();
    this.revision.value++;
    this.pump();
  }

  private keep(position: number, value: T): void {
    this.kept.set(position, value);
    this.capacity = Math.max(FEWEST, Math.floor(this.options.budget / this.options.bytes(value)));
    if (this.kept.size > this.capacity) {
      const wanted = new Set(this.wanted());
      for (const other of this.kept.keys()) {
        if (this.kept.size > this.capacity && !wanted.has(other)) {
          this.kept.delete(other);
        }
      }
    }
  }
}

/** All positions, those at `time` first, then outwards, two steps ahead for each step back. */
export function outwards(time: number, count: number, direction: 1 | -1): number[] {
  const distance = (position: number): number => {
    const ahead = (position - time) * direction;
    return ahead >= 0 ? ahead : 0.1 - ahead * 2;
  };
  const positions = Array.from({ length: count }, (_, position) => position);
  const near = new Set([Math.floor(time), Math.ceil(time)]);
  return positions.sort(
    (p, q) => Number(near.has(q)) - Number(near.has(p)) || distance(p) - distance(q),
  );
}
