// What a page may ask of the kernel, and what is answered: written by `python js/write_requests.py`.

/** The version of requests and answers; the kernel must speak the same. */
export const PROTOCOL = 3;

/** Accuracy per epoch; null where a split has no labelled sample. */
export interface Accuracy {
  train: (number | null)[];
  test: (number | null)[];
}

/** The range of each latent dimension, and what can be set about neighbours. */
export interface AutoencoderOutline {
  ranges: [number, number][];
  settings: Field[];
}

/** A column that a page can ask for; `moves` tells whether it has other values at every epoch. */
export interface ColumnOutline {
  name: string;
  kind: "category" | "number";
  moves: boolean;
}

/** A place where the predicted class changes: share of the line, position, class before and after. */
export interface Crossing {
  t: number;
  x: number;
  y: number;
  before: number;
  after: number;
}

/** What one epoch changed, as in `Landscape.events`. */
export interface EventRow {
  epoch: number;
  before: number;
  event: "changed" | "fell" | "merged" | "parted";
  classes: number[];
  change: number;
  samples: number;
}

/** A parameter as a form shows it; `low` and `high` are the inclusive range of a number. */
export interface Field {
  name: string;
  kind: "int" | "float" | "bool" | "choice" | "layer" | "fill";
  default: string | number | boolean | null;
  description: string;
  low: number | null;
  high: number | null;
  choices: string[];
}

/** A landscape as a page first hears of it. */
export interface LandscapeOutline {
  name: string;
  epochs: number[];
  extent: [number, number, number, number];
  resolution: number;
  accuracy: Accuracy;
  scalars: Record<string, (number | null)[]>;
  services: string[];
  columns: ColumnOutline[];
}

/** A layer of a model; `shape` is that of its output for one sample. */
export interface Layer {
  name: string;
  type: string;
  shape: number[];
  units: number;
  convolution: boolean;
}

/** A ranked list of samples. */
export interface ListOutline {
  name: string;
  definition: string;
}

/** A figure of merit; null where an entry does not apply. */
export interface MeasureRow {
  epoch: number | null;
  split: string;
  measure: string;
  k: number | null;
  value: number | null;
  placebo: number | null;
}

/** An attribution method as a model supports it; `unsupported` is the reason against it, or empty. */
export interface MethodOutline {
  name: string;
  label: string;
  description: string;
  eager: boolean;
  contrasts: boolean;
  completeness: string;
  parameters: Field[];
  unsupported: string;
}

/** A model that can be asked. */
export interface ModelOutline {
  name: string;
  recorded: boolean;
}

/** Size of all pictures. */
export interface PictureFormat {
  height: number;
  width: number;
  channels: number;
}

/** A setting and the fidelity of its students, over the pictures it was tried on. */
export interface Setting {
  latent_dim: number;
  band: number;
  method: string;
  regularization: number | null;
  temperature: number | null;
  believed: number;
  agreement: number;
  kl: number;
  r2: number | null;
}

