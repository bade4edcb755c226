// Work that can wait until the page has nothing better to do.

/** Safari has no idle callback. */
const supported = "requestIdleCallback" in globalThis;

export function whenIdle(work: () => void): number {
  return supported ? requestIdleCallback(work, { timeout: 500 }) : Number(setTimeout(work, 50));
}

export function cancelIdle(handle: number): void {
  if (supported) {
    cancelIdleCallback(handle);
  } else {
    clearTimeout(handle);
  }
}
