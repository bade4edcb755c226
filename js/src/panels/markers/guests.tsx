// Pictures of one's own: dropped, pasted or chosen, with what the model takes them for and what lies near them.
import { useSignal } from "@preact/signals";
import { Asked } from "../../pieces/asked";
import { readDecoded } from "../../pieces/decoded";
import { CloseIcon } from "../../pieces/icons";
import { Pixels } from "../../pieces/pixels";
import { SampleButton, SamplePicture } from "../../pieces/sample";
import { classHue, Named } from "../../pieces/swatch";
import { percent } from "../../pieces/words";
import { bring, dropsOf, guestArgs, letter, removeGuest } from "../../state/guests";
import type { Side } from "../../state/sides";
import type { Store } from "../../state/store";

const PICTURE_PX = 56;
const NEAREST_PX = 28;

export function Guests({ store, side }: { store: Store; side: Side }) {
  const problem = useSignal("");
  const take = async (given: File[]): Promise<void> => {
    if (given.length > 0) {
      const taken = await bring(store, given);
      problem.value =
        taken < given.length ? "Not every file is a picture that this browser reads." : "";
    }
  };
  return (
    <section class="dvi-guests" data-testid="guests">
      <h3>Your own pictures</h3>
      {/* A label, so that a click anywhere in it chooses files. */}
      <label
        class="dvi-drop"
        data-testid="drop"
        {...dropsOf(take)}
        onPaste={(event) => {
          event.stopPropagation();
          void take(Array.from(event.clipboardData?.files ?? []));
        }}
      >
        <input
          type="file"
          accept="image/*"
          multiple
          aria-label="Choose pictures to place on the map"
          onChange={(event) => {
            const { currentTarget: input } = event;
            void take(Array.from(input.files ?? [])).then(() => {
              input.value = "";
            });
          }}
        />
        <span>Drop, paste or choose a picture to see where it falls.</span>
      </label>
      {problem.value !== "" && (
        <p class="dvi-problem" role="alert">
          {problem.value}
        </p>
      )}
      <ul>
        {store.guests.value.map((guest) => (
          <li key={guest.number} data-testid="guest">
            <span class="dvi-number dvi-guest-number">{letter(guest)}</span>
            <Asked
              store={store}
              op="place_picture"
              args={guestArgs(store, side, guest)}
              waiting="Placing it"
            >
              {(answer) =>
                readDecoded(answer).map((point) => (
                  <div key="guest" class="dvi-decoded">
                    {point.picture !== undefined && (
                      <Pixels
                        picture={point.picture}
                        side={PICTURE_PX}
                        name={`${guest.name}, as the model sees it`}
                      />
                    )}
                    <div>
                      {point.classes.slice(0, 2).map(({ index, probability }) => (
                        <p key={index} data-class={index}>
                          <Named store={store} index={index} /> <b>{percent(probability)}</b>
                        </p>
                      ))}
                      <div class="dvi-place-nearest">
                        {point.nearest.map((index) => {
                          const label = store.hello.labels[index] as number;
                          return (
                            <SampleButton
                              key={index}
                              store={store}
                              index={index}
                              class="dvi-place-sample"
                              testid="guest-nearest"
                              hue={classHue(store, label < 0 ? null : label)}
                            >
                              <SamplePicture store={store} index={index} side={NEAREST_PX} />
                            </SampleButton>
                          );
                        })}
                      </div>
                    </div>
                  </div>
                ))
              }
            </Asked>
            <button
              type="button"
              class="dvi-tool"
              aria-label={`Remove ${guest.name}`}
              title="Remove"
              onClick={() => removeGuest(store, guest)}
            >
              <CloseIcon />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
