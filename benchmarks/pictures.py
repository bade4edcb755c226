"""Pictures of the explorer in JupyterLab, for people to look at, and how much of the land is undecided.

    python benchmarks/pictures.py --data ../shared/data

Records and fits the runs first (once; see dvi.py), then leaves the pictures in build/pictures. Of MNIST, each
method at the first and the last epoch, coloured by correctness, with a selection, and in the dark theme. Of
MNIST, CIFAR-10 and a hundred classes (two digits beside each other), the last epoch in both themes, at one
and at two pixels per CSS pixel. Prints for each run the share of the land within reach of samples whose
margin lies below δ, epoch by epoch: at most 15 % at 10 classes and 30 % at 100 are wanted. Prints also which
share of the borders parts classes whose colours are hard to tell apart, beside what colours given at random
get. --figures prints these alone.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from dvi import BUILD, RUNS, Reference, mnist_network, record
from playwright.sync_api import sync_playwright
from torch import nn

import dvi_widget as dvi
from dvi_widget.landscape.colors import DELTA, oklab
from dvi_widget.landscape.support import support

HERE = Path(__file__).parent
PICTURES = HERE.parent / "build" / "pictures"
METHODS = ("layout", "paper")
VIEWPORT = {"width": 1440, "height": 1000}
SMALLER = {"width": 1280, "height": 800}
RATIOS = (1, 2)
ALIKE = 0.08  # in OKLab: ten classes of the default palette lie farther apart, for every kind of sight
REACH = 0.5  # of the colour of land near samples is left where land counts as within their reach


def pairs(folder: Path) -> tuple[Any, Any, list[str]]:
    """Two digits of MNIST beside each other, halved in width: a hundred classes."""
    *splits, _ = dvi.datasets.idx(folder / "mnist")
    rng = np.random.default_rng(0)
    paired = []
    for (x, y), n in zip(splits, (20_000, 4_000), strict=True):
        left, right = rng.integers(len(x), size=(2, n))
        both = np.concatenate([x[left], x[right]], axis=3)  # [n, 1, 28, 56]
        paired.append((both[:, :, :, ::2].copy(), 10 * y[left] + y[right]))
    return paired[0], paired[1], [f"{number:02d}" for number in range(100)]


def hundred_network() -> nn.Module:
    *layers, _ = mnist_network().children()
    return nn.Sequential(*layers, nn.Linear(128, 100))


SHOWN = {
    "mnist": RUNS["mnist"],
    "cifar10": RUNS["cifar10"],
    "hundred": Reference(
        data=pairs,
        normalise=(0.1307, 0.3081),
        network=hundred_network,
        learning_rate=1e-3,
        batch=64,
        samples=(5_000, 1_000),
    ),
}


def undecided(landscape: dvi.Landscape) -> list[float]:
    """Share of the land within reach of samples that is undecided, per epoch."""
    shares = []
    for frame in landscape:
        near = support(frame.positions, landscape.extent, landscape.resolution) >= REACH
        shares.append(float((frame.canvas.margins()[near] < DELTA).mean()))
    return shares


def alike(landscape: dvi.Landscape, colors: list[str]) -> float:
    """Share of the borders near samples, over all epochs, between colours nearer than `ALIKE`."""
    seen = oklab(colors)
    near, far = 0, 0
    for frame in landscape:
        known = support(frame.positions, landscape.extent, landscape.resolution) >= REACH
        classes = frame.canvas.classes.astype(int)
        for axis in (0, 1):
            one, other = (np.delete(classes, end, axis) for end in (0, -1))
            both = np.delete(known, 0, axis) & np.delete(known, -1, axis) & (one != other)
            apart = np.linalg.norm(seen[one[both]] - seen[other[both]], axis=1)
            near, far = near + int((apart < ALIKE).sum()), far + int((apart >= ALIKE).sum())
    return near / (near + far)


def show_themes(page: Any, server: Any, run: dvi.Run, name: str) -> None:
    """Open a run's landscape in a notebook and take its picture in both themes."""
    landscape = dvi.DVI().fit(run).landscape()
    cell = f"import dvi_widget as dvi\ndvi.Explorer(dvi.DVI().fit(dvi.Run({str(run.folder)!r})).landscape())"
    notebook = server.open(page, name, [cell])
    notebook.run(timeout=600_000)
    at = steps.At(page, landscape)
    at.wait_for_epoch(landscape.epochs[-1])
    at.part("names").locator("span").first.wait_for()
    for theme in ("Light", "Dark"):
        notebook.theme(f"JupyterLab {theme}")
        path = PICTURES / f"{name}-{theme.lower()}.png"
        page.screenshot(path=path)
        print(path, flush=True)
    notebook.theme("JupyterLab Light")


