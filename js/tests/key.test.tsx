// The key of the map and the height of the explorer.
// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { press, shown } from "./fake/shown";

describe("the key", () => {
  it("opens by its sign, says what the map means, and closes by Escape", async () => {
    const { part, settle } = await shown();
    press(part("stage"), "?");
    await settle();
    const text = part("key-text")?.textContent;
    for (const words of [
      "Axes mean nothing",
      "undecided",
      "0.02",
      "invented",
      "otherwise",
      "undo",
    ]) {
      expect(text).toContain(words);
    }
    press(part("key"), "Escape");
    await settle();
    expect(part("key-text")).toBeNull();
  });

  it("names the margin that is set", async () => {
    const { model, part, settle } = await shown();
    model.receive("_view", { delta: 0.3 });
    press(part("stage"), "?");
    await settle();
    expect(part("key-text")?.textContent).toContain("0.30");
  });
});

it("is set in Python or by the handle, and stays in its range", async () => {
  const { model, part, settle } = await shown();
  const height = () => (model.get("_view") as { height?: number }).height;
  model.receive("_view", { height: 700 });
  await settle();
  expect(part("height")?.getAttribute("aria-valuenow")).toBe("700");
  // The element of the test has no height of its own, so a step ends at the least.
  press(part("height"), "ArrowUp");
  await settle();
  expect(height()).toBe(320);
  part("height")?.dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
  await settle();
  expect(height()).toBe(0);
});
