// The find field: what is typed fades the rest, is completed, counted, explained, and shared with Python.
// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from "vitest";
import { named, selected, text } from "./fake/model";
import * as fake from "./fake/shown";

// What is still to be drawn when the clock is taken away would keep later drawings from being made.
afterEach(() => vi.advanceTimersByTimeAsync(100));

async function shown(...options: Parameters<typeof fake.shown>) {
  const explorer = await fake.shown(...options);
  const { parts, settle } = explorer;
  parts("find")[0]?.dispatchEvent(new FocusEvent("focus"));
  await settle();
  return {
    ...explorer,
    part: (id: string) => {
      const [found] = parts(id);
      if (found === undefined) {
        throw new Error(`There is no ${id} on the page.`);
      }
      return found;
    },
    press: async (target: HTMLElement, key: string) => {
      target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
      await settle();
    },
    click: async (target: HTMLElement, keys: MouseEventInit = {}) => {
      target.dispatchEvent(new MouseEvent("click", { bubbles: true, ...keys }));
      await settle();
    },
    type: async (target: HTMLElement, text: string) => {
      const input = target as HTMLInputElement;
      input.value = text;
      input.setSelectionRange(text.length, text.length);
      input.dispatchEvent(new Event("input", { bubbles: true }));
      await settle();
    },
  };
}

const DEBOUNCE = 150;
const CLASSES = ["cat", "red fox", "<b>dog</b>"];

describe("what is typed", () => {
  it("is counted and told to Python once typing pauses, complete or not", async () => {
    const { model, run, part, type, settle } = await shown({ classes: CLASSES });
    const foxes = run.labels.filter((label) => label === 1).length;
    await type(part("find"), 'label:"red fo');
    await type(part("find"), 'label:"red fox');
    expect(model.saved).toEqual([]);
    await settle(DEBOUNCE);
    expect(model.saved).toEqual([{ filter: 'label:"red fox' }]);
    expect(part("count").textContent).toBe("60 samples");
    await type(part("find"), 'label:"red fox"');
    await settle(DEBOUNCE);
    expect(part("count").textContent).toBe(`${foxes} of 60`);
  });

  it("comes from Python as well", async () => {
    const { model, part, settle } = await shown();
    model.receive("filter", "#3-7");
    await settle();
    expect((part("find") as HTMLInputElement).value).toBe("#3-7");
    expect(part("count").textContent).toBe("5 of 60");
    expect(model.saved.flatMap(Object.keys)).not.toContain("filter");
  });

  it("becomes a selection, and is taken back by one button", async () => {
    const { model, part, parts, click, settle } = await shown(
      {},
      { state: { filter: "#3-5 #4-9" } },
    );
    await click(part("select-found"));
    expect(selected(model)).toEqual([4, 5]);
    await click(part("clear-filter"));
    await settle(DEBOUNCE);
    expect(model.get("filter")).toBe("");
    expect(part("count").textContent).toBe("60 samples");
    expect(parts("select-found")).toEqual([]);
  });

  it("is read anew where time comes to rest", async () => {
    const { part, press, settle } = await shown(
      { classes: 4 },
      { state: { epoch: 5, filter: "wrong" } },
    );
    const before = part("count").textContent;
    await press(part("stage"), "End");
    await settle(400);
    expect(part("count").textContent).toMatch(/^\d+ of 60$/);
    expect(part("count").textContent).not.toBe(before);
  });
});

describe("beside a second landscape", () => {
  it("means the first one, and any epoch of either", async () => {
    const { part, model, settle, run } = await shown({
      second: { name: "another", epochs: [5, 12] },
    });
    model.receive("filter", "changed:5-12");
    await settle(300);
    const at = (epoch: number) =>
      run.answer("frame", { landscape: 0, epoch }).buffers[1] as Uint8Array;
    // At 12 the first landscape stands at the epoch before, which is 10.
    const changed = at(5).filter((prediction, i) => prediction !== at(10)[i]).length;
    expect(part("count").textContent).toBe(`${changed} of 60`);
  });
});

