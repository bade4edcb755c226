// Unit tests of the front end: pure logic in node, components in happy-dom (asked for per file).
import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["tests/**/*.test.{ts,tsx}"] } });
