// Bundles the front end into one ES module, and fails when it outgrows its budget.
import { mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, transform } from "esbuild";

const BUDGET_BYTES = 150_000;

const here = dirname(fileURLToPath(import.meta.url));

/** Styles and shaders travel as text, without the comments and spaces that only their readers need. */
const textPlugin = {
  name: "text",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const css = await readFile(path, "utf8");
      const { code } = await transform(css, { loader: "css", minify: true });
      return { contents: code.trim(), loader: "text" };
    });
    onLoad({ filter: /\.glsl$/ }, async ({ path }) => {
      const lines = (await readFile(path, "utf8")).split("\n");
      const kept = lines.map((line) => line.replace(/\/\/.*/, "").trim()).filter(Boolean);
      return { contents: `${kept.join("\n")}\n`, loader: "text" };
    });
  },
};

/** How everything of the front end is bundled: the widget here, the pages of the tests elsewhere. */
export const options = {
  bundle: true,
  target: "es2022",
  legalComments: "none",
  jsx: "automatic",
  jsxImportSource: "preact",
  plugins: [textPlugin],
  logLevel: "warning",
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const outdir = join(here, "..", "src", "dvi_widget", "widget", "static");
  mkdirSync(outdir, { recursive: true });
  const result = await build({
    ...options,
    entryPoints: { widget: join(here, "src", "widget.ts") },
    outdir,
    minify: true,
    format: "esm",
    metafile: true,
  });
  const size = Object.values(result.metafile.outputs).reduce((sum, { bytes }) => sum + bytes, 0);
  console.log(`widget.js: ${(size / 1000).toFixed(1)} kB of ${BUDGET_BYTES / 1000} kB`);
  if (size > BUDGET_BYTES) {
    console.error("The bundle is over its budget: see build.mjs.");
    process.exit(1);
  }
}
