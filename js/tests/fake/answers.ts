// A made-up training run that answers the protocol: classes drift apart from one heap over the epochs.
import { type EventRow, PROTOCOL, type Requests } from "../../src/protocol/requests";
import type { ArrayHeader, Dtype, TypedArray } from "../../src/protocol/wire";

export interface FakeOptions {
  n?: number;
  classes?: number | string[];
  /** Recorded numbers. */
  epochs?: number[];
  resolution?: number;
  images?: { height: number; width: number; channels: number } | null;
  /** How many labels are left out, out of a hundred. */
  unlabelled?: number;
  name?: string;
  extent?: [number, number, number, number];
  services?: string[];
  /** Whether samples have texts to read. */
  texts?: boolean;
  /** Rows of the measures. */
  measures?: Record<string, unknown>[];
  /** Rows of the events. */
  events?: EventRow[];
  scalars?: Record<string, (number | null)[]>;
  /** A second landscape over the same samples: turned by a quarter, with epochs of its own. */
  second?: { name: string; epochs: number[] };
}

export interface FakeAnswer {
  result: Record<string, unknown>;
  arrays: ArrayHeader[];
  buffers: TypedArray[];
}

export interface FakeRun {
  n: number;
  labels: Int32Array;
  answer(op: string, args: Record<string, unknown>): FakeAnswer;
}

const PALETTE = [
  "#4269d0",
  "#efb118",
  "#ff725c",
  "#6cc5b0",
  "#3ca951",
  "#ff8ab7",
  "#a463f2",
  "#97bbf5",
  "#9c6b4e",
  "#6b7280",
];

const SAFE = [
  "#0467d5",
  "#dfb931",
  "#c53b80",
  "#2adbba",
  "#913b0b",
  "#b5b1fd",
  "#7d811b",
  "#74359b",
  "#ef7d77",
  "#09a3cb",
];

