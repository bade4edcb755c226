"""The explorer's goals, measured in Chromium: scrubs, bytes, hover and lasso, memory, the first picture.

    python benchmarks/explorer.py [--data ../shared/data] [PART ...]

Parts are scrub, bytes, index, bundle, first, memory, window and export; all of them, if none is named. Each
puts its rows in place of those of its last run in benchmarks/RESULTS.md. `export` needs the data and records
and fits the MNIST reference run first (once; see dvi.py). Times of hover and lasso are CPU time of the page's
main thread (Chromium's thread ticks), so that other work on the machine counts little.
"""

from __future__ import annotations

import argparse
import importlib
import re
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import comm
from playwright.sync_api import Browser, Page, sync_playwright

import dvi_widget as dvi

HERE = Path(__file__).parent
ROOT = HERE.parent
RESULTS = HERE / "RESULTS.md"
FAKE = ROOT / "build" / "fake"
TURNS = 3
SCRUB_STEPS = 100
HEADING = "## Explorer"
COMMAND = "`python benchmarks/explorer.py --data ../shared/data [PART ...]`"
COLUMNS = "| what | bar | measured |\n| --- | --- | --- |"

# The browser tests' own harness, and the command that builds the front end.
for folder in ("tests", "tests/browser", "js"):
    sys.path.insert(0, str(ROOT / folder))
bare: Any = importlib.import_module("bare")
build_hook: Any = importlib.import_module("build_hook")
chromium: Any = importlib.import_module("chromium")
hosts: Any = importlib.import_module("hosts")
lab: Any = importlib.import_module("lab")
steps: Any = importlib.import_module("steps")
synthetic: Any = importlib.import_module("synthetic")
usage: Any = importlib.import_module("usage")

EMPTY_WIDGET = """
import anywidget
class Empty(anywidget.AnyWidget):
    _esm = "export default { render({ el }) { el.className = 'empty-ready'; } }"
"""
# Seconds from running a cell to the moment when the page holds one more of what the selector finds.
APPEARS = """async ([cell, selector, count]) => {
    window.jupyterapp.shell.currentWidget.content.activeCellIndex = cell;
    const begin = performance.now();
    window.jupyterapp.commands.execute("notebook:run-cell");
    while (document.querySelectorAll(selector).length < count) {
        await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return (performance.now() - begin) / 1000;
}"""
# An index of the last epoch, and a lasso of a hundred corners round half of it.
INDEX = """() => {
    const { buffers: [positions] } = window.run.answer("frame", { landscape: 0, epoch: 1 });
    const polygon = Float64Array.from({ length: 200 }, (_, i) => {
        const angle = (Math.floor(i / 2) / 100) * 2 * Math.PI;
        const reach = 22000 * (0.8 + 0.2 * Math.sin(7 * angle));
        return 32768 + reach * (i % 2 ? Math.sin(angle) : Math.cos(angle));
    });
    window.work = {
        build: () => { window.grid = new window.GridIndex(positions); },
        look: () => {
            for (let i = 0; i < 1000; i++) {
                window.grid.nearest((i * 7919) % 65536, (i * 104729) % 65536, 800, 800);
            }
        },
        lasso: () => { window.inside = window.grid.inside(polygon); },
    };
}"""
# A lasso with pointer events, all but its end; `finish` ends it.
LASSO = """(stage) => {
    const { left, top, width, height } = stage.getBoundingClientRect();
    stage.setPointerCapture = () => {};
    const tell = (type, angle) => stage.dispatchEvent(new PointerEvent(type, {
        bubbles: true, pointerId: 1, button: 0, buttons: 1, shiftKey: true,
        clientX: left + width / 2 + 0.3 * height * Math.cos(angle),
        clientY: top + height / 2 + 0.3 * height * Math.sin(angle),
    }));
    tell("pointerdown", 0);
    for (let step = 1; step < 60; step++) tell("pointermove", (step / 60) * 2 * Math.PI);
    window.work = { finish: () => tell("pointerup", 0) };
}"""
# Without a GPU the copy of a picture waits until the CPU has drawn it, and is made by the CPU.
NO_COPY = """() => {
    const { drawImage } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.drawImage = function (source, ...places) {
        if (!source.getContext?.("webgl2")) drawImage.call(this, source, ...places);
    };
}"""
# In a task of its own: Chromium counts no scripts that a debugger runs.
WORK = """([name, times]) => new Promise((resolve) => setTimeout(() => {
    for (let i = 0; i < times; i++) window.work[name]();
    resolve();
}))"""