# The browser tests' own harness.
sys.path[:0] = [str(HERE.parent / "tests" / "browser"), str(HERE.parent / "tests")]
chromium: Any = importlib.import_module("chromium")
lab: Any = importlib.import_module("lab")
steps: Any = importlib.import_module("steps")


def show(page: Any, server: Any, run: dvi.Run, method: str) -> None:
    """Open one method's landscape in a notebook and take its pictures."""
    landscape = dvi.DVI(method=method).fit(run).landscape()
    cell = "\n".join(
        [
            "import dvi_widget as dvi",
            f"run = dvi.Run({str(run.folder)!r})",
            f"landscape = dvi.DVI(method={method!r}).fit(run).landscape()",
            "dvi.Explorer(landscape)",
        ]
    )
    notebook = server.open(page, method, [cell])
    notebook.run(timeout=600_000)
    at = steps.At(page, landscape)
    first, last = landscape.epochs[0], landscape.epochs[-1]

    def take(name: str) -> None:
        page.mouse.move(1, 1)  # no card of a sample that happens to lie under the pointer
        page.get_by_test_id("hover-card").wait_for(state="detached")
        path = PICTURES / f"{method}-{name}.png"
        page.screenshot(path=path)
        print(path, flush=True)

    at.wait_for_epoch(last)
    take("last")
    at.click_epoch(first)
    take("first")
    at.part("color-by").select_option("correctness")
    take("first-correctness")
    at.part("color-by").select_option("label")
    at.click_epoch(last)
    at.lasso(last, clearance=0)  # among so many samples no line keeps clear of all
    at.part("thumbnail").first.locator("canvas").wait_for()
    take("selection")
    notebook.theme("JupyterLab Dark")
    take("selection-dark")
    at.part("clear-selection").click()
    take("last-dark")
    notebook.theme("JupyterLab Light")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds mnist/ and cifar10/")
    parser.add_argument("--figures", action="store_true", help="print the figures and take no pictures")
    args = parser.parse_args()
    data = args.data
    if not (data / "mnist").is_dir():
        sys.exit(
            f"--data: there is no {data / 'mnist'}; give the folder that holds MNIST's IDX files in mnist/."
        )
    PICTURES.mkdir(parents=True, exist_ok=True)
    runs = {name: record(reference, data, BUILD / f"{name}-0", seed=0) for name, reference in SHOWN.items()}
    for name, run in runs.items():
        landscape = dvi.DVI().fit(run).landscape()
        shares = ", ".join(f"{share:.1%}" for share in undecided(landscape))
        print(f"{name}: undecided of the land within reach of samples, epoch by epoch: {shares}", flush=True)
        colors = landscape.colors()
        at_random = [
            alike(landscape, np.random.default_rng(k).permutation(colors).tolist()) for k in range(5)
        ]
        print(
            f"{name}: borders between colours hard to tell apart: {alike(landscape, colors):.1%}; at random "
            f"{np.mean(at_random):.1%}",
            flush=True,
        )
    if args.figures:
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        lab.serve(Path(folder) / "lab") as server,
        sync_playwright() as playwright,
    ):
        browser = chromium.launch(playwright)
        for method in METHODS:
            with browser.new_context(viewport=VIEWPORT) as context:
                show(context.new_page(), server, runs["mnist"], method)
        for name, run in runs.items():
            for ratio in RATIOS:
                with browser.new_context(viewport=SMALLER, device_scale_factor=ratio) as context:
                    show_themes(context.new_page(), server, run, f"{name}-{ratio}x")
        browser.close()


if __name__ == "__main__":
    main()
