// A fake of anywidget's model over a fake run: slow, deaf, or losing buffers where a test asks for it.
import type { Model } from "../../src/hosts/bridge";
import { fromText, indicesOf, selectionOf, toText } from "../../src/state/selection";
import type { FakeRun } from "./answers";

/** No run of a test has more. */
const MOST_SAMPLES = 4096;

export interface FakeModelOptions {
  /** Milliseconds before an answer. */
  delay?: number | ((op: string) => number);
  /** How many first messages are swallowed, as by a comm that is not open yet. */
  deaf?: number;
  /** Ops that fail, with what they say. */
  failures?: Record<string, string>;
  /** Fractions of progress reported before a canvas. */
  progress?: number[];
  state?: Record<string, unknown>;
}

export interface FakeModel extends Model {
  /** Everything the front end sent. */
  sent: { id: number; op: string; args: Record<string, unknown> }[];
  /** Every trait the front end saved, in order. */
  saved: Record<string, unknown>[];
  /** As when Python sets a trait. */
  receive(name: string, value: unknown): void;
  failures: Record<string, string>;
  emit(event: string, ...values: unknown[]): void;
  listeners(): number;
}

/** Indices as the model keeps them. */
export function text(indices: readonly number[]): string {
  return toText(selectionOf(indices, MOST_SAMPLES).mask);
}

/** The samples that a model says are selected. */
export function selected(model: Model): number[] {
  return Array.from(indicesOf(fromText(String(model.get("selection")), MOST_SAMPLES)));
}

/** The samples of each named selection that a model keeps. */
export function named(model: Model): Record<string, number[]> {
  const texts = model.get("selections") as Record<string, string>;
  return Object.fromEntries(
    Object.entries(texts).map(([name, own]) => [
      name,
      Array.from(indicesOf(fromText(own, MOST_SAMPLES))),
    ]),
  );
}

type Callback = (...values: unknown[]) => void;

export function fakeModel(run: FakeRun, options: FakeModelOptions = {}): FakeModel {
  const state: Record<string, unknown> = {
    epoch: 0,
    selection: "",
    hovered: null,
    color_by: "label",
    size_by: "",
    filter: "",
    selections: {},
    _view: {},
    ...options.state,
  };
  const callbacks = new Map<string, Set<Callback>>();
  const emit = (event: string, ...values: unknown[]): void => {
    for (const callback of callbacks.get(event) ?? []) {
      callback(...values);
    }
  };
  let unsaved: Record<string, unknown> = {};
  let deaf = options.deaf ?? 0;
  const cancelled = new Set<number>();
  const model: FakeModel = {
    sent: [],
    saved: [],
    failures: options.failures ?? {},
    emit,
    get: (name) => state[name],
    set(name, value) {
      if (JSON.stringify(state[name]) !== JSON.stringify(value)) {
        state[name] = value;
        unsaved[name] = value;
        emit(`change:${name}`, model, value);
      }
    },
    save_changes() {
      if (Object.keys(unsaved).length > 0) {
        model.saved.push(unsaved);
        unsaved = {};
      }
    },
    send(content) {
      const message = content as { id: number; op: string; args: Record<string, unknown> };
      model.sent.push(message);
      if (deaf > 0) {
        deaf--;
        return;
      }
      if (message.op === "cancel") {
        cancelled.add(message.args.id as number);
        return;
      }
      const delay =
        typeof options.delay === "function" ? options.delay(message.op) : (options.delay ?? 0);
      if (message.op === "canvas") {
        (options.progress ?? []).forEach((fraction, i, all) => {
          setTimeout(
            () => {
              if (!cancelled.has(message.id)) {
                emit(
                  "msg:custom",
                  {
                    id: message.id,
                    progress: fraction,
                    text: `Painting epoch ${message.args.epoch}`,
                  },
                  [],
                );
              }
            },
            (delay * (i + 1)) / (all.length + 1),
          );
        });
      }
      setTimeout(() => {
        if (!cancelled.has(message.id)) {
          reply(message);
        }
      }, delay);
    },
    on(event, callback) {
      const known = callbacks.get(event) ?? new Set();
      callbacks.set(event, known.add(callback as Callback));
    },
    off(event, callback) {
      callbacks.get(event)?.delete(callback as Callback);
    },
    receive(name, value) {
      state[name] = value;
      emit(`change:${name}`, model, value);
    },
    listeners: () => [...callbacks.values()].reduce((sum, set) => sum + set.size, 0),
  };

  const reply = ({ id, op, args }: FakeModel["sent"][number]): void => {
    const failure = model.failures[op];
    if (failure !== undefined) {
      emit("msg:custom", { id, ok: false, error: failure }, []);
      return;
    }
    try {
      const { result, arrays, buffers } = run.answer(op, args);
      // As a notebook hands them over: views into one larger message, at any offset.
      const views = buffers.map(({ buffer, byteOffset, byteLength }) => {
        const message = new Uint8Array(byteLength + 3);
        message.set(new Uint8Array(buffer, byteOffset, byteLength), 3);
        return new DataView(message.buffer, 3);
      });
      emit("msg:custom", { id, ok: true, result, arrays }, views);
    } catch (error) {
      emit("msg:custom", { id, ok: false, error: (error as Error).message }, []);
    }
  };
  return model;
}