class MainThread:
    """CPU time of a page's main thread."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.session = page.context.new_cdp_session(page)
        self.session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def seconds(self) -> tuple[float, float]:
        """In scripts, and in all tasks, since the page began."""
        metrics = self.session.send("Performance.getMetrics")["metrics"]
        values = {metric["name"]: metric["value"] for metric in metrics}
        return values["ScriptDuration"], values["TaskDuration"]

    def work(self, name: str, times: int = 1) -> float:
        """Milliseconds of scripts that one of the works of the page takes."""
        before, _ = self.seconds()
        self.page.evaluate(WORK, [name, times])
        return 1000 * (self.seconds()[0] - before) / times


@contextmanager
def opened(browser: Browser, **settings: int) -> Iterator[Page]:
    """The page with the made-up run, once it has drawn and fetched what it wants to keep."""
    query = "&".join(f"{name}={value}" for name, value in settings.items())
    with browser.new_context(viewport={"width": 760, "height": 500}) as context:
        context.set_default_timeout(600_000)
        page = context.new_page()
        page.goto(f"{(FAKE / 'index.html').as_uri()}?{query}")
        page.locator(".dvi[data-ready=true]").wait_for()
        quiet(page)
        yield page


def quiet(page: Page) -> None:
    """Wait until the page asks for nothing more for half a second."""
    page.evaluate(
        """async () => {
            let asked = -1;
            while (asked !== window.model.sent.length) {
                asked = window.model.sent.length;
                await new Promise((resolve) => setTimeout(resolve, 500));
                await new Promise(requestIdleCallback);
            }
        }"""
    )


def scrub(browser: Browser) -> Iterator[str]:
    for n in (60_000, 1_000_000):
        with opened(browser, n=n, epochs=4, side=0) as page:
            slider = page.get_by_test_id("epoch-slider").element_handle()
            page.evaluate(NO_COPY)
            page.evaluate(usage.SCRUB, [slider, SCRUB_STEPS // 2, 1])
            thread = MainThread(page)
            before, _ = thread.seconds()
            page.evaluate(usage.SCRUB, [slider, SCRUB_STEPS, 1])
            spent = 1000 * (thread.seconds()[0] - before) / SCRUB_STEPS
        yield (
            f"scripts of a scrub step with its picture, {n:,} points | ≤ 1 ms | {spent:.2f} ms of CPU, mean "
            f"of {SCRUB_STEPS}, press and release included, without copying the picture to the page's "
            "canvas: that takes a GPU"
        )


def wire() -> Iterator[str]:
    """What Python says when an epoch of 60,000 + 10,000 samples is asked for."""
    with mock.patch.object(comm, "create_comm", hosts.RecordingComm):
        landscape = synthetic.landscape(70_000, range(2), [str(i) for i in range(10)], resolution=300)
        explorer = dvi.Explorer(landscape)
    said = {}
    for number, op in enumerate(("frame", "canvas"), start=1):
        message = {"id": number, "op": op, "args": {"landscape": 0, "epoch": 1}}
        explorer.comm.hear({"method": "custom", "content": message})
        with explorer.comm.changed:
            explorer.comm.changed.wait_for(lambda n=number: answers(explorer, n), timeout=60)
        said[op] = answers(explorer, number)
    explorer.close()
    [(frame, buffers)] = said["frame"]
    sizes = {array["name"]: len(buffer) for array, buffer in zip(frame["arrays"], buffers, strict=True)}
    total = sum(len(buffer) for answer in said.values() for _, buffers in answer for buffer in buffers)
    yield (
        "epoch change at 60,000 + 10,000 samples: positions | 4 bytes a sample in one message "
        f"| {sizes['positions'] / 70_000:g} bytes a sample, {len(said['frame'])} message"
    )
    yield (
        "the same with predictions, confidence and a canvas of 300 × 300 | ≤ 0.7 MB "
        f"| {total / 1e6:.2f} MB in {sum(map(len, said.values()))} messages"
    )


def answers(explorer: dvi.Explorer, number: int) -> list[tuple[dict[str, Any], list[bytes]]]:
    """The answers to one request so far, with their buffers."""
    comm_of: Any = explorer.comm
    return [(said, buffers) for said, buffers in comm_of.customs() if said["id"] == number and "ok" in said]


def index(browser: Browser) -> Iterator[str]:
    with opened(browser, n=1_000_000, epochs=2, side=0) as page:
        thread = MainThread(page)
        page.evaluate(INDEX)
        for name in ("build", "look", "lasso"):
            thread.work(name, 3)  # compiled
        built, looks, lasso = (thread.work(name, 15) for name in ("build", "look", "lasso"))
        inside = page.evaluate("window.inside.reduce((sum, value) => sum + value, 0)")
        stage = page.get_by_test_id("stage").element_handle()
        gestures = []
        for _ in range(6):
            page.evaluate(LASSO, stage)
            gestures.append(thread.work("finish"))
    yield (
        f"hover index at 1,000,000, mean of 15 | ≤ 20 ms | {built:.1f} ms, then {looks / 1000:.4f} ms a look"
    )
    yield (
        f"lasso at 1,000,000, mean of 15 | ≤ 60 ms | {lasso:.1f} ms for {inside:,} inside; the end of the "
        f"gesture with all that follows a selection at once, median: {statistics.median(gestures[1:]):.0f} ms"
    )


def bundle() -> Iterator[str]:
    size = build_hook.BUNDLE.stat().st_size / 1000
    yield f"bundle, minified | ≤ 330 kB | {size:.1f} kB"


def first(browser: Browser) -> Iterator[str]:
    """Three of each, in turn; the landscape is there before."""
    setup = "\n".join(
        [
            f"import sys\nsys.path.insert(0, {str(ROOT / 'tests')!r})",
            "import dvi_widget as dvi, synthetic, time",
            "landscape = synthetic.landscape(60_000, range(20), list('0123456789'), resolution=300)",
            EMPTY_WIDGET,
        ]
    )
    kinds = {"empty": ".empty-ready", "explorer": ".dvi[data-drawn=true]"}
    took: dict[str, list[tuple[float, ...]]] = {kind: [] for kind in kinds}
    with (
        tempfile.TemporaryDirectory() as folder,
        lab.serve(Path(folder) / "lab") as server,
        browser.new_context(viewport={"width": 1280, "height": 1000}) as context,
    ):
        page = context.new_page()
        page.set_default_timeout(300_000)
        notebook = server.open(page, "first", ["Empty()", "dvi.Explorer(landscape)"] * TURNS)
        notebook.execute(setup)
        thread = MainThread(page)
        for turn in range(TURNS):
            for place, (kind, selector) in enumerate(kinds.items()):
                kernel, main = notebook.python("time.process_time()"), thread.seconds()[1]
                wall = page.evaluate(APPEARS, [len(kinds) * turn + place, selector, turn + 1])
                main = thread.seconds()[1] - main
                took[kind].append((wall, notebook.python("time.process_time()") - kernel, main))
    empty, full = ([statistics.median(values) for values in zip(*took[kind], strict=True)] for kind in kinds)
    more = [after - before for after, before in zip(full, empty, strict=True)]
    yield (
        "first picture after `Explorer(...)` at 60,000 × 20 epochs in JupyterLab, median of three "
        f"| ≤ 1 s over an empty widget | {full[0]:.2f} s, empty {empty[0]:.2f} s: {more[0]:.2f} s more; "
        f"more CPU of the kernel, painting ahead included, {more[1]:.2f} s, of the page's main thread "
        f"{more[2]:.2f} s"
    )


def memory(browser: Browser) -> Iterator[str]:
    with mock.patch.object(comm, "create_comm", hosts.RecordingComm):
        explorer = dvi.Explorer(synthetic.landscape(2000, range(8)))
    with browser.new_context(viewport={"width": 400, "height": 900}) as context:
        page = context.new_page()
        page.set_default_timeout(600_000)
        page.add_init_script(usage.COUNT_CONTEXTS)
        bare.open_bare(page, explorer)
        page.locator(".dvi[data-ready=true]").wait_for()
        use = usage.Usage(page)

        def scrubs(count: int) -> None:
            slider = page.get_by_test_id("epoch-slider").element_handle()
            page.evaluate(usage.SCRUB, [slider, count, 10])

        def views(count: int) -> None:
            for _ in range(count):
                page.evaluate("() => { window.hide(); window.show(); }")
                page.locator(".dvi[data-ready=true]").wait_for()

        for what, work, warm, times in (("scrubs", scrubs, 100, 1000), ("views", views, 5, 50)):
            work(warm)
            before = use.now()
            work(times)
            after = use.now()
            grown = {name: after[name] - before[name] for name in after}
            yield (
                f"memory over {times:,} {what} | flat | {grown['JSHeapUsedSize'] / 1000:+.0f} kB of scripts, "
                f"{grown['Nodes']:+.0f} nodes, {grown['JSEventListeners']:+.0f} listeners, "
                f"{page.evaluate('window.living().length')} WebGL context"
            )
        page.evaluate("window.hide()")
        left = page.evaluate("window.living().length")
        yield f"WebGL contexts after the last view | 0 | {left}"
    explorer.close()


def window(browser: Browser) -> Iterator[str]:
    with opened(browser, n=1_000_000, epochs=300, resolution=100, side=0) as page:
        session = page.context.new_cdp_session(page)
        kept = []
        for key in ("Home", "End"):
            page.get_by_test_id("epoch-slider").press(key)
            page.locator(f".dvi[data-epoch='{0 if key == 'Home' else 299}']").wait_for()
            quiet(page)
            session.send("HeapProfiler.collectGarbage")
            kept.append(session.send("Runtime.getHeapUsage")["backingStorageSize"])
        asked = page.evaluate("window.model.sent.filter(({ op }) => op === 'frame').length")
    # Beside the frames the run and the page keep what every sample is, once.
    yield (
        "300 epochs × 1,000,000 samples, the first and the last looked at | a window is kept "
        f"| {asked} of 300 epochs fetched; arrays in memory {kept[0] / 1e6:.0f} MB, then "
        f"{kept[1] / 1e6:.0f} MB "
        "(all epochs would be 2,100 MB)"
    )


def export(data: Path) -> Iterator[str]:
    reference = importlib.import_module("dvi")
    run = reference.record(reference.RUNS["mnist"], data, reference.BUILD / "mnist-0", seed=0)
    landscape = dvi.DVI().fit(run).landscape()
    explorer = dvi.Explorer(landscape)
    with tempfile.TemporaryDirectory() as folder:
        size = explorer.to_html(Path(folder) / "mnist.html").stat().st_size
    yield (
        f"exported page of MNIST, {len(landscape.samples):,} samples × {len(landscape)} epochs, all pictures "
        f"and canvases |  | {size / 1e6:.1f} MB"
    )
    explorer.close()


# Without a browser; the others in one.
PLAIN: dict[str, Callable[[], Iterator[str]]] = {"bytes": wire, "bundle": bundle}
SEEN: dict[str, Callable[[Browser], Iterator[str]]] = {
    "scrub": scrub,
    "index": index,
    "first": first,
    "memory": memory,
    "window": window,
}


def keep(rows: Iterable[str]) -> None:
    """Put rows, as they come, in place of those of the same name, or at the table's end."""
    for row in rows:
        print(f"| {row} |", flush=True)
        text = RESULTS.read_text(encoding="utf-8")
        if HEADING not in text:
            text = f"{text.rstrip()}\n\n{HEADING}\n\n{COMMAND}\n\n{COLUMNS}\n"
        place = text.index(COLUMNS) + len(COLUMNS) + 1
        table = re.match(r"(\|.*\n)*", text[place:])
        assert table is not None
        known = {line.split("|")[1].strip(): line for line in table[0].splitlines()}
        known[row.split("|")[0].strip()] = f"| {row} |"
        lines = "".join(f"{line}\n" for line in known.values())
        RESULTS.write_text(text[:place] + lines + text[place + table.end() :], encoding="utf-8")


def main() -> None:
    names = [*PLAIN, *SEEN, "export"]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(names))
    parser.add_argument("--data", type=Path, help="folder that holds mnist/, for export")
    arguments = parser.parse_args()
    parts = arguments.parts or names[: None if arguments.data else -1]
    unknown = [part for part in parts if part not in names]
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}; parts are {', '.join(names)}.")
    if "export" in parts and (arguments.data is None or not (arguments.data / "mnist").is_dir()):
        parser.error("export needs --data, the folder that holds MNIST's IDX files in mnist/.")
    build_hook.install()
    build_hook.npm("run", "build")
    build_hook.npm("run", "fake")
    for part in parts:
        if part in PLAIN:
            keep(PLAIN[part]())
    if "export" in parts:
        keep(export(arguments.data))
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        for part in parts:
            if part in SEEN:
                keep(SEEN[part](browser))
        browser.close()


if __name__ == "__main__":
    main()
