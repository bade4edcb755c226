// Decoded points of a landscape: the likeliest classes, the nearest samples and the picture of each.
import { type Picture, readPictures } from "../protocol/pictures";
import type { Answer } from "../protocol/wire";

export interface DecodedPoint {
  /** All classes, the likeliest first. */
  classes: { index: number; probability: number }[];
  /** Recorded samples, the nearest first. */
  nearest: number[];
  /** Undefined where representations do not decode to pictures. */
  picture: Picture | undefined;
}

type Read = Pick<Answer<"decode">, "probabilities" | "nearest" | "pixels">;

export function readDecoded({ probabilities, nearest, pixels }: Read): DecodedPoint[] {
  const pictures = pixels === undefined ? [] : readPictures(pixels);
  const [points = 0, classes = 0] = probabilities.shape;
  const [, neighbors = 0] = nearest.shape;
  return Array.from({ length: points }, (_, i) => ({
    classes: Array.from(
      probabilities.data.subarray(i * classes, (i + 1) * classes),
      (probability, index) => ({ index, probability }),
    ).sort((p, q) => q.probability - p.probability),
    nearest: Array.from(nearest.data.subarray(i * neighbors, (i + 1) * neighbors)),
    picture: pictures[i],
  }));
}
