"""Pointing at the map: a loop is a lasso wherever it ends, and a scaled page moves no pointer."""

from __future__ import annotations

import comm
import numpy as np
import pytest
from bare import open_bare
from hosts import RecordingComm
from steps import At, eventually

import dvi_widget as dvi


@pytest.fixture
def explorer(landscape, monkeypatch):
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    explorer = dvi.Explorer(landscape)
    yield explorer
    explorer.close()


def test_a_lasso_that_ends_near_its_start_selects_all_inside(explorer, landscape, page):
    open_bare(page, explorer)
    at = At(page, landscape)
    epoch = landscape.epochs[-1]
    at.wait_for_epoch(epoch)
    places, stage = at.places(epoch), at.part("stage").bounding_box()
    # A square on its left tip, from a sample on: where a click would select that one alone.
    x, y = places.T
    fits = (x + 150 < stage["x"] + stage["width"]) & (abs(y - stage["y"] - stage["height"] / 2) < 150)
    crowd = (abs(places[None] - places[:, None] - (70, 0)).sum(axis=2) < 66).sum(axis=1)
    x, y = places[np.where(fits & at.reachable(places), crowd, 0).argmax()].tolist()
    corners = [(x, y), (x + 70, y - 70), (x + 140, y), (x + 70, y + 70), (x + 2, y + 2)]
    at.part("tool-lasso").click()
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner)
    page.mouse.up()
    # Less what lies on its line.
    reach = abs(places - (x + 70, y)).sum(axis=1)
    surely, perhaps = set((reach < 66).nonzero()[0].tolist()), set((reach < 74).nonzero()[0].tolist())
    assert len(surely) > 1
    eventually(lambda: surely <= set(explorer.selection) <= perhaps, True, page)


@pytest.mark.parametrize(
    "style", ["zoom: .8", "transform: scale(.8); transform-origin: 0 0"], ids=["zoom", "transform"]
)
def test_pointers_are_right_inside_a_scaled_ancestor(explorer, landscape, page, style):
    open_bare(page, explorer)
    page.evaluate("(style) => document.body.setAttribute('style', style)", style)
    at = At(page, landscape)
    first, last = landscape.epochs[0], landscape.epochs[-1]
    at.wait_for_epoch(last)
    at.click_epoch(first)
    sample = at.alone(first)
    at.hover(sample, first)
    eventually(lambda: explorer.hovered, sample, page)
    eventually(lambda: explorer.selection, at.lasso(first), page)
    at.click_epoch(landscape.epochs[-2])
