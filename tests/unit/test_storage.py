"""The layout of a run's folder: which folders are unused, and which names groups may have."""

from __future__ import annotations

import numpy as np
import pytest

from dvi_widget.runs import storage


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")


@pytest.mark.parametrize("left", [[], ["inputs"], ["inputs", "labels"], ["inputs", "labels", "images"]])
def test_a_folder_with_samples_alone_is_unused(tmp_path, left):
    run = tmp_path / "run"
    (run / "samples").mkdir(parents=True)
    for name in left:
        touch(run / "samples" / f"{name}.npy")
    assert storage.is_unused(run)


@pytest.mark.parametrize(
    "name", ["samples/notes.txt", "samples.npy", "thesis.tex", "epochs/000000/features.npy"]
)
def test_a_folder_with_anything_else_is_in_use(tmp_path, name):
    touch(tmp_path / name)
    assert not storage.is_unused(tmp_path)


def test_leftovers_do_not_make_a_folder_used(tmp_path):
    touch(tmp_path / "run.json.aside")
    assert storage.is_unused(tmp_path)


def test_a_file_is_no_unused_folder(tmp_path):
    touch(tmp_path / "run")
    assert not storage.is_unused(tmp_path / "run")


@pytest.mark.parametrize("name", ["a" * 200, "ä" * 33 + "aa", "two words " * 20])
def test_a_group_name_may_take_as_many_bytes_as_a_file_name_has_room_for(tmp_path, name):
    storage.write_group(tmp_path, name, np.ones(3, bool), 3, 1)
    assert storage.group_names(tmp_path) == [name]
    assert np.load(storage.group_path(tmp_path, name)).tolist() == [True, True, True, False]
    with pytest.raises(ValueError, match="the name of a group must be short enough for a file"):
        storage.check_group(name + "b", np.ones(3, bool), 3, 1)
