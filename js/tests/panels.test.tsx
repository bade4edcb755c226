// The panels as a person and a screen reader meet them, on a fake model.
// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { selected, text } from "./fake/model";
import { choose, press, shown } from "./fake/shown";

// A page without layout has no sizes: every element is given one, told as soon as it is asked for.
const WIDTH = 300;
const HEIGHT = 500;

beforeEach(() => {
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(WIDTH);
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(HEIGHT);
  vi.stubGlobal(
    "ResizeObserver",
    class {
      constructor(private readonly changed: () => void) {}
      observe() {
        this.changed();
      }
      disconnect() {}
    },
  );
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

type Shown = Awaited<ReturnType<typeof shown>>;

const EVERYTHING = { services: ["logits", "dynamics"] };

async function opened(tab: string, ...args: Parameters<typeof shown>): Promise<Shown> {
  const page = await shown(...args);
  await page.open(tab);
  return page;
}

function asked({ model }: Shown, op: string) {
  return model.sent.filter((message) => message.op === op).map(({ args }) => args);
}

describe("the tabs", () => {
  it("are walked with the arrow keys, and time stands still meanwhile", async () => {
    const { model, tab, element, settle } = await shown();
    const names = [...element.querySelectorAll("[role=tab]")].map((t) => t.textContent);
    press(tab(names[0] as string), "ArrowRight");
    await settle();
    expect(tab(names[1] as string)?.getAttribute("aria-selected")).toBe("true");
    expect(element.activeElement).toBe(tab(names[1] as string));
    press(tab(names[1] as string), "Home");
    press(tab(names[0] as string), "ArrowLeft");
    await settle();
    expect(tab(names.at(-1) as string)?.getAttribute("aria-selected")).toBe("true");
    expect(model.get("epoch")).toBe(0);
  });

  it("name their panel, also where two explorers share a page", async () => {
    const explorers = [await shown(), await shown()];
    const ids = explorers.map(({ element }) => {
      const panel = element.querySelector("[role=tabpanel]");
      const tab = element.querySelector("[role=tab][aria-selected=true]");
      expect(panel?.getAttribute("aria-labelledby")).toBe(tab?.id);
      return tab?.id;
    });
    expect(new Set(ids).size).toBe(2);
  });

  it("are remembered, and one panel can be kept beside the others", async () => {
    const { model, element, part, tab, settle } = await opened("Confusion");
    expect((model.get("_view") as { panel: string }).panel).toBe("confusion");
    part("pin-panel")?.click();
    await settle();
    expect(part("beside")?.querySelector("[data-testid=confusion]")).not.toBeNull();
    expect(tab("Overview")?.getAttribute("aria-selected")).toBe("true");
    part("beside")?.querySelector("button")?.click();
    await settle();
    expect(part("beside")).toBeNull();
    expect(element.querySelectorAll("[data-testid=confusion]")).toHaveLength(0);
  });
});

describe("the confusion matrix", () => {
  const confusions = ({ parts }: Shown) =>
    parts("error").map((row) => Number(row.querySelector(".dvi-count")?.textContent));

  it("counts labels against predictions, and a click on a confusion selects it", async () => {
    const page = await opened("Confusion", { classes: 3, n: 200 });
    const { run, model, part, parts, settle } = page;
    choose(part("confusion-split"), "all");
    await settle();
    const predictions = run.answer("frame", { landscape: 0, epoch: 5 }).buffers[1] as Uint8Array;
    const wrong = [...run.labels.keys()].filter((i) => run.labels[i] !== predictions[i]);
    const counts = confusions(page);
    expect(counts).toEqual(counts.toSorted((p, q) => q - p));
    expect(counts.reduce((sum, n) => sum + n, 0)).toBe(wrong.length);
    expect(part("confusion")?.parentElement?.textContent).toContain("of 200 right at epoch 5");
    parts("error")[0]?.click();
    await settle();
    const chosen = selected(model);
    expect(chosen).toHaveLength(counts[0] as number);
    expect(wrong).toEqual(expect.arrayContaining(chosen));
    parts("error")[1]?.dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: true }));
    await settle();
    expect(selected(model)).toHaveLength((counts[0] as number) + (counts[1] as number));
  });

  it("is of one split where that is chosen, and of another epoch when time moves", async () => {
    const page = await opened("Confusion", { classes: 3, n: 200 });
    const { model, part, settle } = page;
    choose(part("confusion-split"), "test");
    await settle();
    const text = () => part("confusion")?.parentElement?.textContent;
    expect(text()).toContain("of 40 right at epoch 5");
    const before = confusions(page).reduce((sum, n) => sum + n, 0);
    model.receive("epoch", 15);
    await settle();
    expect(text()).toContain("at epoch 15");
    expect(confusions(page).reduce((sum, n) => sum + n, 0)).toBeLessThan(before);
  });

  it("is walked with keys, says what is there, and Enter selects it", async () => {
    const { run, model, part, settle } = await opened("Confusion", { classes: 3, n: 200 });
    const plane = part("plane");
    press(plane, "ArrowDown");
    press(plane, "ArrowDown");
    press(plane, "ArrowRight");
    await settle();
    expect(part("confusion-words")?.textContent).toMatch(/^Label 1, predicted 1: \d+ samples/);
    press(plane, "Enter");
    await settle();
    const chosen = selected(model);
    expect(chosen.length).toBeGreaterThan(0);
    expect(chosen.every((i) => run.labels[i] === 1)).toBe(true);
    expect(model.get("epoch")).toBe(0);
  });

  it("says why it is empty where there are no labels", async () => {
    const { part } = await opened("Confusion", { unlabelled: 100 });
    expect(part("confusion")?.textContent).toContain("None of these samples has a label");
  });
});

