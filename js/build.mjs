// Bundles the front end into two ES modules, the explorer and the panels fetched later, each within its budget.
import { mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, transform } from "esbuild";

/** What every explorer loads, and what only those load that open one of its panels. */
const BUDGET_BYTES = 150_000;
const PANELS_BUDGET_BYTES = 100_000;

const here = dirname(fileURLToPath(import.meta.url));

/** Styles and shaders travel as text, without the comments and spaces that only their readers need. */
const textPlugin = {
  name: "text",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const css = await readFile(path, "utf8");
      const { code } = await transform(css, { loader: "css", minify: true });
      return { contents: nested(code.trim()), loader: "text" };
    });
    onLoad({ filter: /\.glsl$/ }, async ({ path }) => {
      const text = (await readFile(path, "utf8")).replace(/\/\/.*/g, "").replace(/\s+/g, " ");
      // Signs that cannot run into each other: a - -b stays as it is.
      const packed = text.replace(/ ?([=*/(){},;<>?:&|]) ?/g, "$1").trim();
      return { contents: packed, loader: "text" };
    });
  },
};

const ROOT = ".dvi ";

/** The same rules with what all of them start with said once, round each run of them. */
function nested(css) {
  let out = "";
  let open = false;
  const nest = (wanted) => {
    out += wanted === open ? "" : wanted ? `${ROOT.trim()}{` : "}";
    open = wanted;
  };
  for (const [, selectors, body] of css.matchAll(
    /([^{}]+)(\{[^{}]*\}|\{(?:[^{}]*\{[^{}]*\})*\})/g,
  )) {
    const parts = selectors.split(",");
    if (selectors.startsWith("@")) {
      nest(false);
      out +=
        selectors + (selectors.startsWith("@container") ? `{${nested(body.slice(1, -1))}}` : body);
    } else {
      nest(parts.every((part) => part.startsWith(ROOT)));
      // An element's name needs the ampersand in browsers that are a little older.
      const own = parts.map((part) => part.slice(ROOT.length).replace(/^(?=[a-z])/, "& "));
      out += (open ? own.join(",") : selectors) + body;
    }
  }
  nest(false);
  return out;
}

/** How everything of the front end is bundled: the widget here, the pages of the tests elsewhere. */
export const options = {
  bundle: true,
  target: "es2022",
  legalComments: "none",
  // Over the settings of tsconfig.json, which are for the checker.
  tsconfigRaw: {
    compilerOptions: { jsx: "react", jsxFactory: "h", jsxFragmentFactory: "Fragment" },
  },
  inject: [join(here, "jsx.ts")],
  plugins: [textPlugin],
  logLevel: "warning",
};

/** Takes modules out of the explorer that is there already (shared.ts) instead of bundling them once more. */
async function sharedPlugin() {
  const source = join(here, "src");
  const text = await readFile(join(source, "shared.ts"), "utf8");
  const names = new Set([...text.matchAll(/^ {2}"?([\w@/-]+)"?: \w+,$/gm)].map(([, name]) => name));
  const imports = text.matchAll(/^import \{([^}]+)\} from "([\w@/-]+)";$/gm);
  const lists = new Map([...imports].map(([, list, name]) => [name, list]));
  return {
    name: "shared",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /./ }, ({ path, resolveDir }) => {
        const name = path.startsWith(".") ? relative(source, join(resolveDir, path)) : path;
        return names.has(name) ? { path: name, namespace: "shared" } : undefined;
      });
      onLoad({ filter: /./, namespace: "shared" }, ({ path }) => {
        const from = `shared[${JSON.stringify(path)}]`;
        const list = lists.get(path);
        // With its exports named, a missing one fails here and not at the page.
        return {
          contents: list ? `export const { ${list} } = ${from};` : `module.exports = ${from};`,
        };
      });
    },
  };
}

/** The panels that are fetched later: a module whose function takes what they share with the explorer. */
export async function panels() {
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
