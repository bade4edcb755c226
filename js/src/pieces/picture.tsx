// The picture of a sample, as it is, for the panels about models; its number where there are no pictures.

import type { Store } from "../state/store";
import { Pixels } from "./pixels";

interface Properties {
  store: Store;
  index: number;
  /** Of the square it is fitted into, in CSS pixels. */
  side: number;
  /** What it shows, for those who cannot see it; without it the picture is decoration. */
  name?: string;
}

export function SamplePicture({ store, index, side, name }: Properties) {
  const { pictures, hello } = store;
  pictures.revision.value;
  const picture = pictures.get(index);
  if (hello.images === null) {
    return <span>#{index}</span>;
  }
  if (picture === undefined) {
    pictures.want([index]);
    return <span class="dvi-map" style={{ width: `${side}px`, height: `${side}px` }} />;
  }
  return <Pixels picture={picture} side={side} name={name} />;
}
