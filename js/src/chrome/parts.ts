// The parts that the explorer is handed: it arranges them, and knows none of them.
import type { ComponentType } from "preact";
import type { Stage } from "../canvas/stage";
import type { Panel } from "../pieces/panel";
import type { Store } from "../state/store";

interface StageProperties {
  store: Store;
  stage: Stage;
}

export interface Parts {
  /** Within a group, in the order of their tabs. */
  panels: readonly Panel[];
  /** What lies on a landscape's canvas: `Drawn` inside the element that takes the pointer, `Cards` above it. */
  onMap: { Drawn: ComponentType<StageProperties>; Cards: ComponentType<StageProperties> };
  /** Save the view as a picture, its texts in this font. */
  savePicture: (store: Store, stages: readonly Stage[], font: string) => void;
}
