// What a panel is to the explorer that shows it.
import type { ComponentType } from "preact";
import type { Store } from "../state/store";

/** Groups of panels by id, in the order of their tabs. */
export const GROUPS = {
  overview: "Overview",
  selection: "Selection",
  errors: "Errors",
  model: "Model",
  map: "Map",
} as const;

export interface Panel {
  /** Kept in the view state. */
  id: string;
  /** On its tab. */
  title: string;
  group: keyof typeof GROUPS;
  content: ComponentType<{ store: Store }>;
  /** Which samples it speaks of, in words: "all samples". */
  about: (store: Store) => string;
  /** Whether it applies to these landscapes and models; by default always. */
  applies?: (store: Store) => boolean;
}
