// How tests wait for what comes by itself: until it is there, on a loaded machine too.
import { vi } from "vitest";

/** Try until it holds. */
export const eventually = (check: () => void): Promise<void> =>
  vi.waitFor(check, { timeout: 200_000 });
