"""Fitted epochs: what stays in memory however many there are, and what is read when it is asked for."""

from __future__ import annotations

import gc
import shutil

import numpy as np
import pandas as pd
import pytest
from recorded import network, record

import dvi_widget as dvi
from dvi_widget.dvi.layout import LayoutMap
from dvi_widget.landscape import Landscape
from dvi_widget.landscape.paint import paint
from dvi_widget.runs.storage import RunError

EPOCHS = range(9)
IN_MEMORY = 4


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "many"
    record(folder, epochs=EPOCHS)
    return dvi.Run(folder, model=network())


def in_memory():
    """How many maps there are."""
    gc.collect()
    return sum(type(thing) is LayoutMap for thing in gc.get_objects())


def test_maps_are_read_when_they_are_asked_for_and_let_go_of(run):
    before = in_memory()
    model = dvi.DVI(joint=False).fit(run)
    landscape = model.landscape()
    assert in_memory() - before <= 1
    for frame in landscape:
        assert frame.canvas.classes.shape == (300, 300)
    assert in_memory() - before <= IN_MEMORY
    x = run.features(0, "test")
    # The first was let go of, and is the same when it comes back.
    np.testing.assert_array_equal(model.transform(x, 0), model.maps_[0].transform(x))
    np.testing.assert_allclose(model.transform(x, 0), landscape.at(0).positions[run.n_train :], atol=1e-5)
    assert in_memory() - before <= IN_MEMORY
    assert list(model.maps_) == list(EPOCHS)


def test_a_fit_that_goes_on_keeps_no_more_maps(run):
    before = in_memory()
    model = dvi.DVI(joint=False)
    for epoch in EPOCHS:
        model.partial_fit(run, [epoch])
        assert in_memory() - before <= 2


def test_a_map_that_was_deleted_is_missed_by_name(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run.folder, folder)
    model = dvi.DVI(joint=False).fit(dvi.Run(folder))
    landscape = model.landscape()
    shutil.rmtree(folder / "maps")
    with pytest.raises(RunError, match=r"maps.*Fit the run again"):
        landscape.at(0).paint()
    assert dvi.DVI(joint=False).fit(dvi.Run(folder)).landscape().at(0).canvas.classes.shape == (300, 300)


class Plain:
    """A source that paints one class, and notes how many points it is asked about at once."""

    def __init__(self):
        self.asked = []

    def paint(self, epoch, points):
        self.asked.append(len(points))
        n = len(points)
        return np.full(n, epoch % 2), np.full(n, 0.5), np.full(n, 0.25)


def test_a_landscape_keeps_the_canvases_painted_last():
    samples = pd.DataFrame({"split": ["train", "train"], "label": [0, 1]})
    epochs = range(70)
    shown = Landscape(
        list(epochs),
        [np.eye(2)] * len(epochs),
        [[0, 1]] * len(epochs),
        [[1, 1]] * len(epochs),
        classes=["a", "b"],
        samples=samples,
        source=Plain(),
        resolution=4,
    )
    for frame in shown:
        assert frame.canvas.classes.max() == frame.epoch % 2
    assert [frame.painted for frame in shown] == [epoch >= 6 for epoch in epochs]
    assert shown[0].canvas.classes.max() == 0  # painted anew
    assert not shown[6].painted


@pytest.mark.parametrize("classes", [2, 1000, 5000])
def test_the_more_classes_the_fewer_pixels_are_classified_at_once(classes):
    source = Plain()
    canvas = paint(source, 1, (0, 1, 0, 1), 300, classes)
    assert (canvas.classes == 1).all()
    assert sum(source.asked) == 300 * 300
    assert max(source.asked) * classes <= 1 << 22
