// The camera: a place under the pointer stays under it, and nothing beyond the landscape is shown.
// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { afterEach, describe, expect, it } from "vitest";
import { type Camera, startCamera } from "../src/canvas/camera";
import { toPosition, type Viewport } from "../src/canvas/viewport";

let camera: Camera | null = null;
afterEach(() => camera?.stop());

const home = signal<{ k: number; x: number; y: number } | null>(null);

function stage(pans: (event: PointerEvent) => boolean = () => true) {
  home.value = null;
  const element = document.createElement("div");
  Object.defineProperty(element, "clientWidth", { value: 800 });
  Object.defineProperty(element, "clientHeight", { value: 400 });
  element.setPointerCapture = () => {};
  document.body.append(element);
  camera = startCamera(element, {
    aspect: 1,
    reducedMotion: signal(true),
    pans,
    taken: () => {},
    home: () => home.value,
  });
  const { viewport } = camera;
  const point = (type: string, x: number, y: number, pointerId = 1): void => {
    element.dispatchEvent(new PointerEvent(type, { clientX: x, clientY: y, pointerId }));
  };
  // The WheelEvent of happy-dom has no place on the screen.
  const wheel = ({ deltaY = 0, deltaMode = 0, ...place }: WheelEventInit): MouseEvent => {
    const event = new MouseEvent("wheel", { cancelable: true, clientX: 0, clientY: 0, ...place });
    element.dispatchEvent(Object.assign(event, { deltaY, deltaMode }));
    return event;
  };
  return { seen: () => viewport.value as Viewport, point, wheel };
}

it("opens at home once that is known, and goes nowhere from where a person moved it", () => {
  const { seen, wheel } = stage();
  home.value = { k: 2, x: -100, y: -50 };
  expect(seen()).toMatchObject({ k: 2, x: -100, y: -50 });
  // What is known later, of another epoch, moves nothing.
  home.value = { k: 3, x: -100, y: -50 };
  expect(seen().k).toBe(2);
  wheel({ deltaY: -500 });
  expect(seen().k).toBeCloseTo(4);
  expect(camera?.home.value).toBe(false);
});

describe("the wheel", () => {
  it("zooms around the pointer and never scrolls the page", () => {
    const { seen, wheel } = stage();
    const before = toPosition(seen(), 300, 250);
    const event = wheel({ deltaY: -500, clientX: 300, clientY: 250 });
    expect(seen().k).toBeCloseTo(2);
    const after = toPosition(seen(), 300, 250);
    expect(after[0]).toBeCloseTo(before[0], 4);
    expect(after[1]).toBeCloseTo(before[1], 4);
    expect(event.defaultPrevented).toBe(true);
  });

  it("is kept at both ends of the zoom", () => {
    const { seen, wheel } = stage();
    expect(wheel({ deltaY: 900 }).defaultPrevented).toBe(true);
    expect(seen()).toMatchObject({ k: 1, x: 0, y: 0 });
    for (let i = 0; i < 50; i++) {
      wheel({ deltaY: -500 });
    }
    expect(seen().k).toBe(1000);
  });

  it("counts lines and trackpad pinches for more", () => {
    const { seen, wheel } = stage();
    wheel({ deltaY: -20, deltaMode: 1 });
    expect(seen().k).toBeCloseTo(2);
    wheel({ deltaY: -50, ctrlKey: true });
    expect(seen().k).toBeCloseTo(4);
  });
});

describe("pointers", () => {
  it("pan what is zoomed, as far as its edges", () => {
    const { seen, point, wheel } = stage();
    wheel({ deltaY: -500, clientX: 400, clientY: 200 });
    point("pointerdown", 100, 100);
    point("pointermove", 130, 90);
    expect(seen()).toMatchObject({ x: -370, y: -210 });
    point("pointermove", 5000, 5000);
    expect(seen()).toMatchObject({ x: 0, y: 0 });
    point("pointerup", 5000, 5000);
    point("pointermove", 0, 0);
    expect(seen()).toMatchObject({ x: 0, y: 0 });
  });

  it("pinch with two fingers and pan with their middle", () => {
    const { seen, point } = stage();
    point("pointerdown", 300, 200, 1);
    point("pointerdown", 500, 200, 2);
    const held = toPosition(seen(), 400, 200);
    point("pointermove", 200, 200, 1);
    point("pointermove", 600, 200, 2);
    expect(seen().k).toBeCloseTo(2);
    const now = toPosition(seen(), 400, 200);
    expect(now[0]).toBeCloseTo(held[0], 3);
    expect(now[1]).toBeCloseTo(held[1], 3);
  });

  it("leave the view alone where something else wants the press", () => {
    const { seen, point, wheel } = stage(() => false);
    wheel({ deltaY: -500 });
    const before = seen();
    point("pointerdown", 100, 100);
    point("pointermove", 200, 200);
    expect(seen()).toEqual(before);
  });
});
