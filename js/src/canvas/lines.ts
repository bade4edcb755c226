// Trails and links as the GPU takes them: one instance per piece, packed anew only when samples or epochs change.
import type { Rgb } from "../state/colors";

/** Per piece: start and end at epoch a, the same at b, the times of both ends, and a colour. */
export const LINE_BYTES = 24;
/** Where more samples than this are selected, none leaves a trail: they would cover the map. */
export const MAX_TRAILS = 20;

export interface Lines {
  data: ArrayBuffer;
  count: number;
}

export const NO_LINES: Lines = { data: new ArrayBuffer(0), count: 0 };

type Positions = Uint16Array;

/** At most `most` of some indices, taken evenly from all of them. */
export function spread(indices: Uint32Array, most: number): Uint32Array {
  const step = Math.max(1, indices.length / most);
  return Uint32Array.from(
    { length: Math.min(most, indices.length) },
    (_, i) => indices[Math.floor(i * step)] as number,
  );
}

/** The trails of some samples over all epochs in memory; other epochs are skipped. */
export function trails(
  samples: Uint32Array,
  count: number,
  positionsAt: (position: number) => Positions | undefined,
  colorAt: (sample: number, position: number) => Rgb,
): Lines {
  const known: { at: number; positions: Positions }[] = [];
  for (let at = 0; at < count; at++) {
    const positions = positionsAt(at);
    if (positions !== undefined) {
      known.push({ at, positions });
    }
  }
  const pieces = Math.max(0, known.length - 1) * samples.length;
  const data = new ArrayBuffer(pieces * LINE_BYTES);
  const words = new Uint16Array(data);
  const bytes = new Uint8Array(data);
  let piece = 0;
  for (let i = 1; i < known.length; i++) {
    const from = known[i - 1] as (typeof known)[number];
    const to = known[i] as (typeof known)[number];
    for (const sample of samples) {
      const line = [2 * sample, 2 * sample + 1];
      const ends = [from, to].flatMap(({ positions }) => line.map((k) => positions[k] as number));
      words.set([...ends, ...ends, from.at, to.at], piece * (LINE_BYTES / 2));
      bytes.set([...colorAt(sample, to.at), 255], piece * LINE_BYTES + 20);
      piece++;
    }
  }
  return { data, count: pieces };
}

/** Straight lines between pairs of samples, which move as these do from epoch a to b. */
export function links(
  pairs: readonly (readonly [number, number])[],
  a: Positions,
  b: Positions,
  color: Rgb,
): Lines {
  const data = new ArrayBuffer(pairs.length * LINE_BYTES);
  const words = new Uint16Array(data);
  const bytes = new Uint8Array(data);
  pairs.forEach((pair, piece) => {
    const ends = [a, b].flatMap((positions) =>
      pair.flatMap((sample) => [
        positions[2 * sample] as number,
        positions[2 * sample + 1] as number,
      ]),
    );
    words.set(ends, piece * (LINE_BYTES / 2));
    bytes.set([...color, 255], piece * LINE_BYTES + 20);
  });
  return { data, count: pairs.length };
}
