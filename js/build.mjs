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

/** How everything of the front end is bundled: the module here, the pages of the tests elsewhere. */
export const options = {
  bundle: true,
  target: "es2022",
  legalComments: "none",
  loader: { ".glsl": "text" },
  plugins: [styles],
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
