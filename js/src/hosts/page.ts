// The exported page as a source: recorded answers in the document itself, decoded when they are needed.

import { signal } from "@preact/signals";
import { createSource } from "../protocol/source";
import {
  type Answer,
  type Args,
  type ArrayHeader,
  type Ask,
  type Dtype,
  joinAnswer,
  type NamedArray,
  type Op,
  type TypedArray,
  typedArray,
} from "../protocol/wire";
import { readLink } from "../state/link";
import type { SharedState } from "../state/store";
import type { Host } from "./host";

interface RecordedAnswer {
  result?: Record<string, unknown>;
  arrays: (ArrayHeader & { block: number })[];
}

interface Block {
  dtype: Dtype;
  shape: number[];
  block: number;
}

/** An array with a row per sample. Where `steps` stands for 1, shares come in bytes; one more means none. */
interface Rows extends Block {
  name: string;
  steps?: number;
}

interface Manifest {
  answers: Record<string, RecordedAnswer>;
  /** Answers about all samples, by the request without its indices. */
  sliced?: Record<string, Rows[]>;
  thumbnails: { per_block: number; blocks: Block[] } | null;
  /** What people read of the samples, as JSON. */
  texts?: { per_block: number; blocks: Block[] };
  state: Partial<SharedState>;
}

/** Blocks kept decoded, of which parts are asked for: a few hundred pictures, an epoch's probabilities. */
const KEPT_BLOCKS = 32;

export function openPage(page: Document): Host {
  const text = page.querySelector('script[data-dvi="manifest"]')?.textContent;
  if (!text) {
    throw new Error("This page holds no explorer: its data are missing.");
  }
  const manifest = JSON.parse(text) as Manifest;
  const kept = new Map<number, Promise<TypedArray>>();

  const decoded = ({ block, dtype }: Block): Promise<TypedArray> => {
    const known = kept.get(block);
    if (known !== undefined) {
      return known;
    }
    const values = decodeBlock(page, block).then((bytes) => typedArray(dtype, bytes));
    kept.set(block, values);
    const oldest = kept.keys().next().value;
    if (kept.size > KEPT_BLOCKS && oldest !== undefined) {
      kept.delete(oldest);
    }
    return values;
  };

  const thumbnails = async ({ indices }: Args<"thumbnails">): Promise<Answer<"thumbnails">> => {
    const { per_block, blocks } = manifest.thumbnails ?? { per_block: 1, blocks: [] };
    const [, height = 0, width = 0, channels = 0] = blocks[0]?.shape ?? [];
    const size = height * width * channels;
    const data = new Uint8Array(indices.length * size);
    for (const [row, index] of indices.entries()) {
      const header = blocks[Math.floor(index / per_block)];
      if (header === undefined) {
        throw new Error("These pictures were not exported with the page.");
      }
      const start = (index % per_block) * size;
      data.set((await decoded(header)).subarray(start, start + size), row * size);
    }
    return { pixels: { data, shape: [indices.length, height, width, channels] } };
  };

  /** The rows of some samples, out of arrays with a row for every one. */
  const rows = async (all: readonly Rows[], indices: readonly number[]): Promise<object> => {
    const arrays: Record<string, NamedArray> = {};
    for (const header of all) {
      const values = await decoded(header);
      const { name, steps } = header;
      const [, width = 0] = header.shape;
      const size = indices.length * width;
      const data = steps ? new Float32Array(size) : new Int32Array(size);
      for (let i = 0; i < size; i++) {
        const row = indices[Math.floor(i / width)] as number;
        const value = values[row * width + (i % width)] as number;
        data[i] = steps ? (value > steps ? Number.NaN : value / steps) : value;
      }
      arrays[name] = { data, shape: [indices.length, width] };
    }
    return arrays;
  };

  const texts = new Map<number, Promise<string[]>>();
  const textOf = async (index: number): Promise<string> => {
    const { per_block = 1, blocks = [] } = manifest.texts ?? {};
    const number = Math.floor(index / per_block);
    const header = blocks[number];
    if (header === undefined) {
      throw new Error("These texts were not exported with the page.");
    }
    const block =
      texts.get(number) ??
      decoded(header).then((bytes): string[] => JSON.parse(new TextDecoder().decode(bytes)));
    texts.set(number, block);
    return (await block)[index % per_block] ?? "";
  };

  const describe = async ({ indices }: Args<"describe">): Promise<Answer<"describe">> => ({
    texts: await Promise.all(indices.map(textOf)),
  });

  /** Of all samples so many neighbours are here; fewer are their beginning. */
  const neighbors = async (args: Args<"neighbors">): Promise<Answer<"neighbors">> => {
    const { indices, k, ...about } = args;
    const all = manifest.sliced?.[`neighbors ${JSON.stringify(about)}`];
    const width = all?.[0]?.shape[1] ?? 0;
    if (all === undefined) {
      throw new Error(absent("neighbors"));
    }
    if (k > width) {
      throw new Error(
        `This page has the ${width} nearest samples: for more, open it in a notebook.`,
      );
    }
    const found = (await rows(all, indices)) as Answer<"neighbors">;
    const data = Int32Array.from(
      { length: indices.length * k },
      (_, i) => found.neighbors.data[Math.floor(i / k) * width + (i % k)] as number,
    );
    return { neighbors: { data, shape: [indices.length, k] } };
  };

  /** Answers that are put together out of blocks. */
  const made: { [O in Op]?: (args: Args<O>) => Promise<Answer<O>> } = {
    thumbnails,
    describe,
    neighbors,
  };

  const ask: Ask = async <O extends Op>(op: O, args: Args<O>) => {
    const make = made[op];
    if (make !== undefined) {
      return make(args);
    }
    const { indices = [], ...about } = args as { indices?: readonly number[] };
    const sliced = manifest.sliced?.[`${op} ${JSON.stringify(about)}`];
    if (sliced !== undefined) {
      return (await rows(sliced, indices)) as Answer<O>;
    }
    const recorded = manifest.answers[`${op} ${JSON.stringify(args)}`];
    if (recorded === undefined) {
      throw new Error(absent(op));
    }
    const blocks = recorded.arrays.map(({ block }) => decodeBlock(page, block));
    return joinAnswer<O>(recorded.result ?? {}, recorded.arrays, await Promise.all(blocks));
  };

  const memory = remember(text);
  return {
    source: createSource(ask),
    lost: signal(false),
    state: () => ({
      epoch: 0,
      selection: "",
      hovered: null,
      color_by: "label",
      size_by: "",
      filter: "",
      selections: {},
      _view: {},
      ...withView(manifest.state, memory.recall(), readLink(location.hash.slice(1))),
    }),
    bind: (store) => {
      const changed: Partial<SharedState> = memory.recall();
      const stop = store.share((name, value) => {
        if (name !== "hovered") {
          changed[name] = value;
        }
      });
      const save = (): void => memory.save(changed);
      window.addEventListener("pagehide", save);
      return () => {
        stop();
        window.removeEventListener("pagehide", save);
      };
    },
    close: () => kept.clear(),
  };
}

