// Bundles the front end into one ES module, which anywidget and exported pages load.
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, transform } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));

/** Styles travel in the module as text, minified. */
const styles = {
  name: "styles",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const css = await readFile(path, "utf8");
      const { code } = await transform(css, { loader: "css", minify: true });
      return { contents: code, loader: "text" };
    });
  },
};

/** Shaders travel as text without comments and indentation; their lines stay, as directives need their own. */
const shaders = {
  name: "shaders",
  setup({ onLoad }) {
    onLoad({ filter: /\.glsl$/ }, async ({ path }) => {
      const glsl = await readFile(path, "utf8");
      const lines = glsl.split("\n").map((line) => line.replace(/\/\/.*/, "").trim());
      return { contents: lines.filter((line) => line !== "").join("\n"), loader: "text" };
    });
  },
};

/** How everything of the front end is bundled: the module here, the pages of the tests elsewhere. */
export const options = {
  bundle: true,
  target: "es2022",
  legalComments: "none",
  plugins: [styles, shaders],
  logLevel: "warning",
};

/** The module as it is shipped. */
export const widget = {
  ...options,
  entryPoints: { widget: join(here, "src", "widget.ts") },
  outdir: join(here, "..", "src", "dvi_widget", "widget", "static"),
  format: "esm",
  minify: true,
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { metafile } = await build({ ...widget, metafile: true });
  for (const [path, { bytes }] of Object.entries(metafile.outputs)) {
    console.log(`${path}: ${(bytes / 1000).toFixed(1)} kB`);
  }
}
