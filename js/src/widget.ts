// The entry of the module: a widget for anywidget, and the explorer of an exported page.
import { createBridge, listen, type Model } from "./hosts/bridge";
import { mount } from "./hosts/mount";
import { openPage } from "./hosts/page";

export default {
  initialize({ model }: { model: Model }): () => void {
    return listen(model);
  },
  render({ model, el }: { model: Model; el: HTMLElement }): () => void {
    return mount(el, createBridge(model, el));
  },
};

/** Show the explorer whose data are embedded in `page` in one of its elements. */
export function mountPage(element: HTMLElement, page: Document): () => void {
  return mount(element, openPage(page));
}
