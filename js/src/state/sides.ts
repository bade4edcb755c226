// The landscapes of an explorer, one or two beside each other, each with windows of its epochs in memory.
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Frame, Hello, LandscapeInfo, Source, Territory } from "../protocol/source";
import { EpochWindow } from "../protocol/window";
import { changedLand } from "./changes";
import { type Column, type ColumnChoice, categories, confidenceOf, readColumn } from "./columns";
import { density, type Field } from "./density";
import { moveFrame, moveTerritory } from "./extent";
import { whenIdle } from "./idle";

const FRAME_BYTES = 192e6;
const TERRITORY_BYTES = 96e6;
const FIELD_BYTES = 1e6;
const COLUMN_BYTES = 48e6;
/** Round-trip error from which on land is drawn as wholly unknown, as a share of the canvas' width. */
export const UNKNOWN_ERROR = 0.2;

/** One landscape. Positions count in the epochs of the explorer, which may have more than the landscape itself. */
export class Side {
  readonly frames: EpochWindow<Frame>;
  readonly territories: EpochWindow<Territory>;
  private readonly offered: ReadonlySignal<readonly ColumnChoice[]>;
  /** Round-trip error per cell: decode it, project it again, measure how far it moved. */
  readonly trust: EpochWindow<Field>;
  readonly density: EpochWindow<Field>;
  /** Where another class holds the land than at the position compared with. */
  readonly changes: EpochWindow<Field>;
  private since = 0;
  private readonly columns = new Map<string, EpochWindow<Column>>();
  private readonly latest: Signal<LandscapeInfo>;
  /** For each position, the index of its epoch in the landscape's own list. */
  private ownIndices: readonly number[] = [];
  /** For each position, the first one with the same epoch. */
  private firsts: readonly number[] = [];

