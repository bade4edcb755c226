"""A landscape: one extent, painted canvases, measures through its source, figures for reports."""

import base64
import io
import itertools

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from synthetic import Painter, landscape

from dvi_widget import measures
from dvi_widget.landscape import PALETTES, Landscape, class_colors, colored
from dvi_widget.landscape.canvas import Canvas
from dvi_widget.landscape.source import ABILITIES, Paints, RoundTrips
from dvi_widget.landscape.support import support


def linear_light(color):
    channels = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def oklab(light):
    """Perceptual coordinates (Ottosson 2020) of linear sRGB."""
    to_cones = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    to_lab = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    return np.array(to_lab) @ np.cbrt(np.clip(np.array(to_cones) @ light, 0, None))


# Machado et al. 2009, severity 1, on linear sRGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.01182, 0.04294, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.3039],
    ],
}


@pytest.mark.feature("F8")
@pytest.mark.parametrize("sight", SIGHT)
def test_ten_classes_keep_apart_for_every_eye_by_default(sight):
    seen = [oklab(np.clip(np.array(SIGHT[sight]) @ linear_light(color), 0, 1)) for color in PALETTES["safe"]]
    assert len(seen) == 10
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 0.08


def test_the_default_palette_comes_first_and_grows_without_changing():
    assert next(iter(PALETTES)) == "safe"
    for palette in PALETTES:
        many = class_colors(60, palette)
        assert many[:5] == class_colors(5, palette)
        assert len(set(many)) == 60
        assert all(len(color) == 7 and int(color[1:], 16) >= 0 for color in many)
    with pytest.raises(ValueError, match="palette must be one of"):
        class_colors(3, "none such")


def run_of_mistakes(n, epochs=1):
    """A landscape of n classes with four samples each, of which the last is taken for the next class."""
    label = np.repeat(np.arange(n), 4)
    predictions = np.where(np.arange(4 * n) % 4 == 3, (label + 1) % n, label)
    samples = pd.DataFrame({"split": "train", "label": label})
    y = np.random.default_rng(0).normal(size=(4 * n, 2)).astype(np.float32)
    parts = [range(epochs), [y] * epochs, [predictions] * epochs, [np.ones(4 * n)] * epochs]
    return Landscape(*parts, classes=[f"class {i}" for i in range(n)], samples=samples)


def apart(colors):
    """How far the colours of each class and the next one lie apart."""
    seen = np.array([oklab(linear_light(color)) for color in colors])
    return np.linalg.norm(seen - np.roll(seen, -1, axis=0), axis=1)


@pytest.mark.parametrize("n", [11, 100])
@pytest.mark.parametrize("palette", PALETTES)
def test_classes_that_are_mistaken_for_each_other_differ_in_colour(n, palette):
    colors = run_of_mistakes(n).colors(palette)
    assert sorted(colors) == sorted(class_colors(n, palette))
    placebo = [apart(np.random.default_rng(seed).permutation(colors)).min() for seed in range(20)]
    assert apart(colors).min() > max(0.1, *placebo)


def test_colours_stay_as_they_were_first_seen_and_ten_are_the_palette_s():
    shown = run_of_mistakes(20)
    before = shown.colors()
    frame = shown[0]
    shown.append(5, frame.positions, np.roll(frame.predictions, 7), frame.confidence)
    assert shown.colors() == before
    assert run_of_mistakes(10).colors() == PALETTES["safe"]
    with pytest.raises(ValueError, match="palette must be one of"):
        shown.colors("none such")


def test_without_labels_colours_are_the_palette_s():
    shown = run_of_mistakes(20)
    shown.samples["label"] = -1
    assert shown.colors() == class_colors(20)


def test_positions_in_a_landscape_and_recorded_epochs_are_told_apart():
    shown = landscape(epochs=(0, 5, 10))
    assert len(shown) == 3
    assert repr(shown) == f"Landscape({len(shown.samples)} samples, 3 epochs)"
    assert [frame.epoch for frame in shown] == shown.epochs == [0, 5, 10]
    assert shown[-1] is shown.at(10)
    with pytest.raises(ValueError, match=r"epoch must be part of this landscape, one of \[0, 5, 10\]; got 3"):
        shown.at(3)
    with pytest.raises(IndexError):
        shown[3]


