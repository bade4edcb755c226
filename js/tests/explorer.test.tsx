// The explorer as a person and a screen reader meet it, on a fake model and without a graphics card.
// @vitest-environment happy-dom
import { describe, expect, it, vi } from "vitest";
import { fakeRun } from "./fake/answers";
import { selected, text } from "./fake/model";
import { press, shown } from "./fake/shown";

function epochShown(part: (id: string) => HTMLElement | null): string | undefined {
  const { value } = part("epoch-input") as HTMLInputElement;
  return part("epoch-label")?.textContent.replace("  ", ` ${value} `);
}

function type(target: HTMLElement | null, text: string): void {
  (target as HTMLInputElement).value = text;
  target?.dispatchEvent(new Event("input", { bubbles: true }));
}

describe("before there is anything to see", () => {
  it("says what it waits for", async () => {
    const { part } = await shown({}, { deaf: 1000 });
    expect(part("connecting")?.textContent).toContain("Waiting");
  });

  it("says what went wrong", async () => {
    const { part } = await shown({}, { failures: { hello: "The landscape was deleted." } });
    expect(part("problem")?.textContent).toContain("The landscape was deleted.");
  });

  it("says so where the browser cannot draw", async () => {
    const { element } = await shown();
    expect(element.querySelector('[role="alert"]')?.textContent).toContain("WebGL2");
  });
});

describe("time", () => {
  it("is told by recorded numbers, and read by position", async () => {
    const { part, settle } = await shown();
    expect(epochShown(part)).toBe("epoch 5 of 5–15");
    press(part("stage"), "ArrowRight");
    await settle();
    expect(epochShown(part)).toBe("epoch 10 of 5–15");
    expect(part("epoch-slider")?.getAttribute("aria-valuenow")).toBe("1");
    expect(part("epoch-slider")?.getAttribute("aria-valuetext")).toMatch(
      /^epoch 10, 2 of 3 recorded, train accuracy/,
    );
  });

  it("obeys the keys, and tells the host", async () => {
    const { model, part, settle } = await shown();
    press(part("epoch-slider"), "End");
    await settle();
    expect(model.saved).toEqual([{ epoch: 15 }]);
    press(part("epoch-slider"), "Home");
    await settle();
    expect(model.get("epoch")).toBe(5);
    press(part("epoch-slider"), " ");
    await settle();
    expect(part("play")?.getAttribute("aria-label")).toBe("Pause");
    part("play")?.click();
    await settle();
    expect(part("play")?.getAttribute("aria-label")).toBe("Play");
  });
});

describe("the epoch's number", () => {
  it("is typed to go there, or to the nearest recorded one", async () => {
    const { model, part, settle } = await shown();
    for (const [typed, gone] of [
      ["15", 15],
      ["8", 10],
      ["words", 10],
      ["-3", 5],
    ] as const) {
      type(part("epoch-input"), typed);
      press(part("epoch-input"), "Enter");
      await settle();
      expect(model.get("epoch")).toBe(gone);
      expect(epochShown(part)).toBe(`epoch ${gone} of 5–15`);
    }
  });

  it("forgets on Escape what was typed, and steps with the arrow keys", async () => {
    const { model, part, settle } = await shown();
    type(part("epoch-input"), "15");
    press(part("epoch-input"), "Escape");
    await settle();
    expect(epochShown(part)).toBe("epoch 5 of 5–15");
    press(part("epoch-input"), "ArrowUp");
    await settle();
    expect(model.get("epoch")).toBe(10);
  });
});

describe("the curves on the slider", () => {
  it("are the accuracies, or a recorded scalar once it is chosen", async () => {
    const scalars = { "<b>loss</b>": [2.305, 0.5, null], rate: [1e-5, 1e-5, 1e-5] };
    const { model, part, settle } = await shown({ scalars });
    const select = part("scalar") as HTMLSelectElement;
    expect([...select.options].map(({ value }) => value)).toEqual(["", "<b>loss</b>", "rate"]);
    select.value = "<b>loss</b>";
    select.dispatchEvent(new Event("change", { bubbles: true }));
    await settle();
    const words = () => part("epoch-slider")?.getAttribute("aria-valuetext");
    expect(words()).toBe("epoch 5, 1 of 3 recorded, <b>loss</b> 2.31");
    expect(model.get("_view")).toMatchObject({ scalar: "<b>loss</b>" });
    press(part("epoch-slider"), "End");
    await settle();
    expect(words()).toBe("epoch 15, 3 of 3 recorded");
  });

  it("leave out the choice where nothing else was recorded", async () => {
    const { part } = await shown();
    expect(part("scalar")).toBeNull();
  });
});

