"""Animations of a run of digits: every epoch is shown, points move between them, the file is bounded."""

import itertools
import sys

import numpy as np
import pytest
from PIL import Image
from recorded import record

import dvi_widget as dvi
from dvi_widget.landscape import Landscape, animation

SIZE = 160


@pytest.fixture(scope="module")
def landscape(tmp_path_factory):
    folder = tmp_path_factory.mktemp("animation") / "run"
    record(folder)
    return dvi.DVI().fit(dvi.Run(folder)).landscape(resolution=60)


def pictures(path):
    with Image.open(path) as film:
        for i in range(film.n_frames):
            film.seek(i)
            yield np.asarray(film.convert("RGB")).astype(int), film.info["duration"]


@pytest.mark.feature("A11")
def test_a_gif_rests_at_every_epoch_and_moves_between_them(landscape, tmp_path):
    path = landscape.save(tmp_path / "run.gif", size=SIZE)
    shown = list(pictures(path))
    rests = [i for i, (_, duration) in enumerate(shown) if duration >= 500]
    assert len(rests) == len(landscape) == 3
    assert rests[-1] == len(shown) - 1
    # On the way from one epoch to the next every picture differs from the one before it.
    assert all((a != b).any() for (a, _), (b, _) in itertools.pairwise(shown))
    # Half way, the points are half way: nearer to both ends than these are to each other.
    first, half, last = (shown[i][0] for i in (rests[0], (rests[0] + rests[1]) // 2, rests[1]))
    apart = np.abs(first - last).mean()
    assert max(np.abs(first - half).mean(), np.abs(half - last).mean()) < apart
    colors = {tuple(int(color[i : i + 2], 16) for i in (1, 3, 5)) for color in landscape.colors()}
    seen = np.unique(shown[0][0].reshape(-1, 3), axis=0)
    near = [np.abs(seen - color).max(axis=1).min() for color in colors]
    assert max(near) < 40, "every class has its colour in the legend"


@pytest.mark.feature("A11")
def test_a_film_has_the_pictures_of_the_gif(landscape, tmp_path):
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
    path = landscape.save(tmp_path / "run.mp4", epochs=[0, 2], size=SIZE)
    reader = imageio_ffmpeg.read_frames(path)
    about = next(reader)
    films = [np.frombuffer(raw, np.uint8).reshape(*about["size"][::-1], 3).astype(int) for raw in reader]
    gif = [picture for picture, _ in pictures(landscape.save(tmp_path / "run.gif", epochs=[0, 2], size=SIZE))]
    for ours, film in ((gif[0], films[0]), (gif[-1], films[-1])):
        height, width = film.shape[:2]
        assert np.abs(ours[:height, :width] - film).mean() < 12
    assert np.abs(films[0] - films[-1]).mean() > 1


def test_without_ffmpeg_a_film_says_what_to_install_and_leaves_nothing(landscape, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(ImportError, match=r"needs imageio-ffmpeg, which is not installed\. Install it"):
        landscape.save(tmp_path / "run.mp4", size=SIZE)
    assert not list(tmp_path.iterdir())


def test_many_epochs_have_fewer_pictures_between_them(landscape, tmp_path, monkeypatch):
    monkeypatch.setattr(animation, "MAX_PICTURES", 9)
    assert len(list(pictures(landscape.save(tmp_path / "run.gif", size=SIZE)))) == 9
    monkeypatch.setattr(animation, "MAX_PICTURES", 2)
    with pytest.raises(ValueError, match=r"epochs must be 1 to 2 of the landscape's; got 3\. Choose some"):
        landscape.save(tmp_path / "run.gif", size=SIZE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"path": "run.avi"}, r"path must end in \.dvi, \.gif or \.mp4; got 'run\.avi'"),
        ({"path": 3}, "path must be"),
        ({"path": "run.gif", "size": 10}, "size must be a whole number"),
        (
            {"path": "run.gif", "epochs": [7]},
            r"epoch must be part .* \[0, 1, 2\]; got 7",
        ),
        ({"path": "run.gif", "epochs": []}, "epochs must be 1 to"),
    ],
)
def test_what_cannot_be_saved_is_refused(landscape, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ValueError, TypeError), match=message):
        landscape.save(**arguments)
    assert not list(tmp_path.iterdir())


def test_points_alone_are_saved_where_nothing_paints(landscape, tmp_path):
    bare = Landscape(
        landscape.epochs,
        [frame.positions for frame in landscape],
        [frame.predictions for frame in landscape],
        [frame.confidence for frame in landscape],
        classes=landscape.classes,
        samples=landscape.samples,
    )
    assert len(list(pictures(bare.save(tmp_path / "bare.gif", epochs=[0], size=SIZE)))) == 1


def test_three_dimensions_have_no_film(tmp_path):
    record(tmp_path / "run", epochs=(0,))
    solid = dvi.DVI(dimension=3).fit(dvi.Run(tmp_path / "run")).landscape()
    with pytest.raises(RuntimeError, match="3 dimensions"):
        solid.save(tmp_path / "run.gif")
