"""Many classes, and names that would break out: the explorer stays usable, and text stays text."""

from __future__ import annotations

import numpy as np
import pytest
import synthetic
from axe import violations
from bare import open_bare
from lab import WAIT_MS
from playwright.sync_api import expect
from steps import NASTY, At, eventually, every_panel

pytestmark = pytest.mark.timeout(300)

HOSTILE = [
    *NASTY,
    "a very long name " * 20,
    "withoutanyspacestobreakat" * 12,
    "שלום עולם مرحبا بالعالم",
    "👩🏽‍🚀🏳️‍🌈🐈‍⬛ émoji",
    "Z̸a̷l̶g̵o̴ ͓̽t̴e̸x̷t̸",
    'javascript:alert("1")',
    "\ttab\nnew line",
]


@pytest.mark.parametrize("count", [100, 1000])
def test_many_classes_stay_usable(bare_explorer, page, shots, count):
    landscape = synthetic.landscape(4000, range(4), [f"class {i}" for i in range(count)])
    explorer = bare_explorer(landscape)
    open_bare(page, explorer)
    at = At(page, landscape)
    keeps_its_form(at)
    at.part("legend-entry").nth(0).click()
    zeros = landscape.samples.query("label == 0").index.tolist()
    eventually(lambda: explorer.selection, zeros, page)
    for title in every_panel(at.root):
        expect(at.root.locator(".dvi-waiting")).to_have_count(0, timeout=WAIT_MS)
        keeps_its_form(at)
        page.screenshot(path=shots / f"classes-{count}-{title}.png")
    explorer.selection = [1]
    expect(at.part("selected")).to_have_text("1 selected")
    at.hover(at.alone(3), 3)
    page.screenshot(path=shots / f"classes-{count}.png")


def test_a_click_on_a_name_selects_its_class(bare_explorer, page):
    landscape = synthetic.landscape(600, range(4), ["cat", "dog", "owl"])
    explorer = bare_explorer(landscape)
    open_bare(page, explorer)
    at = At(page, landscape)
    last = landscape.epochs[-1]

    def click(name, *keys):
        box = at.part("names").get_by_text(name, exact=True).bounding_box()
        middle = np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
        # A sample near the pointer goes before the name.
        assert np.linalg.norm(at.places(last) - middle, axis=1).min() > 8
        for key in keys:
            page.keyboard.down(key)
        page.mouse.click(*middle)
        for key in keys:
            page.keyboard.up(key)

    label = landscape.samples["label"].to_numpy()
    shown = at.part("names").locator("span")
    expect(shown.nth(1)).to_be_visible()
    first, second = shown.all_inner_texts()[:2]
    kinds = [landscape.classes.index(name) for name in (first, second)]
    click(first)
    eventually(lambda: explorer.selection, np.flatnonzero(label == kinds[0]).tolist(), page)
    click(second, "Control")
    eventually(lambda: explorer.selection, np.flatnonzero(np.isin(label, kinds)).tolist(), page)
    explorer.color_by = "prediction"
    click(first)
    predicted = landscape.at(last).predictions
    eventually(lambda: explorer.selection, np.flatnonzero(predicted == kinds[0]).tolist(), page)


def test_hostile_names_are_text_and_change_no_form(bare_explorer, page, shots, monkeypatch):
    landscape = synthetic.landscape(600, range(4), HOSTILE, groups=HOSTILE[:4] + HOSTILE[-7:])
    monkeypatch.setattr(landscape, "name", HOSTILE[10])
    open_bare(page, bare_explorer(landscape))
    at = At(page, landscape)
    keeps_its_form(at)
    last = landscape.epochs[-1]
    at.hover(at.alone(last), last)
    page.screenshot(path=shots / "names-hover.png")
    at.expect_pictures(at.lasso(last))
    for title in every_panel(at.root):
        expect(at.root.locator(".dvi-waiting")).to_have_count(0, timeout=WAIT_MS)
        keeps_its_form(at)
        assert violations(at) == []
        page.screenshot(path=shots / f"names-{title}.png")
    at.expect_nothing_injected()


def keeps_its_form(at):
    """The stage has most of the room, the page does not scroll sideways, and the explorer has its height."""
    root, stage = at.root.bounding_box(), at.part("stage").bounding_box()
    assert at.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert root["height"] < 720
    assert stage["width"] > 0.6 * root["width"]
    assert stage["height"] > 0.7 * root["height"]
    assert at.reachable(at.places(at.landscape.epochs[-1])).mean() > 0.7, "the landscape lies open"
