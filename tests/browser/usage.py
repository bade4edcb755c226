"""What a page uses, memory, nodes, listeners and contexts; and a hand on the slider that should cost none."""

from __future__ import annotations

from playwright.sync_api import Page

# Everything that a page may hold on to; contexts are counted by who asked for them.
COUNT_CONTEXTS = """
    window.contexts = [];
    const getContext = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (kind, ...options) {
        const context = getContext.call(this, kind, ...options);
        if (kind.startsWith("webgl") && context !== null) window.contexts.push(new WeakRef(context));
        return context;
    };
    window.living = () => window.contexts.map((known) => known.deref())
        .filter((context) => context !== undefined && !context.isContextLost());
"""
# A hand on the slider goes to and fro over all epochs, some steps a picture: pictures are slow without a GPU.
SCRUB = """async ([slider, steps, each]) => {
    const { left, top, width, height } = slider.getBoundingClientRect();
    const tell = (type, share) => slider.dispatchEvent(new PointerEvent(type, {
        bubbles: true, pointerId: 1, buttons: 1,
        clientX: left + width * share, clientY: top + height - 10,
    }));
    slider.setPointerCapture = () => {};
    tell("pointerdown", 0);
    for (let step = 0; step < steps; step++) {
        tell("pointermove", Math.abs(((step / 50) % 2) - 1));
        if (step % each === 0) await new Promise(requestAnimationFrame);
    }
    tell("pointerup", 1);
}"""


class Usage:
    """What a page uses: bytes of JavaScript, nodes in and out of the document, listeners."""

    def __init__(self, page: Page) -> None:
        self.session = page.context.new_cdp_session(page)
        self.session.send("Performance.enable")
        self.session.send("HeapProfiler.enable")

    def now(self) -> dict[str, float]:
        """After garbage collections: what the first one finalises, the second one frees."""
        for _ in range(2):
            self.session.send("HeapProfiler.collectGarbage")
        metrics = self.session.send("Performance.getMetrics")["metrics"]
        values = {metric["name"]: metric["value"] for metric in metrics}
        return {name: values[name] for name in ("JSHeapUsedSize", "Nodes", "JSEventListeners")}
