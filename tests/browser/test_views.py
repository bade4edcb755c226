"""DeepView in the explorer: a canvas that sharpens, markers, what changes on a way, measures, texts."""

from __future__ import annotations

import threading

import comm
import numpy as np
import pytest
from bare import open_bare
from hosts import RecordingComm
from playwright.sync_api import expect
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from steps import At, eventually, open_panel
from waiting import WAIT_S

import dvi_widget as dvi


@pytest.fixture(scope="module")
def landscape():
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    reader = LogisticRegression(max_iter=500).fit(x[:300].reshape(300, -1), y[:300])
    view = dvi.DeepView(lambda given: reader.predict_proba(given.reshape(len(given), -1)), lam=0.6)
    return view.fit(x[1000:1150], y[1000:1150]).landscape(resolution=150)


@pytest.fixture
def open_explorer(page, monkeypatch):
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    opened = []

    def open_explorer(landscape, **options):
        explorer = dvi.Explorer(landscape, **options)
        opened.append(explorer)
        open_bare(page, explorer)
        return explorer

    yield open_explorer
    for explorer in opened:
        explorer.close()


def test_the_canvas_is_seen_to_sharpen(open_explorer, landscape, page, shots, monkeypatch):
    painted, seen = landscape.source.sharpen, threading.Event()

    def halting(*args):
        for count, painting in enumerate(painted(*args)):
            yield painting
            if count == 0:
                seen.wait(WAIT_S)

    monkeypatch.setattr(landscape.source, "sharpen", halting)
    monkeypatch.setattr(landscape[0], "_canvas", None)
    open_explorer(landscape)
    try:
        # Shown coarse, while the rest is still waited for.
        expect(page.get_by_test_id("waiting")).to_contain_text("Painting")
        colors = "(c) => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size"
        eventually(lambda: page.get_by_test_id("canvas").evaluate(colors) > 20, True, page)
        page.screenshot(path=shots / "deepview-coarse.png")
        expect(page.locator(".dvi")).not_to_have_attribute("data-ready", "true")
    finally:
        seen.set()
    At(page, landscape).wait_for_epoch(0)


@pytest.mark.feature("B10")
def test_markers_say_what_lies_there_and_a_way_what_changes(open_explorer, landscape, page, shots):
    explorer = open_explorer(landscape)
    at = At(page, landscape)
    at.wait_for_epoch(0)
    places, y = at.places(0), landscape[0].positions
    apart = np.linalg.norm(y[:, None] - y[None], axis=-1)
    apart[landscape[0].predictions[:, None] == landscape[0].predictions] = 0
    a, b = np.unravel_index(apart.argmax(), apart.shape)  # of different classes, the farthest apart
    at.part("tool-marker").click()
    page.mouse.click(*places[a])
    rows = at.part("markers").locator("li")
    expect(rows).to_have_count(1)
    page.mouse.move(*places[a])
    page.mouse.down()
    page.mouse.move(*((places[a] + places[b]) / 2), steps=3)
    page.mouse.move(*places[b], steps=3)
    page.mouse.up()
    expect(rows).to_have_count(2)
    for row, sample in ((0, a), (1, b)):
        expect(rows.nth(row).locator("canvas")).to_be_visible()
        expect(rows.nth(row)).to_contain_text(landscape.classes[landscape[0].predictions[sample]])
        # The decoded picture is the sample's own, but for what the map cannot keep.
        data = "(c) => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
        shown = np.array(rows.nth(row).locator("canvas").evaluate(data)).reshape(8, 8, 4)[..., 0]
        assert np.abs(shown - landscape.images[sample, 0].astype(float)).mean() < 40
    told = landscape.crossings(0, y[a], y[b])
    expect(at.part("crossings").locator("li").first).to_contain_text("→")
    assert len(told) > 0
    expect(at.part("marker-layer").locator("text")).to_have_count(2)
    page.screenshot(path=shots / "deepview-markers.png")
    eventually(lambda: explorer._view.get("path"), [1, 2], page)
    at.part("tool-pan").click()
    at.part("stage").press("Enter")
    expect(at.part("place")).to_contain_text("%")
    page.screenshot(path=shots / "deepview-place.png")
    at.part("keep-place").click()
    expect(rows).to_have_count(3)
    rows.nth(2).get_by_title("Remove").click()
    page.evaluate("() => { window.hide(); window.show(); }")  # as after a reload
    expect(page.get_by_test_id("markers").locator("li")).to_have_count(2)


@pytest.mark.feature("A9")
def test_measures_stand_beside_the_picture(open_explorer, landscape, page, shots):
    open_explorer(landscape)
    # Nobody said that these samples are test samples.
    readout = page.locator(".dvi-readout")
    expect(readout).to_contain_text("accuracy")
    expect(readout).not_to_contain_text("test")
    open_panel(page, "Quality")
    share = landscape.measures().set_index("measure")["value"]["q_not_data"]
    measures = page.get_by_test_id("measures")
    expect(measures).to_contain_text(f"{share:.1%}")
    expect(measures).to_contain_text("of the background is right")
    page.screenshot(path=shots / "deepview-measures.png")


@pytest.mark.feature("B13")
def test_texts_are_read_where_there_are_no_pictures(open_explorer, landscape, page, shots, monkeypatch):
    monkeypatch.setattr(landscape, "images", None)
    texts = [f"<b id=injected>note</b> number {index}\nsecond line" for index in range(150)]
    explorer = open_explorer(landscape, render=texts.__getitem__)
    at = At(page, landscape)
    at.wait_for_epoch(0)
    explorer.selection = [4, 7]
    tiles = at.part("thumbnail")
    expect(tiles).to_have_count(2)
    expect(tiles.nth(1)).to_contain_text("<b id=injected>note</b> number 7")
    words = tiles.nth(1).locator(".dvi-text")
    assert words.evaluate("(e) => e.scrollWidth > e.clientWidth"), "longer than there is room"
    expect(words).to_have_css("display", "block")  # in a flexible box nothing ends in an ellipsis
    expect(words).to_have_css("text-overflow", "ellipsis")
    expect(at.hover(at.alone(0), 0)).to_contain_text(f"number {at.alone(0)}")
    page.screenshot(path=shots / "deepview-texts.png")
    at.expect_nothing_injected()
