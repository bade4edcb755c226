// What the explorer fetches from its host when it is first needed is there at once in unit tests.
import { vi } from "vitest";

vi.mock("../src/later", async () => {
  const { signal } = await import("@preact/signals");
  const more = await import("../src/more/index");
  return { fetched: signal({ more }), fetchMore: () => Promise.resolve(more) };
});