describe("what is not understood", () => {
  it("is underlined and explained, but not while it is being written", async () => {
    const { element, part, settle, type } = await shown({ classes: CLASSES });
    await type(part("find"), "🦊 wrong lable:cat");
    const marked = () => [...element.querySelectorAll("u")].map((mark) => mark.textContent);
    expect(marked()).toEqual(["🦊"]);
    part("find").dispatchEvent(new FocusEvent("blur"));
    await settle();
    expect(marked()).toEqual(["🦊", "lable:cat"]);
    expect(part("find-message").textContent).toMatch(/^“🦊” is neither correct/);
    expect(part("find").getAttribute("aria-invalid")).toBe("true");
  });

  it("says which epochs it waits for, keeps what it showed, and goes on when they are there", async () => {
    const { part, settle } = await shown(
      { epochs: [1, 2, 3, 4, 5, 6, 7, 8] },
      {
        delay: (op) => (op === "frame" ? 1000 : 0),
        state: { epoch: 1, filter: "#0-29 changed:7-8" },
      },
    );
    expect(part("find-message").textContent).toBe("waiting for epochs 7–8 …");
    expect(part("count").textContent).toBe("60 samples");
    await settle(2500);
    expect(part("find-message").textContent).toBe("");
    expect(part("count").textContent).toMatch(/^\d+ of 60$/);
  });

  it("says why an epoch cannot be had, and asks again", async () => {
    const { model, part, settle, click } = await shown(
      {},
      { failures: { frame: "The disk is gone." }, state: { epoch: 5, filter: "changed:10-15" } },
    );
    expect(part("find-message").textContent).toContain("The disk is gone.");
    delete model.failures.frame;
    await click(part("find-message").querySelector("button") as HTMLElement);
    await settle(200);
    expect(part("count").textContent).toMatch(/^\d+ of 60$/);
  });
});

describe("completion", () => {
  it("offers names by keyboard as a combobox does", async () => {
    const { element, part, parts, press, type, model, settle } = await shown({ classes: CLASSES });
    const find = part("find");
    await type(find, "label:");
    expect(find.getAttribute("aria-expanded")).toBe("true");
    expect(parts("option").map((option) => option.querySelector(".dvi-name")?.textContent)).toEqual(
      ["cat", '"red fox"', "<b>dog</b>", "none"],
    );
    await press(find, "ArrowDown");
    await press(find, "ArrowDown");
    const active = find.getAttribute("aria-activedescendant");
    expect(element.querySelector(`[id="${active}"]`)?.getAttribute("aria-selected")).toBe("true");
    await press(find, "Enter");
    expect((find as HTMLInputElement).value).toBe('label:"red fox" ');
    expect(parts("option")).toEqual([]);
    await settle(DEBOUNCE);
    expect(model.get("filter")).toBe('label:"red fox" ');
  });

  it("takes the first with Tab, and closes with Escape before it clears", async () => {
    const { part, parts, press, type } = await shown({ classes: CLASSES });
    const find = part("find") as HTMLInputElement;
    await type(find, "spl");
    await press(find, "Tab");
    expect(find.value).toBe("split:train ");
    await type(find, "split:train w");
    expect(parts("option").length).toBeGreaterThan(0);
    await press(find, "Escape");
    expect([parts("option").length, find.value]).toEqual([0, "split:train w"]);
    await press(find, "Escape");
    expect(find.value).toBe("");
  });

  it("is left by Tab when there is nothing to complete", async () => {
    const { part, type } = await shown();
    await type(part("find"), "wrong ");
    const event = new KeyboardEvent("keydown", { key: "Tab", bubbles: true, cancelable: true });
    part("find").dispatchEvent(event);
    expect(event.defaultPrevented).toBe(false);
  });
});

