// What holds of the front end as a whole: its one module, its rooms, and the scales of its styles.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { widget } from "../build.mjs";

/** Names on the land, colours and sizes by any column and the key took it past 300 kB; quak ships 520 kB,
 * jupyter-scatter 2,130 kB, Embedding Atlas 5,390 kB. */
const MAX_BYTES = 360_000;
const MAX_LINES = 500;

/** The rooms, from low to high, each with those below it that it may import from besides itself. */
const ROOMS = {
  query: [],
  protocol: ["query"],
  state: ["protocol", "query"],
  canvas: ["state", "protocol", "query"],
  pieces: ["state", "protocol", "query"],
  // The one part of the query room that people see.
  "query/field": ["pieces", "state", "protocol", "query"],
  on_map: ["canvas", "pieces", "state", "protocol", "query"],
  chrome: ["query/field", "canvas", "pieces", "state", "protocol", "query"],
  panels: ["canvas", "pieces", "state", "protocol", "query"],
};
ROOMS.hosts = Object.keys(ROOMS);
ROOMS["widget.ts"] = ["hosts"];

const source = join(dirname(fileURLToPath(import.meta.url)), "..", "src");
const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((path) =>
  /\.(tsx?|css|glsl)$/.test(path),
);
const text = (path) => readFileSync(join(source, path), "utf8");
const modules = files.filter((path) => /\.tsx?$/.test(path) && path !== "types.d.ts");

/** The modules that one imports, types included. */
function importsOf(path) {
  return [...text(path).matchAll(/^(?:import|export) .*?from "(\.[^"]+)";|^\} from "(\.[^"]+)";/gm)]
    .map(([, one, other]) => normalize(join(dirname(path), one ?? other)))
    .map((target) =>
      [target, `${target}.ts`, `${target}.tsx`].find((name) => files.includes(name)),
    );
}

const roomOf = (path) =>
  Object.keys(ROOMS)
    .sort((p, q) => q.length - p.length)
    .find((room) => path === room || path.startsWith(`${room}/`));

it(`ships one module of at most ${MAX_BYTES / 1000} kB`, async () => {
  const { outputFiles } = await build({ ...widget, write: false });
  expect(outputFiles).toHaveLength(1);
  expect(outputFiles[0]?.contents.length).toBeLessThanOrEqual(MAX_BYTES);
});

describe("every module", () => {
  it.each(modules)("%s imports only from rooms below its own", (path) => {
    const own = roomOf(path);
    expect(own, "a room of ROOMS").toBeDefined();
    const wrong = importsOf(path).filter((target) => {
      const room = roomOf(target);
      // The registry alone knows all panels; a panel knows no other.
      const samePanel = dirname(path) === dirname(target) || path === "panels/registry.ts";
      return room === own ? own === "panels" && !samePanel : !ROOMS[own].includes(room);
    });
    expect(wrong).toEqual([]);
  });

  it("imports nothing that imports it", () => {
    const open = [];
    const done = new Set();
    const circles = [];
    const visit = (path) => {
      if (open.includes(path)) {
        circles.push([...open.slice(open.indexOf(path)), path].join(" → "));
      } else if (!done.has(path)) {
        open.push(path);
        importsOf(path)
          .filter((target) => modules.includes(target))
          .forEach(visit);
        open.pop();
        done.add(path);
      }
    };
    modules.forEach(visit);
    expect(circles).toEqual([]);
  });

  it("resolves its imports here", () => {
    expect(modules.flatMap(importsOf).filter((target) => target === undefined)).toEqual([]);
    expect(modules.flatMap(importsOf).length).toBeGreaterThan(modules.length);
  });
});

describe("every file", () => {
  it(`has at most ${MAX_LINES} lines`, () => {
    const long = files.filter((path) => text(path).split("\n").length > MAX_LINES + 1);
    expect(long).toEqual([]);
  });

  it("says in its first line what it is for", () => {
    const silent = files.filter((path) => !/^(\/\/|\/\*) .+/.test(text(path)));
    expect(silent).toEqual([]);
  });
});

describe("every style", () => {
  const styles = files.filter((path) => path.endsWith(".css"));
  const scales = [
    ["a size of type", /^\s*font-size: (.+);$/, /^(var\(--dvi-type-\d\)|inherit)$/],
    ["a radius", /^\s*border-radius: (.+);$/, /^var\(--dvi-radius-(\d|pill)\)$/],
    [
      "a space",
      /^\s*(?:padding|margin|gap|row-gap|column-gap)(?:-\w+)*: (.+);$/,
      /^(0|auto|var\(--dvi-space-\d\)|calc\((-1 \* )?var\(--dvi-space-\d\)( \+ var\(--dvi-space-\d\))?\)| )+$/,
    ],
  ];

  it.each(scales)("takes %s from its scale", (_, declaration, scale) => {
    const others = styles.flatMap((path) =>
      text(path)
        .split("\n")
        .filter((line) => declaration.test(line) && !scale.test(declaration.exec(line)[1]))
        .map((line) => `${path}: ${line.trim()}`),
    );
    expect(others).toEqual([]);
  });

  it("is one of those in the module", () => {
    const listed = importsOf("hosts/styles.ts").concat(
      [...text("hosts/styles.ts").matchAll(/from "(\.[^"]+\.css)";/g)].map(([, path]) =>
        relative(".", normalize(join("hosts", path))),
      ),
    );
    expect(styles.filter((path) => !listed.includes(path))).toEqual([]);
  });
});
