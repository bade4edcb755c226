// The key of the map: what axes, distances, colours and marks mean, and what the keys of the keyboard do.
import type { ComponentChildren } from "preact";
import { KeyIcon } from "../pieces/icons";
import { Menu } from "../pieces/menu";
import type { Store } from "../state/store";
import { Mark } from "./mark";

const KEYS: readonly (readonly [string, string])[] = [
  ["← →", "epoch before, after"],
  ["Home End", "first, last epoch"],
  [", .", "epoch before, after, at which something happened"],
  ["Space", "play, pause"],
  ["+ −", "zoom"],
  ["0", "fit the samples"],
  ["Shift + arrows", "pan"],
  ["Shift + drag", "lasso"],
  ["Enter", "decode the middle, or drop a marker there"],
  ["/", "find samples"],
  ["Escape", "clear the selection"],
  ["Ctrl + Z, Ctrl + Shift + Z", "undo, redo"],
  ["?", "this key"],
];

export function Key({ store }: { store: Store }) {
  const { dark } = store.theme.value;
  return (
    <Menu testid="key" name="Key of the map and the keyboard (?)" icon={<KeyIcon />} on={false}>
      <div class="dvi-key" data-testid="key-text">
        <ul aria-label="The map">
          <Meaning of="Axes">mean nothing, and have no unit: only who is near whom counts.</Meaning>
          <Meaning of="Near">
            on the map is mostly near in the model's own representation. How far apart distant
            groups lie, and how large they are, says little.
          </Meaning>
          <Meaning of="Colour of land">
            is the class predicted there, stronger where the model is surer.
          </Meaning>
          <Meaning of="A name">stands on its class' land; a click on it selects the class.</Meaning>
          <Meaning of={dark ? "Dark lines" : "White lines"}>
            are undecided: the two likeliest classes differ by less than{" "}
            {store.view.delta.value.toFixed(2)}.
          </Meaning>
          <Meaning of="Land that fades">has no sample near it: it is invented.</Meaning>
          <Meaning of={<Mark mark="disc" />}>is a training sample,</Meaning>
          <Meaning of={<Mark mark="diamond" />}>a test sample.</Meaning>
          <Meaning of={<Mark mark="ring" />}>
            is predicted otherwise than it is labelled: a thick rim, and a cross in the predicted
            class' colour where points are large.
          </Meaning>
          <Meaning of={<Mark mark="selected" />}>
            is selected; a larger ring is what you point at.
          </Meaning>
        </ul>
        <ul aria-label="The keyboard">
          {KEYS.map(([key, meaning]) => (
            <Meaning key={key} of={<kbd>{key}</kbd>}>
              {meaning}
            </Meaning>
          ))}
        </ul>
      </div>
    </Menu>
  );
}

function Meaning({ of, children }: { of: ComponentChildren; children: ComponentChildren }) {
  return (
    <li>
      <b>{of}</b> <span>{children}</span>
    </li>
  );
}
