"""What the browser tests share: a Chromium, a JupyterLab, a run on the digits, a folder of pictures."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from pathlib import Path

import chromium
import comm
import numpy as np
import pytest
from anywhere import EXPLORERS, BarePage, ExportedPage, InJupyterLab
from hosts import RecordingComm
from lab import WAIT_MS, serve
from playwright.sync_api import expect, sync_playwright

import dvi_widget as dvi
from dvi_widget.demonstration import record

# A loaded machine is given time: what is waited for here comes, or the test fails.
expect.set_options(timeout=WAIT_MS)
SHOTS = Path(__file__).parents[2] / "build" / "screenshots"


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        yield browser
        browser.close()


@contextmanager
def watched(browser, height=800, **options):
    """A fresh profile. What a page throws, or prints as an error, fails the test that closes it."""
    context = browser.new_context(viewport={"width": 1280, "height": height}, **options)
    context.set_default_timeout(WAIT_MS)
    wrong = []

    def note(web_error):
        # Notebook 7 sometimes trips over its own settings while it starts.
        if "/static/notebook/notebook_core" not in (web_error.error.stack or ""):
            wrong.append(f"{os.environ['PYTEST_CURRENT_TEST']}: {web_error.error}")

    context.on("weberror", note)
    yield context
    context.close()
    assert wrong == []


@pytest.fixture
def context(browser):
    with watched(browser) as context:
        yield context


@pytest.fixture
def page(context):
    return context.new_page()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("lab") / "server") as lab:
        yield lab


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory):
    """The run of the demo."""
    folder = tmp_path_factory.mktemp("runs") / "digits"
    record(folder)
    return folder


@pytest.fixture(scope="session")
def cell(run_folder):
    """The code of a notebook that shows its landscape."""
    return "\n".join(
        [
            "import dvi_widget as dvi",
            f"landscape = dvi.DVI().fit(dvi.Run({str(run_folder)!r})).landscape()",
            "explorer = dvi.Explorer(landscape)",
            "explorer",
        ]
    )


@pytest.fixture(scope="session")
def landscape(run_folder):
    """The same landscape; who asks second only loads it."""
    return dvi.DVI().fit(dvi.Run(run_folder)).landscape()


@pytest.fixture
def bare_explorer(monkeypatch):
    """Makes explorers of landscapes that speak to no kernel: for bare pages."""
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    made = []

    def make(landscape):
        made.append(dvi.Explorer(landscape))
        return made[-1]

    yield make
    for explorer in made:
        explorer.close()


@pytest.fixture(scope="session")
def names(run_folder):
    """What the notebooks of `anywhere` have: two landscapes, and explorers that speak to bare pages."""
    names = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comm, "create_comm", RecordingComm)
        exec(EXPLORERS.format(folder=str(run_folder)), names)
    return names


@pytest.fixture(scope="session")
def places(browser, run_folder, names, request, tmp_path_factory):
    """Opens a place where explorers are shown, once, by its name."""
    opened, folder = {}, tmp_path_factory.mktemp("exported")
    with ExitStack() as stack:

        def open_place(name):
            if name not in opened:
                # Without motion, which costs much where the processor draws; others look at that.
                context = stack.enter_context(watched(browser, height=1040, reduced_motion="reduce"))
                opened[name] = {
                    "bare": lambda: BarePage(context, names),
                    "exported": lambda: ExportedPage(context, folder, names["landscape"], names["other"]),
                    "lab": lambda: InJupyterLab(context, request.getfixturevalue("lab"), run_folder),
                }[name]()
            return opened[name]

        yield open_place


@pytest.fixture
def place(places, request):
    """The place that a test is parametrised with."""
    return places(request.param)


@pytest.fixture
def of_class(landscape):
    """The samples of a label."""
    labels = landscape.samples["label"].to_numpy()
    return lambda label: np.flatnonzero(labels == label).tolist()


@pytest.fixture(scope="session")
def shots():
    """Where pictures of what the tests saw are left for people to look at."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    return SHOTS