describe("two landscapes", () => {
  it("stand beside each other with their names, over one time", async () => {
    const { element, part, parts, settle } = await shown({
      name: "one",
      second: { name: "<i>other</i>", epochs: [5, 12] },
    });
    expect([...element.querySelectorAll(".dvi-side-name")].map((e) => e.textContent)).toEqual([
      "one",
      "<i>other</i>",
    ]);
    press(part("epoch-slider"), "End");
    press(part("epoch-slider"), "ArrowLeft");
    await settle();
    expect(epochShown(part)).toBe("epoch 12 of 5–15");
    expect(parts("canvas").map((canvas) => canvas.getAttribute("aria-label"))).toEqual([
      expect.stringMatching(/^one: .* at epoch 10\./),
      expect.stringMatching(/^<i>other<\/i>: .* at epoch 12\./),
    ]);
  });

  it("are spoken of when pressed, focused or chosen, not when a pointer crosses them", async () => {
    const { element, part, parts, settle } = await shown({
      name: "one",
      second: { name: "other", epochs: [5, 12] },
    });
    const spoken = () => [
      element.querySelector('.dvi-side-name[aria-current="true"]')?.textContent,
      parts("side").find((button) => button.getAttribute("aria-pressed") === "true")?.textContent,
      part("readout-of")?.textContent,
      part("epoch-slider")?.getAttribute("aria-valuetext")?.split(", ")[2],
    ];
    const [left, right] = parts("stage");
    for (const [target, event, name] of [
      [right, new Event("pointerenter"), "one"],
      [right, new Event("pointermove"), "one"],
      [right, new Event("pointerdown"), "other"],
      [left, new Event("pointerenter"), "other"],
      [left, new Event("focus"), "one"],
      [parts("side")[1], new Event("click"), "other"],
    ] as const) {
      target?.dispatchEvent(event);
      await settle();
      expect(spoken()).toEqual(Array(4).fill(name));
    }
  });

  it("need no such words where there is one", async () => {
    const { part } = await shown();
    expect(part("side") ?? part("readout-of")).toBeNull();
  });
});

