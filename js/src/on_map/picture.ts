// The view as one picture for reports: every landscape with its name and epoch, and what the colours stand for.

import { legendEntries, type MarkEntry, markEntries, numberScale } from "../canvas/legend";
import { NAME_PX, NAME_WEIGHT } from "../canvas/naming";
import { OVERLAYS } from "../canvas/overlays";
import type { Stage } from "../canvas/stage";
import { toScreen } from "../canvas/viewport";
import { save } from "../pieces/save";
import { shorten } from "../pieces/shorten";
import { classHue } from "../pieces/swatch";
import { number } from "../pieces/words";
import { toHex } from "../state/colors";
import { along, crossingArgs, markersOn, type Point, pathOn } from "../state/markers";
import type { Store } from "../state/store";

type Pen = CanvasRenderingContext2D;

/** Pixels of the picture per CSS pixel. */
const RATIO = 2;
const PAD_PX = 14;
const LINE_PX = 20;
const GAP_PX = 18;
/** From the left of a colour's dot to its name. */
const DOT_PX = 14;
const DOT_RADIUS_PX = 5;
/** The bar of a scale of numbers. */
const BAR_PX = 96;
const BAR_HEIGHT_PX = 9;
/** Between two landscapes. */
const SEAM_PX = 2;
const MAX_NAMED = 24;

/** Hand the picture to the browser as a file. */
export function savePicture(store: Store, stages: readonly Stage[], font: string): void {
  const names = stages.map(({ side }) => side.info.name).join(" ");
  const name = `${names} epoch ${store.epoch.peek()}`.replace(/[^\p{L}\p{N}]+/gu, "-");
  drawPicture(store, stages, font)?.toBlob((blob) => {
    if (blob !== null) {
      save(blob, `${name.replace(/^-|-$/g, "")}.png`);
    }
  }, "image/png");
}

/** Draw it in one task: a WebGL canvas must be read in the task that drew it. */
function drawPicture(
  store: Store,
  stages: readonly Stage[],
  font: string,
): HTMLCanvasElement | null {
  const pen = document.createElement("canvas").getContext("2d");
  const maps = stages.flatMap((stage) => {
    const picture = stage.painter.picture(RATIO);
    return picture === null ? [] : [{ stage, picture }];
  });
  if (pen === null || maps.length < stages.length) {
    return null;
  }
  const { background, ink } = store.theme.peek();
  const muted = `rgb(${ink.map((c, i) => Math.round(c * 0.62 + (background[i] as number) * 0.38)).join(" ")})`;
  const sizes = maps.map(({ picture }) => [picture.width / RATIO, picture.height / RATIO] as const);
  const width = sizes.reduce((sum, [w]) => sum + w, 0) + (maps.length - 1) * SEAM_PX;
  const height = Math.max(...sizes.map(([, h]) => h));

  pen.font = `12px ${font}`;
  const { names, lines } = legendLines(pen, store, width);
  const overlay = OVERLAYS.find(({ key }) => key === store.view.overlay.peek());
  const caption = overlay
    ? wrap(pen, `${overlay.name}: ${overlay.meaning}`, width - 2 * PAD_PX)
    : [];

  const { canvas } = pen;
  const top = PAD_PX + LINE_PX + 4;
  const under = top + height + PAD_PX / 2;
  // A new size empties a canvas and its settings.
  canvas.width = width * RATIO;
  canvas.height = (under + (lines + caption.length) * LINE_PX + PAD_PX) * RATIO;
  pen.scale(RATIO, RATIO);
  pen.fillStyle = toHex(background);
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.textBaseline = "middle";
  const write = (text: string, x: number, y: number, color: string): void => {
    pen.fillStyle = color;
    pen.fillText(text, x, y);
  };

  let left = 0;
  for (const { stage, picture } of maps) {
    const [w, h] = [picture.width / RATIO, picture.height / RATIO];
    const epoch = `epoch ${stage.side.epoch(store.playhead.position.peek())}`;
    pen.font = `12px ${font}`;
    const beside = pen.measureText(epoch).width + 10;
    pen.font = `600 12px ${font}`;
    const name = shorten(pen, stage.side.info.name, w - 2 * PAD_PX - beside);
    write(name, left + PAD_PX, PAD_PX + LINE_PX / 2, toHex(ink));
    const after = left + PAD_PX + pen.measureText(name).width + 10;
    pen.font = `12px ${font}`;
    write(epoch, after, PAD_PX + LINE_PX / 2, muted);
    pen.drawImage(picture, left, top, w, h);
    pen.save();
    pen.beginPath();
    pen.rect(left, top, w, h);
    pen.clip();
    pen.translate(left, top);
    drawNames(pen, store, stage, font);
    drawMarkers(pen, store, stage, font);
    pen.restore();
    left += w + SEAM_PX;
  }

  pen.font = `12px ${font}`;
  for (const { name, sign, x, line } of names) {
    const y = under + (line + 0.5) * LINE_PX;
    if (sign?.mark !== undefined) {
      drawMark(pen, sign.mark, x + DOT_RADIUS_PX, y, muted, toHex(ink));
    } else if (sign?.hues?.length === 1) {
      drawDisc(pen, x + DOT_RADIUS_PX, y, DOT_RADIUS_PX, sign.hues[0] as string);
    } else if (sign?.hues !== undefined) {
      drawBar(pen, x, y, sign.hues);
    } else if (sign !== undefined) {
      drawDisc(pen, x + DOT_RADIUS_PX, y, DOT_RADIUS_PX, toHex(background));
      pen.strokeStyle = muted;
      pen.lineWidth = 1;
      pen.stroke();
    }
    write(name, x + widthOf(sign), y, sign ? toHex(ink) : muted);
  }
  caption.forEach((text, i) => {
    write(text, PAD_PX, under + (lines + i + 0.5) * LINE_PX, muted);
  });
  return canvas;
}