describe("the sample panel", () => {
  it("says what to do while there is no sample to show", async () => {
    const { part } = await opened("One sample");
    expect(part("sample-empty")?.textContent).toContain("Point at a sample");
  });

  it("shows probabilities with the true label marked, and what became of the sample", async () => {
    const page = await opened("One sample", EVERYTHING);
    const { run, model, part, settle } = page;
    model.receive("hovered", 7);
    await settle(200);
    const bars = [...(part("bars")?.querySelectorAll("li") ?? [])];
    expect(bars).toHaveLength(10);
    expect(bars.findIndex((bar) => bar.textContent?.includes("label"))).toBe(run.labels[7]);
    expect(part("strip")?.getAttribute("aria-valuetext")).toMatch(
      /^epoch 5: \d, [\d.]+%, its label [\d.]+%$/,
    );
    press(part("strip"), "ArrowRight");
    await settle();
    expect(model.get("epoch")).toBe(10);
  });

  it("asks for what the pointer rests at only, and for each once", async () => {
    const page = await opened("One sample", EVERYTHING);
    const { model, part, settle } = page;
    for (const index of [1, 2, 3]) {
      model.receive("hovered", index);
      await settle(20);
    }
    await settle(200);
    expect(asked(page, "history")).toEqual([{ landscape: 0, indices: [3] }]);
    model.receive("hovered", null);
    await settle(200);
    expect(part("sample")?.dataset.index).toBe("3");
    model.receive("hovered", 4);
    await settle(200);
    model.receive("hovered", 3);
    await settle(200);
    expect(asked(page, "probabilities").map(({ indices }) => indices)).toEqual([[3], [4]]);
  });

  it("shows the history as far as it is known where nobody answers for more", async () => {
    const page = await opened("One sample");
    const { model, part, settle } = page;
    model.receive("hovered", 7);
    await settle(200);
    expect(part("strip")?.getAttribute("aria-valuetext")).toMatch(/^epoch 5: \d, [\d.]+%$/);
    expect(part("bars")).toBeNull();
    expect(asked(page, "history")).toEqual([]);
  });

  it("says what went wrong, and tries again", async () => {
    const { model, element, part, settle } = await opened("One sample", EVERYTHING, {
      failures: { probabilities: "The model was deleted." },
    });
    model.receive("hovered", 7);
    await settle(200);
    const alert = element.querySelector(".dvi-sample [role=alert]");
    expect(alert?.textContent).toContain("The model was deleted.");
    model.failures = {};
    alert?.querySelector("button")?.click();
    await settle(200);
    expect(part("bars")).not.toBeNull();
  });

  it("works out training dynamics when told to, each with its definition", async () => {
    const page = await opened("One sample", EVERYTHING);
    const { model, element, part, settle } = page;
    model.receive("hovered", 7);
    await settle(200);
    expect(asked(page, "dynamics")).toEqual([]);
    [...element.querySelectorAll("button")]
      .find((button) => button.textContent === "Show training dynamics")
      ?.click();
    await settle(200);
    const name = part("dynamics")?.querySelector<HTMLElement>("dt");
    expect(name?.textContent).toBe("confidence");
    expect(name?.title).toContain("Swayamdipta");
  });
});

