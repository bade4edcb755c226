"""Where things lie: cards and lists inside what holds them, names as long as there is room for them."""

from __future__ import annotations

import pytest
import synthetic
from bare import open_bare, quiet
from lab import WAIT_MS
from playwright.sync_api import expect
from steps import At, open_panel

CLASSES = ["red discs", "green squares", "blue crosses", "yellow rings", "purple stripes", "cyan dots"]


@pytest.fixture(params=["light", "dark"])
def themed(browser, request):
    with browser.new_context(viewport={"width": 1280, "height": 700}, color_scheme=request.param) as context:
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        page.theme = request.param
        yield page


def is_on_top(part):
    """Whether a pointer at the middle of an element, and at its corners, meets it."""
    return part.evaluate(
        """(element) => {
            const { left, right, top, bottom } = element.getBoundingClientRect();
            const root = element.getRootNode();
            return [[0.5, 0.5], [0.02, 0.1], [0.98, 0.1], [0.02, 0.9], [0.98, 0.9]].every(([x, y]) =>
                element.contains(root.elementFromPoint(left + x * (right - left), top + y * (bottom - top))));
        }"""
    )


def test_what_the_find_field_offers_and_says_lies_below_it(bare_explorer, themed, shots):
    page = themed
    open_bare(page, bare_explorer(synthetic.landscape(400, classes=CLASSES)))
    at = At(page, None)
    field = at.part("find")
    field.click()
    expect(at.part("fields")).to_be_visible()
    line = at.root.locator(".dvi-find")
    room = field.bounding_box()["width"]

    field.fill("label:")
    below = at.root.get_by_role("listbox", name="Conditions")
    expect(at.part("option")).to_have_count(len(CLASSES) + 1)
    page.screenshot(path=shots / f"find-offers-{page.theme}.png")
    expect_below(below, line, page)
    assert is_on_top(below)
    assert field.bounding_box()["width"] == pytest.approx(room, abs=60), "only the cross takes of its room"
    room = field.bounding_box()["width"]
    at.part("option").nth(1).click()
    expect(field).to_have_value('label:"green squares" ')

    field.fill("label:")
    expect(below).to_be_visible()
    at.part("fields").click()
    expect(at.root.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    said = at.part("find-message")
    expect(said).to_contain_text("After label comes a class")
    page.screenshot(path=shots / f"find-says-{page.theme}.png")
    expect_below(said, line, page)
    assert is_on_top(said)
    assert field.bounding_box()["width"] == pytest.approx(room, abs=1)
    field.click()
    page.keyboard.type("cyan")
    page.keyboard.press("Tab")
    expect(field).to_have_value('label:"cyan dots" ')
    expect(said).to_be_hidden()


@pytest.mark.parametrize("width", [1280, 500, 400])
def test_the_card_of_a_place_lies_inside_the_stage(bare_explorer, page, shots, width):
    page.set_viewport_size({"width": width, "height": 1000})
    landscape = synthetic.fitted(60, classes=CLASSES)
    open_bare(page, bare_explorer(landscape), delay=300)  # what fills the card comes when it is there
    at = At(page, landscape)
    stage = at.part("stage").bounding_box()
    low = stage["y"] + stage["height"] - 8
    for share in (0.3, 0.7):
        page.mouse.click(stage["x"] + share * stage["width"], low)
        card = at.part("place")
        expect(card.get_by_test_id("nearest")).to_have_count(5)
        quiet(page)
        page.screenshot(path=shots / f"place-{width}-{share}.png")
        expect_inside(card, at.part("stage"))
        mark = at.root.locator(".dvi-place-mark").bounding_box()
        box = card.bounding_box()
        beside = box["x"] >= mark["x"] + mark["width"] or box["x"] + box["width"] <= mark["x"]
        assert beside or box["y"] + box["height"] <= mark["y"], "the card leaves its place in sight"
        page.keyboard.press("Escape")
        expect(card).to_have_count(0)


@pytest.mark.parametrize("width", [500, 1280, 1600])
def test_rates_of_all_classes_stand_in_even_rows(bare_explorer, page, shots, width):
    page.set_viewport_size({"width": width, "height": 1000})
    landscape = synthetic.landscape(300, classes=CLASSES)
    landscape[-1].predictions = landscape.samples["label"].to_numpy().clip(0)  # all right: 100.0%
    open_bare(page, bare_explorer(landscape))
    at = At(page, landscape)
    open_panel(at.root, "Classes")
    rows = at.part("classes").get_by_role("button")
    expect(rows.first).to_contain_text("100.0%")
    page.screenshot(path=shots / f"rows-{width}.png")
    heights = rows.evaluate_all("(rows) => rows.map((row) => [row.clientHeight, row.scrollHeight])")
    assert {tuple(sizes) for sizes in heights} == {(28, 28)}
    rates = rows.locator(".dvi-count").evaluate_all("(all) => all.map((e) => e.scrollWidth - e.clientWidth)")
    assert max(rates) == 0


def test_names_are_whole_where_there_is_room(bare_explorer, page, shots):
    page.set_viewport_size({"width": 1600, "height": 900})
    landscape = synthetic.fitted(
        60, classes=["a growth that is benign", "a growth that is not"], images=False
    )
    open_bare(page, bare_explorer(landscape))
    at = At(page, landscape)
    sample = at.alone(10)
    card = at.hover(sample, 10)
    expect(card.locator("dd[title^='a growth that']")).not_to_have_count(0)
    assert cut_names(card) == []
    legend = at.root.locator(".dvi-legend")
    assert cut_names(legend) == []
    assert legend.bounding_box()["x"] + legend.bounding_box()["width"] <= at.places(10).min(axis=0)[0]
    stage = at.part("stage").bounding_box()
    page.mouse.click(stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] - 8)
    expect(at.part("place").get_by_role("listitem")).to_have_count(2)
    assert cut_names(at.part("place")) == []
    open_panel(at.root, "Confusion")
    plane = at.part("plane").bounding_box()
    page.screenshot(path=shots / "names-room.png")
    cells, marks = 2 * 56, 4
    assert plane["width"] - cells - marks > 120, "the names have what the cells leave"


