// Builds the page with the fake model into a folder: node js/tests/fake/build.mjs build/fake
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { options } from "../../build.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const folder = process.argv[2] ?? join("build", "fake");
mkdirSync(folder, { recursive: true });
await build({
  ...options,
  entryPoints: { page: join(here, "page.ts") },
  outdir: folder,
  format: "iife",
});
writeFileSync(
  join(folder, "index.html"),
  `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>dvi_widget on a fake model</title>
<body style="margin:0"><div id="widget"></div><script src="page.js"></script></body>
</html>
`,
);