def test_one_square_extent_holds_every_position_of_every_epoch_with_room_to_spare():
    shown = landscape()
    x0, x1, y0, y1 = shown.extent
    assert x1 - x0 == pytest.approx(y1 - y0)
    everything = np.concatenate([frame.positions for frame in shown])
    assert (everything.min(axis=0) > (x0, y0)).all()
    assert (everything.max(axis=0) < (x1, y1)).all()


class Compass:
    """Class 1 where x > 0, surer to the right; the border is vertical, the top right is class 2."""

    def paint(self, epoch, points):
        right = points[:, 0] > 0
        classes = np.where(right & (points[:, 1] > 1), 2, right.astype(int))
        return classes, np.clip(0.5 + points[:, 0] / 4, 0, 1), np.abs(points[:, 0]) / 4


def compass(classes=("a", "b", "c"), resolution=40, **options):
    samples = pd.DataFrame({"split": ["train", "train", "test"], "label": [0, 1, 2]})
    y = np.array([[-2.0, -2], [2, -2], [2, 2]], np.float32)
    return Landscape(
        [7],
        [y],
        [[0, 1, 2]],
        [[0.9, 0.8, 0.7]],
        classes=classes,
        samples=samples,
        resolution=resolution,
        **{"source": Compass(), **options},
    )


def test_the_canvas_lies_with_its_first_row_at_the_lowest_y():
    frame = compass()[0]
    assert not frame.painted
    classes, shade, margin = frame.canvas
    assert frame.painted
    assert classes.dtype == shade.dtype == margin.dtype == np.uint8
    assert classes.shape == shade.shape == margin.shape == (40, 40)
    assert classes[0, 0] == 0
    assert classes[0, -1] == 1
    assert classes[-1, -1] == 2
    # The class is everywhere; where two are alike, the margin says so.
    assert classes.max() == 2
    assert margin[:, 19:21].max() < margin[:, 0].min()
    assert frame.canvas.margins()[:, 0] == pytest.approx(np.square(margin[:, 0] / 255))
    assert shade[0, 0] < shade[0, -1]
    assert frame.canvas.classes is classes  # kept


def test_every_position_lies_on_the_pixel_of_its_own_class():
    shown = compass(resolution=64)
    x0, x1, y0, y1 = shown.extent
    frame = shown[0]
    column = ((frame.positions[:, 0] - x0) / (x1 - x0) * 64).astype(int)
    row = ((frame.positions[:, 1] - y0) / (y1 - y0) * 64).astype(int)
    assert frame.canvas.classes[row, column].tolist() == [0, 1, 2]


@pytest.mark.parametrize(("n", "dtype"), [(255, np.uint8), (256, np.uint16)])
def test_more_classes_than_a_byte_can_tell_apart_take_two(n, dtype):
    assert compass(classes=[str(i) for i in range(n)])[0].canvas.classes.dtype == dtype


