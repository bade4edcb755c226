// An explorer in a page on a fake model, for tests that look at it as a person does. Time stands still in them.
import { afterEach, beforeEach, vi } from "vitest";
import { PANELS } from "../../src/panels/registry";
import { GROUPS } from "../../src/pieces/panel";
import widget from "../../src/widget";
import { type FakeOptions, fakeRun } from "./answers";
import { type FakeModelOptions, fakeModel } from "./model";

let closings: (() => void)[] = [];

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  for (const close of closings) {
    close();
  }
  closings = [];
  document.body.replaceChildren();
  vi.useRealTimers();
});

export async function shown(options: FakeOptions = {}, modelOptions: FakeModelOptions = {}) {
  const run = fakeRun({ n: 60, epochs: [5, 10, 15], ...options });
  const model = fakeModel(run, modelOptions);
  const host = document.createElement("div");
  document.body.append(host);
  const cleanup = widget.render({ model, el: host });
  const element = host.firstElementChild?.shadowRoot as ShadowRoot;
  const close = (): void => {
    cleanup();
    closings = closings.filter((other) => other !== close);
  };
  closings.push(close);
  await vi.advanceTimersByTimeAsync(200);
  const part = (id: string) => element.querySelector<HTMLElement>(`[data-testid="${id}"]`);
  const parts = (id: string) => [...element.querySelectorAll<HTMLElement>(`[data-testid="${id}"]`)];
  const tab = (name: string) =>
    [...element.querySelectorAll<HTMLElement>("[role=tab]")].find((t) => t.textContent === name);
  const settle = (ms = 50) => vi.advanceTimersByTimeAsync(ms);
  const open = async (title: string): Promise<void> => {
    const panel = PANELS.find((one) => one.title === title);
    tab(GROUPS[panel?.group ?? "overview"])?.click();
    await settle();
    part(`panel-${panel?.id}`)?.click();
    await settle();
  };
  return { run, model, element, part, parts, tab, open, settle, close };
}

export function press(target: HTMLElement | null | undefined, key: string): void {
  target?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
}

export function choose(target: HTMLElement | null | undefined, value: string): void {
  (target as HTMLSelectElement).value = value;
  target?.dispatchEvent(new Event("change", { bubbles: true }));
}
