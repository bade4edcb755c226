// Texts on a canvas that are too long for their room.

/** As much of a text as fits into `width` pixels, without its middle: names often differ at the end. */
export function shorten(pen: CanvasRenderingContext2D, text: string, width: number): string {
  if (pen.measureText(text).width <= width) {
    return text;
  }
  const signs = Array.from(text);
  const kept = (count: number): string => {
    const head = signs
      .slice(0, Math.ceil(count / 2))
      .join("")
      .trimEnd();
    const tail = signs
      .slice(signs.length - Math.floor(count / 2))
      .join("")
      .trimStart();
    return `${head}…${tail}`;
  };
  let fits = 0;
  let tooMany = signs.length;
  while (tooMany - fits > 1) {
    const count = (fits + tooMany) >> 1;
    if (pen.measureText(kept(count)).width <= width) {
      fits = count;
    } else {
      tooMany = count;
    }
  }
  return kept(fits);
}
