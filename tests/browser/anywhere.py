"""The places that people meet an explorer in, behind one face: a bare page, an exported page, JupyterLab.

Each is opened once and shows a fresh view for every test, so that one set of steps drives them all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bare import open_bare
from lab import Lab
from playwright.sync_api import BrowserContext, Page, expect
from steps import At, eventually

import dvi_widget as dvi

# Makes `explorer`, of which every panel has something to say, `pair`, two landscapes side by side, and
# `several`, one landscape with three models.
EXPLORERS = """
import torch
import dvi_widget as dvi
from dvi_widget.demonstration import network
run = dvi.Run({folder!r}, model=network())
landscape, other = [dvi.DVI().fit(run).landscape() for _ in range(2)]
vae = dvi.VAE(latent_dim=4, epochs=2).fit(run.inputs("train"))
explorer = dvi.Explorer(landscape, vae=vae)
other.name = "the other"
pair = dvi.Explorer(landscape, other)
torch.manual_seed(0)
linear = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
models = {{"late": run.subject(run.epochs[-1]), "early": run.subject(run.epochs[0]), "<i>linear</i>": linear}}
several = dvi.Explorer(landscape, models=models)
"""
# A host can spoil every interaction, so all of them are tested in JupyterLab. A page without a kernel answers
# the questions of some from what it took along; the rest is the same code, and no place of its own.
everywhere = pytest.mark.parametrize("place", ["bare", "exported", "lab"], indirect=True)
with_and_without_a_kernel = pytest.mark.parametrize("place", ["exported", "lab"], indirect=True)
in_jupyterlab = pytest.mark.parametrize("place", ["lab"], indirect=True)
# As an explorer is when it is made.
RESET = """
{name}.epoch, {name}.hovered = landscape.epochs[-1], None
{name}.selection, {name}.selections = [], {{}}
{name}.filter, {name}.color_by, {name}.size_by, {name}._view = "", "label", "", {{}}
"""


class Place(ABC):
    """Where an explorer is shown, and Python's end of it."""

    page: Page
    name: str
    # Whether a kernel answers questions and hears of what is done.
    answers = True

    @abstractmethod
    def show(self, name: str) -> None:
        """Show a fresh view of the explorer of this name, in the state that it is made in."""

    @abstractmethod
    def python(self, expression: str) -> Any:
        """The value of a Python expression over the explorers and `landscape`."""


class BarePage(Place):
    """A page without Jupyter; Python is the test's own process."""

    name = "bare"

    def __init__(self, context: BrowserContext, names: dict[str, Any]) -> None:
        self.context = context
        self.names = names
        self.pages: dict[str, Page] = {}

    def show(self, name: str) -> None:
        opened = self.pages.get(name)
        if opened is None:
            self.page = self.pages[name] = self.context.new_page()
            open_bare(self.page, self.names[name])
            return
        self.page = opened
        opened.mouse.move(1, 1)
        opened.evaluate("() => window.hide()")
        exec(RESET.format(name=name), self.names)
        opened.evaluate("() => window.show()")

    def python(self, expression: str) -> Any:
        return eval(expression, self.names)


class ExportedPage(Place):
    """A page opened from the disk; nobody answers but what was exported with it."""

    name = "exported"
    answers = False

    def __init__(self, context: BrowserContext, folder: Path, *landscapes: dvi.Landscape) -> None:
        self.paths = {}
        for name, shown in (("explorer", landscapes[:1]), ("pair", landscapes)):
            explorer = dvi.Explorer(*shown)
            self.paths[name] = explorer.to_html(folder / f"{name}.html")
            explorer.close()
        self.page = context.new_page()
        # What a page remembers for a reload is another test's.
        self.page.add_init_script("sessionStorage.clear()")

    def show(self, name: str) -> None:
        self.page.mouse.move(1, 1)
        self.page.goto(self.paths[name].as_uri())

    def python(self, expression: str) -> Any:
        raise AssertionError(f"No Python is behind an exported page to know {expression}.")


