// The current view as one picture for reports: every landscape with its name, the epoch, and what the colours mean.
import type { Stage } from "../canvas/stage";
import { toScreen } from "../canvas/viewport";
import { legendEntries } from "../chrome/legend";
import { OVERLAYS } from "../chrome/show";
import { classHue } from "../pieces/swatch";
import { toHex } from "../state/colors";
import { along, crossingsOf, markersOn, wayOn, wayQuestion } from "../state/markers";
import type { Store } from "../state/store";

/** Pixels of the picture for each of the page's. */
const RATIO = 2;
const PAD = 14;
const LINE = 20;
const GAP = 18;
/** From the left of a colour's dot to its name. */
const DOT = 14;
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
  const room = width - 2 * PAD;
  const most = Math.max(...drawn.map((canvas) => canvas.height / RATIO));

  const overlay = OVERLAYS.find(({ key }) => key === store.view.overlay.peek());
  const entries = legendEntries(store);
  output.font = `12px ${font}`;
  const named: { name: string; hue?: string }[] = entries
    .slice(0, NAMED)
    .map(({ name, hue }) => ({ name: shortened(output, name, room - DOT), hue }));
  if (entries.length > NAMED) {
    named.push({ name: `and ${entries.length - NAMED} more` });
  }
  // Where each name goes: as many in a line as there is room for.
  let x = PAD;
  let line = 0;
  const places = named.map(({ name, hue }) => {
    const wide = output.measureText(name).width + (hue ? DOT : 0);
    if (x + wide > width - PAD && x > PAD) {
      x = PAD;
      line++;
    }
    const place = { x, line };
    x += wide + GAP;
    return place;
  });
  const caption = overlay ? wrapped(output, `${overlay.name}: ${overlay.what}`, room) : [];
  const lines = line + 1 + caption.length;
  const { canvas } = output;
  const top = PAD + LINE + 4;
  canvas.width = width * RATIO;
  canvas.height = (top + most + PAD / 2 + lines * LINE + PAD) * RATIO;

  // A new size empties a canvas and its settings.
  output.scale(RATIO, RATIO);
  output.fillStyle = toHex(background);
  output.fillRect(0, 0, canvas.width, canvas.height);
  output.textBaseline = "middle";
  const write = (text: string, at: number, y: number, color: string): void => {
    output.fillStyle = color;
    output.fillText(text, at, y);
  };
  let left = 0;
  stages.forEach((stage, i) => {
    const { info } = stage.side;
    const picture = drawn[i] as HTMLCanvasElement;
    const wide = picture.width / RATIO;
    const epoch = `epoch ${stage.side.epoch(store.playhead.position.peek())}`;
    output.font = `12px ${font}`;
    const beside = output.measureText(epoch).width + 10;
    output.font = `600 12px ${font}`;
    const name = shortened(output, info.name, wide - 2 * PAD - beside);
    write(name, left + PAD, PAD + LINE / 2, toHex(ink));
    const at = left + PAD + output.measureText(name).width + 10;
    output.font = `12px ${font}`;
    write(epoch, at, PAD + LINE / 2, muted);
    output.drawImage(picture, left, top, wide, picture.height / RATIO);
    output.save();
    output.beginPath();
    output.rect(left, top, wide, picture.height / RATIO);
    output.clip();
    output.translate(left, top);
    drawMarkers(output, store, stage, font);
    output.restore();
    left += wide + 2;
  });
  const under = top + most + PAD / 2;
  output.font = `12px ${font}`;
  places.forEach((place, i) => {
    const { name, hue } = named[i] as (typeof named)[number];
    const y = under + (place.line + 0.5) * LINE;
    if (hue) {
      disc(output, place.x + 5, y, 5, hue);
    }
    write(name, place.x + (hue ? DOT : 0), y, hue ? toHex(ink) : muted);
  });
  caption.forEach((text, i) => {
    write(text, PAD, under + (line + i + 1.5) * LINE, muted);
  });
  return canvas;
}

/** Markers, the way between two of them, and where it crosses into another class: as over the canvas. */
function drawMarkers(
  output: CanvasRenderingContext2D,
  store: Store,
  { side, camera }: Stage,
  font: string,
): void {
  const seen = camera.viewport.peek();
  if (seen === null) {
    return;
  }
  const { background, ink } = store.theme.peek();
  const way = wayOn(store, side);
  output.lineWidth = 1.5;
  if (way !== null) {
    const [from, to] = way.map(({ x, y }) => toScreen(seen, x, y)) as [Place, Place];
    output.setLineDash([5, 3]);
    output.strokeStyle = toHex(ink);
    output.beginPath();
    output.moveTo(...from);
    output.lineTo(...to);
    output.stroke();
    output.setLineDash([]);
    const { answer } = store.answers.about("crossings", wayQuestion(store, side, way)).reply.peek();
    output.strokeStyle = toHex(background);
    for (const { t, after } of crossingsOf(answer)) {
      const [x, y] = along(from, to, t);
      disc(output, x, y, 4.5, classHue(store, after));
      output.stroke();
    }
  }
  output.font = `600 11px ${font}`;
  output.textAlign = "center";
  output.strokeStyle = toHex(background);
  for (const marker of markersOn(store, side)) {
    const [x, y] = toScreen(seen, marker.x, marker.y);
    disc(output, x, y, 9, toHex(ink));
    output.stroke();
    output.fillStyle = toHex(background);
    output.fillText(String(marker.number), x, y);
  }
}

type Place = [number, number];

function disc(
  output: CanvasRenderingContext2D,
  x: number,
  y: number,
  radius: number,
  color: string,
): void {
  output.fillStyle = color;
  output.beginPath();
  output.arc(x, y, radius, 0, 7);
  output.fill();
}

/** As much of a text as there is room for, without its middle: names often differ at the end. */
function shortened(output: CanvasRenderingContext2D, text: string, room: number): string {
  const signs = Array.from(text);
  let short = text;
  while (signs.length > 0 && output.measureText(short).width > room) {
    const middle = Math.floor(signs.length / 2);
    signs.splice(middle, 1);
    short = `${signs.slice(0, middle).join("").trimEnd()}…${signs.slice(middle).join("").trimStart()}`;
  }
  return short;
}

/** A text in lines of which each has room. */
function wrapped(output: CanvasRenderingContext2D, text: string, room: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = lines.length > 0 ? `${lines.at(-1)} ${word}` : word;
    if (lines.length > 0 && output.measureText(longer).width <= room) {
      lines[lines.length - 1] = longer;
    } else {
      lines.push(shortened(output, word, room));
    }
  }
  return lines;
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
