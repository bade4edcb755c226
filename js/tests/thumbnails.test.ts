// Pictures: fetched in batches as they come into view, once each; a failure stays until it is tried again.
import { expect, it } from "vitest";
import type { Picture } from "../src/protocol/pictures";
import type { Source } from "../src/protocol/source";
import { Thumbnails } from "../src/protocol/thumbnails";

function controlled() {
  const requests: { indices: number[]; answer: () => void; fail: (words: string) => void }[] = [];
  const source = {
    thumbnails: (indices: readonly number[]) =>
      new Promise<Picture[]>((resolve, reject) =>
        requests.push({
          indices: [...indices],
          answer: () =>
            resolve(
              indices.map((index) => ({
                width: 1,
                height: 1,
                channels: 1,
                pixels: Uint8Array.of(index),
              })),
            ),
          fail: (words) => reject(new Error(words)),
        }),
      ),
  } as unknown as Source;
  const settle = () => new Promise((resolve) => setTimeout(resolve));
  return { requests, thumbnails: new Thumbnails(source, null), settle };
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

it("fetches in batches, two at once, and each picture once", async () => {
  const { requests, thumbnails, settle } = controlled();
  thumbnails.want(upTo(500));
  expect(requests.map(({ indices }) => indices.length)).toEqual([128, 128]);
  thumbnails.want(upTo(500));
  expect(requests).toHaveLength(2);
  for (let i = 0; i < 4; i++) {
    requests[i]?.answer();
    await settle();
  }
  expect(requests.flatMap(({ indices }) => indices)).toEqual(upTo(500));
  expect(thumbnails.get(77)?.pixels).toEqual(Uint8Array.of(77));
});

it("forgets what was wanted before and is out of view again", async () => {
  const { requests, thumbnails, settle } = controlled();
  thumbnails.want(upTo(400));
  thumbnails.want([900, 901]);
  requests[0]?.answer();
  await settle();
  expect(requests[2]?.indices).toEqual([900, 901]);
  requests[1]?.answer();
  requests[2]?.answer();
  await settle();
  expect(requests).toHaveLength(3);
});

it("keeps a failure in sight, and tries again when asked", async () => {
  const { requests, thumbnails, settle } = controlled();
  thumbnails.want([1]);
  requests[0]?.fail("No pictures here.");
  await settle();
  expect(thumbnails.failure.value).toBe("No pictures here.");
  thumbnails.want([1]);
  expect(requests).toHaveLength(1);
  thumbnails.retry();
  thumbnails.want([1]);
  expect(requests).toHaveLength(2);
});

it("asks together for pictures that are wanted one by one, and for none twice", async () => {
  const { requests, thumbnails, settle } = controlled();
  for (const index of [5, 3, 5, 8]) {
    thumbnails.add(index);
  }
  await settle();
  thumbnails.add(3);
  expect(requests.map(({ indices }) => indices)).toEqual([[5, 3, 8]]);
  requests[0]?.answer();
  await settle();
  thumbnails.add(8);
  await settle();
  expect(requests).toHaveLength(1);
});
