"""A landscape in one file: it comes back as it was, opens without torch, and a damaged one is refused."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
import synthetic

import dvi_widget as dvi
from dvi_widget.files import DamagedFileError
from dvi_widget.landscape import Landscape
from dvi_widget.widget.html import _requests, _sliced_requests
from dvi_widget.widget.questions import ask
from dvi_widget.widget.scene import Scene

# What a light installation does without.
HEAVY = ("torch", "sklearn", "numba", "umap", "captum", "plotly", "safetensors")
# What is not there cannot be imported; everything that a person does with the file, and a page asks, works.
LIGHT = """
import sys
for name in {heavy}:
    sys.modules[name] = None
import dvi_widget as dvi
landscape = dvi.Landscape.load({path!r})
explorer = dvi.Explorer(landscape)
explorer.filter = "label:1 conf>0"
explorer.selection = [1, 2]
assert len(explorer.table()) == len(landscape.samples)
assert explorer._still().startswith(b"\\x89PNG")
assert explorer.to_html({page!r}).stat().st_size > 10_000
assert len(explorer.suggestions("forgotten")) >= 0
try:
    landscape.measures()
except RuntimeError as error:
    print(error)
"""


def shown(**options):
    """A landscape with texts, numbers with gaps, pictures, groups and scalars."""
    landscape = synthetic.fitted(groups=("odd",), **options)
    n = len(landscape.samples)
    landscape.samples["note"] = [None if row % 7 == 0 else f"«{row}» <b>" for row in range(n)]
    landscape.samples["weight"] = np.where(np.arange(n) % 5 == 0, np.nan, np.arange(n) / 3)
    landscape.scalars["loss"] = [1.5, np.nan, 0.25]
    landscape.name = "mine"
    return landscape


def test_what_is_saved_comes_back_as_it_was(tmp_path):
    before = shown()
    path = before.save(tmp_path / "mine.dvi")
    after = dvi.Landscape.load(path)
    assert (after.epochs, after.classes, after.name) == (before.epochs, before.classes, before.name)
    assert (after.extent, after.resolution) == (before.extent, before.resolution)
    assert np.array_equal(after.images, before.images)
    pd.testing.assert_frame_equal(after.samples, before.samples, check_dtype=False)
    pd.testing.assert_frame_equal(after.scalars, before.scalars)
    for old, new in zip(before, after, strict=True):
        for name in ("positions", "predictions", "confidence"):
            assert np.array_equal(getattr(old, name), getattr(new, name))
        for one, other in zip(old.canvas, new.canvas, strict=True):
            assert one.dtype == other.dtype
            assert np.array_equal(one, other)
        assert np.array_equal(before.source.logits(old.epoch), after.source.logits(new.epoch))


def test_a_page_gets_the_same_answers_as_from_the_engine(tmp_path):
    before = shown()
    after = dvi.Landscape.load(before.save(tmp_path / "mine.dvi"))
    scenes = Scene([before]), Scene([after])
    asked = [(op, args) for op, args, _ in _requests(scenes[1], set())]
    assert {"frame", "canvas", "confusions", "events", "dynamics", "list"} <= {op for op, _ in asked}
    everyone = list(range(len(scenes[0])))
    asked += [(op, {**args, **more, "indices": everyone}) for op, args, more in _sliced_requests(scenes[1])]
    for op, args in asked:
        old, new = (ask(scene, op, args) for scene in scenes)
        assert old.result == new.result, op
        for name, array in old.arrays.items():
            np.testing.assert_array_equal(array, new.arrays[name], err_msg=f"{op} {name}")


@pytest.mark.feature("F16")
def test_it_opens_without_torch(tmp_path):
    path = shown().save(tmp_path / "mine.dvi")
    program = LIGHT.format(heavy=HEAVY, path=str(path), page=str(tmp_path / "page.html"))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Take it from a fitted model" in done.stdout


def test_a_landscape_in_three_dimensions_or_without_logits_has_no_canvas_to_save(tmp_path):
    rng = np.random.default_rng(0)
    samples = pd.DataFrame({"split": ["train"] * 5, "label": [0, 1, 0, 1, -1]})
    solid = Landscape(
        [3], [rng.normal(size=(5, 3))], [[0, 1, 1, 0, 1]], [np.ones(5)], classes=["a", "b"], samples=samples
    )
    again = dvi.Landscape.load(solid.save(tmp_path / "solid.dvi"))
    assert np.array_equal(again[0].positions, solid[0].positions)
    assert again.source is None
    assert not again[0].paintable


def test_a_file_that_breaks_off_or_was_changed_is_refused_or_the_same(tmp_path):
    before = shown(n=12, epochs=(0, 1, 2), images=False)
    content = before.save(tmp_path / "mine.dvi").read_bytes()
    chance = random.Random(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(content)
        if chance.random() < 0.3:
            del damaged[chance.randrange(len(content)) :]
        else:
            damaged[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path = tmp_path / "damaged.dvi"
        path.write_bytes(damaged)
        try:
            after = dvi.Landscape.load(path)
        except DamagedFileError:
            refused += 1
        else:
            assert all(np.array_equal(a.positions, b.positions) for a, b in zip(before, after, strict=True))
    assert refused > 200


def rewritten(path, **changes):
    """Write a saved landscape anew with another description."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    description = json.loads(members["landscape.json"])
    members["landscape.json"] = json.dumps({**description, **changes}).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": 2}, "must be of version 1; got 2"),
        ({"format": "recipe"}, "file of something else"),
        ({"classes": ["cat"]}, "damaged"),
        ({"extent": [0, 0, 1, 1]}, "extent must be"),
        ({"resolution": 10**9}, "resolution must be"),
        ({"epochs": [5, 0, 10]}, "ascending"),
        ({"arrays": {"images": {"shape": [1 << 40], "dtype": "uint8"}}}, "declares 1,099,511,627,776 bytes"),
        ({"arrays": {"images": {"shape": [4], "dtype": "object"}}}, "damaged"),
        ({"columns": []}, "damaged"),
    ],
)
def test_what_the_description_may_not_say_is_refused(tmp_path, changes, said):
    path = rewritten(synthetic.fitted(n=12).save(tmp_path / "mine.dvi"), **changes)
    with pytest.raises(DamagedFileError, match=said):
        dvi.Landscape.load(path)


def test_files_of_another_kind_are_refused(tmp_path):
    (tmp_path / "notes.dvi").write_text("not a landscape")
    with zipfile.ZipFile(tmp_path / "other.dvi", "w") as archive:
        archive.writestr("thesis.txt", "years of work")
    for name in ("notes.dvi", "other.dvi"):
        with pytest.raises(DamagedFileError, match=name):
            dvi.Landscape.load(tmp_path / name)
    with pytest.raises(FileNotFoundError, match=r"path must be a file .* at .*none\.dvi"):
        dvi.Landscape.load(tmp_path / "none.dvi")


def test_the_place_is_checked_before_anything_is_painted(tmp_path):
    landscape = synthetic.landscape()
    with pytest.raises(ValueError, match=r"path must"):
        landscape.save(tmp_path / "mine.png")
    with pytest.raises(ValueError, match="epochs must be left out"):
        landscape.save(tmp_path / "mine.dvi", epochs=[0])
    with pytest.raises(FileNotFoundError, match="there is no"):
        landscape.save(tmp_path / "none" / "mine.dvi")
    assert landscape.source.painted == []
    assert list(tmp_path.iterdir()) == []
