// Bundles the front end into one ES module, which anywidget and exported pages load.
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
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
  const { outputFiles } = await build({ ...widget, write: false });
  await mkdir(widget.outdir, { recursive: true });
  for (const { path, contents } of outputFiles) {
    // Renamed into place: who loads it meanwhile gets a whole one.
    await writeFile(`${path}.new`, contents);
    await rename(`${path}.new`, path);
    console.log(`${relative(process.cwd(), path)}: ${(contents.length / 1000).toFixed(1)} kB`);
  }
}