/** Every request by its name. */
export interface Requests {
  /** Send the output of a layer for one sample. */
  activations: {
    args: { model: number; epoch: number; layer: string; index: number };
    result: { units: number };
    arrays: { maps: Uint8Array; highest: Float32Array };
  };
  /** Compare the predictions of all models for all samples. */
  agreement: {
    args: { epoch: number };
    result: { quadrants: string[]; models: string[] };
    arrays: {
      score: Float32Array;
      classes: Uint16Array;
      spread: Float32Array;
      quadrant: Uint8Array;
      predictions: Int16Array;
    };
  };
  /** Find the training samples that are nearest to one in a layer's space. */
  alike: {
    args: { model: number; epoch: number; layer: string; index: number; k: number };
    result: { searched: number };
    arrays: { indices: Int32Array; distances: Float32Array };
  };
  /** Attribute a class, by default the predicted one, to the pixels of a picture. */
  attribute: {
    args: {
      model: number;
      epoch: number;
      index: number;
      method: string;
      parameters: Readonly<Record<string, unknown>>;
      target: number | null;
      against: number | null;
    };
    result: {
      full: number;
      target: number;
      prediction: number;
      top: [number, number][];
      error: number | null;
      flagged: boolean;
      completeness: string;
      likeness: number | null;
    };
    arrays: { values: Float32Array };
  };
  /** Place the samples that were synthesised on the classifier's boundary at an epoch. */
  boundary: {
    args: { landscape: number; epoch: number };
    result: Record<never, never>;
    arrays: { positions: Uint16Array; classes: Int16Array };
  };
  /** Paint the canvas of an epoch, unless it is painted already. */
  canvas: {
    args: { landscape: number; epoch: number };
    result: Record<never, never>;
    arrays: { classes?: Uint8Array | Uint16Array; shade?: Uint8Array; margin?: Uint8Array };
  };
  /** Group samples that are explained alike. */
  clusters: {
    args: {
      model: number;
      epoch: number;
      indices: readonly number[];
      method: string;
      parameters: Readonly<Record<string, unknown>>;
    };
    result: Record<never, never>;
    arrays: {
      indices: Int32Array;
      cluster: Uint8Array;
      positions: Float32Array;
      prototypes: Float32Array;
    };
  };
  /** Send what samples are coloured or sized by. */
  column: {
    args: { landscape: number; epoch: number; name: string };
    result: { names: string[]; low: number; high: number };
    arrays: { values: Float32Array };
  };
  /** Count labels against predictions, epoch by epoch. */
  confusions: {
    args: { landscape: number };
    result: Record<never, never>;
    arrays: { counts: Int32Array };
  };
  /** Find where the predicted class changes along the line from a to b. */
  crossings: {
    args: {
      landscape: number;
      epoch: number;
      a: readonly [number, number];
      b: readonly [number, number];
    };
    result: { crossings: Crossing[] };
    arrays: Record<never, never>;
  };
  /** Decode points of the canvas, classify them and find the recorded samples nearest to them. */
  decode: {
    args: { landscape: number; epoch: number; points: readonly (readonly [number, number])[] };
    result: { imagined: boolean };
    arrays: { probabilities: Float32Array; nearest: Int32Array; pixels?: Uint8Array };
  };
  /** Send the texts of samples. */
  describe: {
    args: { indices: readonly number[] };
    result: { texts: string[] };
    arrays: Record<never, never>;
  };
  /** Measure how every sample fared over the epochs. */
  dynamics: {
    args: { landscape: number };
    result: { columns: string[] };
    arrays: { values: Float32Array };
  };
  /** List what each epoch changed. */
  events: {
    args: { landscape: number };
    result: { rows: EventRow[]; split: string | null };
    arrays: Record<never, never>;
  };
  /** Send the filters of a convolution. */
  filters: {
    args: { model: number; epoch: number; layer: string };
    result: { units: number; channels: number; whole: boolean };
    arrays: { pixels: Uint8Array };
  };
  /** Send the position, prediction and confidence of every sample at an epoch. */
  frame: {
    args: { landscape: number; epoch: number };
    result: Record<never, never>;
    arrays: {
      positions: Uint16Array;
      predictions: Uint8Array | Uint16Array;
      confidence: Uint16Array;
    };
  };
  /** Answer as `attribute`, soon: for methods that are quick enough to follow the pointer. */
  glance: {
    args: {
      model: number;
      epoch: number;
      index: number;
      method: string;
      parameters: Readonly<Record<string, unknown>>;
      target: number | null;
      against: number | null;
    };
    result: {
      full: number;
      target: number;
      prediction: number;
      top: [number, number][];
      error: number | null;
      flagged: boolean;
      completeness: string;
      likeness: number | null;
    };
    arrays: { values: Float32Array };
  };
  /** Introduce the samples, the classes and the landscapes. */
  hello: {
    args: Record<never, never>;
    result: {
      protocol: number;
      n: number;
      classes: string[];
      palettes: Record<string, string[]>;
      colors: Record<string, string[]>;
      images: PictureFormat | null;
      texts: boolean;
      groups: string[];
      solid: boolean;
      models: ModelOutline[];
      vae: AutoencoderOutline | null;
      lists: ListOutline[];
      landscapes: LandscapeOutline[];
    };
    arrays: { labels: Int32Array; split: Uint8Array; members: Uint8Array };
  };
  /** Send a layer's activation for every sample; without a layer, prediction − label. */
  histogram: {
    args: { model: number; epoch: number; layer: string | null; unit: number | null };
    result: { name: string };
    arrays: { values: Float32Array };
  };
  /** Send the predicted classes of samples, epoch by epoch; only their rows of the logits are read. */
  history: {
    args: { landscape: number; indices: readonly number[] };
    result: Record<never, never>;
    arrays: { predictions: Int16Array; confidence: Float32Array; own: Float32Array };
  };
  /** List the layers of a model and the attribution methods it supports. */
  inspect: {
    args: { model: number; epoch: number };
    result: {
      methods: MethodOutline[];
      layers: Layer[];
      remarks: string[];
      last_convolution: string | null;
    };
    arrays: Record<never, never>;
  };
  /** Encode the picture of a sample, and decode it again. */
  latent: {
    args: { index: number };
    result: Record<never, never>;
    arrays: { latent: Float32Array; pixels: Uint8Array };
  };
  /** Rank the samples of a list (see `dvi_widget.suggestions`). */
  list: {
    args: { landscape: number; name: string };
    result: { measure: string };
    arrays: { indices: Int32Array; values: Float32Array };
  };
  /** Find the samples whose pictures are nearest to that of one sample, by the distance of their pixels. */
  lookalikes: {
    args: { index: number; k: number };
    result: Record<never, never>;
    arrays: { indices: Int32Array };
  };
  /** Measure which share of its k nearest neighbours each sample loses on the canvas. */
  loss: {
    args: { landscape: number; epoch: number; k: number };
    result: Record<never, never>;
    arrays: { loss: Uint8Array };
  };
  /** Take the figures of merit (see `Landscape.measures`), of many samples over a random part of them. */
  measures: {
    args: { landscape: number };
    result: { rows: MeasureRow[]; samples: number };
    arrays: Record<never, never>;
  };
  /** Find again which samples the boundary samples of an epoch were mixed from. */
  mixtures: {
    args: { landscape: number; epoch: number };
    result: Record<never, never>;
    arrays: { parents: Int32Array; weights: Float32Array };
  };
  /** Find the samples of a group that are nearest to some samples in representation space. */
  neighbors: {
    args: {
      landscape: number;
      epoch: number;
      indices: readonly number[];
      k: number;
      group: string | null;
    };
    result: Record<never, never>;
    arrays: { neighbors: Int32Array };
  };
  /** Send samples at an epoch as a table with the names of classes, all columns of the samples, and tags. */
  parquet: {
    args: {
      landscape: number;
      epoch: number;
      indices: readonly number[];
      tags: Readonly<Record<string, readonly number[]>>;
    };
    result: Record<never, never>;
    arrays: { file: Uint8Array };
  };
  /** Find the places in the pictures that excite a unit most. */
  patches: {
    args: { model: number; epoch: number; layer: string; unit: number; k: number };
    result: { searched: number };
    arrays: {
      indices: Int32Array;
      values: Float32Array;
      boxes: Int32Array;
      reconstructions: Float32Array;
    };
  };
  /** Place a picture of the person's own on the map, at an epoch. */
  place_picture: {
    args: { landscape: number; epoch: number; height: number; width: number; pixels: string };
    result: Record<never, never>;
    arrays: {
      position: Uint16Array;
      probabilities: Float32Array;
      nearest: Int32Array;
      pixels: Uint8Array;
    };
  };
  /** Send plotly.js as this Python's plotly has it: only pages that show a figure need it. */
  plotly: {
    args: Record<never, never>;
    result: Record<never, never>;
    arrays: { script: Uint8Array };
  };
  /** Send how likely each class is for samples at an epoch. */
  probabilities: {
    args: { landscape: number; epoch: number; indices: readonly number[] };
    result: Record<never, never>;
    arrays: { probabilities: Float32Array };
  };
  /** Rank settings by how far their students can be believed on some pictures. */
  search: {
    args: { model: number; epoch: number; indices: readonly number[] };
    result: { rows: Setting[] };
    arrays: Record<never, never>;
  };
  /** Draw the landscape in three dimensions at an epoch, or at its last one before. */
  solid: {
    args: { epoch: number };
    result: { figure: string };
    arrays: Record<never, never>;
  };
  /** Explain a prediction by a linear student that learns from neighbours of the picture. */
  student: {
    args: {
      model: number;
      epoch: number;
      index: number;
      other: number | null;
      latent: readonly number[] | null;
      bounds: readonly (readonly [number, number])[] | null;
      settings: Readonly<Record<string, unknown>>;
    };
    result: {
      verdict: string;
      trustworthy: boolean;
      agrees: boolean;
      kl: number | null;
      r2: number | null;
      total_variation: number | null;
      window: number;
      crossings: [number, number, number][];
    };
    arrays: {
      pixels: Uint8Array;
      classes: Int16Array;
      latents: Float32Array;
      positions: Float32Array;
      probabilities: Float32Array;
      bounds: Float32Array;
      weights: Float32Array;
      weighted: Float32Array;
      teacher: Float32Array;
      student: Float32Array;
      course: Float32Array;
      ends?: Float32Array;
      weighted_other?: Float32Array;
    };
  };
  /** Send pictures of samples, fitted inside size × size pixels; null asks for their own size. */
  thumbnails: {
    args: { indices: readonly number[]; size: number | null };
    result: Record<never, never>;
    arrays: { pixels: Uint8Array };
  };
  /** Measure the round-trip error of the canvas: decode each pixel, project it, measure how far it moved. */
  trust: {
    args: { landscape: number; epoch: number };
    result: { high: number };
    arrays: { trust: Uint8Array };
  };
  /** Decode a latent vector. */
  unfold: {
    args: { latent: readonly number[] };
    result: Record<never, never>;
    arrays: { pixels: Uint8Array };
  };
}

export type Op = keyof Requests;
