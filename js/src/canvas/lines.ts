// Trails and links as the GPU takes them: one instance per piece, made on the page only when what they follow changes.
import type { Rgb } from "../state/colors";

/** Per piece: start and end at epoch a, the same at b, when it starts and ends, and a colour. */
export const LINE_BYTES = 24;
/** So many of the selected leave trails. */
export const MOST_TRAILS = 300;

export interface Lines {
  data: ArrayBuffer;
  count: number;
}

type Positions = Uint16Array;

/** At most so many of some indices, evenly taken from all of them. */
export function spread(indices: Uint32Array, most: number): Uint32Array {
  const step = Math.max(1, indices.length / most);
  return Uint32Array.from(
    { length: Math.min(most, indices.length) },
    (_, i) => indices[Math.floor(i * step)] as number,
  );
}

/** The ways of some samples over all epochs at hand; an epoch that is not at hand is passed by. */
export function trails(
  samples: Uint32Array,
  count: number,
  positionsAt: (position: number) => Positions | undefined,
  colorAt: (sample: number, position: number) => Rgb,
): Lines {
  const known: { at: number; positions: Positions }[] = [];
  for (let at = 0; at < count; at++) {
    const positions = positionsAt(at);
    // Where an epoch is shown longer than one step, its samples stay where they are.
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
      const place = [from, to].flatMap(({ positions }) => line.map((k) => positions[k] as number));
      words.set([...place, ...place, from.at, to.at], piece * (LINE_BYTES / 2));
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
    const place = [a, b].flatMap((positions) =>
      pair.flatMap((sample) => [
        positions[2 * sample] as number,
        positions[2 * sample + 1] as number,
      ]),
    );
    words.set(place, piece * (LINE_BYTES / 2));
    bytes.set([...color, 255], piece * LINE_BYTES + 20);
  });
  return { data, count: pairs.length };
}
