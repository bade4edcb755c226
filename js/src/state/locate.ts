// Where on an element a pointer is, also where the page around it is scaled, as slides and dashboards are.

/** A box that differs less from its layout was only rounded. */
const ROUNDING_PX = 1;

/** The location of an event in the element's own CSS pixels, from its upper left corner. */
export function locate(element: HTMLElement, event: MouseEvent): [number, number] {
  const box = element.getBoundingClientRect();
  return [
    (event.clientX - box.left) / scale(box.width, element.offsetWidth),
    (event.clientY - box.top) / scale(box.height, element.offsetHeight),
  ];
}

/** Pixels of the page per pixel of an element inside it: CSS `zoom` and `transform` of its ancestors. */
function scale(shown: number, own: number): number {
  return own > 0 && Math.abs(shown - own) >= ROUNDING_PX ? shown / own : 1;
}
