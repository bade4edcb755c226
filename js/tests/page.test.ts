// The exported page: recorded answers, unpacked when they are needed, give what the kernel would have given.
// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { openPage } from "../src/hosts/page";
import { Store } from "../src/state/store";
import { fakeRun } from "./fake/answers";
import { text } from "./fake/model";
import { environment } from "./fake/store";

const PER_BLOCK = 16;

/** Base64 of gzip, as Python writes it. */
async function packed(bytes: ArrayBufferView): Promise<string> {
  const stream = new Blob([bytes as ArrayBufferView<ArrayBuffer>]).stream();
  const zipped = stream.pipeThrough(new CompressionStream("gzip"));
  const view = new Uint8Array(await new Response(zipped).arrayBuffer());
  return btoa(Array.from(view, (byte) => String.fromCharCode(byte)).join(""));
}

async function exported(options: { without?: string } = {}) {
  const run = fakeRun({ n: 40, classes: ["</script><b>zero", "one"], epochs: [3, 6] });
  const page = document.implementation.createHTMLDocument("explorer");
  let blocks = 0;
  const packing: Promise<void>[] = [];
  const add = (bytes: ArrayBufferView): number => {
    const script = page.createElement("script");
    script.type = "text/plain";
    script.dataset.dviBlock = String(blocks);
    packing.push(
      packed(bytes).then((text) => {
        script.textContent = text;
      }),
    );
    page.body.append(script);
    return blocks++;
  };
  const answers: Record<string, unknown> = {};
  const record = (op: string, args: Record<string, unknown>): void => {
    const { result, arrays, buffers } = run.answer(op, args);
    const key = `${op} ${JSON.stringify(args)}`;
    if (key !== options.without) {
      answers[key] = {
        result,
        arrays: arrays.map((header, i) => ({ ...header, block: add(buffers[i] as Uint8Array) })),
      };
    }
  };
  record("hello", {});
  for (const epoch of [3, 6]) {
    record("frame", { landscape: 0, epoch });
    record("canvas", { landscape: 0, epoch });
  }
  const pictures = [0, 1, 2].map((block) => {
    const first = block * PER_BLOCK;
    const indices = Array.from({ length: Math.min(PER_BLOCK, 40 - first) }, (_, i) => first + i);
    const { arrays, buffers } = run.answer("thumbnails", { indices, size: null });
    return { dtype: "uint8", shape: arrays[0]?.shape, block: add(buffers[0] as Uint8Array) };
  });
  // Two epochs of four samples' histories; 255 says that there is no number.
  const rows = (name: string, values: number[], more: object = {}) => ({
    ...{ name, dtype: "uint8", shape: [4, 2], block: add(Uint8Array.from(values)) },
    ...more,
  });
  const sliced = {
    'history {"landscape":0}': [
      rows("predictions", [0, 1, 1, 1, 0, 0, 1, 0]),
      rows("own", [0, 254, 127, 255, 254, 254, 255, 255], { steps: 254 }),
    ],
  };
  const texts = [0, 1, 2].map((block) => {
    const first = block * PER_BLOCK;
    const length = Math.min(PER_BLOCK, 40 - first);
    const read = Array.from({ length }, (_, i) => `<b>note</b> é ${first + i}`);
    const bytes = new TextEncoder().encode(JSON.stringify(read));
    return { dtype: "uint8", shape: [bytes.length], block: add(bytes) };
  });
  const manifest = page.createElement("script");
  manifest.type = "application/json";
  manifest.dataset.dvi = "manifest";
  manifest.textContent = JSON.stringify({
    answers,
    sliced,
    thumbnails: { per_block: PER_BLOCK, blocks: pictures },
    texts: { per_block: PER_BLOCK, blocks: texts },
    state: { epoch: 6, selection: text([2]), color_by: "prediction" },
  });
  page.body.append(manifest);
  await Promise.all(packing);
  return { run, page };
}

it("answers as the kernel does", async () => {
  const { run, page } = await exported();
  const { source, state } = openPage(page);
  const hello = await source.hello();
  expect(hello.classes).toEqual(["</script><b>zero", "one"]);
  expect(hello.labels).toEqual(run.labels);
  const frame = await source.frame(0, 6);
  expect(frame.positions).toEqual(run.answer("frame", { epoch: 6 }).buffers[0]);
  expect((await source.territory(0, 3)).resolution).toBe(120);
  expect(state()).toEqual({
    epoch: 6,
    selection: text([2]),
    hovered: null,
    color_by: "prediction",
    size_by: "",
    filter: "",
    selections: {},
    _view: {},
  });
});

it("brings back after a reload what a person changed, on this very page only", async () => {
  const { page } = await exported();
  const change = async (opened: Document): Promise<ReturnType<typeof openPage>> => {
    const host = openPage(opened);
    const store = new Store(host.source, await host.source.hello(), host.state(), environment());
    const unbind = host.bind(store);
    store.select([4, 7]);
    store.view.speed.value = 4;
    window.dispatchEvent(new Event("pagehide"));
    unbind();
    store.close();
    return openPage(opened);
  };
  const again = await change(page);
  expect(again.state()).toMatchObject({
    epoch: 6,
    selection: text([4, 7]),
    color_by: "prediction",
  });
  expect(again.state()._view).toMatchObject({ speed: 4 });
  const other = await exported({ without: "nothing" });
  const manifest = other.page.querySelector('script[data-dvi="manifest"]') as Element;
  manifest.textContent = (manifest.textContent ?? "").replace('"epoch":6', '"epoch":3');
  expect(openPage(other.page).state()).toMatchObject({ epoch: 3, selection: text([2]) });
});

it("finds pictures in any order, across blocks", async () => {
  const { run, page } = await exported();
  const { source } = openPage(page);
  const indices = [39, 0, 16, 15, 33];
  const pictures = await source.thumbnails(indices, 32);
  const all = run.answer("thumbnails", { indices, size: null }).buffers[0] as Uint8Array;
  pictures.forEach(({ pixels }, i) => {
    expect(pixels).toEqual(all.subarray(i * 64, (i + 1) * 64));
  });
});

it("finds texts in any order, across blocks", async () => {
  const { page } = await exported();
  const indices = [39, 0, 16, 15];
  const { texts } = await openPage(page).source.ask("describe", { indices });
  expect(texts).toEqual(indices.map((index) => `<b>note</b> é ${index}`));
});

it("cuts the samples asked for out of what it carries of all", async () => {
  const { page } = await exported();
  const { source } = openPage(page);
  const { predictions, own } = await source.ask("history", { landscape: 0, indices: [3, 1] });
  expect(predictions.shape).toEqual([2, 2]);
  expect([...predictions.data]).toEqual([1, 0, 1, 1]);
  expect([...own.data]).toEqual([Number.NaN, Number.NaN, 0.5, Number.NaN]);
  const none = await source.ask("history", { landscape: 0, indices: [] });
  expect(none.own.data.length).toBe(0);
  const args = { landscape: 0, epoch: 3, indices: [1], k: 5, group: null };
  await expect(source.ask("neighbors", args)).rejects.toThrow("not exported");
});

it("says what was not exported, and what is damaged", async () => {
  const { page } = await exported({ without: 'frame {"landscape":0,"epoch":3}' });
  const { source } = openPage(page);
  await source.hello();
  await expect(source.frame(0, 3)).rejects.toThrow("not exported");
  page.querySelector('script[data-dvi-block="0"]')?.remove();
  await expect(openPage(page).source.hello()).rejects.toThrow("block 0");
  expect(() => openPage(document.implementation.createHTMLDocument("none"))).toThrow("no explorer");
});
