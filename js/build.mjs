// Bundles the front end into one ES module, and fails when it outgrows its budget.
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const BUDGET_BYTES = 150_000;

const here = dirname(fileURLToPath(import.meta.url));
const outdir = join(here, "..", "src", "dvi_widget", "widget", "static");
mkdirSync(outdir, { recursive: true });

const result = await build({
  entryPoints: { widget: join(here, "src", "widget.ts") },
  outdir,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  legalComments: "none",
  jsx: "automatic",
  jsxImportSource: "preact",
  loader: { ".css": "text", ".glsl": "text" },
  metafile: true,
  logLevel: "warning",
});

const size = Object.values(result.metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
console.log(`widget.js: ${(size / 1000).toFixed(1)} kB of ${BUDGET_BYTES / 1000} kB`);
if (size > BUDGET_BYTES) {
  console.error("The bundle is over its budget: see build.mjs.");
  process.exit(1);
}