/** What stands before a name: one colour, the colours of a scale, a mark, or, without any, land that is undecided. */
interface Sign {
  hues?: readonly string[];
  mark?: MarkEntry["mark"];
}

interface PlacedName {
  name: string;
  sign?: Sign;
  x: number;
  line: number;
}

/** From the left of a sign to its name. */
function widthOf(sign: Sign | undefined): number {
  const bar = (sign?.hues?.length ?? 0) > 1;
  return bar ? BAR_PX + DOT_PX - 2 * DOT_RADIUS_PX : sign ? DOT_PX : 0;
}

function drawBar(pen: Pen, x: number, y: number, hues: readonly string[]): void {
  const along = pen.createLinearGradient(x, 0, x + BAR_PX, 0);
  hues.forEach((hue, i) => {
    along.addColorStop(i / (hues.length - 1), hue);
  });
  pen.fillStyle = along;
  pen.fillRect(x, y - BAR_HEIGHT_PX / 2, BAR_PX, BAR_HEIGHT_PX);
}

/** Lay out the legend: as many names in a line as there is room for. */
function legendLines(
  pen: Pen,
  store: Store,
  width: number,
): { names: PlacedName[]; lines: number } {
  const entries = legendEntries(store);
  const room = width - 2 * PAD_PX;
  const named: Omit<PlacedName, "x" | "line">[] = entries
    .slice(0, MAX_NAMED)
    .map(({ name, hue }) => ({
      name: shorten(pen, name, room - DOT_PX),
      sign: { hues: [hue] },
    }));
  const range = (by: string, low: number, high: number): string =>
    shorten(pen, `${by}, ${number(low)} to ${number(high)}`, room - BAR_PX - DOT_PX);
  const colors = numberScale(store, store.colorBy.peek());
  if (colors !== null) {
    const { low, high, hues } = colors;
    named.unshift({ name: range(store.colorBy.peek(), low, high), sign: { hues } });
  }
  if (entries.length > MAX_NAMED) {
    named.push({ name: `and ${entries.length - MAX_NAMED} more` });
  }
  named.push(...markEntries(store).map(({ name, mark }) => ({ name, sign: { mark } })));
  named.push({ name: "undecided", sign: {} });
  const sizes = numberScale(store, store.sizeBy.peek());
  if (sizes !== null) {
    named.push({ name: `size: ${range(store.sizeBy.peek(), sizes.low, sizes.high)}` });
  }
  let x = PAD_PX;
  let line = 0;
  const names = named.map((entry) => {
    const w = pen.measureText(entry.name).width + widthOf(entry.sign);
    if (x + w > width - PAD_PX && x > PAD_PX) {
      x = PAD_PX;
      line++;
    }
    const placed = { ...entry, x, line };
    x += w + GAP_PX;
    return placed;
  });
  return { names, lines: line + 1 };
}

