// The bridge to the notebook: the only file that knows anywidget's model, its traits and its messages.

import { signal } from "@preact/signals";
import { keyOf, Pushed, type PushedAnswer } from "../protocol/pushed";
import { createSource, type Hello } from "../protocol/source";
import {
  type Answer,
  type Args,
  type ArrayHeader,
  type Ask,
  type AskOptions,
  joinAnswer,
  LOST,
  type Op,
} from "../protocol/wire";
import { epochsOf } from "../state/sides";
import type { SharedState, Store } from "../state/store";
import type { Host } from "./host";

/** The part of anywidget's model that is used here. */
export interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(content: unknown): void;
  on(event: string, callback: (...values: never[]) => void): void;
  off(event: string, callback: (...values: never[]) => void): void;
}

/** What the kernel says about a request: progress, perhaps with a part of the answer, or how it ended. */
interface Message {
  id: number;
  ok?: boolean;
  result?: object;
  arrays?: ArrayHeader[];
  error?: string;
  progress?: number;
  text?: string;
}

type Buffers = readonly (DataView | ArrayBuffer)[];

/** A request under way, told of every message about it; the last one settles it. */
interface Pending {
  key: string;
  receive: (message: Message, buffers: Buffers) => void;
  /** Look for the answer among those that came unasked. */
  find: () => void;
}

const HELLO_AGAIN_MS = 2000;
const HELLO = keyOf("hello", {});
/** Set by ipywidgets on a view that was saved with its notebook and has no kernel. */
const DISCONNECTED = "jupyter-widgets-disconnected";
const TRAITS = [
  "epoch",
  "selection",
  "hovered",
  "color_by",
  "size_by",
  "filter",
  "selections",
  "_view",
] as const;

/** What arrived unasked, by the explorer's token: a view that is mounted later finds it too. */
const arrived = new Map<string, Pushed>();

/** Keep what the kernel sends unasked, whether or not a view of the model is on the page. */
export function listen(model: Model): () => void {
  const token = String(model.get("_token") ?? "");
  const pushed = new Pushed();
  arrived.set(token, pushed);
  let newest: number | undefined;
  const take = (): void => {
    pushed.take((model.get("_pushed") ?? []) as readonly PushedAnswer[]);
    const hello = pushed.get("hello", {});
    if (hello !== undefined) {
      // A view that is mounted later begins where one that follows the training is by then.
      const follows = newest === undefined || model.get("epoch") === newest;
      newest = epochsOf(hello.landscapes).at(-1);
      if (follows) {
        model.set("epoch", newest);
      }
    }
  };
  take();
  model.on("change:_pushed", take);
  return () => {
    model.off("change:_pushed", take);
    arrived.delete(token);
  };
}