def test_painting_reports_and_can_be_stopped_with_nothing_kept():
    frame = compass(resolution=600)[0]
    seen = []

    def stop(share):
        seen.append(share)
        if share > 0.3:
            raise InterruptedError("enough")

    with pytest.raises(InterruptedError):
        frame.paint(stop)
    assert not frame.painted
    seen.clear()
    frame.paint(seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1


class Sharpening(Compass):
    """The same, drawn coarse first: one class, then all."""

    def sharpen(self, epoch, extent, resolution):
        size = (resolution, resolution)
        for kind, share in ((0, 0.2), (1, 1.0)):
            yield Canvas(*(np.full(size, value, np.uint8) for value in (kind, 9 * kind, 200))), share


def test_a_canvas_painted_from_coarse_to_fine_is_shown_on_the_way():
    frame = compass(source=Sharpening())[0]
    shown = []
    classes, shade, margin = frame.paint(show=shown.append)
    assert [part.classes.max() for part in shown] == [0]  # the last one is the answer
    assert (classes == 1).all()
    assert (shade == 9).all()
    assert (margin == 200).all()


def test_crossings_are_where_the_class_changes_on_the_way():
    shown = compass()
    table = shown.crossings(7, [-2, 2], [2, 2])  # the change at x = 0, half way, from class 0 to class 2
    assert table[["before", "after"]].to_numpy().tolist() == [[0, 2]]
    np.testing.assert_allclose(table[["t", "x", "y"]], [[0.5, 0, 2]], atol=1e-4)
    up = shown.crossings(7, [-1, -1], [3, 3])  # 0 to 1 at the origin, 1 to 2 at (1, 1)
    expected = [[0.25, 0, 0, 1], [0.5, 1, 1, 2]]
    np.testing.assert_allclose(up[["t", "x", "before", "after"]], expected, atol=1e-4)
    assert shown.crossings(7, [1, 1], [1, 1]).empty


def test_crossings_that_lie_close_together_lead_from_class_to_class():
    class Stripes:
        """Three changes within a thousandth of the way."""

        def paint(self, epoch, points):
            kind = np.searchsorted([0.0, 0.001, 0.002], points[:, 0], side="right")
            return kind, np.ones(len(points)), np.ones(len(points))

    table = compass(source=Stripes()).crossings(7, [-1, 0], [1, 0])
    assert table["before"].tolist() == [0, 1, 2]
    assert table["after"].tolist() == [1, 2, 3]
    np.testing.assert_allclose(table["x"], [0, 0.001, 0.002], atol=1e-4)


def test_crossings_are_asked_of_points_of_the_landscape():
    shown = compass()
    with pytest.raises(ValueError, match="b must be a point"):
        shown.crossings(7, [0, 0], [0, np.nan])
    with pytest.raises(ValueError, match="epoch must be part of this landscape"):
        shown.crossings(3, [0, 0], [1, 1])
    with pytest.raises(RuntimeError, match="cannot answer paint"):
        compass(source=None).crossings(7, [0, 0], [1, 1])


def test_without_an_engine_a_landscape_says_what_it_lacks():
    shown = compass(source=None)
    assert shown.services == []
    with pytest.raises(RuntimeError, match="cannot answer paint"):
        _ = shown[0].canvas
    assert compass().services == ["paint"]
    with pytest.raises(RuntimeError, match="cannot answer place, features, boundary"):
        compass().measures()


def test_each_ability_is_one_method_of_its_name():
    for name, ability in ABILITIES.items():
        methods = [key for key in vars(ability) if not key.startswith("_")]
        assert methods == [name]


def test_a_landscape_lends_its_source_to_those_who_name_the_ability():
    shown = compass()
    assert shown.require(Paints) is shown.source
    with pytest.raises(RuntimeError, match=r"cannot answer decode, place: .*model\.fit"):
        shown.require(RoundTrips)


def test_the_source_of_a_landscape_may_change():
    shown = compass(source=None)
    shown.source = Compass()
    assert shown.services == ["paint"]
    assert shown[0].paintable


class Linear(Painter):
    """Representations which are the positions with a third coordinate of their own."""

    def __init__(self, shown):
        super().__init__(3)
        self.shown = shown

    def features(self, epoch):
        rng = np.random.default_rng(epoch)
        y = self.shown.at(epoch).positions
        return np.column_stack([y, rng.normal(size=len(y))]).astype(np.float32)

    def boundary(self, epoch, split):
        return np.random.default_rng([epoch, split == "test"]).normal(size=(12, 3)).astype(np.float32)

    def place(self, epoch, x):
        return x[:, :2]

    def decode(self, epoch, points):
        return np.column_stack([points, np.zeros(len(points), np.float32)])


@pytest.mark.feature("A9")
def test_measures_are_those_of_the_definitions_with_the_conventions_for_test_samples():
    shown = landscape(n=60)
    source = shown.source = Linear(shown)
    table = shown.measures(k=(5, 10, 20))
    assert list(table.columns) == ["epoch", "split", "measure", "k", "value", "placebo"]

    def value(measure, split, k=None, epoch=5):
        chosen = table[(table["measure"] == measure) & (table["split"] == split)]
        chosen = chosen[chosen["k"].isna() if k is None else chosen["k"] == k]
        chosen = chosen[chosen["epoch"].isna() if epoch is None else chosen["epoch"] == epoch]
        assert len(chosen) == 1
        return chosen["value"].iloc[0]

    test = (shown.samples["split"] == "test").to_numpy()
    x, y = source.features(5), shown.at(5).positions
    assert value("nn_pv", "train", 5) == pytest.approx(measures.nn_pv(x[~test], y[~test], 5))
    assert value("nn_pv", "test", 5) == pytest.approx(measures.nn_pv(x, y, 5, rows=test))
    for split, rows in (("train", ~test), ("test", test)):
        b = source.boundary(5, split)
        expected = measures.boundary_pv(x[rows], b, y[rows], b[:, :2], 10)
        assert value("boundary_pv", split, 10) == pytest.approx(expected)
        painted = source.paint(5, y[rows])[0]
        assert value("ppr", split) == pytest.approx(np.mean(painted == shown.at(5).predictions[rows]))
        assert value("rec_pv", split) == pytest.approx(np.square(x[rows, 2]).mean())
    assert table[(table["measure"] == "boundary_pv") & (table["k"] == 20)].empty  # 12 boundary samples
    xs, ys = [source.features(e) for e in shown.epochs], [frame.positions for frame in shown]
    quoted = measures.temporal_pv(xs, ys, 10, rows=test)
    assert value("temporal_pv", "test", 10, epoch=None) == pytest.approx(quoted)
    pooled = measures.temporal_pv([a[~test] for a in xs], [a[~test] for a in ys], 10, pooled=True)
    assert value("temporal_pv_pooled", "train", 10, epoch=10) == pytest.approx(pooled[1])


def test_a_single_frame_has_no_temporal_measure():
    shown = landscape(n=60, epochs=(3,))
    shown.source = Linear(shown)
    found = set(shown.measures(k=[5])["measure"])
    assert {"nn_pv", "boundary_pv", "ppr", "rec_pv", "trustworthiness", "purity"} <= found
    assert not any(name.startswith(("temporal", "move")) for name in found)


def test_a_figure_shows_the_painted_canvas_under_the_samples():
    shown = compass()
    figure = shown.figure(epoch=7)
    picture, *points = figure.data
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.source.split(",")[1]))))
    assert pixels.shape == (40, 40, 3)
    # Land pales towards the border, and where there are no samples.
    known = support(shown[0].positions, shown.extent, 40)
    assert pixels[:, 19:21].min() > pixels[known == 1].min(axis=1).max()
    x0, x1, y0, y1 = shown.extent
    middles = (np.arange(40) + 0.5) / 40
    pixel = np.stack(np.meshgrid(x0 + middles * (x1 - x0), y0 + middles * (y1 - y0)), axis=-1)
    away = np.linalg.norm(pixel[:, :, None] - shown[0].positions, axis=-1).min(axis=2) / (x1 - x0)
    assert (pixels[away > 0.09] == 255).all()
    assert (away > 0.09).mean() > 0.2
    lower = pixels[:20][known[:20] == 1]
    assert len(np.unique(lower, axis=0)) > 1
    # dy > 0 on an upright axis: the picture's first row, the canvas's lowest, is drawn at the bottom.
    assert picture.dy > 0
    assert figure.layout.yaxis.range[0] < figure.layout.yaxis.range[1]
    assert [len(trace.x) for trace in points] == [1, 1, 1]
    assert not figure.frames


