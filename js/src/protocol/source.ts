// What the explorer asks for, whoever answers: the kernel, or the data embedded in an exported page.
import type { FieldInfo } from "../pieces/fields";
import { PROTOCOL } from "./requests";
import type { Answer, Ask, AskOptions, NamedArray, Progress } from "./wire";

export interface LandscapeInfo {
  name: string;
  /** Recorded numbers in chronological order; everything else counts by position in this list. */
  epochs: number[];
  extent: [number, number, number, number];
  resolution: number;
  accuracy: { train: (number | null)[]; test: (number | null)[] };
  /** What can be asked of it beyond its frames. */
  services: string[];
  /** What else was recorded of the run: one value per epoch. */
  scalars: Record<string, (number | null)[]>;
}

export interface Hello {
  n: number;
  classes: string[];
  palettes: Record<string, string[]>;
  images: { height: number; width: number; channels: number } | null;
  /** Whether samples have texts to read. */
  texts: boolean;
  groups: Map<string, Uint8Array>;
  /** Who explains the samples; the network of the run has its weights recorded with the epochs. */
  models: { name: string; recorded: boolean }[];
  /** The autoencoder that makes neighbours: the span of each latent dimension, and what can be set. */
  vae: { ranges: [number, number][]; settings: FieldInfo[] } | null;
  /** Ranked lists of samples, each with its definition. */
  lists: { name: string; definition: string }[];
  landscapes: LandscapeInfo[];
  /** One per sample; -1 where there is none. */
  labels: Int32Array;
  /** One per sample: 0 train, 1 test. */
  split: Uint8Array;
}

export interface Frame {
  /** Pairs x, y over the extent, 0..65535, y upwards. */
  positions: Uint16Array;
  predictions: Uint8Array | Uint16Array;
  /** In parts of CERTAINTY; an odd number stands for all between its two even neighbours, which are exact. */
  confidence: Uint16Array;
  /** How many samples are predicted as each class. */
  predicted: Uint32Array;
  /** How many labelled samples are predicted as what they are labelled. */
  correct: number;
}

export interface Territory {
  resolution: number;
  /** Two numbers per cell, row 0 lowest: the class (ON_BOUNDARY on the δ-boundary), and 1 where a neighbour's differs. */
  cells: Uint16Array;
  shade: Uint8Array;
}

export interface Picture {
  width: number;
  height: number;
  channels: number;
  pixels: Uint8Array;
}

/** The confidence of a frame that stands for 1. */
export const CERTAINTY = 60_000;
/** The class value of a cell that lies on the δ-boundary. */
export const ON_BOUNDARY = 0xffff;
/** The class value of a cell nobody has painted yet. */
export const UNPAINTED = 0xfffe;

export interface Source {
  /** Anything else, for who understands the answer. */
  ask: Ask;
  hello(options?: AskOptions): Promise<Hello>;
  frame(landscape: number, epoch: number, options?: AskOptions): Promise<Frame>;
  territory(landscape: number, epoch: number, options?: AskOptions<Territory>): Promise<Territory>;
  /** In the order of the indices. A null size asks for the pictures as they are. */
  thumbnails(
    indices: readonly number[],
    size: number | null,
    options?: AskOptions,
  ): Promise<Picture[]>;
}

/** A source over anything that answers the protocol. */
export function createSource(ask: Ask): Source {
  let samples: { n: number; labels: Int32Array; classes: number } | null = null;
  return {
    ask,
    async hello(options) {
      const hello = readHello(await ask("hello", {}, options));
      samples = { n: hello.n, labels: hello.labels, classes: hello.classes.length };
      return hello;
    },
    async frame(landscape, epoch, options) {
      const answer = await ask("frame", { landscape, epoch }, options);
      if (samples === null) {
        throw new Error("A frame was asked for before the hello was answered.");
      }
      return readFrame(answer, samples.labels, samples.classes);
    },
    async territory(landscape, epoch, { signal, progress } = {}) {
      const sketched: Progress = (fraction, text, soFar) =>
        progress?.(fraction, text, soFar && readTerritory(soFar));
      return readTerritory(
        await ask("canvas", { landscape, epoch }, { signal, progress: sketched }),
      );
    },
    async thumbnails(indices, size, options) {
      return readPictures(take(await ask("thumbnails", { indices, size }, options), "pixels"));
    },
  };
}

