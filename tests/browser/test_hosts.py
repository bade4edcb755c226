"""Notebook 7, Voilà and marimo: the explorer appears, is used, and Python knows what was done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import reactive
import synthetic
from steps import At, eventually
from waiting import WAIT_MS

N, EPOCHS = 400, 6
LANDSCAPE = f"""import sys
sys.path.insert(0, {str(Path(synthetic.__file__).parent)!r})
import json, pathlib, synthetic
import dvi_widget as dvi
landscape = synthetic.landscape({N}, range({EPOCHS}))
"""


@pytest.fixture
def context(browser):
    """A profile that reaches this machine only: what hosts fetch elsewhere they must do without.

    What the explorer throws fails the test; hosts throw errors of their own. Its module has a blob's address.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(WAIT_MS)
    context.route(
        lambda url: not url.startswith(("http://127.0.0.1:", "http://localhost:", "blob:", "data:")),
        lambda route: route.abort(),
    )
    wrong = []
    context.on("weberror", lambda error: wrong.append(f"{error.error.message}\n{error.error.stack}"))
    yield context
    context.close()
    assert [text for text in wrong if "blob:" in text] == []


@pytest.fixture(scope="module")
def landscape():
    return synthetic.landscape(N, range(EPOCHS))


@pytest.fixture
def told(tmp_path):
    """Where the kernel writes what it knows of the explorer."""
    return tmp_path / "told.json"


@pytest.fixture
def cell(told):
    """A cell that shows an explorer, and tells what arrives in Python."""
    return "\n".join(
        [
            LANDSCAPE,
            "explorer = dvi.Explorer(landscape)",
            "def tell(_=None):",
            "    text = json.dumps([explorer.epoch, explorer.selection])",
            f"    pathlib.Path({str(told)!r}).write_text(text)",
            "explorer.observe(tell, ['epoch', 'selection'])",
            "tell()",
            "explorer",
        ]
    )


def use(page, landscape, told):
    """Scrub and select, and see that Python has heard of both."""
    first, last = landscape.epochs[0], landscape.epochs[-1]
    at = At(page, landscape)
    at.wait_for_epoch(last)
    eventually(lambda: heard(told), [last, []], page)
    at.click_epoch(first)
    eventually(lambda: heard(told), [first, []], page)
    inside = at.lasso(first)
    eventually(lambda: heard(told), [first, inside], page)
    at.expect_pictures(inside)
    return at


def heard(told):
    """What Python has heard; None while it is being written."""
    try:
        return json.loads(told.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def test_notebook_7(lab, page, landscape, cell, told, shots):
    notebook = lab.open_alone(page, "alone", [cell])
    notebook.run()
    use(page, landscape, told)
    page.screenshot(path=shots / "host-notebook.png")


def test_voila(lab, page, landscape, cell, told, shots):
    lab.open_as_app(page, "app", [cell])
    use(page, landscape, told)
    page.screenshot(path=shots / "host-voila.png")


def test_marimo(page, landscape, told, shots, tmp_path):
    cells = [
        [*LANDSCAPE.splitlines(), "import marimo as mo"],
        ["explorer = mo.ui.anywidget(dvi.Explorer(landscape))", "explorer"],
        # marimo runs this again whenever the explorer changes.
        [
            "text = json.dumps([explorer.epoch, explorer.selection])",
            f"_ = pathlib.Path({str(told)!r}).write_text(text)",
        ],
    ]
    names = ["", "dvi, landscape, mo", "explorer, json, pathlib"]
    gives = ["dvi, json, landscape, mo, pathlib, sys, synthetic", "(explorer,)", ""]
    source = "import marimo\n\napp = marimo.App(width='medium')\n"
    for lines, takes, returns in zip(cells, names, gives, strict=True):
        body = "\n".join(f"    {line}" for line in lines)
        source += f"\n\n@app.cell\ndef _({takes}):\n{body}\n    return {returns}\n"
    with reactive.serve(tmp_path / "marimo", source) as url:
        page.goto(url)
        use(page, landscape, told)
        page.screenshot(path=shots / "host-marimo.png")
