"""The exported page, opened from the disk with no network: it does what the notebook does."""

from __future__ import annotations

import pytest
import synthetic
from bare import open_bare
from playwright.sync_api import expect
from steps import NASTY, At, eventually, open_panel

import dvi_widget as dvi


@pytest.fixture
def context(context):
    """A context in which every attempt to reach the network fails the test."""
    reached = []
    context.on("request", lambda request: reached.append(request.url))
    context.route(lambda url: not url.startswith(("file:", "blob:", "data:")), lambda route: route.abort())
    context.set_offline(True)
    yield context
    assert [url for url in reached if not url.startswith(("file:", "blob:"))] == []
    assert len([url for url in reached if url.startswith("file:")]) == 1  # the page itself


@pytest.fixture(scope="module")
def path(landscape, tmp_path_factory):
    """The page of the digits; writing it takes every measure, so it is written once."""
    explorer = dvi.Explorer(landscape)
    yield explorer.to_html(tmp_path_factory.mktemp("page") / "digits.html")
    explorer.close()


@pytest.fixture
def small():
    """A landscape that is soon written."""
    return synthetic.landscape(60)


@pytest.mark.feature("F4")
def test_scrub_hover_and_lasso_work_from_the_disk(path, landscape, page, shots):
    first, last = landscape.epochs[0], landscape.epochs[-1]
    page.goto(path.as_uri())
    at = At(page, landscape)
    at.wait_for_epoch(last)

    at.click_epoch(first)
    at.drag_to_epoch(landscape.epochs[2], landscape.epochs[1])
    page.screenshot(path=shots / "page-scrubbed.png")
    at.click_epoch(last)

    sample = at.alone(last)
    card = at.hover(sample, last)
    expect(card).to_contain_text(f"#{sample}")
    at.expect_picture(card, sample)
    page.screenshot(path=shots / "page-hover.png")

    at.expect_pictures(at.lasso(last))
    page.screenshot(path=shots / "page-selection.png")


@pytest.mark.feature("F4")
def test_markers_and_neighbours_are_in_the_page(landscape, page, tmp_path, bare_explorer, browser, shots):
    explorer = bare_explorer(landscape)
    first, last = landscape.epochs[0], landscape.epochs[-1]
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        live = context.new_page()
        open_bare(live, explorer)
        at = At(live, landscape)
        at.wait_for_epoch(last)
        at.part("tool-marker").click()
        live.mouse.click(*at.places(last)[at.alone(last)])
        marked = at.part("markers").locator("li")
        expect(marked).to_contain_text("%")
        said = marked.inner_text()
        eventually(lambda: len(explorer._view.get("markers", [])), 1, live)
    page.goto(explorer.to_html(tmp_path / "marked.html").as_uri())
    at = At(page, landscape)
    at.wait_for_epoch(last)
    open_panel(at.root, "Places")
    expect(at.part("markers").locator("li")).to_contain_text("%")
    assert at.part("markers").locator("li").inner_text() == said
    at.click_epoch(first)
    expect(at.part("markers").locator("li")).to_contain_text("%")
    sample = at.alone(first)
    page.mouse.click(*at.places(first)[sample])
    open_panel(at.root, "Similar")
    rows = at.part("similar").get_by_test_id("sample-row")
    expect(rows).to_have_count(30)
    near = [int(row.get_attribute("data-index")) for row in rows.all()]
    assert near == landscape.source.neighbors(first, [sample], 30)[0].tolist()
    page.screenshot(path=shots / "page-similar.png")


def test_it_opens_as_the_explorer_stood(small, page, tmp_path):
    explorer = dvi.Explorer(small)
    explorer.epoch, explorer.selection, explorer.color_by = small.epochs[1], [5, 8, 13], "prediction"
    page.goto(explorer.to_html(tmp_path / "small.html").as_uri())
    at = At(page, small)
    at.wait_for_epoch(small.epochs[1])
    at.expect_pictures([5, 8, 13])
    expect(at.part("color-by")).to_have_value("prediction")


def test_names_are_text(page, tmp_path):
    small = synthetic.landscape(60, classes=NASTY)
    small.name = "</title><script>window.injected=1</script>"
    page.goto(dvi.Explorer(small).to_html(tmp_path / "small.html").as_uri())
    at = At(page, small)
    expect(at.part("legend-entry").nth(1)).to_contain_text(NASTY[1])
    at.hover(at.alone(small.epochs[-1]), small.epochs[-1])
    assert page.title() == small.name
    at.expect_nothing_injected()


@pytest.mark.parametrize(("scheme", "width"), [("dark", 1100), ("light", 420)])
def test_it_follows_the_reader_s_theme_and_width(browser, path, landscape, shots, scheme, width):
    with browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 1000}) as context:
        page = context.new_page()
        page.goto(path.as_uri())
        at = At(page, landscape)
        expect(at.root).to_have_attribute("data-theme", scheme)
        at.expect_pictures(at.lasso(landscape.epochs[-1]))
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.screenshot(path=shots / f"page-{scheme}-{width}.png", full_page=True)
