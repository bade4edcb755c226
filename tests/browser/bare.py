"""A bare page with a model of its own: the explorer's front end without Jupyter, on a line that can be bad.

The Python end is the real explorer, spoken to through the real widget protocol; the page's end is a
fake of anywidget's model. As Colab does, it loses the buffers of the initial state, hears nothing for
a while after the start, and takes its time to deliver answers. As other hosts do, it may have a content
policy, styles of its own, and put the explorer into a shadow root.
"""

from __future__ import annotations

import base64
from typing import Any

from playwright.sync_api import Page, Route

ADDRESS = "http://bare.invalid/"  # never resolved: the route below answers

PAGE = """<!doctype html>
<meta charset="utf-8">
<title>A bare page</title>
<style>body { margin: 8px } STYLE</style>
<body>
<script nonce="bare">
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  const { violatedDirective, blockedURI, sourceFile, lineNumber } = event;
  window.violations.push(`${violatedDirective} ${blockedURI} ${sourceFile}:${lineNumber}`);
});

const pending = new Set(); // requests without an answer yet
let underway = 0; // messages that have left Python and have not arrived

function view(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  // Behind an odd offset, as some hosts hand buffers over.
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  return new DataView(shifted.buffer, 3, bytes.length);
}

class FakeModel {
  #state;
  #changes = {};
  #listeners = new Map();
  constructor(state) { this.#state = state; }
  get(name) { return this.#state[name]; }
  set(name, value) {
    if (JSON.stringify(this.#state[name]) === JSON.stringify(value)) return;
    this.#state[name] = value;
    this.#changes[name] = value;
    this.#tell(`change:${name}`);
  }
  save_changes() {
    const state = this.#changes;
    this.#changes = {};
    if (Object.keys(state).length) toPython({ method: "update", state, buffer_paths: [] });
  }
  send(content) {
    if (content.op === "cancel") pending.delete(content.args.id);
    else pending.add(content.id);
    toPython({ method: "custom", content });
  }
  on(event, callback) {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), callback]);
  }
  off(event, callback) {
    this.#listeners.set(event, (this.#listeners.get(event) ?? []).filter((other) => other !== callback));
  }
  get listening() {
    return [...this.#listeners.values()].reduce((sum, callbacks) => sum + callbacks.length, 0);
  }
  #tell(event, ...values) {
    for (const callback of this.#listeners.get(event) ?? []) callback(...values);
  }
  receive({ method, state, content, buffers, buffer_paths }) {
    if (method === "custom") {
      if (content.ok !== undefined) pending.delete(content.id);
      this.#tell("msg:custom", content, buffers.map(view));
    } else if (method === "update") {
      for (const [i, path] of (buffer_paths ?? []).entries()) {
        const last = path.pop();
        path.reduce((part, key) => part[key], state)[last] = view(buffers[i]);
      }
      for (const [name, value] of Object.entries(state)) {
        this.#state[name] = value;
        this.#tell(`change:${name}`);
      }
    }
  }
}

window.start = async ({ esm, state, delay, deaf, shadow }) => {
  const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
  const widget = (await import(url)).default;
  const model = new FakeModel(state);
  window.model = model;
  widget.initialize({ model });
  const opened = performance.now();
  const listen = async () => {
    for (const message of await fromPython()) {
      // What is said before the line is up is lost.
      if (performance.now() - opened <= deaf) continue;
      underway++;
      setTimeout(() => { underway--; model.receive(message); }, delay);
    }
  };
  let listening = Promise.resolve();
  const listenAgain = () => (listening = listening.then(listen)); // one after the other: order is kept
  const goOn = async () => { await listenAgain(); setTimeout(goOn, 30); };
  goOn();
  window.quiet = async () => {
    for (let still = 0; still < 2; still++) {
      await listenAgain();
      if (underway + pending.size > 0) still = -1;
      await new Promise(requestAnimationFrame);
    }
  };
  const cleanups = [];
  window.show = () => {
    const host = document.body.appendChild(document.createElement("div"));
    const el = shadow
      ? host.attachShadow({ mode: "open" }).appendChild(document.createElement("div"))
      : host;
    const cleanup = widget.render({ model, el });
    cleanups.push(() => { cleanup(); host.remove(); });
  };
  window.hide = () => { for (const cleanup of cleanups.splice(0)) cleanup(); };
  window.show();
};
</script>
"""


def open_bare(
    page: Page,
    explorer: Any,
    *,
    delay: int = 0,
    deaf: int = 0,
    policy: str | None = None,
    style: str = "",
    shadow: bool = False,
) -> None:
    """Show an explorer, whose comm is a RecordingComm, in a bare page.

    Answers take `delay` milliseconds; everything said in the first `deaf` milliseconds is lost. `policy` is
    the page's content security policy, in which the page's own script is 'nonce-bare'; `style` is its CSS;
    `shadow` puts the explorer into a shadow root.
    """
    comm = explorer.comm
    opening = comm.said[0][1]["state"]  # the buffers beside it are what such hosts lose
    state = {
        name: getattr(explorer, name) for name in opening if not name.startswith("_") and name != "layout"
    }
    heard = len(comm.said)

    def from_python() -> list[dict[str, Any]]:
        nonlocal heard
        new = comm.said[heard:]
        heard += len(new)
        return [
            {**data, "buffers": [base64.b64encode(buffer).decode() for buffer in buffers]}
            for kind, data, buffers in new
            if kind == "comm_msg"
        ]

    def serve(route: Route) -> None:
        route.fulfill(
            body=PAGE.replace("STYLE", style),
            content_type="text/html",
            headers={} if policy is None else {"Content-Security-Policy": policy},
        )

    page.expose_function("toPython", comm.hear)
    page.expose_function("fromPython", from_python)
    page.route(ADDRESS, serve)
    page.goto(ADDRESS)
    page.evaluate(
        "(options) => window.start(options)",
        {"esm": opening["_esm"], "state": state, "delay": delay, "deaf": deaf, "shadow": shadow},
    )


def quiet(page: Page) -> None:
    """Wait until every message has arrived and every request is answered, and for two pictures more."""
    page.evaluate("window.quiet()")
