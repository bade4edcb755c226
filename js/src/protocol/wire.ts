// The wire protocol: what is asked, what is answered, and typed arrays out of binary buffers.

export type Dtype = "uint8" | "uint16" | "int16" | "int32" | "float32";
export type TypedArray = Uint8Array | Uint16Array | Int16Array | Int32Array | Float32Array;

export interface ArrayHeader {
  name: string;
  dtype: Dtype;
  shape: number[];
}

export interface NamedArray {
  data: TypedArray;
  shape: number[];
}

export interface Answer {
  result: Record<string, unknown>;
  arrays: Map<string, NamedArray>;
}

/** How far an answer is, in words, and what there is of it already. */
export type Progress<T = Answer> = (fraction: number, text: string, soFar?: T) => void;

export interface AskOptions<T = Answer> {
  signal?: AbortSignal | undefined;
  progress?: Progress<T> | undefined;
}

/** One request, one answer. Rejects with an Error whose message is a sentence for people. */
export type Ask = (
  op: string,
  args: Record<string, unknown>,
  options?: AskOptions,
) => Promise<Answer>;

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

/** The arrays of an answer by name, each checked against the shape that was announced. */
export function namedArrays(
  headers: readonly ArrayHeader[],
  buffers: readonly (ArrayBufferView | ArrayBuffer)[],
): Map<string, NamedArray> {
  const arrays = new Map<string, NamedArray>();
  headers.forEach(({ name, dtype, shape }, position) => {
    const bytes = buffers[position];
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
    arrays.set(name, { data, shape });
  });
  return arrays;
}
