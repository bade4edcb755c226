// The current view as one picture for reports: every landscape with its name, the epoch, and what the colours mean.
import type { Stage } from "../canvas/stage";
import { toHex } from "../palette";
import type { Store } from "../store";
import { legendEntries } from "./legend";
import { OVERLAYS } from "./show";

/** Pixels of the picture for each of the page's. */
const RATIO = 2;
const PAD = 14;
const LINE = 20;
const GAP = 18;
/** So many classes are named. */
const NAMED = 24;

/** Draw it, in one task: a WebGL canvas must be read in the task that drew it. */
function still(store: Store, stages: readonly Stage[], font: string): HTMLCanvasElement | null {
  const pictures = stages.map(({ painter }) => painter.picture(RATIO));
  const output = document.createElement("canvas").getContext("2d");
  if (output === null || pictures.some((picture) => picture === null)) {
    return null;
  }
  const drawn = pictures as HTMLCanvasElement[];
  const { background, ink } = store.theme.peek();
  const muted = `rgb(${ink.map((c, i) => Math.round(c * 0.62 + (background[i] as number) * 0.38)).join(" ")})`;
  const width =
    drawn.reduce((sum, canvas) => sum + canvas.width / RATIO, 0) + (drawn.length - 1) * 2;
  const most = Math.max(...drawn.map((canvas) => canvas.height / RATIO));

  const overlay = OVERLAYS.find(({ key }) => key === store.view.overlay.peek());
  const entries = legendEntries(store);
  const named = entries.slice(0, NAMED).map(({ name, hue }) => ({ name, hue }));
  output.font = `12px ${font}`;
  // Where each name goes: as many in a line as there is room for.
  let x = PAD;
  let line = 0;
  const places = named.map(({ name }) => {
    const wide = output.measureText(name).width + GAP + 14;
    if (x + wide > width - PAD && x > PAD) {
      x = PAD;
      line++;
    }
    const place = { x, line };
    x += wide;
    return place;
  });
  const lines = line + 1 + (overlay === undefined ? 0 : 1);
  const { canvas } = output;
  const top = PAD + LINE + 4;
  canvas.width = width * RATIO;
  canvas.height = (top + most + PAD / 2 + lines * LINE + PAD) * RATIO;

  // A new size empties a canvas and its settings.
  output.scale(RATIO, RATIO);
  output.fillStyle = toHex(background);
  output.fillRect(0, 0, canvas.width, canvas.height);
  output.textBaseline = "middle";
  const write = (text: string, at: number, y: number, color: string, weight = "400"): void => {
    output.font = `${weight} 12px ${font}`;
    output.fillStyle = color;
    output.fillText(text, at, y);
  };
  let left = 0;
  stages.forEach(({ side }, i) => {
    const picture = drawn[i] as HTMLCanvasElement;
    write(side.info.name, left + PAD, PAD + LINE / 2, toHex(ink), "600");
    const wide = output.measureText(side.info.name).width;
    const epoch = `epoch ${side.epoch(store.playhead.position.peek())}`;
    write(epoch, left + PAD + wide + 10, PAD + LINE / 2, muted);
    output.drawImage(picture, left, top, picture.width / RATIO, picture.height / RATIO);
    left += picture.width / RATIO + 2;
  });
  const under = top + most + PAD / 2;
  places.forEach((place, i) => {
    const { name, hue } = named[i] as (typeof named)[number];
    const y = under + (place.line + 0.5) * LINE;
    output.fillStyle = hue;
    output.beginPath();
    output.arc(place.x + 5, y, 5, 0, 7);
    output.fill();
    write(name, place.x + 14, y, toHex(ink));
  });
  if (overlay !== undefined) {
    write(`${overlay.name}: ${overlay.what}`, PAD, under + (line + 1.5) * LINE, muted);
  }
  return canvas;
}

/** Hand the picture to the browser as a file. */
export function savePicture(store: Store, stages: readonly Stage[], font: string): void {
  const names = stages.map(({ side }) => side.info.name).join(" ");
  const name = `${names} epoch ${store.epoch.peek()}`.replace(/[^\p{L}\p{N}]+/gu, "-");
  still(store, stages, font)?.toBlob((blob) => {
    if (blob !== null) {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = `${name.replace(/^-|-$/g, "")}.png`;
      link.click();
      // The browser reads it after this task.
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    }
  }, "image/png");
}
