// The exported page as a source: recorded answers in the document itself, decoded when they are needed.

import { createSource } from "../protocol/source";
import {
  type Answer,
  type ArrayHeader,
  type Ask,
  type Dtype,
  type NamedArray,
  namedArrays,
  type TypedArray,
  typedArray,
} from "../protocol/wire";
import type { SharedState } from "../state/store";
import type { Host } from "./mount";

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

  const thumbnails = async (indices: readonly number[]): Promise<Answer> => {
    const { per_block, blocks } = manifest.thumbnails ?? { per_block: 1, blocks: [] };
    const [, height, width, channels] = (blocks[0]?.shape ?? [0, 0, 0, 0]) as [
      number,
      number,
      number,
      number,
    ];
    const size = height * width * channels;
    const data = new Uint8Array(indices.length * size);
    for (const [place, index] of indices.entries()) {
      const header = blocks[Math.floor(index / per_block)];
      if (header === undefined) {
        throw new Error("These pictures were not exported with the page.");
      }
      const block = (await decoded(header)) as Uint8Array;
      const start = (index % per_block) * size;
      data.set(block.subarray(start, start + size), place * size);
    }
    const shape = [indices.length, height, width, channels];
    return { result: {}, arrays: new Map([["pixels", { data, shape }]]) };
  };

  const rows = async (all: readonly Rows[], indices: readonly number[]): Promise<Answer> => {
    const arrays = new Map<string, NamedArray>();
    for (const header of all) {
      const values = await decoded(header);
      const { name, steps } = header;
      const width = header.shape[1] as number;
      const shape = [indices.length, width];
      const size = indices.length * width;
      const data = steps ? new Float32Array(size) : new Int32Array(size);
      for (let i = 0; i < size; i++) {
        const row = indices[Math.floor(i / width)] as number;
        const value = values[row * width + (i % width)] as number;
        data[i] = steps ? (value > steps ? Number.NaN : value / steps) : value;
      }
      arrays.set(name, { data, shape });
    }
    return { result: {}, arrays };
  };

  const texts = new Map<number, Promise<string[]>>();
  const describe = async (indices: readonly number[]): Promise<Answer> => {
    const { per_block = 1, blocks = [] } = manifest.texts ?? {};
    const found = indices.map(async (index) => {
      const number = Math.floor(index / per_block);
      const block =
        texts.get(number) ??
        decoded(blocks[number] as Block).then((bytes) =>
          JSON.parse(new TextDecoder().decode(bytes)),
        );
      texts.set(number, block);
      return (await block)[index % per_block];
    });
    return { result: { texts: await Promise.all(found) }, arrays: new Map() };
  };

  const ask: Ask = async (op, args) => {
    if (op === "thumbnails") {
      return thumbnails(args.indices as readonly number[]);
    }
    if (op === "describe") {
      return describe(args.indices as readonly number[]);
    }
    const { indices, ...about } = args;
    const all = manifest.sliced?.[`${op} ${JSON.stringify(about)}`];
    if (all !== undefined) {
      return rows(all, indices as readonly number[]);
    }
    const recorded = manifest.answers[`${op} ${JSON.stringify(args)}`];
    if (recorded === undefined) {
      throw new Error(`"${op}" was not exported with this page: open the explorer in a notebook.`);
    }
    const blocks = recorded.arrays.map(({ block }) => decodeBlock(page, block));
    return {
      result: recorded.result ?? {},
      arrays: namedArrays(recorded.arrays, await Promise.all(blocks)),
    };
  };

  const memory = remember(text);
  return {
    source: createSource(ask),
    state: () => ({
      epoch: 0,
      selection: "",
      hovered: null,
      color_by: "label",
      filter: "",
      selections: {},
      _view: {},
      ...manifest.state,
      ...memory.recall(),
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

/** What a person changed, kept for a reload of this very page; nothing where the browser keeps nothing. */
function remember(manifest: string): {
  recall: () => Partial<SharedState>;
  save: (state: Partial<SharedState>) => void;
} {
  // Another export to the same place is another page.
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
