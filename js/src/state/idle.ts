// Work for idle moments of the page.

/** Safari has no idle callbacks. */
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