/** Write the names on the land. */
function drawNames(pen: Pen, store: Store, { naming }: Stage, font: string): void {
  const { background, ink } = store.theme.peek();
  pen.save();
  pen.font = `${NAME_WEIGHT} ${NAME_PX}px ${font}`;
  pen.textAlign = "center";
  pen.strokeStyle = toHex(background);
  pen.fillStyle = toHex(ink);
  pen.lineWidth = 3;
  pen.lineJoin = "round";
  for (const { text, x, y, opacity } of naming.shown.peek()) {
    pen.globalAlpha = opacity;
    pen.strokeText(text, x, y);
    pen.fillText(text, x, y);
  }
  pen.restore();
}

/** Draw the markers, the path between two of them and its crossings, as they lie on the map. */
function drawMarkers(pen: Pen, store: Store, { side, camera }: Stage, font: string): void {
  const seen = camera.viewport.peek();
  if (seen === null) {
    return;
  }
  const { background, ink } = store.theme.peek();
  const at = ({ x, y }: { x: number; y: number }): Point => toScreen(seen, x, y);
  const path = pathOn(store, side);
  pen.lineWidth = 1.5;
  if (path !== null) {
    const [from, to] = [at(path[0]), at(path[1])];
    pen.setLineDash([5, 3]);
    pen.strokeStyle = toHex(ink);
    pen.beginPath();
    pen.moveTo(...from);
    pen.lineTo(...to);
    pen.stroke();
    pen.setLineDash([]);
    const { answer } = store.answers
      .about("crossings", crossingArgs(store, side, path))
      .reply.peek();
    pen.strokeStyle = toHex(background);
    for (const { t, after } of answer?.crossings ?? []) {
      drawDisc(pen, ...along(from, to, t), 4.5, classHue(store, after));
      pen.stroke();
    }
  }
  pen.font = `600 11px ${font}`;
  pen.textAlign = "center";
  pen.strokeStyle = toHex(background);
  for (const marker of markersOn(store, side)) {
    const [x, y] = at(marker);
    drawDisc(pen, x, y, 9, toHex(ink));
    pen.stroke();
    pen.fillStyle = toHex(background);
    pen.fillText(String(marker.number), x, y);
  }
}

function drawDisc(pen: Pen, x: number, y: number, radius: number, color: string): void {
  pen.fillStyle = color;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  pen.fill();
}

/** Draw a mark of points as the legend shows it. */
function drawMark(
  pen: Pen,
  mark: MarkEntry["mark"],
  x: number,
  y: number,
  fill: string,
  stroke: string,
): void {
  const path = mark === "diamond" ? "M0-5 5 0 0 5-5 0z" : "M4 0A4 4 0 1 1-4 0 4 4 0 0 1 4 0z";
  pen.save();
  pen.translate(x, y);
  pen.fillStyle = fill;
  pen.strokeStyle = stroke;
  pen.lineWidth = 1.2;
  pen.fill(new Path2D(path));
  pen.stroke(new Path2D(mark === "ring" ? `${path}M-2.2-2.2l4.4 4.4M2.2-2.2l-4.4 4.4` : path));
  pen.restore();
}

/** Break a text into lines that fit into `width` pixels. */
function wrap(pen: Pen, text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = lines.length > 0 ? `${lines.at(-1)} ${word}` : word;
    if (lines.length > 0 && pen.measureText(longer).width <= width) {
      lines[lines.length - 1] = longer;
    } else {
      lines.push(shorten(pen, word, width));
    }
  }
  return lines;
}
