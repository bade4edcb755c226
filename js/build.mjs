// Bundles the front end into two ES modules, the explorer and the panels fetched later, each within its budget.
import { mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, transform } from "esbuild";

/** What every explorer loads, and what only those load that open one of its panels. */
const BUDGET_BYTES = 150_000;
const PANELS_BUDGET_BYTES = 60_000;

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

/** Takes modules out of the explorer that is there already (shared.ts) instead of bundling them once more. */
async function sharedPlugin() {
  const source = join(here, "src");
  const text = await readFile(join(source, "shared.ts"), "utf8");
  const names = new Set([...text.matchAll(/^ {2}"?([\w@/-]+)"?: \w+,$/gm)].map(([, name]) => name));
  return {
    name: "shared",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /./ }, ({ path, resolveDir }) => {
        const name = path.startsWith(".") ? relative(source, join(resolveDir, path)) : path;
        return names.has(name) ? { path: name, namespace: "shared" } : undefined;
      });
      onLoad({ filter: /./, namespace: "shared" }, ({ path }) => ({
        contents: `module.exports = shared[${JSON.stringify(path)}];`,
      }));
    },
  };
}

/** The panels that are fetched later: a module whose function takes what they share with the explorer. */
async function panels() {
  return {
    ...options,
    plugins: [await sharedPlugin(), ...options.plugins],
    entryPoints: { panels: join(here, "src", "more", "index.ts") },
    format: "iife",
    globalName: "more",
    banner: { js: "export default (shared) => {" },
    footer: { js: "return more;};" },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const outdir = join(here, "..", "src", "dvi_widget", "widget", "static");
  mkdirSync(outdir, { recursive: true });
  const widget = {
    ...options,
    entryPoints: { widget: join(here, "src", "widget.ts") },
    format: "esm",
  };
  for (const [each, budget] of [
    [widget, BUDGET_BYTES],
    [await panels(), PANELS_BUDGET_BYTES],
  ]) {
    const { metafile } = await build({ ...each, outdir, minify: true, metafile: true });
    for (const [path, { bytes }] of Object.entries(metafile.outputs)) {
      const name = basename(path);
      console.log(`${name}: ${(bytes / 1000).toFixed(1)} kB of ${budget / 1000} kB`);
      if (bytes > budget) {
        console.error(`${name} is over its budget: see build.mjs.`);
        process.exitCode = 1;
      }
    }
  }
}
