// What every explorer needs of its landscapes, whoever answers: the kernel, or an exported page.
import { type Picture, readPictures } from "./pictures";
import { type LandscapeOutline, PROTOCOL, type Requests } from "./requests";
import type { Answer, Ask, AskOptions } from "./wire";

export type LandscapeInfo = LandscapeOutline;

/** The introduction of samples, classes and landscapes. */
export interface Hello extends Omit<Requests["hello"]["result"], "protocol" | "groups"> {
  /** One byte per sample, 1 for members. */
  groups: ReadonlyMap<string, Uint8Array>;
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
  /** Two numbers per cell, row 0 lowest: the class, and 255 · √ of the margin between the two likeliest classes. */
  cells: Uint16Array;
  shade: Uint8Array;
}

/** The confidence of a frame that stands for 1. */
export const CERTAINTY = 60_000;
/** Full scale of a position. */
export const FULL = 65535;
/** The margin of a cell where one class is all there is. */
export const FULL_MARGIN = 255;
/** The class value of a cell nobody has painted yet. */
export const UNPAINTED = 0xffff;

export interface Source {
  /** Ask anything else. */
  ask: Ask;
  hello(options?: AskOptions<Answer<"hello">>): Promise<Hello>;
  frame(landscape: number, epoch: number, options?: AskOptions<Answer<"frame">>): Promise<Frame>;
  territory(landscape: number, epoch: number, options?: AskOptions<Territory>): Promise<Territory>;
  /** In the order of the indices. A null size asks for the pictures as they are. */
  thumbnails(
    indices: readonly number[],
    size: number | null,
    options?: AskOptions<Answer<"thumbnails">>,
  ): Promise<Picture[]>;
}

/** A source over anything that answers the protocol. */
export function createSource(ask: Ask): Source {
  let samples: { labels: Int32Array; classes: number } | null = null;
  return {
    ask,
    async hello(options) {
      const hello = readHello(await ask("hello", {}, options));
      samples = { labels: hello.labels, classes: hello.classes.length };
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
      const answer = await ask(
        "canvas",
        { landscape, epoch },
        {
          signal,
          progress: (fraction, text, partial) =>
            progress?.(fraction, text, partial && readTerritory(partial)),
        },
      );
      return readTerritory(answer);
    },
    async thumbnails(indices, size, options) {
      return readPictures((await ask("thumbnails", { indices, size }, options)).pixels);
    },
  };
}

function readHello(answer: Answer<"hello">): Hello {
  const { protocol, groups, members, labels, split, ...hello } = answer;
  if (protocol !== PROTOCOL) {
    throw new Error(
      `The kernel speaks protocol ${protocol}, this page speaks protocol ${PROTOCOL}: ` +
        "install the same dvi_widget on both sides and reload the page.",
    );
  }
  const { n } = hello;
  return {
    ...hello,
    groups: new Map(groups.map((name, i) => [name, members.data.subarray(i * n, (i + 1) * n)])),
    labels: labels.data,
    split: split.data,
  };
}

function readFrame(answer: Answer<"frame">, labels: Int32Array, classes: number): Frame {
  const predictions = answer.predictions.data;
  const positions = answer.positions.data;
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
  return { positions, predictions, confidence: answer.confidence.data, predicted, correct };
}

function readTerritory({ classes, shade, margin }: Answer<"canvas">): Territory {
  if (classes === undefined || shade === undefined || margin === undefined) {
    return {
      resolution: 1,
      cells: Uint16Array.of(UNPAINTED, FULL_MARGIN),
      shade: Uint8Array.of(0),
    };
  }
  const count = classes.data.length;
  const cells = new Uint16Array(2 * count);
  for (let i = 0; i < count; i++) {
    cells[2 * i] = classes.data[i] as number;
    cells[2 * i + 1] = margin.data[i] as number;
  }
  return { resolution: classes.shape[0] ?? 0, cells, shade: shade.data };
}
