"""The still picture: what a notebook shows of the explorer where no kernel answers."""

from __future__ import annotations

import base64
import io

import comm
import numpy as np
import pytest
from hosts import RecordingComm
from PIL import Image
from synthetic import fitted, landscape

from dvi_widget.landscape import class_colors
from dvi_widget.landscape.lettering import font_for, lettered
from dvi_widget.landscape.support import support
from dvi_widget.widget.explorer import Explorer

WIDGET = "application/vnd.jupyter.widget-view+json"
SIDE, LEFT, TOP = 668, 16, 56  # where the canvas stands in the picture


class Clock:
    """Stands still unless a test moves it, so that what is drawn does not depend on the machine."""

    def __init__(self):
        self.now_s = 0.0

    def perf_counter(self):
        return self.now_s


@pytest.fixture(autouse=True)
def host(monkeypatch):
    monkeypatch.setattr(comm, "create_comm", RecordingComm)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("dvi_widget.widget.still.time", clock)
    return clock


def apart(**options):
    """Samples in a row, one frame, so that no point hides another."""
    shown = landscape(n=8, epochs=(3,), resolution=30, **options)
    shown[0].positions = np.column_stack([np.linspace(-1, 1, 8), np.zeros(8)]).astype(np.float32)
    shown.extent = (-1.2, 1.2, -1.2, 1.2)
    return shown


def picture(explorer):
    return np.asarray(Image.open(io.BytesIO(explorer._still())).convert("RGB")).astype(int)


def at(pixels, shown, index, above=0.0):
    """The colour at a sample's place, or some pixels above it."""
    x, y = shown[0].positions[index]
    x0, x1, y0, y1 = shown.extent
    column = LEFT + round((x - x0) / (x1 - x0) * SIDE)
    row = TOP + round((y1 - y) / (y1 - y0) * SIDE - above)
    return pixels[row, column]


def rgb(color):
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])


def alike(a, b):
    return np.abs(np.subtract(a, b)).max() <= 12  # the file holds 256 colours


def test_a_saved_notebook_gets_the_widget_and_a_picture():
    explorer = Explorer(landscape())
    bundle = explorer._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data[WIDGET]["model_id"] == explorer.model_id
    png = base64.b64decode(data["image/png"])
    assert Image.open(io.BytesIO(png)).size == (900, 740)
    assert len(png) < 400_000
    two = Image.open(io.BytesIO(Explorer(landscape(), landscape())._still()))
    assert two.size == (1220, 558)


def test_points_have_the_colours_that_the_page_gives_them():
    shown = apart()
    explorer = Explorer(shown)
    hues = [rgb(color) for color in class_colors(3)]
    frame, label = shown[0], shown.samples["label"].to_numpy()
    pixels = picture(explorer)
    for index in range(1, 8):
        assert alike(at(pixels, shown, index), hues[label[index]])
    assert alike(at(pixels, shown, 0), rgb("#80868f"))  # it has no label
    explorer.color_by = "prediction"
    pixels = picture(explorer)
    for index in range(8):
        assert alike(at(pixels, shown, index), hues[frame.predictions[index]])
    explorer.color_by = "correctness"
    pixels = picture(explorer)
    for index in range(1, 8):
        right = label[index] == frame.predictions[index]
        assert alike(at(pixels, shown, index), rgb("#78808c" if right else "#d61c3e"))


def test_what_is_selected_is_ringed_and_the_rest_fades():
    shown = apart()
    explorer = Explorer(shown)
    explorer.selection = [5]
    pixels = picture(explorer)
    ink, full = rgb("#1f2328"), rgb(class_colors(3)[shown.samples["label"][5]])
    assert alike(at(pixels, shown, 5), full)
    rings = [np.abs(at(pixels, shown, index, above=7) - ink).max() < 60 for index in range(8)]
    assert rings == [index == 5 for index in range(8)]
    other = rgb(class_colors(3)[shown.samples["label"][2]])
    assert alike(at(pixels, shown, 2), 255 + 0.3 * (other - 255))


def test_what_the_filter_does_not_show_fades():
    shown = apart()
    explorer = Explorer(shown)
    explorer.filter = "#3"
    pixels = picture(explorer)
    hue = rgb(class_colors(3)[shown.samples["label"][3]])
    assert alike(at(pixels, shown, 3), hue)
    other = rgb(class_colors(3)[shown.samples["label"][2]])
    assert alike(at(pixels, shown, 2), 255 + 0.3 * (other - 255))


def test_territories_are_drawn_and_what_was_painted_is_taken():
    shown = apart()
    explorer = Explorer(shown)
    # Beside samples, where the land is known; half faded; and far from all of them, where it is invented.
    middle = TOP + SIDE // 2
    corners = [(middle - 14, LEFT + 60), (middle + 32, LEFT + SIDE - 56), (TOP + 90, LEFT + 30)]
    known = support(shown[0].positions, shown.extent, 128)
    before = picture(explorer)
    assert not shown[0].painted  # a coarse one was enough
    shown[0].paint()
    after = picture(explorer)
    for row, column in corners:
        x = shown.extent[0] + (column - LEFT) / SIDE * 2.4
        y = shown.extent[3] - (row - TOP) / SIDE * 2.4
        (kind,), (sure,), _ = shown.source.paint(3, np.float32([[x, y]]))
        near = known[int((y + 1.2) / 2.4 * 128), int((x + 1.2) / 2.4 * 128)]
        expected = 255 + near * (0.12 + 0.28 * sure) * (rgb(class_colors(3)[kind]) - 255)
        assert alike(before[row, column], expected)
        assert np.abs(after[row, column] - expected).max() <= 30  # 30 cells only


