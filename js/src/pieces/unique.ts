// Ids for elements that refer to each other.
import { useMemo } from "preact/hooks";

/** Random, because every explorer of a page runs its own copy of this module and would count from the same start. */
export function useUnique(): string {
  return useMemo(() => `dvi-${Math.random().toString(36).slice(2)}`, []);
}
