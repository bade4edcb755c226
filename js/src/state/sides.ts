// The landscapes of an explorer, one or two beside each other: each keeps a window of its own epochs in memory.

import type { Frame, LandscapeInfo, Source, Territory } from "../protocol/source";
import { EpochWindow } from "../protocol/window";
import type { NamedArray } from "../protocol/wire";
import { density, type Field } from "./density";
import { whenIdle } from "./idle";

const FRAME_BYTES = 192e6;
const TERRITORY_BYTES = 96e6;
const FIELD_BYTES = 1e6;
/** A way there and back of this part of the canvas' width, or longer, is drawn as wholly unknown land. */
export const UNKNOWN = 0.2;

/** One landscape. Positions count in the epochs of the explorer, which may have more than the landscape itself. */
export class Side {
  readonly frames: EpochWindow<Frame>;
  readonly territories: EpochWindow<Territory>;
  /** How far a place lies from where decoding and placing it again leads. */
  readonly trust: EpochWindow<Field>;
  readonly density: EpochWindow<Field>;
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
      bytes: ({ positions, predictions, confidence }) =>
        positions.byteLength + predictions.byteLength + confidence.byteLength,
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
    const fields = { same, bytes: ({ values }: Field) => values.byteLength, budget: FIELD_BYTES };
    this.trust = new EpochWindow<Field>({
      ...fields,
      load: async (position, signal, progress) => {
        const args = { landscape: index, epoch: this.epoch(position) };
        const { arrays, result } = await source.ask("trust", args, {
          signal,
          progress: (fraction, text) => progress(fraction, text),
        });
        const { data, shape } = arrays.get("trust") as NamedArray;
        const scale = (result.high as number) / UNKNOWN;
        // A typed array would wrap around what is too large.
        return {
          side: shape[0] as number,
          values: Uint8Array.from(data, (v) => Math.min(255, v * scale)),
        };
      },
      lanes: 1,
    });
    this.density = new EpochWindow<Field>({
      ...fields,
      load: (position) =>
        new Promise((resolve, reject) => {
          whenIdle(() => {
            const frame = this.frames.get(position);
            if (frame === undefined) {
              reject(new Error("The epoch was let go of."));
            } else {
              resolve(density(frame.positions));
            }
          });
        }),
      lanes: 2,
    });
  }

  /** What an overlay draws, where that is a value per place. */
  field(overlay: string): EpochWindow<Field> | null {
    return overlay === "trust" || overlay === "density" ? this[overlay] : null;
  }

  /** Whether a question can be answered about this landscape. */
  can(op: "trust" | "decode" | "neighbors"): boolean {
    return NEEDS[op].every((service) => this.info.services.includes(service));
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
    this.trust.close();
    this.density.close();
  }
}

/** Whether the engine behind any of them answers a request of this name. */
export function answers(sides: readonly Side[], name: string): boolean {
  return sides.some(({ info }) => info.services.includes(name));
}
/** What an engine must answer for each of the questions. */
const NEEDS = {
  trust: ["decode", "place"],
  decode: ["decode", "classify"],
  neighbors: ["neighbors"],
};

/** All recorded numbers of some landscapes, ascending. */
export function epochsOf(landscapes: readonly LandscapeInfo[]): number[] {
  return [...new Set(landscapes.flatMap(({ epochs }) => epochs))].sort((p, q) => p - q);
}
