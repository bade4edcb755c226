// Where pictures of one's own fall at the current epoch.
import type { Stage } from "../canvas/stage";
import { toScreen, type Viewport } from "../canvas/viewport";
import { useReply } from "../pieces/asked";
import { Pixels } from "../pieces/pixels";
import { readPictures } from "../protocol/pictures";
import { canPlace, guestArgs, letter } from "../state/guests";
import type { Guest, Store } from "../state/store";

const PICTURE_PX = 30;

export function Guests({ store, stage }: { store: Store; stage: Stage }) {
  const seen = stage.camera.viewport.value;
  const guests = store.guests.value;
  if (seen === null || guests.length === 0 || !canPlace(stage.side)) {
    return null;
  }
  return (
    <div class="dvi-drawn dvi-guests-here" aria-hidden="true" data-testid="guest-layer">
      {guests.map((guest) => (
        <Here key={guest.number} store={store} stage={stage} guest={guest} seen={seen} />
      ))}
    </div>
  );
}

interface Properties {
  store: Store;
  stage: Stage;
  guest: Guest;
  seen: Viewport;
}

function Here({ store, stage, guest, seen }: Properties) {
  const { answer } = useReply(store, "place_picture", guestArgs(store, stage.side, guest));
  const picture = answer && readPictures(answer.pixels)[0];
  if (answer === undefined || picture === undefined) {
    return null;
  }
  const [x = 0, y = 0] = answer.position.data;
  const [left, top] = toScreen(seen, x, y);
  return (
    <span
      data-guest={guest.number}
      style={{ transform: `translate(${left.toFixed(1)}px, ${top.toFixed(1)}px)` }}
    >
      <i />
      <Pixels picture={picture} side={PICTURE_PX} />
      <b>{letter(guest)}</b>
    </span>
  );
}