class InJupyterLab(Place):
    """A notebook in JupyterLab 4: one cell makes the explorers, the next shows one."""

    name = "lab"

    def __init__(self, context: BrowserContext, lab: Lab, folder: Path) -> None:
        self.page = context.new_page()
        self.notebook = lab.open(self.page, "anywhere", [EXPLORERS.format(folder=str(folder)), "None"])
        self.notebook.run()

    def show(self, name: str) -> None:
        self.page.mouse.move(1, 1)
        # The old view goes first: what it still has to say is said before the explorer is as new.
        self.notebook.show_in_last_cell("None")
        expect(self.page.locator(".dvi")).to_have_count(0)
        self.notebook.execute(RESET.format(name=name))
        self.notebook.show_in_last_cell(name)

    def python(self, expression: str) -> Any:
        return self.notebook.python(expression)


class Anywhere(At):
    """An explorer at one of the places, used as a person uses it."""

    def __init__(self, place: Place, landscape: dvi.Landscape, name: str = "explorer") -> None:
        place.show(name)
        super().__init__(place.page, landscape)
        self.place = place
        self.name = name
        self.last = landscape.epochs[-1]
        self.wait_for_epoch(self.last)

    def python(self, expression: str) -> Any:
        """The value of a Python expression, where there is a Python."""
        return self.place.python(expression)

    def expect_told(self, trait: str, wanted: Any) -> None:
        """Wait until Python knows of it, where there is a Python."""
        if self.place.answers:
            eventually(lambda: self.place.python(f"{self.name}.{trait}"), wanted, self.page)

    def expect_selected(self, samples: list[int]) -> None:
        """The page counts these samples as selected, and Python has just these."""
        text = f"{len(samples):,} selected" if samples else ""
        expect(self.part("selected")).to_have_text(text)
        self.expect_told("selection", samples)

    def apart(self, count: int) -> list[int]:
        """Some samples that are far from each other, each with no other near it."""
        places = self.places(self.last)
        gaps = np.linalg.norm(places[:, None] - places[None], axis=-1)
        np.fill_diagonal(gaps, np.inf)
        free = np.flatnonzero((gaps.min(axis=1) > 10) & self.reachable(places))
        np.fill_diagonal(gaps, 0)
        chosen = [self.alone(self.last)]
        while len(chosen) < count:
            chosen.append(int(free[gaps[np.ix_(free, chosen)].min(axis=1).argmax()]))
        return chosen

    def click(self, sample: int, *modifiers: Any) -> None:
        """Click a sample on the map."""
        for key in modifiers:
            self.page.keyboard.down(key)
        self.page.mouse.click(*self.places(self.last)[sample])
        for key in modifiers:
            self.page.keyboard.up(key)

    def land(self) -> tuple[float, float]:
        """A location of the landscape where no sample is near."""
        places = self.places(self.last)
        low, high = places.min(axis=0), places.max(axis=0)
        grid = np.stack(np.meshgrid(*np.linspace(low, high, 30).T), axis=-1).reshape(-1, 2)
        away = np.linalg.norm(grid[:, None] - places[None], axis=-1).min(axis=1)
        x, y = grid[np.where(self.reachable(grid), away, 0).argmax()]
        return float(x), float(y)

    def wait_for_hover_at(self, x: float, y: float, sample: int) -> None:
        """Point somewhere until a sample is there: the view may still be on its way."""

        def hovered() -> str | None:
            card = self.part("hover-card")
            return card.get_attribute("data-index") if card.count() else None

        def nudged() -> str | None:
            # The page answers a move with its next picture, so what is read is the answer to the move before.
            found = hovered()
            if found != str(sample):
                self.page.mouse.move(x + 1, y)
                self.page.mouse.move(x, y)
            return found

        # A card of before must not pass for this one.
        self.page.mouse.move(x + 40, y)
        eventually(lambda: hovered() == str(sample), False, self.page)
        eventually(nudged, str(sample), self.page)
