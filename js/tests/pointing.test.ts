// Pointing: where on an element a pointer is, also where its page is scaled, and which presses are clicks.
// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { followPresses } from "../src/canvas/press";
import { locate } from "../src/state/locate";

/** An element of 400 × 200 pixels of its own, at 10, 20 of the page and shown in a box of another size. */
function shown(width: number, height: number): HTMLElement {
  const element = document.createElement("div");
  Object.defineProperty(element, "offsetWidth", { value: 400 });
  Object.defineProperty(element, "offsetHeight", { value: 200 });
  element.getBoundingClientRect = () => new DOMRect(10, 20, width, height);
  return element;
}

const at = (x: number, y: number) => new MouseEvent("click", { clientX: x, clientY: y });

describe("a pointer", () => {
  it("is where it is shown on an element as large as its layout", () => {
    expect(locate(shown(400, 200), at(210, 120))).toEqual([200, 100]);
  });

  it("is found in the element's own pixels inside a scaled ancestor", () => {
    expect(locate(shown(600, 300), at(310, 170))).toEqual([200, 100]);
    expect(locate(shown(200, 300), at(110, 170))).toEqual([200, 100]);
  });

  it("is not moved by a box between two pixels", () => {
    expect(locate(shown(400.4, 199.6), at(410, 220))).toEqual([400, 200]);
  });
});

describe("a press", () => {
  function press(...path: [number, number][]): boolean {
    const element = shown(400, 200);
    const presses = followPresses(element);
    const send = (type: string, [clientX, clientY]: [number, number]): void => {
      element.dispatchEvent(new PointerEvent(type, { clientX, clientY, pointerId: 1 }));
    };
    send("pointerdown", path[0] as [number, number]);
    for (const corner of path) {
      send("pointermove", corner);
    }
    send("pointerup", path.at(-1) as [number, number]);
    // What moves after the release drags nothing.
    send("pointermove", [500, 500]);
    presses.stop();
    return presses.dragged();
  }

  it("that stays is a click", () => {
    expect(press([50, 50], [52, 51], [50, 53])).toBe(false);
  });

  it("that goes away is a drag, wherever it ends", () => {
    expect(press([50, 50], [150, 50])).toBe(true);
    expect(press([50, 50], [150, 50], [150, 150], [51, 52])).toBe(true);
  });
});
