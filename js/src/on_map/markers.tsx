// Over the canvas: markers with their numbers, the way between two of them, and where it crosses into another class.
import type { Stage } from "../canvas/stage";
import { toScreen } from "../canvas/viewport";
import { useReply } from "../pieces/asked";
import { classHue } from "../pieces/swatch";
import { along, crossingsOf, markersOn, wayOn, wayQuestion } from "../state/markers";
import type { Store } from "../state/store";

export function MarkerLayer({ store, stage }: { store: Store; stage: Stage }) {
  const { side, camera, pointing } = stage;
  const seen = camera.viewport.value;
  const way = wayOn(store, side);
  const { answer } = useReply(store, "crossings", way && wayQuestion(store, side, way));
  if (seen === null) {
    return null;
  }
  const at = ({ x, y }: { x: number; y: number }) => toScreen(seen, x, y);
  const pen = pointing.line.value ? pointing.lasso.path.value : null;
  const ends = way?.map(at) as [[number, number], [number, number]] | undefined;
  const lines = [ends?.flat(), pen && [...pen.slice(0, 2), ...pen.slice(-2)]];
  return (
    <svg class="dvi-lasso dvi-markers" aria-hidden="true" data-testid="marker-layer">
      {lines.map((line, i) => line && <polyline key={i} points={line.join(" ")} />)}
      {ends &&
        crossingsOf(answer).map(({ t, after }) => {
          const [x, y] = along(...ends, t);
          return <circle key={t} cx={x} cy={y} r={4.5} style={{ fill: classHue(store, after) }} />;
        })}
      {markersOn(store, side).map((marker) => (
        <g key={marker.number} transform={`translate(${at(marker)})`}>
          <circle r={9} />
          <text dy=".35em">{marker.number}</text>
        </g>
      ))}
    </svg>
  );
}
