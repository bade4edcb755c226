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


def test_samples_with_several_inputs_and_texts_are_samples_too(tmp_path):
    touch(tmp_path / "samples" / "inputs" / "mask.npy")
    touch(tmp_path / "samples" / "texts.json")
    assert storage.is_unused(tmp_path)


@pytest.mark.parametrize("by", ["name", "place"])
def test_several_inputs_are_opened_as_they_were_described(tmp_path, by):
    first, second = np.arange(6.0).reshape(3, 2), np.arange(3)
    inputs = {"a/b": first, "mask": second} if by == "name" else (first, second)
    described = storage.describe_inputs(inputs)
    assert described["by"] == by
    for place, (key, array) in enumerate(
        zip(inputs if by == "name" else range(2), (first, second), strict=True)
    ):
        path = storage.inputs_path(tmp_path, key)
        assert path.parent == tmp_path / "inputs"
        path.parent.mkdir(exist_ok=True)
        np.save(path, array)
        assert described["parts"][place]["name"] == str(key)
    opened = storage.open_inputs(tmp_path, described, 3)
    assert type(opened) is type(inputs)
    for key, array in zip(inputs if by == "name" else range(2), (first, second), strict=True):
        np.testing.assert_array_equal(opened[key], array)


def test_leftovers_do_not_make_a_folder_used(tmp_path):
    touch(tmp_path / "run.json.aside")
    assert storage.is_unused(tmp_path)


def test_a_file_is_no_unused_folder(tmp_path):
    touch(tmp_path / "run")
    assert not storage.is_unused(tmp_path / "run")


@pytest.mark.parametrize("name", ["a" * 200, "ä" * 33 + "aa", "two words " * 20])
def test_a_group_name_may_take_as_many_bytes_as_a_file_name_has_room_for(tmp_path, name):
    (tmp_path / "run.json").touch()
    storage.write_group(tmp_path, name, np.ones(3, bool), 3, 1)
    assert storage.group_names(tmp_path) == [name]
    assert np.load(storage.group_path(tmp_path, name)).tolist() == [True, True, True, False]
    with pytest.raises(ValueError, match="the name of a group must be short enough for a file"):
        storage.check_group(name + "b", np.ones(3, bool), 3, 1)


ROWS_PER_BLOCK = 2
WIDE = np.zeros((5, 2**24 // 8 // ROWS_PER_BLOCK))  # hashed in blocks of two rows


@pytest.mark.parametrize("row", range(5))
def test_a_digest_depends_on_every_row(row):
    changed = WIDE.copy()
    changed[row, -1] = 1
    assert storage.digest(changed) != storage.digest(WIDE)


def test_a_digest_depends_on_shape_dtype_and_order():
    x = np.arange(6.0)
    others = [x.reshape(2, 3), x.reshape(3, 2), x.astype(np.float32), x[::-1]]
    assert len({storage.digest(array) for array in [x, *others]}) == 5
    assert storage.digest(x, x[:2]) != storage.digest(x[:2], x)


def test_a_digest_is_the_same_on_every_machine():
    # Maps that are kept in a run are found by it.
    array = np.arange(6, dtype="<i8").reshape(2, 3)
    assert storage.digest(array) == "6b866b49ce5c957ceb7221057063a670"


def test_an_epoch_that_is_recorded_again_gets_the_next_generation(tmp_path):
    epochs = tmp_path / "epochs"
    for name in ("000003", "000003.1", "000003.2"):
        assert storage.next_epoch_folder(tmp_path, 3) == epochs / name
        touch(epochs / name / "epoch.json")
        assert storage.epoch_folders(tmp_path) == {3: epochs / name}
    touch(epochs / "000004" / "epoch.json")
    storage.remove_old_generations(tmp_path)
    assert sorted(path.name for path in epochs.iterdir()) == ["000003.2", "000004"]