describe("the menus of the canvas", () => {
  const services = ["decode", "place", "neighbors", "classify"];

  it("offer what the landscape can answer, and say what is shown", async () => {
    const bare = await shown();
    bare.part("show")?.click();
    await bare.settle();
    expect(bare.part("overlay-density")).not.toBeNull();
    expect(bare.part("overlay-trust")).toBeNull();
    bare.close();
    const { model, part, settle } = await shown({ services });
    expect(part("caption")).toBeNull();
    part("show")?.click();
    await settle();
    part("overlay-trust")?.click();
    await settle();
    expect(part("caption")?.textContent).toContain("invented");
    expect(model.sent.filter(({ op }) => op === "trust").map(({ args }) => args)).toEqual([
      { landscape: 0, epoch: 5 },
    ]);
    expect(model.get("_view")).toMatchObject({ overlay: "trust" });
  });

  it("close on Escape, and only then is the selection cleared", async () => {
    const { element, model, part, settle } = await shown();
    model.receive("selection", text([1]));
    part("follow")?.click();
    await settle();
    press(part("trails"), "Escape");
    await settle();
    expect(part("trails")).toBeNull();
    expect(element.activeElement).toBe(part("follow"));
    expect(selected(model)).toEqual([1]);
    press(part("follow"), "Escape");
    await settle();
    expect(selected(model)).toEqual([]);
  });

  it("ask for the neighbours of what is selected, again at each epoch rested at", async () => {
    const { model, part, settle } = await shown({ services });
    const asked = () => model.sent.filter(({ op }) => op === "neighbors").map(({ args }) => args);
    model.receive("selection", text([3, 8]));
    part("follow")?.click();
    await settle();
    part("neighbors")?.click();
    await settle();
    const first = { landscape: 0, epoch: 5, indices: [3, 8], k: 10, group: null };
    expect(asked()).toEqual([first]);
    const among = part("neighbors-among") as HTMLSelectElement;
    expect([...among.options].map(({ value }) => value)).toEqual(["", "train", "test", "flipped"]);
    among.value = "test";
    among.dispatchEvent(new Event("change", { bubbles: true }));
    await settle();
    press(part("epoch-slider"), "End");
    await settle();
    expect(asked().slice(1)).toEqual([
      { ...first, group: "test" },
      { ...first, group: "test", epoch: 15 },
    ]);
    part("select-neighbors")?.click();
    await settle();
    expect(selected(model).length).toBeGreaterThan(2);
  });

  it("say what went wrong while the picture stays", async () => {
    const { element, model, part, settle } = await shown(
      { services },
      { failures: { neighbors: "The representations are gone." } },
    );
    model.receive("selection", text([3]));
    part("follow")?.click();
    await settle();
    part("neighbors")?.click();
    await settle();
    expect(element.querySelector(".dvi-menu [role=alert]")?.textContent).toBe(
      "The representations are gone.",
    );
  });

  it("tell what a place decodes to, with samples to go on to", async () => {
    vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(600);
    vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(400);
    const { model, part, parts, settle } = await shown({ services, extent: [0, 4, -2, 2] });
    vi.restoreAllMocks();
    press(part("stage"), "Enter");
    await settle();
    expect(model.sent.filter(({ op }) => op === "decode").map(({ args }) => args)).toEqual([
      { landscape: 0, epoch: 5, points: [[2, 0]] },
    ]);
    expect(part("place")?.textContent).toMatch(/%/);
    press(part("stage"), "Escape");
    await settle();
    expect(part("place")).toBeNull();
    press(part("stage"), "Enter");
    await settle();
    parts("nearest")[1]?.click();
    await settle();
    expect(selected(model)).toEqual([1]);
    expect(part("place")).toBeNull();
  });

  it("keep a place as a marker, and drop one by key with the tool for it", async () => {
    vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(600);
    vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(400);
    const all = [...services, "classify"];
    const { model, part, settle } = await shown({ services: all, extent: [0, 4, -2, 2] });
    vi.restoreAllMocks();
    press(part("stage"), "Enter");
    await settle();
    part("keep-place")?.click();
    await settle();
    expect(part("place")).toBeNull();
    const kept = (): unknown => (model.get("_view") as Record<string, unknown>).markers;
    const marker = { number: 1, side: 0, x: 32768, y: 32768 };
    expect(kept()).toEqual([marker]);
    part("tool-marker")?.click();
    press(part("stage"), "Enter");
    await settle();
    expect(kept()).toEqual([marker, { ...marker, number: 2 }]);
  });

  it("choose among the palettes of the run, the first one by default", async () => {
    const { model, part, settle } = await shown();
    const hue = () => part("legend-entry")?.querySelector<HTMLElement>("span")?.style.background;
    const before = hue();
    part("settings")?.click();
    await settle();
    expect((part("palette-safe") as HTMLInputElement).checked).toBe(true);
    part("palette-vivid")?.click();
    await settle();
    expect(hue()).not.toBe(before);
    expect(model.get("_view")).toMatchObject({ palette: "vivid" });
  });
});

describe("the selection", () => {
  it("is empty at first, and the panel says what to do", async () => {
    const { part, open } = await shown();
    await open("Samples");
    expect(part("images-empty")?.textContent).toContain(
      "Draw around points to see their pictures.",
    );
    expect(part("count")?.textContent).toBe("60 samples");
  });

  it("is counted, shown as pictures, and cleared by Escape", async () => {
    const { model, part, settle } = await shown();
    model.receive("selection", text([3, 9, 44]));
    await settle();
    expect(part("selected")?.textContent).toBe("3 selected");
    expect(part("images")?.getAttribute("aria-label")).toBe("Pictures of 3 selected samples");
    press(part("stage"), "Escape");
    await settle();
    expect(selected(model)).toEqual([]);
    expect(part("images-empty")).not.toBeNull();
  });

  it("takes a class from the legend, adds one with shift, takes one away with alt", async () => {
    const { model, parts, settle } = await shown({ classes: 3 });
    const labels = fakeRun({ n: 60, classes: 3 }).labels;
    const of = (...classes: number[]) =>
      Array.from(labels.keys()).filter((i) => classes.includes(labels[i] as number));
    const click = async (entry: number, keys: MouseEventInit = {}) => {
      parts("legend-entry")[entry]?.dispatchEvent(
        new MouseEvent("click", { bubbles: true, ...keys }),
      );
      await settle();
    };
    await click(1);
    expect(selected(model)).toEqual(of(1));
    await click(2, { shiftKey: true });
    expect(selected(model)).toEqual(of(1, 2));
    await click(1, { altKey: true });
    expect(selected(model)).toEqual(of(2));
  });
});

