// Names for elements that refer to each other.
import { useMemo } from "preact/hooks";

/** Drawn by chance: every explorer of a page is a program of its own, and would count from the same start. */
export function useUnique(): string {
  return useMemo(() => `dvi-${Math.random().toString(36).slice(2)}`, []);
}
