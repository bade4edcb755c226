// Everything that lies on the canvas of one landscape.
import type { Stage } from "../canvas/stage";
import type { Store } from "../state/store";
import { BoundarySamples } from "./boundary";
import { Card } from "./card";
import { Guests } from "./guests";
import { Markers } from "./markers";
import { Names } from "./names";
import { Pictures } from "./pictures";
import { Place } from "./place";

/** `Drawn` lies inside the element that takes the pointer, `Cards` above it. */
export const ON_MAP = { Drawn, Cards };

interface Properties {
  store: Store;
  stage: Stage;
}

function Drawn({ store, stage }: Properties) {
  return (
    <>
      <Pictures store={store} stage={stage} />
      <BoundarySamples store={store} stage={stage} />
      <Names stage={stage} />
      <Markers store={store} stage={stage} />
      <Guests store={store} stage={stage} />
      <Lasso stage={stage} />
    </>
  );
}

function Cards({ store, stage }: Properties) {
  return (
    <>
      <Card store={store} stage={stage} />
      {store.place.value?.side === stage.side.index && <Place store={store} stage={stage} />}
    </>
  );
}

function Lasso({ stage }: { stage: Stage }) {
  const { lasso, straight } = stage.pointer;
  const path = lasso.path.value;
  if (path === null || straight.value) {
    return null;
  }
  return (
    <svg class="dvi-drawn dvi-lasso" aria-hidden="true">
      <polygon points={path.join(" ")} />
    </svg>
  );
}