def test_land_fades_without_bands():
    shown = apart()
    shown[0].positions[:, 1] = [1, *[-1] * 7]
    lone = shown[0].positions[0]
    row = TOP + round((1.2 - lone[1]) / 2.4 * SIDE)
    column = LEFT + round((lone[0] + 1.2) / 2.4 * SIDE)
    away = picture(Explorer(shown))[row, column + 8 : column + 60]  # to the right, from the rim of the sample
    steps = np.diff(away, axis=0)
    assert (away[-1] == 255).all()
    assert steps.min() >= 0
    assert steps.max() <= 6
    assert len(np.unique(away, axis=0)) >= 20


class Slow:
    """Paints, but takes its time on a clock."""

    def __init__(self, clock):
        self.clock = clock
        self.asked = 0

    def paint(self, epoch, points):
        self.asked += 1
        self.clock.now_s += 0.5
        return np.zeros(len(points), int), np.ones(len(points)), np.ones(len(points))


def test_an_engine_that_is_slow_or_fails_leaves_the_points_on_paper(clock):
    slow = apart()
    slow.source = Slow(clock)
    for shown in (slow, apart(error=RuntimeError("The disk is gone."))):
        pixels = picture(Explorer(shown))
        assert alike(pixels[TOP + 30, LEFT + 30], [255, 255, 255])
        assert alike(at(pixels, shown, 1), rgb(class_colors(3)[shown.samples["label"][1]]))
    assert slow.source.asked == 1


def test_the_legend_has_the_scale_of_a_column_of_numbers_and_says_what_white_land_is():
    shown = landscape()
    shown.samples["age"] = np.linspace(20, 80, len(shown.samples))
    explorer = Explorer(shown)
    legend = np.s_[:, LEFT + SIDE + 8 :]
    without = picture(explorer)[legend].astype(int)
    explorer.color_by = "age"
    pixels = picture(explorer)[legend].astype(int)
    bar = (np.abs(pixels - rgb("#21918c")).max(axis=2) <= 12).sum()  # the middle of viridis
    assert bar > 0
    assert (np.abs(without - rgb("#21918c")).max(axis=2) <= 12).sum() == 0
    # Without an engine there is no land, and so none that is undecided.
    shown.source = None
    assert (picture(Explorer(shown))[legend] < 200).any(axis=2).sum() < (without < 200).any(axis=2).sum()


def test_names_that_are_long_or_strange_and_a_thousand_classes_are_drawn():
    shown = landscape(classes=["a" * 5000, "\u2028 <b>", *[f"class {i}" for i in range(998)]])
    shown.name = "name\n" * 500
    assert picture(Explorer(shown)).shape == (740, 900, 3)


def test_the_picture_has_the_palette_that_the_page_has():
    shown = apart()
    explorer = Explorer(shown)
    for palette, name in (("vivid", "vivid"), ("none of them", "safe"), (7, "safe")):
        explorer._view = {"palette": palette}
        hues = [rgb(color) for color in class_colors(3, name)]
        pixels = picture(explorer)
        for index in range(1, 8):
            assert alike(at(pixels, shown, index), hues[shown.samples["label"].iloc[index]])


def test_columns_have_colours_and_what_takes_time_is_left_to_the_page():
    shown = apart()
    shown.samples["age"] = [0.0, 10, 10, 10, 5, 0, 0, np.nan]
    shown.samples["device"] = ["phone", "tablet"] * 4
    explorer = Explorer(shown)
    explorer.color_by = "age"
    pixels = picture(explorer)
    for index, color in ((0, "#fde725"), (4, "#21918c"), (1, "#440154"), (7, "#80868f")):
        assert alike(at(pixels, shown, index), rgb(color))
    explorer.color_by = "device"
    pixels = picture(explorer)
    for index in range(8):
        assert alike(at(pixels, shown, index), rgb(class_colors(2)[index % 2]))
    slow = fitted(60, (0, 5), resolution=30)
    explorer = Explorer(slow)
    by_label = picture(explorer)
    explorer.color_by = "loss"
    assert (picture(explorer) == by_label).all()


def test_what_no_font_has_is_called_by_its_number():
    unknown = "\U0010fffd"  # for private use
    assert font_for("Katze, cat, 3!", 15) is not None
    assert font_for(unknown, 15) is None
    assert lettered(unknown, 15, "class 4")[0] == "class 4"
    assert lettered(f"a{unknown}b", 15)[0] == "a·b"


@pytest.mark.parametrize("name", ["Кошка", "חתול", "كلب", "猫", "🐈"])
def test_names_in_any_script_are_written_or_numbered_but_never_boxes(name):
    text, font = lettered(name, 24, "class 0")
    if text == name:
        missing = bytes(font.getmask("\U0010ffff"))
        assert all(bytes(font.getmask(sign)) != missing for sign in name)
    else:
        assert text == "class 0"
        assert font_for(name, 24) is None
    assert picture(Explorer(landscape(classes=[name, "b", "c"]))).shape[2] == 3
