// Unit tests of the front end: pure logic in node, components in happy-dom (asked for per file).
import { readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [
    {
      name: "text",
      enforce: "pre",
      load(id) {
        const text = /\.(css|glsl)$/.test(id) ? readFileSync(id, "utf8") : null;
        return text === null ? null : `export default ${JSON.stringify(text)};`;
      },
    },
  ],
  // A loaded machine is given time: no test asserts how long something takes.
  test: {
    include: ["tests/**/*.test.{ts,tsx,mjs}"],
    testTimeout: 300_000,
  },
});
