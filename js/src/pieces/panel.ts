// What a panel is to the explorer that shows it.
import type { ComponentType } from "preact";
import type { Store } from "../state/store";

/** Groups of panels, in the order of their tabs. */
export const GROUPS = ["selection", "errors", "model", "map"] as const;

export interface Panel {
  /** Kept in the view state. */
  id: string;
  /** On its tab. */
  title: string;
  group: (typeof GROUPS)[number];
  content: ComponentType<{ store: Store }>;
  /** Whether it applies to these landscapes and models; by default always. */
  applies?: (store: Store) => boolean;
}
