"""The explorer by keyboard and for screen readers, in both themes, with each of its panels open."""

from __future__ import annotations

import re

import pytest
import synthetic
from axe import violations
from bare import open_bare
from lab import WAIT_MS
from playwright.sync_api import expect
from steps import At, eventually, every_panel

import dvi_widget as dvi
from dvi_widget.demonstration import network

pytestmark = pytest.mark.timeout(400)

STYLE = "html { background: Canvas; color-scheme: light dark }"

# The element that has the focus, if it is the explorer's: where it is, and whether one sees that it has it.
FOCUSED = """() => {
    const tree = document.activeElement?.shadowRoot;
    const element = tree?.activeElement;
    if (!element?.closest(".dvi")) return null;
    const place = [...tree.querySelectorAll(".dvi *")].indexOf(element);
    // The line of a text field is drawn round its box, with what else lies in it.
    const box = element.closest(".dvi-find") ?? element;
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(box);
    return {
        path: `${place} ${element.tagName} [${element.dataset.testid}] ${element.textContent.slice(0, 20)}`,
        marked: element.matches(":focus-visible")
            && ((outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none"),
    };
}"""


@pytest.fixture(scope="module")
def landscape():
    return synthetic.landscape(400, range(6), groups=("flipped",))


@pytest.fixture
def at(bare_explorer, landscape, page):
    open_bare(page, bare_explorer(landscape), style=STYLE)
    return At(page, landscape)


@pytest.fixture(scope="module")
def explained(run_folder):
    """A landscape of which every panel has something to say."""
    return dvi.DVI().fit(dvi.Run(run_folder, model=network())).landscape()


@pytest.mark.feature("F8")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong(bare_explorer, explained, page, shots, scheme):
    page.emulate_media(color_scheme=scheme)
    open_bare(page, bare_explorer(explained), style=STYLE)
    at = At(page, explained)
    expect(at.root).to_have_attribute("data-theme", scheme)
    last = explained.epochs[-1]
    found = {}
    # Without and with a selection: panels have an empty state.
    for chosen in ("nothing", "something"):
        if chosen == "something":
            at.lasso(last)
            at.hover(at.alone(last), last)
        for name in every_panel(at.root):
            expect(at.root.locator(".dvi-waiting")).to_have_count(0, timeout=WAIT_MS)
            found[f"{name}, {chosen} selected"] = violations(at)
    page.screenshot(path=shots / f"access-{scheme}.png")
    assert {state: wrong for state, wrong in found.items() if wrong} == {}


@pytest.mark.feature("F8")
def test_everything_is_reached_with_the_tabulator_and_shows_its_focus(at, page):
    page.keyboard.press("Tab")
    reached, unmarked = set(), []
    while (here := page.evaluate(FOCUSED)) is not None and here["path"] not in reached:
        reached.add(here["path"])
        if not here["marked"]:
            unmarked.append(here["path"])
        page.keyboard.press("Tab")
    assert unmarked == []
    for name in ("stage", "epoch-slider", "play", "color-by", "tool-lasso", "legend-entry", "find"):
        assert any(f"[{name}]" in path for path in reached), name


def test_the_canvas_says_in_words_what_it_shows(at, landscape):
    canvas = at.part("canvas")
    last = landscape.epochs[-1]
    expect(canvas).to_have_attribute("aria-label", containing(f"400 samples at epoch {last}"))
    for place, name in enumerate(landscape.classes):
        predicted = int((landscape.at(last).predictions == place).sum())
        expect(canvas).to_have_attribute("aria-label", containing(f"{name} {predicted}"))
    inside = at.lasso(last)
    expect(canvas).to_have_attribute("aria-label", containing(f"{len(inside)} selected"))


def test_who_asked_for_less_motion_gets_none(bare_explorer, landscape, page):
    page.emulate_media(reduced_motion="reduce")
    explorer = bare_explorer(landscape)
    open_bare(page, explorer)
    at = At(page, landscape)
    page.evaluate(
        """(canvas) => {
            window.pictures = new Set();
            const look = () => { window.pictures.add(canvas.toDataURL()); requestAnimationFrame(look); };
            look();
        }""",
        at.part("canvas").element_handle(),
    )
    at.click_epoch(landscape.epochs[0])
    eventually(lambda: explorer.epoch, landscape.epochs[0], page)
    page.mouse.move(1, 1)
    assert page.evaluate("window.pictures.size") == 2  # before and after, nothing between


def containing(text):
    return re.compile(re.escape(text))