describe("the legend", () => {
  it("counts what the colours stand for", async () => {
    const { part, parts, settle } = await shown({ classes: 3 });
    const counts = () =>
      parts("legend-entry").map((entry) => Number(entry.querySelector(".dvi-count")?.textContent));
    expect(counts().reduce((sum, n) => sum + n, 0)).toBe(60);
    const choice = part("color-by") as HTMLSelectElement;
    choice.selectedIndex = 2;
    choice.dispatchEvent(new Event("change", { bubbles: true }));
    await settle();
    expect(parts("legend-entry").map((entry) => entry.textContent)).toEqual([
      expect.stringMatching(/^right\d+$/),
      expect.stringMatching(/^wrong\d+$/),
    ]);
    expect(counts().reduce((sum, n) => sum + n, 0)).toBe(60);
  });

  it("explains the marks of points, and selects those that have one", async () => {
    const { model, part, parts, settle } = await shown({ classes: 3 });
    const texts = () => parts("mark-entry").map((entry) => entry.textContent);
    expect(texts()).toEqual(["train48", "test12", expect.stringMatching(/^wrong\d+$/)]);
    parts("mark-entry")[1]?.click();
    await settle();
    expect(selected(model)).toEqual(Array.from({ length: 12 }, (_, i) => 48 + i));
    // Where colour says what is wrong, no mark does.
    const choice = part("color-by") as HTMLSelectElement;
    choice.selectedIndex = 2;
    choice.dispatchEvent(new Event("change", { bubbles: true }));
    await settle();
    expect(texts()).toHaveLength(2);
  });

  it("says what the undecided land looks like", async () => {
    const { part } = await shown();
    expect(part("undecided")?.textContent).toBe("undecided");
  });

  it("names a dozen classes at most and leads to all others", async () => {
    const { element, part, parts, settle } = await shown({ classes: 120, n: 500, resolution: 20 });
    expect(parts("legend-entry").length).toBeLessThanOrEqual(12);
    const more = [...element.querySelectorAll("button")].find((b) =>
      b.textContent?.includes("120"),
    );
    more?.click();
    await settle();
    expect(part("classes")?.querySelectorAll("li")).toHaveLength(120);
    expect(more?.textContent).toBe("all 120 classes");
  });
});

it("describes the canvas in words", async () => {
  const { model, part, settle } = await shown({ classes: 2 });
  model.receive("selection", text([1, 2]));
  await settle();
  const words = part("canvas")?.getAttribute("aria-label") ?? "";
  expect(words).toContain("60 samples at epoch 5");
  expect(words).toMatch(/Samples per predicted class: .*\d/);
  expect(words).toContain("2 selected");
});

it("shows hostile names as text", async () => {
  const names = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    "\u202ereversed",
  ];
  const { element } = await shown({ classes: names, name: "<b>run</b>" });
  expect(element.querySelector("img, b.x, script")).toBeNull();
  expect(element.textContent).toContain("<img src=x onerror=alert(1)>");
  expect(element.textContent).toContain("<b>run</b>");
});

it("gives every control a name", async () => {
  const { element } = await shown();
  for (const control of element.querySelectorAll<HTMLElement>(
    "button, [tabindex='0'], select, input",
  )) {
    const name =
      control.getAttribute("aria-label") ??
      control.closest("label")?.textContent ??
      control.textContent;
    expect(name?.trim(), control.outerHTML).toBeTruthy();
  }
});

it("gives back all it took, and leaves the page's own elements alone", async () => {
  const before = document.head.innerHTML;
  const { model, element, close } = await shown();
  expect(document.head.innerHTML).toBe(before);
  expect(document.querySelector(".dvi")).toBeNull();
  close();
  expect(element.host.isConnected).toBe(false);
  expect(model.listeners()).toBe(0);
});

describe("a host's shortcuts", () => {
  it("get no single keys from the explorer, but those with control outside fields", async () => {
    const { element, part } = await shown();
    const heard: string[] = [];
    const suppressed: boolean[] = [];
    const listen = ({ key }: KeyboardEvent): void => {
      heard.push(key);
    };
    // As Lumino does: on the document, before the explorer hears of the key.
    const lumino = (): void => {
      suppressed.push((element.host as HTMLElement).hasAttribute("data-lm-suppress-shortcuts"));
    };
    document.addEventListener("keydown", lumino, true);
    document.addEventListener("keydown", listen);
    const keys: [string, string, boolean][] = [
      ["stage", "x", false],
      ["stage", "s", true],
      ["find", "x", false],
      ["find", "a", true],
    ];
    for (const [id, key, ctrlKey] of keys) {
      const event = { key, ctrlKey, bubbles: true, composed: true };
      part(id)?.dispatchEvent(new KeyboardEvent("keydown", event));
    }
    document.removeEventListener("keydown", lumino, true);
    document.removeEventListener("keydown", listen);
    expect(suppressed).toEqual([true, false, true, true]);
    expect(heard).toEqual(["s"]);
  });
});