/** The bridge of a view of a model, in the element that the host gave that view. */
export function createBridge(model: Model, element?: HTMLElement): Host {
  const pushed = arrived.get(String(model.get("_token") ?? "")) ?? new Pushed();
  const pending = new Map<number, Pending>();
  let repeating = 0;
  const lost = signal(false);
  const lose = (): void => {
    lost.value = true;
    clearInterval(repeating);
    for (const { receive: settle } of [...pending.values()]) {
      settle({ id: 0, ok: false, error: LOST }, []);
    }
  };
  // Every view of a model hears every answer, so each counts from a number of its own.
  let lastId = Math.floor(Math.random() * 2 ** 40);

  const receive = (message: Message, buffers: Buffers = []): void => {
    lost.value = false;
    pending.get(message?.id)?.receive(message, buffers);
  };

  const send: Ask = <O extends Op>(op: O, args: Args<O>, options: AskOptions<Answer<O>> = {}) =>
    new Promise<Answer<O>>((resolve, reject) => {
      const known = pushed.get(op, args);
      if (known !== undefined) {
        resolve(known);
        return;
      }
      const id = ++lastId;
      const find = (): void => {
        const found = pushed.get(op, args);
        if (found !== undefined) {
          pending.delete(id);
          resolve(found);
        }
      };
      const receive = (message: Message, buffers: Buffers): void => {
        const { ok, result = {}, arrays = [] } = message;
        if (ok === undefined) {
          // A host that loses the buffers of an unfinished answer does no harm: the whole follows.
          const whole = arrays.length > 0 && arrays.length === buffers.length;
          const partial = whole ? joinAnswer<O>(result, arrays, buffers) : undefined;
          options.progress?.(message.progress ?? 0, message.text ?? "", partial);
          return;
        }
        pending.delete(id);
        if (ok) {
          // An executor that throws rejects; a callback must do so itself.
          try {
            resolve(joinAnswer<O>(result, arrays, buffers));
          } catch (error) {
            reject(error);
          }
        } else {
          reject(new Error(message.error ?? "The kernel could not answer."));
        }
      };
      pending.set(id, { key: keyOf(op, args), receive, find });
      options.signal?.addEventListener("abort", () => {
        if (pending.delete(id)) {
          reject(new Error("Cancelled."));
          if (!lost.peek()) {
            model.send({ id: ++lastId, op: "cancel", args: { id } });
          }
        }
      });
      if (lost.peek()) {
        lose();
        return;
      }
      // A comm of a kernel that has died refuses what is sent.
      try {
        model.send({ id, op, args });
      } catch {
        lose();
      }
    });

  // A comm that is not open yet swallows what is sent, so the first word is repeated until answered.
  const sendAgain: Ask = <O extends Op>(op: O, args: Args<O>, options?: AskOptions<Answer<O>>) => {
    const answer = new Promise<Answer<O>>((resolve, reject) => {
      const say = (): void => {
        send(op, args, options).then(resolve, reject);
      };
      repeating = window.setInterval(say, HELLO_AGAIN_MS);
      say();
    });
    return answer.finally(() => clearInterval(repeating));
  };

  if (element?.classList.contains(DISCONNECTED)) {
    lose();
  }
  // A model is created with its comm, and ipywidgets tells of it again when the kernel has let go of it.
  model.on("comm_live_update", lose);
  model.on("msg:custom", receive);
  const source = createSource((op, args, options) =>
    op === "hello" ? sendAgain(op, args, options) : send(op, args, options),
  );
  const growers = new Set<(hello: Hello) => void>();
  const stopListening = pushed.listen((keys) => {
    for (const { key, find } of [...pending.values()]) {
      if (keys.has(key)) {
        find();
      }
    }
    if (keys.has(HELLO) && growers.size > 0) {
      void source.hello().then((hello) => {
        for (const grow of growers) {
          grow(hello);
        }
      });
    }
  });
  return {
    lost,
    source,
    onGrowth: (grow) => {
      growers.add(grow);
      return () => growers.delete(grow);
    },
    state: () => readState(model),
    bind: (store) => {
      const show = hideStill(String(model.get("_token") ?? ""));
      const unbind = bind(model, store);
      return () => {
        unbind();
        show();
      };
    },
    close: () => {
      clearInterval(repeating);
      model.off("comm_live_update", lose);
      model.off("msg:custom", receive);
      stopListening();
      pending.clear();
    },
  };
}

/** Hide the still picture beside this view, which is there for when no kernel is; returns how to show it again. */
function hideStill(token: string): () => void {
  if (token === "") {
    return () => {};
  }
  const sheet = document.createElement("style");
  const picture = `#dvi-still-${CSS.escape(token)}`;
  sheet.textContent = `${picture}, .jp-OutputArea-child:has(${picture}) { display: none }`;
  document.head.append(sheet);
  return () => sheet.remove();
}

function readState(model: Model): SharedState {
  const hovered = model.get("hovered");
  return {
    epoch: Number(model.get("epoch") ?? 0),
    selection: String(model.get("selection") ?? ""),
    hovered: typeof hovered === "number" ? hovered : null,
    color_by: String(model.get("color_by") ?? "label"),
    size_by: String(model.get("size_by") ?? ""),
    filter: String(model.get("filter") ?? ""),
    selections: (model.get("selections") ?? {}) as SharedState["selections"],
    _view: (model.get("_view") ?? {}) as SharedState["_view"],
  };
}

function bind(model: Model, store: Store): () => void {
  // Each trait by itself: while some are being told, the model still has old values of the others.
  const listeners = TRAITS.map((name) => {
    const changed = (): void => store.receive({ [name]: readState(model)[name] });
    model.on(`change:${name}`, changed);
    return () => model.off(`change:${name}`, changed);
  });
  // Several changes of one frame travel together, and only the last of each.
  const waiting = new Map<string, unknown>();
  let request = 0;
  const flush = (): void => {
    request = 0;
    for (const [name, value] of waiting) {
      model.set(name, value);
    }
    waiting.clear();
    model.save_changes();
  };
  const stop = store.share((name, value) => {
    const same = JSON.stringify(model.get(name)) === JSON.stringify(value);
    if (same) {
      waiting.delete(name);
      return;
    }
    waiting.set(name, value);
    request ||= requestAnimationFrame(flush);
  });
  return () => {
    stop();
    if (request !== 0) {
      // What was changed just before the view went is kept all the same.
      cancelAnimationFrame(request);
      flush();
    }
    for (const off of listeners) {
      off();
    }
  };
}
