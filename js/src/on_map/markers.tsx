// Markers on the map, the path between two of them, and the classes it crosses into.
import type { Stage } from "../canvas/stage";
import { toScreen } from "../canvas/viewport";
import { useReply } from "../pieces/asked";
import { classHue } from "../pieces/swatch";
import { along, crossingArgs, markersOn, type Point, pathOn } from "../state/markers";
import type { Store } from "../state/store";

const CROSSING_PX = 4.5;
const MARKER_PX = 9;

export function Markers({ store, stage }: { store: Store; stage: Stage }) {
  const { side, camera, pointer } = stage;
  const seen = camera.viewport.value;
  const path = pathOn(store, side);
  const { answer } = useReply(store, "crossings", path && crossingArgs(store, side, path));
  if (seen === null) {
    return null;
  }
  const at = ({ x, y }: { x: number; y: number }): Point => toScreen(seen, x, y);
  const pen = pointer.straight.value ? pointer.lasso.path.value : null;
  const ends = path && ([at(path[0]), at(path[1])] as const);
  const lines = [ends?.flat(), pen && [...pen.slice(0, 2), ...pen.slice(-2)]];
  return (
    <svg class="dvi-drawn dvi-markers" aria-hidden="true" data-testid="marker-layer">
      {lines.map((line, i) => line && <polyline key={i} points={line.join(" ")} />)}
      {ends &&
        answer?.crossings.map(({ t, after }) => {
          const [x, y] = along(...ends, t);
          return (
            <circle
              key={t}
              cx={x}
              cy={y}
              r={CROSSING_PX}
              style={{ fill: classHue(store, after) }}
            />
          );
        })}
      {markersOn(store, side).map((marker) => (
        <g key={marker.number} transform={`translate(${at(marker)})`}>
          <circle r={MARKER_PX} />
          <text dy=".35em">{marker.number}</text>
        </g>
      ))}
    </svg>
  );
}