def test_a_border_is_a_line_in_a_picture_of_any_size():
    cells, side = 20, 640
    x, y = np.meshgrid((np.arange(cells) + 0.5) / cells, (np.arange(cells) + 0.5) / cells)
    away = 0.35 * x + 0.31 - y  # from the border between two classes
    canvas = Canvas.of(away < 0, np.ones_like(x), np.abs(away) / 2, count=2)
    drawn = colored(canvas, ["#000000", "#000000"], side=side).astype(float)
    columns = (np.arange(side) + 0.5) / side
    paling = (drawn - drawn.min())[..., 0]
    middle = (paling * columns[:, None]).sum(axis=0) / paling.sum(axis=0)  # of what pales in each column
    inner = slice(side // cells, -side // cells)  # beyond the middles of the outermost cells nothing is known
    assert side * np.abs(middle - (0.35 * columns + 0.31))[inner].max() < 1  # pixels; a cell has 32
    assert np.abs(np.diff(drawn, axis=0)).max() < 20  # of the 102 that the land has


def test_an_animated_figure_has_a_frame_and_a_stop_of_the_slider_per_epoch():
    shown = landscape(epochs=(0, 5, 10))
    figure = shown.figure()
    assert [frame.name for frame in figure.frames] == ["0", "5", "10"]
    assert [step.label for step in figure.layout.sliders[0].steps] == ["0", "5", "10"]
    sources = {frame.data[0].source for frame in figure.frames}
    assert len(sources) == 3
    with pytest.raises(ValueError, match="epoch must be part of this landscape"):
        shown.figure(epoch=4)


def test_class_names_are_text_in_a_figure_whatever_they_contain():
    _, *points = compass(classes=("<b>cat</b>", "$x$", 'a & "b"')).figure(epoch=7).data
    shown = [
        "&lt;b&gt;cat&lt;/b&gt;",
        "&#36;x&#36;",
        'a &amp; "b"',
    ]  # what plotly draws as the names themselves
    assert [trace.name for trace in points] == shown
    assert [trace.customdata[0][1] for trace in points] == shown


def test_a_long_name_leaves_room_for_the_plot():
    long = "Canis lupus familiaris, " * 9
    _, *points = compass(classes=(long, "b", "c")).figure(epoch=7).data
    assert len(points[0].name) == 40
    assert points[0].name.startswith("Canis lupus")
    assert points[0].name.endswith("familiaris, ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": []}, "epochs must be ascending"),
        ({"epochs": [3, 3]}, "epochs must be ascending"),
        ({"positions": []}, "one array per epoch"),
        (
            {"positions": [np.zeros((2, 2))]},
            r"must be \[3, l\], \[3\] and \[3\], one row per sample; got \(2, 2\)",
        ),
        ({"positions": [np.full((3, 2), np.nan)]}, "positions in epoch 0 must be finite"),
        ({"predictions": [[0, 1, 3]]}, r"predictions must be classes in 0\.\.2"),
        ({"resolution": 1}, "resolution must be"),
        ({"resolution": 30.5}, "resolution must be"),
        (
            {"images": np.zeros((2, 1, 4, 4), np.uint8)},
            "images and samples must be of the same samples; got 2 and 3 rows",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, message):
    given = {
        "epochs": [0],
        "positions": [np.zeros((3, 2))],
        "predictions": [[0, 1, 2]],
        "confidence": [[1.0, 1, 1]],
        "classes": ["a", "b", "c"],
        "samples": pd.DataFrame({"split": ["train"] * 3, "label": [0, 1, 2]}),
        **change,
    }
    with pytest.raises(ValueError, match=message):
        Landscape(**given)


def test_samples_all_at_one_place_still_have_an_extent():
    samples = pd.DataFrame({"split": ["train"] * 2, "label": [0, 0]})
    shown = Landscape([0], [np.ones((2, 2))], [[0, 0]], [[1, 1]], classes=["a"], samples=samples)
    x0, x1, y0, y1 = shown.extent
    assert x0 < 1 < x1
    assert y0 < 1 < y1
