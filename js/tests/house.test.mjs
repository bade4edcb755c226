// What holds of the front end as a whole: the size of the one module.
import { build } from "esbuild";
import { expect, it } from "vitest";
import { widget } from "../build.mjs";

/** quak ships 520 kB, jupyter-scatter 2,130 kB, Embedding Atlas 5,390 kB. */
const MAX_BYTES = 300_000;

it(`ships one module of at most ${MAX_BYTES / 1000} kB`, async () => {
  const { outputFiles } = await build({ ...widget, write: false });
  expect(outputFiles).toHaveLength(1);
  expect(outputFiles[0]?.contents.length).toBeLessThanOrEqual(MAX_BYTES);
});
