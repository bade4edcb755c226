// The pictures of samples: fetched in batches as they come into view; the least recently seen ones are let go.
import { type Signal, signal } from "@preact/signals";
import type { Picture } from "./pictures";
import type { Source } from "./source";

const MAX_BATCH = 128;
const MAX_KEPT_BYTES = 64e6;
const LANES = 2;

export class Thumbnails {
  /** Counts arrivals and failures: read it to follow the pictures. */
  readonly revision: Signal<number> = signal(0);
  readonly failure: Signal<string | null> = signal(null);
  // A Map keeps the order of insertion, so its first keys are the least recently seen.
  private readonly kept = new Map<number, Picture>();
  private readonly asked = new Set<number>();
  private queue: number[] = [];
  private lanes = 0;
  private bytes = 0;
  private readonly abort = new AbortController();

  constructor(
    private readonly source: Source,
    private readonly size: number | null,
  ) {}

  get(index: number): Picture | undefined {
    return this.kept.get(index);
  }

  /** Want the pictures in view, the most wanted first, instead of those wanted before and not asked for yet. */
  want(indices: readonly number[]): void {
    for (const index of indices) {
      const picture = this.kept.get(index);
      if (picture !== undefined) {
        this.kept.delete(index);
        this.kept.set(index, picture);
      }
    }
    this.queue = indices.filter((index) => !this.kept.has(index) && !this.asked.has(index));
    this.pump();
  }

  /** Want one more picture; those wanted in one task are asked for together. */
  add(index: number): void {
    if (!this.kept.has(index) && !this.asked.has(index) && !this.queue.includes(index)) {
      this.queue.push(index);
      queueMicrotask(() => this.pump());
    }
  }

  retry(): void {
    this.failure.value = null;
    this.revision.value++;
  }

  close(): void {
    this.abort.abort();
    this.kept.clear();
  }

  private pump(): void {
    while (this.lanes < LANES && this.queue.length > 0 && this.failure.value === null) {
      const batch = this.queue.splice(0, MAX_BATCH);
      for (const index of batch) {
        this.asked.add(index);
      }
      this.lanes++;
      this.source
        .thumbnails(batch, this.size, { signal: this.abort.signal })
        .then((pictures) => this.keep(batch, pictures))
        .catch((error: unknown) => {
          if (!this.abort.signal.aborted) {
            this.failure.value = error instanceof Error ? error.message : String(error);
          }
        })
        .finally(() => {
          for (const index of batch) {
            this.asked.delete(index);
          }
          this.lanes--;
          this.revision.value++;
          this.pump();
        });
    }
  }

  private keep(batch: readonly number[], pictures: readonly Picture[]): void {
    batch.forEach((index, i) => {
      const picture = pictures[i];
      if (picture !== undefined && !this.kept.has(index)) {
        // A copy of its own, so that one kept picture does not hold the whole batch in memory.
        this.kept.set(index, { ...picture, pixels: picture.pixels.slice() });
        this.bytes += picture.pixels.byteLength;
      }
    });
    for (const [index, picture] of this.kept) {
      if (this.bytes <= MAX_KEPT_BYTES) {
        break;
      }
      this.kept.delete(index);
      this.bytes -= picture.pixels.byteLength;
    }
  }
}
