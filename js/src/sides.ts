// The landscapes of an explorer, one or two beside each other: each keeps a window of its own epochs in memory.
import type { Frame, LandscapeInfo, Source, Territory } from "./data/source";
import { EpochWindow } from "./data/window";

const FRAME_BYTES = 192e6;
const TERRITORY_BYTES = 96e6;

/** One landscape. Positions count in the epochs of the explorer, which may have more than the landscape itself. */
export class Side {
  readonly frames: EpochWindow<Frame>;
  readonly territories: EpochWindow<Territory>;
  /** For each position, the place of the epoch shown there in the landscape's own list. */
  private readonly places: readonly number[];
  /** For each position, the first one that shows the same epoch. */
  private readonly firsts: readonly number[];

  constructor(
    source: Source,
    readonly index: number,
    readonly info: LandscapeInfo,
    epochs: readonly number[],
    share: number,
  ) {
    const places = epochs.map((epoch) =>
      Math.max(
        0,
        info.epochs.findLastIndex((e) => e <= epoch),
      ),
    );
    this.places = places;
    this.firsts = places.map((place) => places.indexOf(place));
    const same = (position: number): number => this.at(position);
    this.frames = new EpochWindow<Frame>({
      same,
      load: (position, signal, progress) =>
        source.frame(index, this.epoch(position), {
          signal,
          progress: (fraction, text) => progress(fraction, text),
        }),
      bytes: (frame) => frame.positions.byteLength + 2 * frame.predictions.byteLength,
      budget: FRAME_BYTES * share,
      lanes: 3,
    });
    this.territories = new EpochWindow<Territory>({
      same,
      load: (position, signal, progress) =>
        source.territory(index, this.epoch(position), { signal, progress }),
      bytes: ({ cells, shade }) => cells.byteLength + shade.byteLength,
      budget: TERRITORY_BYTES * share,
      lanes: 2,
    });
  }

  /** The first position that shows the same epoch as this one. */
  at(position: number): number {
    return this.firsts[position] ?? position;
  }

  /** The place of the epoch shown at a position in the landscape's own list: where its scalars have their value. */
  place(position: number): number {
    return this.places[position] ?? 0;
  }

  /** The recorded number of the epoch shown at a position. */
  epoch(position: number): number {
    return this.info.epochs[this.place(position)] as number;
  }

  close(): void {
    this.frames.close();
    this.territories.close();
  }
}

/** Whether the engine behind any of them answers a request of this name. */
export function answers(sides: readonly Side[], name: string): boolean {
  return sides.some(({ info }) => info.services.includes(name));
}

/** All recorded numbers of some landscapes, ascending. */
export function epochsOf(landscapes: readonly LandscapeInfo[]): number[] {
  return [...new Set(landscapes.flatMap(({ epochs }) => epochs))].sort((p, q) => p - q);
}