def test_a_short_name_is_whole_beside_a_long_one(bare_explorer, page):
    landscape = synthetic.fitted(60, classes=["dog", "withoutanyspacestobreakat" * 6])
    open_bare(page, bare_explorer(landscape))
    at = At(page, landscape)
    open_panel(at.root, "Confusion")
    expect(at.part("error")).to_have_count(2)
    assert set(cut_names(at.root.locator(".dvi-errors"))) == {landscape.classes[1]}


def test_where_a_way_crosses_stays_on_one_line(bare_explorer, page, shots):
    landscape = synthetic.fitted(60, classes=["a class with a name that goes on", "another that does so too"])
    open_bare(page, bare_explorer(landscape))
    at = At(page, landscape)
    at.part("tool-marker").click()
    weight = landscape.source.weight[:2, 1] - landscape.source.weight[:2, 0]
    order = (landscape[-1].positions @ weight).argsort()  # along what tells the classes apart
    places = at.places(10)
    page.mouse.move(*places[order[0]])
    page.mouse.down()
    page.mouse.move(*places[order[-1]], steps=6)
    page.mouse.up()
    where = at.part("crossings").locator("small").first
    expect(where).to_contain_text("at ")
    page.screenshot(path=shots / "way-row.png")
    assert where.bounding_box()["height"] < 20


def cut_names(part):
    """Names in it that end in an ellipsis."""
    return part.locator(".dvi-name").evaluate_all(
        "(names) => names.filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.textContent)"
    )


def test_what_is_said_of_an_epoch_keeps_clear_of_the_ends(bare_explorer, page, shots):
    landscape = synthetic.fitted(60, classes=["a growth that is benign & fine", "a growth that is not fine"])
    open_bare(page, bare_explorer(landscape))
    at = At(page, landscape)
    open_panel(at.root, "One sample")
    page.mouse.click(*at.places(10)[at.alone(10)])
    ends = at.root.locator(".dvi-axis > span")
    expect(ends.nth(1)).to_contain_text("its label")
    page.screenshot(path=shots / "sample-axis.png")
    first, said, last = (ends.nth(i).bounding_box() for i in range(3))
    assert said["y"] >= first["y"] + first["height"] - 1
    assert first["y"] == last["y"]
    label = at.part("bars").locator("small")
    expect(label).to_have_text("label")
    assert label.evaluate("(e) => e.scrollWidth <= e.clientWidth")
    bar = label.locator("xpath=../following-sibling::*[1]").bounding_box()
    assert label.bounding_box()["x"] + label.bounding_box()["width"] <= bar["x"]


def expect_inside(part, whole):
    box, around = part.bounding_box(), whole.bounding_box()
    assert box["x"] >= around["x"]
    assert box["y"] >= around["y"]
    assert box["x"] + box["width"] <= around["x"] + around["width"]
    assert box["y"] + box["height"] <= around["y"] + around["height"]


def expect_below(part, line, page):
    box, over = part.bounding_box(), line.bounding_box()
    assert over["y"] + over["height"] <= box["y"] <= over["y"] + over["height"] + 8
    assert box["x"] >= over["x"] - 1
    assert box["x"] + box["width"] <= over["x"] + over["width"] + 1
    assert box["y"] + box["height"] <= page.viewport_size["height"]
    assert part.evaluate("(e) => getComputedStyle(e).backgroundColor") != "rgba(0, 0, 0, 0)"