/** A small generator with a seed, so that every run looks the same. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function fakeRun(options: FakeOptions = {}): FakeRun {
  const n = options.n ?? 300;
  const names = Array.isArray(options.classes)
    ? options.classes
    : Array.from({ length: options.classes ?? 10 }, (_, i) => String(i));
  const count = names.length;
  const epochs = options.epochs ?? [0, 1, 2, 3, 4, 5];
  const resolution = options.resolution ?? 120;
  const images =
    options.images === undefined ? { height: 8, width: 8, channels: 1 } : options.images;
  const extent = options.extent ?? [-1, 1, -1, 1];
  const next = random(7);
  const normal = (): number =>
    Math.sqrt(-2 * Math.log(next() + 1e-12)) * Math.cos(2 * Math.PI * next());

  const labels = new Int32Array(n);
  const split = new Uint8Array(n);
  const flipped = new Uint8Array(n);
  const truth = new Int32Array(n);
  const noise = new Float32Array(2 * n);
  for (let i = 0; i < n; i++) {
    truth[i] = Math.floor(next() * count);
    flipped[i] = next() < 0.03 ? 1 : 0;
    labels[i] = flipped[i] ? Math.floor(next() * count) : (truth[i] as number);
    if (next() * 100 < (options.unlabelled ?? 0)) {
      labels[i] = -1;
    }
    split[i] = i < n * 0.8 ? 0 : 1;
    noise[2 * i] = normal();
    noise[2 * i + 1] = normal();
  }

  const seeds = Array.from({ length: count }, (_, c) => {
    const ring = Math.sqrt((c + 0.5) / count);
    const angle = c * 2.39996;
    return {
      x: 0.74 * ring * Math.cos(angle),
      y: 0.74 * ring * Math.sin(angle),
      turn: next() * 2 - 1,
    };
  });
  const progress = (position: number): number =>
    epochs.length === 1 ? 1 : 0.12 + 0.88 * (position / (epochs.length - 1)) ** 0.6;
  const centers = (position: number): { x: number; y: number }[] => {
    const p = progress(position);
    return seeds.map(({ x, y, turn }) => {
      const a = (1 - p) * turn * 2;
      const r = 0.35 + 0.65 * p;
      return {
        x: r * (x * Math.cos(a) - y * Math.sin(a)),
        y: r * (x * Math.sin(a) + y * Math.cos(a)),
      };
    });
  };
  const spread = (position: number): number =>
    (0.42 * (1.15 - progress(position))) / Math.sqrt(count / 10) ** 0.5 + 0.03;

  /** Softmax of negative squared distances: the two best classes and their probabilities. */
  const classify = (places: { x: number; y: number }[], x: number, y: number, sharp: number) => {
    let best = 0;
    let second = 0;
    let d1 = Number.POSITIVE_INFINITY;
    let d2 = Number.POSITIVE_INFINITY;
    for (let c = 0; c < places.length; c++) {
      const place = places[c] as { x: number; y: number };
      const wobble = 0.02 * Math.sin(9 * x + c) * Math.cos(7 * y - c);
      const d = (x - place.x) ** 2 + (y - place.y) ** 2 + wobble;
      if (d < d1) {
        d2 = d1;
        second = best;
        d1 = d;
        best = c;
      } else if (d < d2) {
        d2 = d;
        second = c;
      }
    }
    const ratio = 1 / (1 + Math.exp(-(d2 - d1) * sharp));
    return { best, second, ratio };
  };

  const wide = count > 255;
  const dtype: Dtype = wide ? "uint16" : "uint8";
  const integers = (length: number) => (wide ? new Uint16Array(length) : new Uint8Array(length));
  const pack = (
    result: Record<string, unknown>,
    arrays: [string, Dtype, number[], TypedArray][],
  ): FakeAnswer => ({
    result,
    arrays: arrays.map(([name, type, shape]) => ({ name, dtype: type, shape })),
    buffers: arrays.map(([, , , data]) => data),
  });

  /** The second landscape is the first one turned, at the nearest of its times. */
  const placesAt = (landscape: number, epoch: number) => {
    const recorded = landscape === 1 ? (options.second?.epochs ?? []) : epochs;
    const found = recorded.indexOf(epoch);
    if (found < 0) {
      throw new Error(`Epoch ${epoch} was not recorded.`);
    }
    const position = Math.round((found / Math.max(1, recorded.length - 1)) * (epochs.length - 1));
    const places = centers(position);
    return {
      position,
      places: landscape === 1 ? places.map(({ x, y }) => ({ x: -y, y: x })) : places,
    };
  };

  /** Where the samples are at an epoch, and what they are taken for there. */
  const sampler = (landscape: number, epoch: number) => {
    const { position, places } = placesAt(landscape, epoch);
    const width = spread(position);
    return (i: number) => {
      const place = places[truth[i] as number] as { x: number; y: number };
      const x = place.x + width * (noise[2 * i] as number);
      const y = place.y + width * (noise[2 * i + 1] as number);
      return { x, y, ...classify(places, x, y, 12 + 40 * progress(position)) };
    };
  };

  const frame = (landscape: number, epoch: number): FakeAnswer => {
    const sample = sampler(landscape, epoch);
    const positions = new Uint16Array(2 * n);
    const predictions = integers(n);
    const confidence = new Uint16Array(n);
    const quantise = (value: number): number =>
      Math.round(65535 * Math.min(1, Math.max(0, (value + 1) / 2)));
    for (let i = 0; i < n; i++) {
      const { x, y, best, ratio } = sample(i);
      positions[2 * i] = quantise(x);
      positions[2 * i + 1] = quantise(y);
      predictions[i] = best;
      confidence[i] = 2 * Math.floor(30_000 * ratio) + (ratio < 1 ? 1 : 0);
    }
    return pack({}, [
      ["positions", "uint16", [n, 2], positions],
      ["predictions", dtype, [n], predictions],
      ["confidence", "uint16", [n], confidence],
    ]);
  };

  const canvas = (landscape: number, epoch: number): FakeAnswer => {
    const { position, places } = placesAt(landscape, epoch);
    const classes = integers(resolution * resolution);
    const shade = new Uint8Array(resolution * resolution);
    const margin = new Uint8Array(resolution * resolution);
    for (let row = 0; row < resolution; row++) {
      for (let column = 0; column < resolution; column++) {
        const x = (2 * (column + 0.5)) / resolution - 1;
        const y = (2 * (row + 0.5)) / resolution - 1;
        const { best, ratio } = classify(places, x, y, 12 + 40 * progress(position));
        const at = row * resolution + column;
        classes[at] = best;
        margin[at] = Math.round(255 * Math.sqrt(Math.min(1, Math.max(0, 2 * ratio - 1))));
        shade[at] = Math.round(255 * ratio);
      }
    }
    return pack({}, [
      ["classes", dtype, [resolution, resolution], classes],
      ["shade", "uint8", [resolution, resolution], shade],
      ["margin", "uint8", [resolution, resolution], margin],
    ]);
  };

  /** The flipped samples by a margin that was made up; of the late learners there are none. */
  const list = (name: string): FakeAnswer => {
    const found = [...flipped.keys()].filter((i) =>
      name === "forgotten" ? i % 2 === 0 : name === "likely mislabelled" && flipped[i] === 1,
    );
    const indices = Int32Array.from(found);
    const values = Float32Array.from(found, (_, place) =>
      name === "forgotten" ? found.length - place : (place - found.length) / 7,
    );
    const measure = name === "forgotten" ? "forgetting" : "aum";
    return pack({ measure }, [
      ["indices", "int32", [found.length], indices],
      ["values", "float32", [found.length], values],
    ]);
  };

  const thumbnails = (indices: number[]): FakeAnswer => {
    const { height, width, channels } = images ?? { height: 1, width: 1, channels: 1 };
    const size = height * width * channels;
    const pixels = new Uint8Array(indices.length * size);
    indices.forEach((index, place) => {
      if (!Number.isInteger(index) || index < 0 || index >= n) {
        throw new Error(`Sample ${index} does not exist.`);
      }
      drawGlyph(pixels.subarray(place * size, (place + 1) * size), truth[index] as number, index, {
        height,
        width,
        channels,
      });
    });
    return pack({}, [["pixels", "uint8", [indices.length, height, width, channels], pixels]]);
  };

  /** Nearly all belongs to the two best classes; the others share the rest. */
  const probability = ({ best, second, ratio }: ReturnType<typeof classify>, c: number): number => {
    const others = count < 3 ? 0 : 0.1 * (1 - ratio);
    if (c === best) {
      return ratio;
    }
    return c === second ? 1 - ratio - others : others / (count - 2);
  };

  const probabilities = (landscape: number, epoch: number, indices: number[]): FakeAnswer => {
    const sample = sampler(landscape, epoch);
    const values = Float32Array.from({ length: indices.length * count }, (_, at) =>
      probability(sample(indices[Math.floor(at / count)] as number), at % count),
    );
    return pack({}, [["probabilities", "float32", [indices.length, count], values]]);
  };

  const history = (landscape: number, indices: number[]): FakeAnswer => {
    const recorded = landscape === 1 ? (options.second?.epochs ?? []) : epochs;
    const samplers = recorded.map((epoch) => sampler(landscape, epoch));
    const cells = indices.flatMap((i) => samplers.map((sample) => ({ i, ...sample(i) })));
    const shape = [indices.length, recorded.length];
    return pack({}, [
      ["predictions", "int16", shape, Int16Array.from(cells, ({ best }) => best)],
      ["confidence", "float32", shape, Float32Array.from(cells, ({ ratio }) => ratio)],
      [
        "own",
        "float32",
        shape,
        Float32Array.from(cells, (cell) => {
          const label = labels[cell.i] as number;
          return label < 0 ? Number.NaN : probability(cell, label);
        }),
      ],
    ]);
  };

  /** Two measures, as the literature defines them. */
  const dynamics = (landscape: number): FakeAnswer => {
    const recorded = landscape === 1 ? (options.second?.epochs ?? []) : epochs;
    const samplers = recorded.map((epoch) => sampler(landscape, epoch));
    const confidence = Float32Array.from({ length: n }, (_, i) => {
      const label = labels[i] as number;
      const own = samplers.map((sample) => probability(sample(i), label));
      return label < 0 ? Number.NaN : own.reduce((sum, p) => sum + p, 0) / own.length;
    });
    const forgetting = Float32Array.from({ length: n }, (_, i) => {
      const right = samplers.map((sample) => sample(i).best === labels[i]);
      return right.filter((now, place) => !now && right[place - 1]).length;
    });
    const values = new Float32Array(2 * n);
    values.set(confidence);
    values.set(forgetting, n);
    return pack({ columns: ["confidence", "forgetting_events"] }, [
      ["values", "float32", [2, n], values],
    ]);
  };

  /** What lies at a place of the extent [-1, 1], each nearest to the first samples. */
  const decode = (landscape: number, epoch: number, points: [number, number][]): FakeAnswer => {
    const { position, places } = placesAt(landscape, epoch);
    const found = points.map(([x, y]) => classify(places, x, y, 12 + 40 * progress(position)));
    const values = found.flatMap((cell) =>
      Array.from({ length: count }, (_, c) => probability(cell, c)),
    );
    const nearest = Int32Array.from({ length: 5 * points.length }, (_, i) => i % 5);
    return pack({}, [
      ["probabilities", "float32", [points.length, count], Float32Array.from(values)],
      ["nearest", "int32", [points.length, 5], nearest],
    ]);
  };

  const crossings = (landscape: number, epoch: number, a: number[], b: number[]): FakeAnswer => {
    const { places } = placesAt(landscape, epoch);
    const along = Array.from({ length: 101 }, (_, i) => {
      const [x, y] = [0, 1].map(
        (k) => (a[k] as number) + ((b[k] as number) - (a[k] as number)) * (i / 100),
      );
      return { t: i / 100, x, y, class: classify(places, x as number, y as number, 1).best };
    });
    const found = along.flatMap(({ t, x, y, class: after }, i) => {
      const before = along[i - 1]?.class ?? after;
      return before === after ? [] : [{ t, x, y, before, after }];
    });
    return pack({ crossings: found }, []);
  };

  /** In a fake, what is near on the plane is near everywhere. */
  const nearest = (
    positions: Uint16Array,
    at: readonly [number, number],
    k: number,
    allowed: (sample: number) => boolean,
  ): number[] =>
    Array.from({ length: n }, (_, sample) => sample)
      .filter(allowed)
      .map((sample) => ({
        sample,
        away: Math.hypot(
          (positions[2 * sample] as number) - at[0],
          (positions[2 * sample + 1] as number) - at[1],
        ),
      }))
      .sort((p, q) => p.away - q.away)
      .slice(0, k)
      .map(({ sample }) => sample);

  const positionsOf = (args: Record<string, unknown>): Uint16Array =>
    frame(args.landscape as number, args.epoch as number).buffers[0] as Uint16Array;

  const neighbors = (args: Record<string, unknown>): FakeAnswer => {
    const positions = positionsOf(args);
    const indices = args.indices as number[];
    const { k, group } = args as { k: number; group: string | null };
    const allowed = (sample: number): boolean =>
      group === null ||
      (group === "flipped" ? flipped[sample] === 1 : (split[sample] === 1) === (group === "test"));
    const found = indices.flatMap((index) =>
      nearest(
        positions,
        [positions[2 * index] as number, positions[2 * index + 1] as number],
        k,
        (sample) => sample !== index && allowed(sample),
      ),
    );
    return pack({}, [
      [
        "neighbors",
        "int32",
        [indices.length, found.length / Math.max(1, indices.length)],
        Int32Array.from(found),
      ],
    ]);
  };

  /** Where no sample is near, nothing is known. */
  const trust = (args: Record<string, unknown>): FakeAnswer => {
    const side = 50;
    const positions = positionsOf(args);
    const values = new Uint8Array(side * side).fill(255);
    for (let i = 0; i < n; i++) {
      const column = ((positions[2 * i] as number) / 65536) * side;
      const row = ((positions[2 * i + 1] as number) / 65536) * side;
      for (let y = Math.max(0, Math.floor(row - 4)); y <= Math.min(side - 1, row + 4); y++) {
        for (
          let x = Math.max(0, Math.floor(column - 4));
          x <= Math.min(side - 1, column + 4);
          x++
        ) {
          const away = Math.hypot(x + 0.5 - column, y + 0.5 - row);
          values[y * side + x] = Math.min(values[y * side + x] as number, 60 * away);
        }
      }
    }
    return pack({ high: 0.3 }, [["trust", "uint8", [side, side], values]]);
  };

  const accuracy = (shift: number, { epochs: recorded }: { epochs: number[] }) =>
    recorded.map((_, position) =>
      Math.min(0.995, 1 - 0.62 * Math.exp(-3.4 * progress(position)) - shift * progress(position)),
    );

  return {
    n,
    labels,
    answer(op, args) {
      switch (op) {
        case "hello":
          return pack(
            {
              protocol: PROTOCOL,
              n,
              classes: names,
              palettes: { safe: SAFE, vivid: PALETTE },
              colors: { safe: SAFE, vivid: PALETTE },
              images,
              texts: options.texts ?? false,
              groups: ["flipped"],
              solid: false,
              models: [],
              vae: null,
              lists: [
                {
                  name: "likely mislabelled",
                  definition: "Another class had a higher logit than the label; the lowest first.",
                },
                { name: "forgotten", definition: "Right at one epoch and wrong at the next." },
                { name: "late learners", definition: "Right at the end, but late." },
              ],
              landscapes: [
                { name: options.name ?? "made-up run", epochs },
                ...(options.second === undefined ? [] : [options.second]),
              ].map((own) => ({
                ...own,
                extent,
                resolution,
                accuracy: { train: accuracy(0.005, own), test: accuracy(0.03, own) },
                services: options.services ?? [],
                columns: [
                  { name: "loss", kind: "number" as const, moves: true },
                  { name: "device", kind: "category" as const, moves: false },
                ],
                scalars: options.scalars ?? {},
              })),
            } satisfies Requests["hello"]["result"],
            [
              ["labels", "int32", [n], labels],
              ["split", "uint8", [n], split],
              ["members", "uint8", [1, n], flipped],
            ],
          );
        case "frame":
          return frame((args.landscape ?? 0) as number, args.epoch as number);
        case "canvas":
          return canvas((args.landscape ?? 0) as number, args.epoch as number);
        case "neighbors":
          return neighbors(args);
        case "trust":
          return trust(args);
        case "list":
          return list(args.name as string);
        case "thumbnails":
          return thumbnails(args.indices as number[]);
        case "probabilities":
          return probabilities(
            args.landscape as number,
            args.epoch as number,
            args.indices as number[],
          );
        case "history":
          return history(args.landscape as number, args.indices as number[]);
        case "column": {
          const sample = sampler((args.landscape ?? 0) as number, args.epoch as number);
          const isLoss = args.name === "loss";
          const values = Float32Array.from({ length: n }, (_, i) =>
            isLoss
              ? -Math.log(probability(sample(i), truth[i] as number) + 1e-9)
              : i % 5 === 0
                ? Number.NaN
                : i % 3,
          );
          return pack({ names: isLoss ? [] : ["phone", "tablet", "watch"], low: 0, high: 4 }, [
            ["values", "float32", [n], values],
          ]);
        }
        case "describe":
          return pack({ texts: (args.indices as number[]).map((i) => `<i>note ${i}</i>`) }, []);
        case "decode":
          return decode(
            args.landscape as number,
            args.epoch as number,
            args.points as [number, number][],
          );
        case "crossings":
          return crossings(
            args.landscape as number,
            args.epoch as number,
            args.a as number[],
            args.b as number[],
          );
        case "confusions":
          return pack({}, [["counts", "int32", [2, 0, count, count], new Int32Array(0)]]);
        case "events":
          return pack({ rows: options.events ?? [], split: null }, []);
        case "measures":
          return pack({ rows: options.measures ?? [], samples: n }, []);
        case "dynamics":
          return dynamics(args.landscape as number);
        default:
          throw new Error(`The fake run cannot answer "${op}".`);
      }
    },
  };
}

