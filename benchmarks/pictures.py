"""Pictures of the explorer in JupyterLab on the MNIST reference run, for people to look at.

    python benchmarks/pictures.py --data ../shared/data

Records and fits the run first (once; see dvi.py), then leaves the pictures in build/pictures: each method at
the first and the last epoch, coloured by correctness, with a selection, and in the dark theme.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from pathlib import Path
from typing import Any

from dvi import BUILD, RUNS, record
from playwright.sync_api import sync_playwright

import dvi_widget as dvi

HERE = Path(__file__).parent
PICTURES = HERE.parent / "build" / "pictures"
METHODS = ("layout", "paper")
VIEWPORT = {"width": 1440, "height": 1000}

# The browser tests' own harness.
sys.path.insert(0, str(HERE.parent / "tests" / "browser"))
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
    parser.add_argument("--data", type=Path, required=True, help="folder that holds mnist/")
    data = parser.parse_args().data
    if not (data / "mnist").is_dir():
        sys.exit(
            f"--data: there is no {data / 'mnist'}; give the folder that holds MNIST's IDX files in mnist/."
        )
    PICTURES.mkdir(parents=True, exist_ok=True)
    run = record(RUNS["mnist"], data, BUILD / "mnist-0", seed=0)
    with (
        tempfile.TemporaryDirectory() as folder,
        lab.serve(Path(folder) / "lab") as server,
        sync_playwright() as playwright,
    ):
        browser = chromium.launch(playwright)
        for method in METHODS:
            with browser.new_context(viewport=VIEWPORT) as context:
                show(context.new_page(), server, run, method)
        browser.close()


if __name__ == "__main__":
    main()
