// Pictures that somebody brings: read from files, drops and pastes, and placed on the map by the kernel.
import type { Args } from "../protocol/wire";
import { currentEpoch } from "./markers";
import type { Side } from "./sides";
import type { Guest, Store } from "./store";

/** As the kernel has it. */
const MAX_SIDE_PX = 512;
const MAX_GUESTS = 12;
const BLOCK_BYTES = 0x8000;

/** Whether any landscape can place a picture. */
export const takesGuests = ({ hello, sides }: Store): boolean =>
  hello.images !== null && sides.some(canPlace);

export const canPlace = (side: Side): boolean => side.can("pictures");

/** The arguments that ask where a picture lies at the current epoch. */
export function guestArgs(store: Store, side: Side, guest: Guest): Args<"place_picture"> {
  const { height, width, pixels } = guest;
  return { ...currentEpoch(store, side), height, width, pixels };
}

/** Bring pictures; what is no picture is left out. Resolves to the number of those that were taken. */
export async function bring(store: Store, files: Iterable<File>): Promise<number> {
  let taken = 0;
  for (const file of files) {
    const read = await readPixels(file).catch(() => null);
    if (read !== null) {
      const others = store.guests.peek().slice(1 - MAX_GUESTS);
      const number = (others.at(-1)?.number ?? 0) + 1;
      store.guests.value = [...others, { number, name: file.name, ...read }];
      taken++;
    }
  }
  if (taken > 0) {
    store.view.panel.value = "markers";
  }
  return taken;
}

/** What an element does with files that are dropped on it; the host must not open them. */
export function dropsOf(take: (files: File[]) => unknown): {
  onDragOver: (event: DragEvent) => void;
  onDrop: (event: DragEvent) => void;
} {
  return {
    onDragOver: (event) => {
      event.preventDefault();
      event.stopPropagation();
    },
    onDrop: (event) => {
      event.preventDefault();
      event.stopPropagation();
      take(Array.from(event.dataTransfer?.files ?? []));
    },
  };
}

export function removeGuest({ guests }: Store, { number }: Guest): void {
  guests.value = guests.peek().filter((guest) => guest.number !== number);
}

/** Letters, as places have numbers. */
export const letter = ({ number }: Guest): string => String.fromCharCode(65 + ((number - 1) % 26));

/** Read a picture of any format that the browser knows, on white, no larger than is sent. */
async function readPixels(file: Blob): Promise<Pick<Guest, "height" | "width" | "pixels">> {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, MAX_SIDE_PX / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(bitmap.width * scale));
  const height = Math.max(1, Math.round(bitmap.height * scale));
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext("2d") as CanvasRenderingContext2D;
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, width, height);
  pen.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const { data } = pen.getImageData(0, 0, width, height);
  const rgb = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) {
    rgb.set(data.subarray(4 * i, 4 * i + 3), 3 * i);
  }
  return { height, width, pixels: base64(rgb) };
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    text += String.fromCharCode(...bytes.subarray(at, at + BLOCK_BYTES));
  }
  return btoa(text);
}
