// A sample's small picture in a component: asked for when it is mounted, undefined until it has arrived.
import { useLayoutEffect } from "preact/hooks";
import type { Picture } from "../protocol/pictures";
import type { Store } from "../state/store";

export function useThumbnail({ thumbnails, hello }: Store, index: number): Picture | undefined {
  useLayoutEffect(() => {
    if (hello.images !== null) {
      thumbnails.add(index);
    }
  }, [thumbnails, index]);
  thumbnails.revision.value;
  return thumbnails.get(index);
}
