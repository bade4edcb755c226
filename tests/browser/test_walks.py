"""Three walks of somebody new in JupyterLab, each with the clicks that it takes."""

from __future__ import annotations

import pytest
from lab import ran
from playwright.sync_api import Locator, expect
from steps import At, eventually

pytestmark = pytest.mark.timeout(400)


class Walk:
    """An explorer that is only clicked and pointed at; `clicks` counts these and the choices from lists."""

    def __init__(self, at: At) -> None:
        self.at = at
        self.clicks = 0

    def click(self, where: Locator) -> None:
        where.click()
        self.clicks += 1

    def choose(self, where: Locator, value: str) -> None:
        where.select_option(value)
        self.clicks += 1

    def button(self, name: str) -> Locator:
        return self.at.root.get_by_role("button", name=name, exact=True)


@pytest.fixture(scope="module")
def notebook(browser, lab, cell):
    """One notebook for the tests of this file."""
    with ran(browser, lab, "walks", cell, viewport={"width": 1280, "height": 800}) as notebook:
        yield notebook


@pytest.fixture
def walk(notebook, landscape):
    """The explorer as it opens: a cell that runs again makes another one."""
    notebook.run()
    return Walk(At(notebook.page, landscape))


@pytest.mark.feature("A12")
def test_find_the_mislabelled(walk, notebook, shots):
    section = walk.at.part("overview-likely-mislabelled")
    expect(section.get_by_test_id("overview-sample").first.locator("canvas")).to_be_visible()
    walk.click(section.get_by_role("button", name="Show all"))
    walk.click(walk.at.part("select-first"))
    best = notebook.python("sorted(explorer.suggestions('likely mislabelled').index[:50].tolist())")
    eventually(lambda: notebook.python("explorer.selection"), best, walk.at.page)
    walk.click(walk.at.part("selections"))
    walk.at.part("selection-name").fill("suspicious")
    walk.click(walk.at.part("save-selection"))
    eventually(lambda: notebook.python("explorer.selections"), {"suspicious": best}, walk.at.page)
    walk.at.page.screenshot(path=shots / "walk-mislabelled.png")
    assert walk.clicks == 4


def test_when_did_two_classes_part(walk, notebook, landscape, shots):
    counts = notebook.python(
        "[[int(((landscape.samples.split == 'test') & (landscape.samples.label == 8)"
        " & (frame.predictions == j)).sum()) for j in (1, 8)] for frame in landscape]"
    )
    assert counts[0][0] > counts[-1][0], "the run tells eights from ones better at its end"
    walk.click(walk.at.root.get_by_role("tab", name="Errors"))
    plane = walk.at.part("plane")
    plane.focus()
    for key in ["ArrowDown"] * 9 + ["ArrowRight"]:
        walk.at.page.keyboard.press(key)
    expect(walk.at.part("confusion-words")).to_contain_text("Label 8, predicted 1")
    course = walk.at.part("confusion").locator(".dvi-lines")
    course.scroll_into_view_if_needed()
    course.get_by_role("img").hover()
    expect(course).to_contain_text("epoch")
    walk.at.page.screenshot(path=shots / "walk-parted.png")
    assert walk.clicks == 1


@pytest.mark.feature("A12")
def test_at_which_epoch_did_two_classes_part(walk, notebook, landscape, shots):
    table = landscape.events(50)
    parted = table[table.event == "parted"].iloc[-1]
    walk.click(walk.at.part("events"))
    walk.choose(walk.at.part("sought"), "parted")
    for place, kind in enumerate(parted.classes):
        walk.choose(walk.at.part(f"sought-class-{place}"), str(kind))
    of_pair = table[(table.event == "parted") & (table.classes == parted.classes)]
    marked = walk.at.part("event-mark")
    expect(marked).to_have_count(len(of_pair))
    walk.at.page.screenshot(path=shots / "walk-parted-epochs.png")
    walk.click(walk.at.part("event-parted").last)
    walk.at.wait_for_epoch(int(parted.epoch))
    eventually(
        lambda: notebook.python("int(explorer.table().shown.sum())"), int(parted.samples), walk.at.page
    )
    assert walk.clicks == 5


@pytest.mark.feature("B9")
def test_why_is_this_one_wrong(walk, notebook, shots):
    walk.click(walk.at.part("overview-confusion").first)
    tile = walk.at.part("thumbnail").first
    index = tile.get_attribute("data-index")
    walk.click(tile)
    walk.click(walk.button("One sample"))
    sample = walk.at.part("sample")
    expect(sample).to_have_attribute("data-index", index)
    expect(sample).to_contain_text("Probabilities at epoch 11")
    walk.at.page.screenshot(path=shots / "walk-wrong.png")
    walk.click(walk.button("Similar"))
    expect(walk.at.part("similar")).to_have_attribute("data-index", index)
    expect(walk.at.part("sample-row").first.locator("canvas")).to_be_visible()
    walk.at.page.screenshot(path=shots / "walk-similar.png")
    assert walk.clicks == 4