const GLYPHS = [
  "0110100110011001 0110",
  "0010011000100010 0111",
  "0110000100100100 1111",
  "1110000101100001 1110",
  "1001100111110001 0001",
  "1111100011100001 1110",
  "0110100011101001 0110",
  "1111000100100100 0100",
  "0110100101101001 0110",
  "0110100101110001 0110",
].map((bits) => bits.replace(" ", ""));

/** A digit of four by five dots, moved and blurred a little. */
function drawGlyph(
  pixels: Uint8Array,
  digit: number,
  seed: number,
  { height, width, channels }: { height: number; width: number; channels: number },
): void {
  const next = random(seed * 31 + 5);
  const glyph = GLYPHS[digit % 10] as string;
  const dx = next() * 1.2 - 0.6;
  const dy = next() * 0.8 - 0.4;
  const tint = [0.6 + 0.4 * next(), 0.6 + 0.4 * next(), 0.6 + 0.4 * next()];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const gx = ((x + 0.5) / width) * 6.4 - 1.2 + dx;
      const gy = ((y + 0.5) / height) * 6.6 - 0.8 + dy;
      let ink = 0;
      for (let row = 0; row < 5; row++) {
        for (let column = 0; column < 4; column++) {
          if (glyph[row * 4 + column] === "1") {
            ink = Math.max(ink, 1.25 - 1.1 * Math.hypot(gx - column - 0.5, gy - row - 0.5));
          }
        }
      }
      for (let c = 0; c < channels; c++) {
        const value =
          Math.min(1, Math.max(0, ink)) * (channels === 1 ? 1 : (tint[c] as number)) +
          0.06 * next();
        pixels[(y * width + x) * channels + c] = Math.round(255 * Math.min(1, value));
      }
    }
  }
}
