// Where on an element a pointer is, also where the page around it is scaled, as slides and dashboards are.

/** A box that differs less from its layout was only rounded. */
const ROUNDING_PX = 1;

/** The location of an event in the element's own CSS pixels, from its upper left corner. */
export function locate(element: HTMLElement, event: MouseEvent): [number, number] {
  return locator(element)(event);
}

/** The same for many events, while the element stays where it is: to ask where it is takes a layout of the page. */
export function locator(element: HTMLElement): (event: MouseEvent) => [number, number] {
  const box = element.getBoundingClientRect();
  const scaleX = scale(box.width, element.offsetWidth);
  const scaleY = scale(box.height, element.offsetHeight);
  return ({ clientX, clientY }) => [(clientX - box.left) / scaleX, (clientY - box.top) / scaleY];
}

/** Pixels of the page per pixel of an element inside it: CSS `zoom` and `transform` of its ancestors. */
function scale(shown: number, own: number): number {
  return own > 0 && Math.abs(shown - own) >= ROUNDING_PX ? shown / own : 1;
}
