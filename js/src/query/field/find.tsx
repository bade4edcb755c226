// The find field: a filter as one line of text, with completions, a count, and a form of fields instead of typing.
import { batch, useComputed, useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { CloseIcon, FieldsIcon, FindIcon } from "../../pieces/icons";
import { Menu } from "../../pieces/menu";
import { Retry } from "../../pieces/retry";
import { Swatch } from "../../pieces/swatch";
import { ToolButton } from "../../pieces/tool";
import { useUnique } from "../../pieces/unique";
import { count, plural } from "../../pieces/words";
import type { Store } from "../../state/store";
import { type Completion, classText, complete } from "../complete";
import type { Vocabulary } from "../grammar";
import { parse } from "../parse";
import { Fields } from "./fields";

/** A typed text takes effect so long after its last key. */
const TYPING_DELAY_MS = 150;
const CLOSED: Completion = { start: 0, end: 0, options: [] };

export function Find({ store }: { store: Store }) {
  const { hello, filter, visible } = store;
  const { known, count: fitting } = store.filtering;
  const id = useUnique();
  const input = useRef<HTMLInputElement>(null);
  const marks = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const timer = useRef(0);
  /** Typed text that has not taken effect yet. */
  const draft = useSignal<string | null>(null);
  const typed = useComputed(() => draft.value ?? filter.value);
  /** Index of the caret; null without the focus. */
  const caret = useSignal<number | null>(null);
  /** Whether Enter was pressed: what is wrong is said then, also of the condition at the caret. */
  const entered = useSignal(false);
  const completion = useSignal(CLOSED);
  /** Index of the highlighted option; -1 for none. */
  const highlighted = useSignal(-1);

  const apply = (): void => {
    clearTimeout(timer.current);
    batch(() => {
      filter.value = typed.peek();
      draft.value = null;
    });
  };
  useLayoutEffect(() => () => clearTimeout(timer.current), []);
  useLayoutEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [highlighted.value]);

  const follow = (): void => {
    if (input.current !== null && marks.current !== null) {
      caret.value = input.current.selectionStart;
      marks.current.scrollLeft = input.current.scrollLeft;
    }
  };
  const close = (): void => {
    completion.value = CLOSED;
    highlighted.value = -1;
  };
  const offer = (): void => {
    follow();
    completion.value = complete(typed.peek(), caret.peek() ?? 0, known);
    highlighted.value = -1;
  };
  const write = (text: string): void => {
    entered.value = false;
    draft.value = text;
    clearTimeout(timer.current);
    timer.current = window.setTimeout(apply, TYPING_DELAY_MS);
  };
  const take = (index: number): void => {
    const { start, end, options } = completion.peek();
    const option = options[index];
    const field = input.current;
    if (option === undefined || field === null) {
      return;
    }
    const rest = typed.peek().slice(end);
    // A space after a complete condition, so that the next one can be typed.
    const done = /[:<>#-]$/.test(option.text) ? "" : rest.startsWith(" ") ? "" : " ";
    const before = typed.peek().slice(0, start) + option.text + done;
    write(before + rest);
    field.value = typed.peek();
    field.setSelectionRange(before.length, before.length);
    field.focus();
    offer();
    if (done !== "") {
      close();
    }
  };
  const pressed = (event: KeyboardEvent): void => {
    const { options, start } = completion.peek();
    const at = highlighted.peek();
    const partly = start < (caret.peek() ?? 0);
    const actions: Record<string, () => boolean | undefined> = {
      ArrowDown: () => {
        if (options.length === 0) {
          offer();
        }
        highlighted.value = Math.min(at + 1, completion.peek().options.length - 1);
        return true;
      },
      ArrowUp: () => {
        highlighted.value = Math.max(at - 1, -1);
        return options.length > 0;
      },
      Enter: () => {
        if (at >= 0) {
          take(at);
        } else {
          close();
          apply();
          entered.value = true;
        }
        return true;
      },
      Tab: () => {
        // Tab leaves the field, unless a condition is half typed.
        const takes = options.length > 0 && (at >= 0 || partly) && !event.shiftKey;
        if (takes) {
          take(Math.max(0, at));
        }
        return takes;
      },
      Escape: () => {
        if (options.length > 0) {
          close();
        } else {
          draft.value = "";
          apply();
        }
        return true;
      },
    };
    if (actions[event.key]?.()) {
      event.preventDefault();
    }
    event.stopPropagation();
  };

  const parts = useComputed(() => partsOf(typed.value, entered.value ? null : caret.value, known));
  const problem = parts.value.find(({ sentence }) => sentence !== undefined)?.sentence;
  const { options } = completion.value;
  const empty = typed.value === "";
  const filtered = visible.value !== null;
  return (
    <search class="dvi-find">
      <FindIcon />
      <div class="dvi-find-line">
        <div class="dvi-find-marks" ref={marks} aria-hidden="true">
          {parts.value.map(({ text, sentence }, i) =>
            sentence === undefined ? text : <u key={`${i} ${text}`}>{text}</u>,
          )}
        </div>
        <input
          ref={input}
          type="text"
          role="combobox"
          data-testid="find"
          aria-label="Find samples"
          aria-autocomplete="list"
          aria-expanded={options.length > 0}
          aria-controls={`${id}-options`}
          aria-activedescendant={highlighted.value < 0 ? undefined : `${id}-${highlighted.value}`}
          aria-invalid={problem !== undefined}
          aria-describedby={`${id}-message`}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          placeholder={`Find: label:${classText(hello.classes.length - 1, known)} conf<0.6 wrong`}
          value={typed.value}
          onInput={(event) => {
            write(event.currentTarget.value);
            offer();
          }}
          onKeyDown={pressed}
          onKeyUp={follow}
          onScroll={follow}
          onClick={() => (empty ? offer() : follow())}
          onBlur={() => {
            close();
            caret.value = null;
          }}
        />
      </div>
      <span class="dvi-total" role="status" data-testid="count">
        {filtered
          ? `${count(fitting.value)} of ${count(hello.n)}`
          : plural(hello.n, "sample", "samples")}
      </span>
      {filtered && (
        <button
          type="button"
          class="dvi-link"
          data-testid="select-found"
          title="Select the samples that fit (in the way chosen under the landscape: replace, add or remove)"
          onClick={() => store.selectMask(visible.peek()?.slice() ?? new Uint8Array(hello.n))}
        >
          Select
        </button>
      )}
      {!empty && (
        <ToolButton
          name="Show all samples again"
          testid="clear-filter"
          press={() => {
            draft.value = "";
            apply();
            input.current?.focus();
          }}
        >
          <CloseIcon />
        </ToolButton>
      )}
      <Menu name="Filter by fields" testid="fields" icon={<FieldsIcon />} on={false}>
        <Fields store={store} />
      </Menu>
      {options.length > 0 && (
        <div
          class="dvi-options"
          role="listbox"
          tabIndex={-1}
          id={`${id}-options`}
          ref={list}
          aria-label="Conditions"
        >
          {options.map((option, i) => (
            <div
              key={option.text}
              id={`${id}-${i}`}
              role="option"
              tabIndex={-1}
              aria-selected={i === highlighted.value}
              data-testid="option"
              onPointerDown={(event) => {
                event.preventDefault();
                take(i);
              }}
            >
              {option.class !== undefined && <Swatch store={store} index={option.class} />}
              <span class="dvi-name">{option.text}</span>
              <small>{option.hint}</small>
            </div>
          ))}
        </div>
      )}
      <Message
        store={store}
        id={`${id}-message`}
        sentence={options.length > 0 ? undefined : problem}
      />
    </search>
  );
}

interface MessageProperties {
  store: Store;
  id: string;
  /** About a condition that was not understood. */
  sentence: string | undefined;
}

/** Under the field: why a condition was not understood, or the epochs it waits for. */
function Message({ store, id, sentence }: MessageProperties) {
  const { epochs, sides } = store;
  const missing = store.filtering.missing.value;
  const frames = sides[0]?.frames;
  frames?.revision.value;
  const error = missing
    .map((epoch) => frames?.error(epochs.indexOf(epoch)))
    .find((text) => text !== undefined);
  return (
    <p
      id={id}
      class={`dvi-find-message${(sentence ?? error) ? " dvi-problem" : ""}`}
      role="status"
      data-testid="find-message"
    >
      {sentence ??
        error ??
        (missing.length > 0 &&
          `waiting for epoch${missing.length > 1 ? "s" : ""} ${missing.join("–")} …`)}
      {sentence === undefined && error !== undefined && (
        <Retry error={error} retry={() => frames?.retry()} />
      )}
    </p>
  );
}

interface Part {
  text: string;
  /** Why it was not understood. */
  sentence?: string;
}

/** Cut the text where conditions were not understood; the one at the caret is still being typed. */
function partsOf(text: string, caret: number | null, known: Vocabulary): Part[] {
  const signs = Array.from(text);
  const writing = caret === null ? -1 : Array.from(text.slice(0, caret)).length;
  const parts: Part[] = [];
  let at = 0;
  for (const { start, end, sentence } of parse(text, known).problems) {
    if (writing < start || writing > end) {
      parts.push({ text: signs.slice(at, start).join("") });
      parts.push({ text: signs.slice(start, end).join(""), sentence });
      at = end;
    }
  }
  return [...parts, { text: signs.slice(at).join("") }];
}
