"""Two landscapes in one explorer: whose panels are seen, wherever the mouse passes on its way."""

from __future__ import annotations

import comm
import numpy as np
import pytest
from bare import open_bare
from hosts import RecordingComm
from playwright.sync_api import expect
from steps import At, eventually, open_panel
from synthetic import fitted

import dvi_widget as dvi
from dvi_widget.landscape import Landscape

EPOCH = 10


@pytest.fixture
def landscapes():
    pair = [fitted(40, seed=seed) for seed in (0, 1)]
    pair[0].name, pair[1].name = "a slow start", "fast, with a name that is longer than its place"
    pair[1].samples["label"] = pair[0].samples["label"]
    return pair


@pytest.fixture
def explorer(landscapes, monkeypatch):
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    explorer = dvi.Explorer(*landscapes)
    explorer.epoch = EPOCH
    yield explorer
    explorer.close()


class Stage(At):
    """One canvas of the two."""

    def __init__(self, page, landscape, index):
        super().__init__(page, landscape)
        self.index = index

    def part(self, name):
        found = super().part(name)
        return found.nth(self.index) if name == "stage" else found


@pytest.mark.feature("F7")
def test_the_panels_of_both_are_reached(explorer, landscapes, page, shots):
    open_bare(page, explorer, style="html { background: Canvas; color-scheme: light dark }")
    left, right = (Stage(page, of, i) for i, of in enumerate(landscapes))
    left.wait_for_epoch(EPOCH)
    head, of = left.root.locator("[data-testid=side][aria-pressed=true]"), left.part("readout-of")
    active = left.root.locator(".dvi-side-name[aria-current=true]")

    def spoken_of(landscape):
        for place in (head, of, active):
            expect(place).to_have_text(landscape.name)

    sample = left.alone(EPOCH)
    left.page.mouse.click(*left.places(EPOCH)[sample])
    start = left.places(EPOCH)[sample]
    goal = page.get_by_role("tab", name="Errors").bounding_box()
    page.mouse.move(*start)
    for share in np.linspace(0, 1, 20):  # over the other canvas
        page.mouse.move(*(start + share * ((goal["x"] + 8, goal["y"] + 8) - start)))
    page.mouse.down()
    page.mouse.up()
    spoken_of(landscapes[0])
    open_panel(page, "One sample")
    predicted = left.part("sample").locator(".dvi-facts dd").nth(1)
    expect(predicted).to_have_text(landscapes[0].classes[landscapes[0].at(EPOCH).predictions[sample]])

    # What is pointed at on the other canvas is told there, of that landscape, and turns nothing.
    other = right.alone(EPOCH)
    card = right.hover(other, EPOCH)
    box, canvas = card.bounding_box(), right.part("stage").bounding_box()
    assert canvas["x"] <= box["x"] < canvas["x"] + canvas["width"]
    told = landscapes[1].classes[landscapes[1].at(EPOCH).predictions[other]]
    expect(card.locator("dd").nth(1)).to_have_text(told)
    spoken_of(landscapes[0])
    page.screenshot(path=shots / "sides-left.png")

    page.mouse.down()
    page.mouse.up()
    spoken_of(landscapes[1])
    expect(left.part("sample")).to_have_attribute("data-index", str(other))
    expect(predicted).to_have_text(told)
    page.emulate_media(color_scheme="dark")
    page.mouse.move(5, 5)
    page.screenshot(path=shots / "sides-right-dark.png")
    left.part("side").first.click()
    spoken_of(landscapes[0])


@pytest.mark.feature("A18")
def test_a_landscape_in_three_dimensions_has_a_panel_of_its_own(page, monkeypatch, shots):
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    flat = fitted(40)
    positions = [np.random.default_rng(seed).normal(size=(40, 3)) for seed in range(3)]
    outputs = [[frame.predictions for frame in flat], [frame.confidence for frame in flat]]
    solid = Landscape(flat.epochs, positions, *outputs, classes=flat.classes, samples=flat.samples)
    explorer = dvi.Explorer(flat, solid)
    explorer.epoch = EPOCH
    open_bare(page, explorer)
    at = At(page, flat)
    open_panel(at.root, "3-D")
    plot = page.frame_locator("iframe[title='The landscape in three dimensions']").locator("#plot")
    expect(plot.locator("canvas").first).to_be_visible()
    drawn = """(plot) => plot._fullData.flatMap((trace) => Array.from(trace.x, (x, i) =>
        [trace.customdata[i][0], x, trace.y[i], trace.z[i]])).sort((p, q) => p[0] - q[0])"""
    for epoch, wanted in ((EPOCH, positions[2]), (0, positions[0])):
        explorer.epoch = epoch
        at.wait_for_epoch(epoch)
        rows = np.column_stack([np.arange(40), wanted]).round(3).tolist()
        eventually(lambda: np.round(plot.evaluate(drawn), 3).tolist(), rows, page)
    page.screenshot(path=shots / "solid.png")
    plot.evaluate("(plot) => { plot.emit('plotly_click', { points: [{ customdata: [7, '', 1] }] }); }")
    eventually(lambda: explorer.selection, [7], page)
    explorer.close()
