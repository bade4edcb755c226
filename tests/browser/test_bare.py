"""A host with a bad line: no buffers at first, deaf at first, three seconds an answer. All arrives."""

from __future__ import annotations

import comm
import numpy as np
import pytest
from bare import open_bare
from hosts import RecordingComm
from playwright.sync_api import expect
from steps import NASTY, At, eventually

import dvi_widget as dvi


@pytest.fixture
def explorer(landscape, monkeypatch):
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    explorer = dvi.Explorer(landscape)
    yield explorer
    explorer.close()


def test_everything_arrives_over_a_bad_line(explorer, landscape, page, shots):
    open_bare(page, explorer, delay=3000, deaf=3000)
    first, last = landscape.epochs[0], landscape.epochs[-1]
    at = At(page, landscape)
    at.wait_for_epoch(last)
    at.click_epoch(first)
    eventually(lambda: explorer.epoch, first, page)
    sample = at.alone(first)
    card = at.hover(sample, first)
    eventually(lambda: explorer.hovered, sample, page)
    at.expect_picture(card, sample)
    inside = at.lasso(first)
    eventually(lambda: explorer.selection, inside, page)
    at.expect_pictures(inside)
    page.screenshot(path=shots / "bare.png")


def test_python_moves_the_page_and_hears_of_each_change_once(explorer, landscape, page):
    open_bare(page, explorer)
    heard = []
    explorer.observe(
        lambda change: heard.append((change["name"], change["new"])), ["epoch", "selection", "color_by"]
    )
    at = At(page, landscape)
    first, second = landscape.epochs[:2]

    explorer.epoch = first
    at.wait_for_epoch(first)
    explorer.selection = [7, 3]
    at.expect_pictures([3, 7])
    at.click_epoch(second)
    eventually(lambda: explorer.epoch, second, page)
    at.part("color-by").select_option("correctness")
    eventually(lambda: explorer.color_by, "correctness", page)
    at.part("clear-selection").click()
    eventually(lambda: explorer.selection, [], page)
    explorer.hovered = 12
    expect(at.part("hover-card")).to_have_attribute("data-index", "12")

    at.wait_for_epoch(second)
    assert heard == [
        ("epoch", first),
        ("selection", [3, 7]),
        ("epoch", second),
        ("color_by", "correctness"),
        ("selection", []),
    ]


def test_the_filter_finds_what_python_finds(explorer, landscape, page):
    open_bare(page, explorer)
    at, table = At(page, landscape), explorer.table()
    for level in range(1, 10):
        explorer.filter = f"conf<0.{level}"
        found = np.flatnonzero(explorer.table()["shown"]).tolist()
        expect(at.part("count")).to_have_text(f"{len(found):,} of {len(table):,}")
        at.part("select-found").click()
        eventually(lambda: explorer.selection, found, page)
    explorer.filter = ""
    epoch = landscape.epochs[-1]
    sample = at.alone(epoch)
    share = f"{100 * table['confidence'][sample]:.1f}%"
    expect(at.hover(sample, epoch).locator("dd").nth(2)).to_have_text(share)


def test_two_views_of_one_explorer_do_not_take_each_others_answers(explorer, landscape, page):
    open_bare(page, explorer)
    At(page, landscape)
    page.evaluate("() => window.show()")
    expect(page.locator(".dvi[data-ready=true]")).to_have_count(2)


def test_names_are_text(landscape, page, monkeypatch):
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    monkeypatch.setattr(landscape, "classes", NASTY)
    open_bare(page, dvi.Explorer(landscape))
    at = At(page, landscape)
    expect(at.part("legend-entry").nth(1)).to_contain_text(NASTY[1])
    at.hover(at.alone(landscape.epochs[-1]), landscape.epochs[-1])
    at.expect_nothing_injected()


def test_what_render_took_it_gives_back(explorer, landscape, page):
    open_bare(page, explorer)
    At(page, landscape)
    page.evaluate("() => window.hide()")
    expect(page.locator(".dvi")).to_have_count(0)
    assert page.evaluate("document.body.querySelectorAll(':scope > :not(script)').length") == 0
    assert page.evaluate("document.head.querySelectorAll('style').length") == 1, "the page's own"
    assert page.evaluate("window.model.listening") == 1, "what the model itself took, as long as it lives"