function take(answer: Answer, name: string): NamedArray {
  const array = answer.arrays.get(name);
  if (array === undefined) {
    throw new Error(`The answer came without its array "${name}".`);
  }
  return array;
}

function readHello(answer: Answer): Hello {
  const result = answer.result as unknown as Omit<Hello, "groups" | "labels" | "split"> & {
    protocol: number;
    groups: string[];
  };
  if (result.protocol !== PROTOCOL) {
    throw new Error(
      `The kernel speaks protocol ${result.protocol}, this page speaks protocol ${PROTOCOL}: ` +
        "install the same dvi_widget on both sides and reload the page.",
    );
  }
  const {
    n,
    classes,
    palettes,
    images,
    texts = false,
    models = [],
    vae = null,
    lists = [],
  } = result;
  const landscapes = result.landscapes.map((info) => ({
    ...info,
    services: info.services ?? [],
    scalars: info.scalars ?? {},
  }));
  const members = take(answer, "members").data as Uint8Array;
  const groups = new Map(
    result.groups.map((name, i) => [name, members.subarray(i * n, (i + 1) * n)] as const),
  );
  return {
    n,
    classes,
    palettes,
    images,
    models,
    vae,
    texts,
    lists,
    landscapes,
    groups,
    labels: take(answer, "labels").data as Int32Array,
    split: take(answer, "split").data as Uint8Array,
  };
}

function readFrame(answer: Answer, labels: Int32Array, classes: number): Frame {
  const predictions = take(answer, "predictions").data as Uint8Array | Uint16Array;
  const positions = take(answer, "positions").data as Uint16Array;
  if (positions.length !== 2 * labels.length || predictions.length !== labels.length) {
    throw new Error(
      `The answer is broken: it has ${positions.length / 2} positions for ${labels.length} samples.`,
    );
  }
  const predicted = new Uint32Array(classes);
  let correct = 0;
  for (let i = 0; i < predictions.length; i++) {
    const prediction = predictions[i] as number;
    predicted[prediction] = (predicted[prediction] as number) + 1;
    if (prediction === labels[i]) {
      correct++;
    }
  }
  return {
    positions,
    predictions,
    confidence: take(answer, "confidence").data as Uint16Array,
    predicted,
    correct,
  };
}

function readTerritory(answer: Answer): Territory {
  if (answer.arrays.size === 0) {
    return { resolution: 1, cells: Uint16Array.of(UNPAINTED, 0), shade: Uint8Array.of(0) };
  }
  const { data, shape } = take(answer, "classes");
  const shade = take(answer, "shade").data as Uint8Array;
  const side = shape[0] as number;
  const boundary = data instanceof Uint8Array ? 0xff : 0xffff;
  const cells = new Uint16Array(2 * data.length);
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    cells[2 * i] = value === boundary ? ON_BOUNDARY : value;
  }
  // A cell that differs from the one to the right, above or diagonally puts all four on a border.
  for (let row = 0; row + 1 < side; row++) {
    for (let column = 0; column + 1 < side; column++) {
      const at = 2 * (row * side + column);
      const above = at + 2 * side;
      const first = cells[at];
      if (cells[at + 2] !== first || cells[above] !== first || cells[above + 2] !== first) {
        cells[at + 1] = cells[at + 3] = cells[above + 1] = cells[above + 3] = 1;
      }
    }
  }
  return { resolution: side, cells, shade };
}

export function readPictures({ data, shape }: NamedArray): Picture[] {
  const [count, height, width, channels] = shape as [number, number, number, number];
  const size = height * width * channels;
  return Array.from({ length: count }, (_, i) => ({
    width,
    height,
    channels,
    pixels: (data as Uint8Array).subarray(i * size, (i + 1) * size),
  }));
}
