// The overview: useful with and without labels, pictures, a test split and several epochs.
// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { selected } from "./fake/model";
import { shown } from "./fake/shown";

const EVERYTHING = { services: ["logits", "dynamics"] };

describe("the overview", () => {
  it("is what an explorer opens on, with the errors of the test samples", async () => {
    const { run, model, part, parts, settle } = await shown({ n: 300, classes: 3, ...EVERYTHING });
    expect(part("overview")?.textContent).toContain("Accuracy at epoch 5");
    expect(part("overview")?.textContent).toContain("Largest confusions of test samples");
    expect(part("about")?.textContent).toBe("Of all 300 samples");
    const [first] = parts("overview-confusion");
    const samples = Number(first?.querySelector(".dvi-count")?.textContent);
    first?.click();
    await settle();
    const predictions = run.answer("frame", { landscape: 0, epoch: 5 }).buffers[1] as Uint8Array;
    const chosen = selected(model);
    expect(chosen).toHaveLength(samples);
    expect(chosen.every((i) => i >= 240 && predictions[i] !== run.labels[i])).toBe(true);
    expect(part("images")).not.toBeNull();
  });

  it("does without labels", async () => {
    const { part } = await shown({ unlabelled: 100, ...EVERYTHING });
    const words = part("overview")?.textContent;
    expect(words).toContain("Predicted most often");
    expect(words).not.toContain("Accuracy");
    expect(words).not.toContain("mislabelled");
  });

  it("does without pictures", async () => {
    const { parts } = await shown({ images: null, ...EVERYTHING });
    expect(parts("overview-sample")[0]?.textContent).toMatch(/^#\d+$/);
  });

  it("does without several epochs", async () => {
    const { part } = await shown({ epochs: [3] });
    const words = part("overview")?.textContent;
    expect(words).toContain("Largest confusions");
    expect(words).not.toContain("What changed last");
  });

  it("says what the last epoch changed, and finds these samples", async () => {
    const { model, part, settle } = await shown({ n: 300, classes: 3 });
    expect(part("overview-changed")).toBeNull();
    model.receive("epoch", 10);
    await settle();
    expect(part("overview-changed")?.textContent).toMatch(/^\d+ samples got another prediction/);
    part("overview-changed")?.click();
    await settle(300);
    expect(model.get("filter")).toBe("changed:5-10");
  });
});