  constructor(
    private readonly source: Source,
    private readonly samples: Pick<Hello, "groups" | "split">,
    readonly index: number,
    info: LandscapeInfo,
    epochs: readonly number[],
    share: number,
  ) {
    this.latest = signal(info);
    this.count(epochs);
    const own = (name: string, kind: ColumnChoice["kind"], moves = false) => ({
      name,
      kind,
      moves,
    });
    // Read at every step of a scrub, and so listed once.
    const { groups, split } = samples;
    const fixed = [
      ...(new Set(split).size > 1 ? [own("split", "category")] : []),
      ...Array.from(groups.keys(), (name) => own(name, "category")),
      own("confidence", "number", true),
    ];
    this.offered = computed(() => [...fixed, ...this.info.columns]);
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
        const { trust, high } = await source.ask("trust", args, {
          signal,
          progress: (fraction, text) => progress(fraction, text),
        });
        const scale = high / UNKNOWN_ERROR;
        return {
          side: trust.shape[0] ?? 0,
          // Clipped, because a typed array would wrap around what is too large.
          values: trust.data.map((value) => Math.min(255, value * scale)),
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
    this.changes = new EpochWindow<Field>({
      ...fields,
      load: (position) =>
        new Promise((resolve, reject) => {
          whenIdle(() => {
            const before = this.territories.get(this.since);
            const after = this.territories.get(position);
            if (before === undefined || after === undefined) {
              reject(new Error("The epoch was let go of."));
            } else {
              resolve(changedLand(before, after));
            }
          });
        }),
      lanes: 2,
    });
  }

  /** Show at these positions what changed since another one, as far as their land has arrived. */
  compare(since: number, positions: readonly number[]): void {
    if (since !== this.since) {
      this.since = since;
      this.changes.want([]);
      this.changes.clear();
    }
    this.territories.hold([since]);
    const isHere = (position: number): boolean => this.territories.get(position) !== undefined;
    this.changes.want(isHere(since) ? positions.filter(isHere) : []);
  }

  /** What is known of the landscape; of a training that goes on, it grows. */
  get info(): LandscapeInfo {
    return this.latest.value;
  }

  /** Take over further epochs, which come after those there are. */
  grow(info: LandscapeInfo, epochs: readonly number[]): void {
    const before = this.latest.peek().extent;
    if (info.extent.some((end, i) => end !== before[i])) {
      this.frames.update((frame) => moveFrame(frame, before, info.extent));
      this.territories.update((land) => moveTerritory(land, before, info.extent));
      this.trust.clear();
      this.density.clear();
      this.changes.clear();
    }
    this.latest.value = info;
    this.count(epochs);
    // Measures over all epochs are others now.
    for (const [name, column] of this.columns) {
      if (!this.choices.some((one) => one.name === name && one.moves)) {
        column.clear();
      }
    }
  }

  private count(epochs: readonly number[]): void {
    const { epochs: all } = this.latest.peek();
    const own = epochs.map((epoch) =>
      Math.max(
        0,
        all.findLastIndex((e) => e <= epoch),
      ),
    );
    this.ownIndices = own;
    this.firsts = own.map((i) => own.indexOf(i));
  }

  /** What samples can be coloured and sized by besides label, prediction and correctness. */
  get choices(): readonly ColumnChoice[] {
    return this.offered.value;
  }

  /** The window of a column; null where there is none of this name. */
  column(name: string): EpochWindow<Column> | null {
    const choice = this.choices.find((one) => one.name === name);
    if (choice === undefined) {
      return null;
    }
    const known = this.columns.get(name);
    if (known !== undefined) {
      return known;
    }
    const made = new EpochWindow<Column>({
      same: (position) => (choice.moves ? this.at(position) : 0),
      load: (position, signal, progress) => this.loadColumn(name, position, signal, progress),
      bytes: ({ values }) => values.byteLength,
      budget: COLUMN_BYTES,
      lanes: 1,
    });
    this.columns.set(name, made);
    return made;
  }

  private async loadColumn(
    name: string,
    position: number,
    signal: AbortSignal,
    progress: (fraction: number, text: string) => void,
  ): Promise<Column> {
    const { groups, split } = this.samples;
    const members = groups.get(name);
    if (name === "split") {
      return categories(["train", "test"], split);
    }
    if (members !== undefined) {
      return categories(["others", name], members);
    }
    if (name === "confidence") {
      const frame = this.frames.get(position);
      if (frame === undefined) {
        throw new Error("The epoch was let go of.");
      }
      return confidenceOf(frame);
    }
    const args = { landscape: this.index, epoch: this.epoch(position), name };
    return readColumn(await this.source.ask("column", args, { signal, progress }));
  }

  /** The window of an overlay that has a value per location. */
  field(overlay: string): EpochWindow<Field> | null {
    return overlay === "trust" || overlay === "density" || overlay === "changes"
      ? this[overlay]
      : null;
  }

  /** Whether a question about this landscape can be answered. */
  can(op: keyof typeof NEEDS): boolean {
    return NEEDS[op].every((service) => this.info.services.includes(service));
  }

  /** The first position with the same epoch as this one. */
  at(position: number): number {
    return this.firsts[position] ?? position;
  }

  /** The index of a position's epoch in the landscape's own list, where its scalars have their value. */
  ownIndex(position: number): number {
    return this.ownIndices[position] ?? 0;
  }

  /** The recorded number of a position's epoch. */
  epoch(position: number): number {
    return this.info.epochs[this.ownIndex(position)] as number;
  }

  close(): void {
    this.frames.close();
    this.territories.close();
    this.trust.close();
    this.density.close();
    this.changes.close();
    for (const column of this.columns.values()) {
      column.close();
    }
  }
}

/** The services of an engine that each question needs. */
const NEEDS = {
  trust: ["decode", "place"],
  decode: ["decode", "classify"],
  neighbors: ["neighbors"],
  boundary: ["borders"],
  pictures: ["represent", "place", "classify", "inputs"],
};

/** Whether any of some landscapes offers a service. */
export function offers(sides: readonly Side[], service: string): boolean {
  return sides.some(({ info }) => info.services.includes(service));
}

/** All recorded numbers of some landscapes, ascending. */
export function epochsOf(landscapes: readonly LandscapeInfo[]): number[] {
  return [...new Set(landscapes.flatMap(({ epochs }) => epochs))].sort((p, q) => p - q);
}
