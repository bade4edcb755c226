// The card beside a point: picture, label, prediction, confidence and number of its sample.
import type { Stage } from "../canvas/stage";
import { SampleFacts, SamplePicture, SampleText } from "../pieces/sample";
import type { Store } from "../state/store";
import { Beside } from "./beside";

const PICTURE_PX = 112;

export function Card({ store, stage }: { store: Store; stage: Stage }) {
  // Of two landscapes, the other one only rings the sample.
  const index = store.raisedOn.value === stage.side ? store.raised.value : null;
  if (index === null) {
    return null;
  }
  return (
    <Beside
      stage={stage}
      locate={() => {
        stage.painter.drawn.value;
        const sample = store.raised.value;
        return sample === null ? null : stage.painter.locate(sample);
      }}
      class="dvi-card"
      role="tooltip"
      data-testid="hover-card"
      data-index={index}
    >
      {store.hello.images !== null && (
        <SamplePicture store={store} index={index} side={PICTURE_PX} />
      )}
      <SampleFacts store={store} index={index} side={stage.side} />
      <SampleText store={store} index={index} />
    </Beside>
  );
}