/** Say that a page cannot answer. */
const absent = (op: Op): string =>
  `"${op}" was not exported with this page: open the explorer in a notebook.`;

/** The states one over the other, and their views as well. */
function withView(...states: Partial<SharedState>[]): Partial<SharedState> {
  const _view = Object.assign({}, ...states.map((state) => state._view));
  return Object.assign({}, ...states, { _view });
}

/** What a person changed, kept for a reload of this very page; nothing where the browser keeps nothing. */
function remember(manifest: string): {
  recall: () => Partial<SharedState>;
  save: (state: Partial<SharedState>) => void;
} {
  // Another export to the same path is another page.
  let hash = 0;
  for (let i = 0; i < manifest.length; i++) {
    hash = (Math.imul(hash, 31) + manifest.charCodeAt(i)) | 0;
  }
  const key = `dvi_widget ${location.pathname} ${hash}`;
  return {
    recall: () => {
      try {
        return JSON.parse(sessionStorage.getItem(key) ?? "{}") as Partial<SharedState>;
      } catch {
        return {};
      }
    },
    save: (state) => {
      try {
        sessionStorage.setItem(key, JSON.stringify(state));
      } catch {
        // A full or forbidden storage: the page opens as it was exported.
      }
    },
  };
}

/** A block of the page: base64 of gzip of the bytes. */
async function decodeBlock(page: Document, block: number): Promise<ArrayBuffer> {
  const text = page.querySelector(`script[data-dvi-block="${block}"]`)?.textContent;
  if (text === null || text === undefined) {
    throw new Error(`This page is damaged: block ${block} of its data is missing.`);
  }
  const packed = Uint8Array.from(atob(text.trim()), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}