describe("fields", () => {
  async function withFields(...options: Parameters<typeof shown>) {
    const explorer = await shown(...options);
    await explorer.click(explorer.part("fields"));
    const field = (name: string) => {
      const labels = [...explorer.part("fields-panel").querySelectorAll("label")];
      return labels
        .find(({ textContent }) => textContent?.startsWith(name))
        ?.querySelector<HTMLSelectElement>("input, select") as HTMLSelectElement;
    };
    const set = async (name: string, value: string) => {
      field(name).value = value;
      field(name).dispatchEvent(new Event("change", { bubbles: true }));
      await explorer.settle();
    };
    return { ...explorer, field, set };
  }

  it("write the text, and show what it says", async () => {
    const { model, field, set } = await withFields(
      { classes: CLASSES },
      { state: { filter: "label:cat -split:test conf<0.9" } },
    );
    expect([field("label").value, field("confidence to").value]).toEqual(["cat", "0.9"]);
    await set("label", '"red fox"');
    await set("correctness", "wrong");
    await set("split", "train");
    expect(model.get("filter")).toBe('-split:test conf<0.9 label:"red fox" wrong split:train');
    await set("confidence from", "0.25");
    expect(field("label").value).toBe('"red fox"');
    await set("label", field("split").options[0]?.value ?? "");
    expect(model.get("filter")).toBe("-split:test wrong split:train conf:0.25-0.9");
    await set("confidence from", "0");
    await set("confidence to", "1");
    expect(model.get("filter")).toBe("-split:test wrong split:train");
  });

  it("ask for a change between two epochs", async () => {
    const { model, set } = await withFields();
    await set("changed after epoch", "10");
    expect(model.get("filter")).toBe("changed:10-15");
    await set("changed until epoch", "5");
    expect(model.get("filter")).toBe("changed:10-5");
    await set("changed until epoch", "10");
    expect(model.get("filter")).toBe("");
  });
});

describe("named selections", () => {
  const NASTY = "<img src=x onerror=alert(1)>";

  it("are saved, taken up again, added to, renamed and deleted", async () => {
    const { model, part, parts, click, type, press, element } = await shown(
      {},
      { state: { selection: text([3, 9]) } },
    );
    await click(part("selections"));
    await type(part("selection-name"), NASTY);
    part("selection-name").closest("form")?.requestSubmit();
    await press(part("stage"), "Escape");
    expect(named(model)).toEqual({ [NASTY]: [3, 9] });
    expect(element.querySelector("img")).toBeNull();
    expect(selected(model)).toEqual([]);

    await click(part("saved-selection"));
    expect(selected(model)).toEqual([3, 9]);
    model.receive("selection", text([4]));
    await click(part("add-to-selection"));
    expect(named(model)).toEqual({ [NASTY]: [3, 4, 9] });
    await click(part("saved-selection"), { shiftKey: true });
    expect(selected(model)).toEqual([3, 4, 9]);

    await click(part("rename-selection"));
    await type(part("new-name"), "strange");
    await press(part("new-name"), "Enter");
    expect(named(model)).toEqual({ strange: [3, 4, 9] });
    await click(part("delete-selection"));
    expect(named(model)).toEqual({});
    expect(parts("saved-selection")).toEqual([]);
  });

  it("are not renamed to a name that is another's, and that is said", async () => {
    const { model, part, parts, click, type, press, settle } = await shown();
    model.receive("selections", { one: text([1]), two: text([2, 3]) });
    await settle();
    await click(part("selections"));
    await click(part("rename-selection"));
    expect(part("name-taken").textContent).toBe("");
    await type(part("new-name"), " two");
    await press(part("new-name"), "Enter");
    expect(part("name-taken").textContent).toBe("Another tag has this name.");
    expect(part("new-name").getAttribute("aria-invalid")).toBe("true");
    expect(model.saved).toEqual([]);
    await type(part("new-name"), "two and a half");
    await press(part("new-name"), "Enter");
    expect(parts("new-name")).toEqual([]);
    expect(named(model)).toEqual({ "two and a half": [1], two: [2, 3] });
  });

  it("come from Python as well", async () => {
    const { model, part, parts, click, settle } = await shown();
    model.receive("selections", { one: text([1]), two: text([2, 3]) });
    await settle();
    await click(part("selections"));
    expect(parts("saved-selection").map((row) => row.textContent)).toEqual(["one1", "two2"]);
    expect(model.saved).toEqual([]);
  });
});
