// Buffers become typed arrays whatever their alignment, and a broken answer says what is wrong with it.
import { expect, it } from "vitest";
import { createSource } from "../src/protocol/source";
import { type ArrayHeader, joinAnswer, typedArray } from "../src/protocol/wire";
import { fakeRun } from "./fake/answers";
import { askRun } from "./fake/store";

const header = (name: string, dtype: ArrayHeader["dtype"], ...shape: number[]): ArrayHeader => ({
  name,
  dtype,
  shape,
});

it.each([0, 1, 2, 3, 4, 5])("reads an array that starts %i bytes into its buffer", (offset) => {
  const bytes = new Uint8Array(offset + 8);
  new DataView(bytes.buffer).setUint16(offset + 2, 513, true);
  const view = new DataView(bytes.buffer, offset, 8);
  expect(Array.from(typedArray("uint16", view))).toEqual([0, 513, 0, 0]);
  expect(typedArray("uint16", view).byteOffset % 4).toBe(0);
});

it("refuses bytes that are no whole numbers, and types it does not know", () => {
  expect(() => typedArray("uint16", new ArrayBuffer(3))).toThrow("3 bytes are no array of uint16");
  expect(() => typedArray("int64" as "int32", new ArrayBuffer(8))).toThrow("unknown type int64");
});

it("refuses an answer whose arrays are missing or of another length", () => {
  expect(() => joinAnswer({}, [header("labels", "uint8", 3)], [])).toThrow(
    'without its array "labels"',
  );
  expect(() => joinAnswer({}, [header("labels", "uint8", 3)], [new ArrayBuffer(2)])).toThrow(
    '"labels" has 2 values, 3 expected',
  );
});

function sourceOver(
  run: ReturnType<typeof fakeRun>,
  change: (op: string, answer: ReturnType<typeof run.answer>) => void = () => {},
) {
  const answer: typeof run.answer = (op, args) => {
    const made = run.answer(op, args);
    change(op, made);
    return made;
  };
  return createSource(askRun({ answer }));
}

it("reads hello, frames, territories and pictures", async () => {
  const run = fakeRun({ n: 50, classes: 3, epochs: [5, 10], resolution: 20 });
  const source = sourceOver(run);
  const hello = await source.hello();
  expect(hello.n).toBe(50);
  expect(hello.labels).toEqual(run.labels);
  expect([...hello.groups.keys()]).toEqual(["flipped"]);

  const frame = await source.frame(0, 10);
  expect(frame.positions).toHaveLength(100);
  expect(frame.predicted.reduce((sum, count) => sum + count, 0)).toBe(50);
  const correct = Array.from(frame.predictions).filter((p, i) => p === run.labels[i]).length;
  expect(frame.correct).toBe(correct);

  const pictures = await source.thumbnails([3, 7], null);
  expect(pictures).toHaveLength(2);
  expect(pictures[1]).toMatchObject({ width: 8, height: 8, channels: 1 });
  expect(pictures[1]?.pixels).toEqual(
    run.answer("thumbnails", { indices: [7], size: null }).buffers[0],
  );
});

it.each([3, 300])("reads the class and the margin of every cell of %i classes", async (classes) => {
  const run = fakeRun({ n: 10, classes, epochs: [0], resolution: 30 });
  const source = sourceOver(run);
  await source.hello();
  const { cells, shade, resolution } = await source.territory(0, 0);
  expect(resolution).toBe(30);
  expect(shade).toHaveLength(900);
  const kinds = cells.filter((_, i) => i % 2 === 0);
  const margins = cells.filter((_, i) => i % 2 === 1);
  expect(Math.max(...kinds)).toBeLessThan(classes);
  expect(new Set(kinds).size).toBeGreaterThan(1);
  expect(Math.max(...margins)).toBeLessThanOrEqual(255);
  const { buffers, arrays } = run.answer("canvas", { landscape: 0, epoch: 0 });
  const sent = buffers[arrays.findIndex(({ name }) => name === "margin")] as Uint8Array;
  expect(Array.from(margins)).toEqual(Array.from(sent));
});

it("refuses another protocol, and a frame of another length", async () => {
  const other = sourceOver(fakeRun(), (op, answer) => {
    if (op === "hello") {
      answer.result.protocol = 9;
    }
  });
  await expect(other.hello()).rejects.toThrow("protocol 9");

  const run = fakeRun({ n: 20 });
  const short = sourceOver(run, (op, answer) => {
    if (op === "frame") {
      answer.arrays[0] = header("positions", "uint16", 10, 2);
      answer.buffers[0] = new Uint16Array(20);
    }
  });
  await short.hello();
  await expect(short.frame(0, 0)).rejects.toThrow("10 positions for 20 samples");
});