describe("the images", () => {
  const sorted = (indices: number[], value: (index: number) => number | undefined) =>
    indices.toSorted((p, q) => (value(p) as number) - (value(q) as number));
  const places = ({ parts }: Shown) => parts("thumbnail").map((tile) => Number(tile.dataset.index));

  it("are ordered by confidence, and the other way round", async () => {
    const page = await shown({ n: 60 });
    const { run, model, part, settle } = page;
    model.receive("selection", text([2, 3, 5, 7, 11, 13]));
    await settle();
    expect(places(page)).toEqual([2, 3, 5, 7, 11, 13]);
    const confidence = run.answer("frame", { landscape: 0, epoch: 5 }).buffers[2] as Uint16Array;
    choose(part("images-order"), "confidence");
    await settle();
    const found = places(page).map((i) => confidence[i] as number);
    expect(found).toEqual(found.toSorted((p, q) => p - q));
    part("images-direction")?.click();
    await settle();
    expect(places(page).map((i) => confidence[i])).toEqual(found.toReversed());
  });

  it("are ordered by what is asked for: the label's probability, a measure over all epochs", async () => {
    const page = await shown({ n: 60, ...EVERYTHING });
    const { run, model, part, settle } = page;
    const chosen = [2, 3, 5, 7, 11, 13];
    model.receive("selection", text(chosen));
    await settle();
    choose(part("images-order"), "own");
    await settle(200);
    const history = run.answer("history", { landscape: 0, indices: chosen });
    const own = new Map(chosen.map((i, row) => [i, history.buffers[2]?.[row * 3] as number]));
    expect(places(page)).toEqual(sorted(chosen, (i) => own.get(i)));
    choose(part("images-order"), "dynamics confidence");
    await settle(200);
    const mean = run.answer("dynamics", { landscape: 0 }).buffers[0] as Float32Array;
    expect(places(page)).toEqual(sorted(chosen, (i) => mean[i]));
  });

  it("are those the filter shows where nothing is selected", async () => {
    const page = await shown({ n: 60, classes: 3 });
    const { run, model, part, settle } = page;
    model.receive("filter", "label:1");
    await settle(400);
    const found = [...run.labels.keys()].filter((i) => run.labels[i] === 1);
    expect(part("images")?.getAttribute("aria-label")).toBe(`Pictures of ${found.length} samples`);
    expect(places(page)).toEqual(found.slice(0, places(page).length));
  });

  it("have the size chosen, which is remembered", async () => {
    const { model, part, parts, settle } = await shown({
      images: { height: 32, width: 32, channels: 3 },
    });
    model.receive("selection", text([2, 3]));
    await settle();
    const width = () => parts("thumbnail")[0]?.querySelector("span")?.style.width;
    expect(width()).toBe("32px");
    choose(part("images-size"), "128");
    await settle();
    expect(width()).toBe("128px");
    expect((model.get("_view") as { size: number }).size).toBe(128);
  });

  it("are rows where samples have no pictures", async () => {
    const { run, model, part, parts, settle } = await shown({ images: null });
    model.receive("selection", text([2, 3]));
    await settle();
    expect(part("images")?.getAttribute("aria-label")).toBe("Rows of 2 selected samples");
    expect(parts("thumbnail")[1]?.textContent).toMatch(
      new RegExp(`^ 3${run.labels[3]}\\d[\\d.]+%`),
    );
    parts("thumbnail")[1]?.click();
    await settle();
    expect(parts("thumbnail")[1]?.getAttribute("aria-selected")).toBe("true");
  });

  it("are texts where samples have any, and never elements", async () => {
    const { model, element, part, parts, settle } = await shown({ images: null, texts: true });
    model.receive("selection", text([2, 3]));
    await settle();
    await settle();
    await settle();
    expect(parts("thumbnail").map(({ textContent }) => textContent)).toEqual([
      " 2<i>note 2</i>",
      " 3<i>note 3</i>",
    ]);
    parts("thumbnail")[1]?.click();
    await settle();
    expect(part("hover-card")?.textContent).toContain("<i>note 3</i>");
    expect(element.querySelector("i")).toBeNull();
  });
});

describe("while time plays", () => {
  it("classes and images follow it, and nothing is asked for on the way", async () => {
    const page = await opened("Classes", { n: 60, ...EVERYTHING });
    const { element, run, model, part, parts, open, settle } = page;
    const sent = model.sent.length;
    const said = () => element.querySelector(".dvi-bar-above .dvi-count")?.textContent;
    part("play")?.click();
    await settle(1000);
    expect(said()).toBe("epoch 10");
    expect(model.get("epoch")).toBe(10);
    expect(part("play")?.getAttribute("aria-label")).toBe("Pause");
    model.receive("selection", text([...Array(60).keys()]));
    await open("Samples");
    await settle(200);
    const predictions = run.answer("frame", { landscape: 0, epoch: 10 }).buffers[1] as Uint8Array;
    const wrong = parts("thumbnail").filter((tile) => tile.querySelector(".dvi-mark"));
    const told = parts("thumbnail").filter(
      ({ dataset: { index } }) => run.labels[Number(index)] !== predictions[Number(index)],
    );
    expect(told.length).toBeGreaterThan(0);
    expect(wrong).toEqual(told);
    expect(model.sent.slice(sent).map(({ op }) => op)).not.toContain("probabilities");
  });
});

describe("the classes", () => {
  it("tell how many of each are right, the fewest first where that is chosen", async () => {
    const { part, settle } = await opened("Classes", { n: 300, classes: 5 });
    const rates = () =>
      [...(part("classes")?.querySelectorAll("li") ?? [])].map((row) =>
        Number.parseFloat(row.querySelector(".dvi-count")?.textContent ?? ""),
      );
    expect(rates()).toHaveLength(5);
    choose(part("classes-order"), "lowest recall first");
    await settle();
    expect(rates()).toEqual(rates().toSorted((p, q) => p - q));
  });
});
