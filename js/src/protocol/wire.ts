// Typed questions and answers, and the binary arrays that answers carry.
import type { Op, Requests } from "./requests";

export type { Op };
export type Dtype = "uint8" | "uint16" | "int16" | "int32" | "float32";
export type TypedArray = Uint8Array | Uint16Array | Int16Array | Int32Array | Float32Array;

/** An array as it is announced; its bytes follow in a buffer. */
export interface ArrayHeader {
  name: string;
  dtype: Dtype;
  shape: number[];
}

export interface NamedArray<T extends TypedArray = TypedArray> {
  data: T;
  shape: number[];
}

/** Why nothing is answered any more once the kernel has let go of the explorer. */
export const LOST = "The kernel was restarted: run this cell again.";

export type Args<O extends Op> = Requests[O]["args"];

type Arrays<O extends Op> = {
  [Name in keyof Requests[O]["arrays"]]: NamedArray<
    Extract<Requests[O]["arrays"][Name], TypedArray>
  >;
};

/** The values and arrays of an answer side by side: no two share a name. */
export type Answer<O extends Op> = Requests[O]["result"] & Arrays<O>;

/** Called with the finished share, a sentence, and what there is of the answer already. */
export type Progress<T> = (fraction: number, text: string, partial?: T) => void;

export interface AskOptions<T> {
  signal?: AbortSignal | undefined;
  progress?: Progress<T> | undefined;
}

/** Ask one question. Rejects with an Error whose message is a sentence for people. */
export type Ask = <O extends Op>(
  op: O,
  args: Args<O>,
  options?: AskOptions<Answer<O>>,
) => Promise<Answer<O>>;

const CONSTRUCTORS = {
  uint8: Uint8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  int32: Int32Array,
  float32: Float32Array,
} as const;

/** A typed array over the bytes of a buffer; copied only where the host aligned it badly. */
export function typedArray(dtype: Dtype, bytes: ArrayBufferView | ArrayBuffer): TypedArray {
  const Type = CONSTRUCTORS[dtype];
  if (Type === undefined) {
    throw new Error(`The answer holds an array of the unknown type ${dtype}.`);
  }
  const [buffer, offset] =
    bytes instanceof ArrayBuffer ? [bytes, 0] : [bytes.buffer, bytes.byteOffset];
  const size = Type.BYTES_PER_ELEMENT;
  const length = bytes.byteLength / size;
  if (!Number.isInteger(length)) {
    throw new Error(`The answer is broken: ${bytes.byteLength} bytes are no array of ${dtype}.`);
  }
  // Four bytes, whatever the type: positions are also read as one 32-bit word per sample.
  if (offset % 4 === 0) {
    return new Type(buffer as ArrayBuffer, offset, length);
  }
  return new Type(buffer.slice(offset, offset + bytes.byteLength) as ArrayBuffer);
}

/** Join the values and the arrays of an answer, each array checked against its announced shape. */
export function joinAnswer<O extends Op>(
  result: object,
  headers: readonly ArrayHeader[],
  buffers: readonly (ArrayBufferView | ArrayBuffer)[],
): Answer<O> {
  const arrays = headers.map(({ name, dtype, shape }, i): [string, NamedArray] => {
    const bytes = buffers[i];
    if (bytes === undefined) {
      throw new Error(`The answer came without its array "${name}".`);
    }
    const data = typedArray(dtype, bytes);
    const expected = shape.reduce((product, side) => product * side, 1);
    if (data.length !== expected) {
      throw new Error(
        `The answer is broken: "${name}" has ${data.length} values, ${expected} expected.`,
      );
    }
    return [name, { data, shape }];
  });
  // The one place where the types of requests.ts are taken on trust: a test compares them with the kernel's.
  return { ...result, ...Object.fromEntries(arrays) } as unknown as Answer<O>;
}
