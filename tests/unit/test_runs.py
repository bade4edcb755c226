"""Reading a run: what it gives, that damage is named with its file, that the network comes back."""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from recorded import network, record, recorder, samples, train
from torch import nn

import dvi_widget as dvi
from dvi_widget import files, weights
from dvi_widget.baselines import PCA
from dvi_widget.runs import storage


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A run of the epochs 2, 5 and 10, and its network at the end."""
    folder = tmp_path_factory.mktemp("runs") / "digits"
    return folder, record(folder, epochs=(2, 5, 10), groups={"odd": np.arange(120) % 2 == 1})


@pytest.fixture
def damaged(tmp_path):
    """A run of one epoch that may be spoilt."""
    record(tmp_path / "run", epochs=[0])
    return tmp_path / "run"


def linear_then(*tail):
    return nn.Sequential(network(), *tail)


# What it gives


def test_a_run_says_what_was_recorded(recorded):
    folder, _ = recorded
    run = dvi.Run(folder)
    (_, y), (_, yt), names = samples()
    assert run.folder == folder
    assert run.epochs == [2, 5, 10]
    assert run.classes == names
    assert (run.n_train, run.n_test) == (120, 40)
    assert "3 epochs, 120 + 40 samples" in repr(run)
    table = run.samples
    assert list(table.columns) == ["split", "label", "odd"]
    assert table.index.equals(pd.RangeIndex(160))
    assert table["split"].tolist() == ["train"] * 120 + ["test"] * 40
    np.testing.assert_array_equal(table["label"], np.r_[y, yt])
    assert table["odd"].dtype == bool


def test_splits_are_parts_of_the_whole(recorded):
    run = dvi.Run(recorded[0])
    for read in (
        run.inputs,
        lambda split: run.features(5, split=split),
        lambda split: run.logits(5, split=split),
    ):
        parts = [read(split=split) for split in ("train", "test")]
        np.testing.assert_array_equal(np.concatenate(parts), read(split="all"))
        assert [len(part) for part in parts] == [120, 40]
    assert run.features(5).dtype == run.logits(5).dtype == np.float32


def test_arrays_are_mapped_not_read_and_cannot_be_written(recorded):
    run = dvi.Run(recorded[0])
    for array in (run.features(2), run.logits(2), run.boundary(2), run.inputs()):
        assert isinstance(array, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_the_sample_table_is_the_readers_own(recorded):
    run = dvi.Run(recorded[0])
    table = run.samples
    table["label"] = -1
    assert (run.samples["label"] >= 0).all()


def test_a_run_grows_while_it_is_read(tmp_path):
    recording = recorder(tmp_path / "run")
    run = dvi.Run(tmp_path / "run")
    assert run.epochs == []
    assert run.scalars.columns.tolist() == ["train_accuracy", "test_accuracy"]
    recording.capture(3)
    assert run.epochs == [3]
    assert run.scalars.index.tolist() == [3]


def test_a_run_lists_its_epochs_once_and_sees_what_is_recorded_again(tmp_path, monkeypatch):
    model = record(tmp_path / "run", epochs=(0, 1))
    run, listed = dvi.Run(tmp_path / "run"), []
    there = storage.epoch_folders
    monkeypatch.setattr(storage, "epoch_folders", lambda folder: listed.append(folder) or there(folder))
    before = run.features(1)
    for epoch in (0, 1, 0):
        run.features(epoch)
        run.logits(epoch)
    assert len(listed) == 1
    recording = recorder(tmp_path / "run", model)
    (x, y), *_ = samples()
    train(model, x, y)
    recording.capture(1, overwrite=True)
    recording.capture(2)
    assert not np.array_equal(run.features(1), before)
    assert len(run.features(2)) == len(before)
    assert run.epochs == [0, 1, 2]


@pytest.mark.parametrize("read", ["features", "logits", "boundary", "head", "digest"])
def test_an_epoch_that_is_not_recorded_is_named_with_those_that_are(recorded, read):
    run = dvi.Run(recorded[0])
    with pytest.raises(ValueError, match=r"epoch must be a recorded number, one of \[2, 5, 10\]; got 3"):
        getattr(run, read)(3)


def test_an_unknown_split_is_refused(recorded):
    run = dvi.Run(recorded[0])
    for read in (run.inputs, lambda split: run.features(2, split), lambda split: run.logits(2, split)):
        with pytest.raises(ValueError, match="split must be 'train', 'test' or 'all'"):
            read("valid")
    with pytest.raises(ValueError, match="split must be 'train' or 'test'"):
        run.boundary(2, "all")


def test_the_folder_of_maps_is_there_once_there_are_some(tmp_path):
    record(tmp_path / "run", epochs=(0, 1))
    run = dvi.Run(tmp_path / "run")
    assert run.maps == tmp_path / "run" / "maps"
    assert not run.maps.exists()
    PCA().fit(run)
    assert len(list(run.maps.iterdir())) == 2


def test_a_run_that_cannot_be_written_is_fitted_and_the_person_told(tmp_path, monkeypatch):
    record(tmp_path / "run", epochs=(0, 1))
    run = dvi.Run(tmp_path / "run")

    def refuse(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr("dvi_widget.files._make", refuse)
    with pytest.warns(UserWarning, match=r"can't be kept in .*maps \(Permission denied\).*Copy the run"):
        fitted = PCA().fit(run)
    assert fitted.epochs_ == [0, 1]
    assert len(fitted.landscape().measures()) > 0
    assert not run.maps.exists()


# Groups


def test_a_group_is_added_replaced_and_kept(damaged):
    run = dvi.Run(damaged)
    mask = np.arange(160) < 7
    run.add_group("hard", mask)
    np.testing.assert_array_equal(run.samples["hard"], mask)
    run.add_group("hard", torch.from_numpy(~mask))
    run.add_group("</script> ü", mask[:120])
    np.testing.assert_array_equal(dvi.Run(damaged).samples["hard"], ~mask)
    assert dvi.Run(damaged).samples["</script> ü"].sum() == 7


@pytest.mark.parametrize(
    ("name", "mask", "kind"),
    [
        ("g", np.ones(5, bool), ValueError),
        ("g", np.ones((160, 1), bool), ValueError),
        ("g", np.ones(160), TypeError),
        ("g", [3, 4, 5], TypeError),
        ("", np.ones(160, bool), TypeError),
        (7, np.ones(160, bool), TypeError),
        ("split", np.ones(160, bool), ValueError),
        ("confidence", np.ones(160, bool), ValueError),
    ],
)
def test_a_wrong_group_changes_nothing(damaged, name, mask, kind):
    run = dvi.Run(damaged)
    with pytest.raises(kind, match="group "):
        run.add_group(name, mask)
    assert list(run.samples) == list(dvi.Run(damaged).samples) == ["split", "label"]


# Head and network


def test_a_linear_head_needs_no_network(recorded):
    run = dvi.Run(recorded[0])
    for epoch in run.epochs:
        head = run.head(epoch)
        x = torch.from_numpy(np.array(run.features(epoch, split="all")))
        np.testing.assert_allclose(head(x), run.logits(epoch, split="all"), atol=1e-5)
        assert head(x.double()).dtype == torch.float64


def test_the_head_is_differentiable(recorded):
    run = dvi.Run(recorded[0])
    x = torch.randn(3, 16, requires_grad=True)
    (gradient,) = torch.autograd.grad(run.head(10)(x)[:, 4].sum(), x)
    weight = weights.load_tensors(recorded[0] / "epochs" / "000010" / "head.safetensors")["weight"]
    torch.testing.assert_close(gradient, weight[4].expand(3, -1))


def test_a_head_with_softmax_needs_no_network_either(tmp_path):
    with pytest.warns(UserWarning, match="sum to one"):
        recorder(tmp_path / "run", linear_then(nn.Softmax(1))).capture(0)
    run = dvi.Run(tmp_path / "run")
    z = run.head(0)(torch.from_numpy(np.array(run.features(0))))
    np.testing.assert_allclose(z, run.logits(0), atol=1e-4)
    subject = dvi.Run(tmp_path / "run", model=linear_then(nn.Softmax(1))).subject(0)
    np.testing.assert_allclose(subject.predict(run.inputs()), run.logits(0), atol=1e-5)


def test_another_head_needs_the_network_and_says_so(tmp_path):
    recorder(tmp_path / "run", layer="1").capture(0)
    with pytest.raises(dvi.RunError, match=r"behind '1', not one linear layer.*model="):
        dvi.Run(tmp_path / "run").head(0)
    run = dvi.Run(tmp_path / "run", model=network(seed=5))
    x = torch.from_numpy(np.array(run.features(0, split="all"))).requires_grad_()
    z = run.head(0)(x)
    np.testing.assert_allclose(z.detach(), run.logits(0, split="all"), atol=1e-5)
    z.sum().backward()
    assert x.grad.abs().sum() > 0


def test_the_network_of_each_epoch_comes_back_in_a_copy(recorded):
    folder, last = recorded
    model = network(seed=9)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    run = dvi.Run(folder, model=model)
    for epoch in run.epochs:
        subject = run.subject(epoch)
        np.testing.assert_allclose(
            subject.predict(run.inputs("all")), run.logits(epoch, split="all"), atol=1e-5
        )
        assert subject.layer == "3"
    for name, value in subject.model.state_dict().items():
        assert torch.equal(value, last.state_dict()[name])
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (
            lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU()),
            "got one without 3.bias, 3.weight",
        ),
        (linear_then, "with 0.1.bias, 0.1.weight"),
        (
            lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 10)),
            r"with 1.weight of shape \(8, 64\) instead of \(16, 64\)",
        ),
    ],
)
def test_a_network_of_another_architecture_is_refused_with_what_differs(recorded, model, words):
    with pytest.raises(dvi.RunError, match=f"model must be of the recorded architecture.*{words}"):
        dvi.Run(recorded[0], model=model()).subject(2)


def test_the_network_is_asked_for_where_it_is_needed(recorded):
    with pytest.raises(dvi.RunError, match="model="):
        dvi.Run(recorded[0]).subject(2)
    with pytest.raises(TypeError, match="model must be a torch module"):
        dvi.Run(recorded[0], model="resnet18")


def test_tied_weights_and_buffers_come_back(tmp_path):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(64, 64)
            self.b = nn.Linear(64, 64)
            self.b.weight = self.a.weight
            self.norm = nn.BatchNorm1d(64)
            self.out = nn.Linear(64, 10)

        def forward(self, x):
            return self.out(self.norm(self.b(self.a(x.flatten(1)).relu()).relu()))

    model = Tied()
    (x, y), *_ = samples()
    train(model, x, y)
    recorder(tmp_path / "run", model).capture(0)
    run = dvi.Run(tmp_path / "run", model=Tied())
    np.testing.assert_allclose(run.subject(0).predict(x), run.logits(0), atol=1e-5)


# Folders that are no run, and damage


def test_a_folder_that_is_not_there_says_how_to_make_one(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no such folder.*dvi.Recorder"):
        dvi.Run(tmp_path / "run")


def test_what_is_no_path_is_no_folder():
    with pytest.raises(TypeError, match=r"folder must be a path.*got 5"):
        dvi.Run(5)
    with pytest.raises(TypeError, match=r"path must be a path.*got None"):
        dvi.datasets.image_folder(None)


def test_an_empty_folder_is_no_run(tmp_path):
    with pytest.raises(dvi.RunError, match="holds no run yet"):
        dvi.Run(tmp_path)


@pytest.mark.parametrize("content", ["notes", "other json", "a file"])
def test_a_foreign_folder_is_no_run(tmp_path, content):
    folder = tmp_path / "folder"
    if content == "a file":
        folder.write_text("")
    else:
        folder.mkdir()
        name = "run.json" if content == "other json" else "notes.txt"
        (folder / name).write_text('{"a": 1}')
    with pytest.raises(dvi.RunError, match=r"is not a recorded run|is a file"):
        dvi.Run(folder)


def test_a_newer_format_is_refused_in_one_sentence(damaged):
    file = damaged / "run.json"
    files.write_json(file, {**files.read_json(file), "version": storage.VERSION + 1})
    with pytest.raises(dvi.RunError, match=r"recorded in format 3, by a newer dvi_widget.*up to 2. Update"):
        dvi.Run(damaged)


@pytest.mark.parametrize("logits", [True, False])
def test_a_run_of_the_first_format_is_read_and_continued(tmp_path, logits):
    model = nn.Sequential(*network(), *(() if logits else (nn.Softmax(1),)))
    options = {} if logits else {"outputs": "probabilities"}
    record(tmp_path / "run", epochs=(0,), model=model, **options)
    file = tmp_path / "run" / "run.json"
    manifest = files.read_json(file)
    del manifest["outputs"]
    # Without a digest, as that version wrote it.
    file.write_text(json.dumps({**manifest, "version": 1, "logits": logits}))
    run = dvi.Run(tmp_path / "run", model=model)
    np.testing.assert_array_equal(run.subject(0).predict(run.inputs()), run.logits(0))
    recorder(tmp_path / "run", model, **options).capture(1)
    assert run.epochs == [0, 1]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:40],
        lambda text: "[1]",
        lambda text: text.replace('"n_train"', '"n_trian"'),
        lambda text: text.replace('"classes": [', '"classes": 3, "x": ['),
        lambda text: text.replace('"representations": {', '"representations": 3, "y": {'),
    ],
)
def test_a_damaged_description_is_named(damaged, spoil):
    file = damaged / "run.json"
    file.write_text(spoil(file.read_text()))
    with pytest.raises(dvi.RunError, match=r"run\.json.* damaged"):
        dvi.Run(damaged)


ARRAYS = {
    "samples/inputs.npy": lambda run: run.inputs(),
    "samples/labels.npy": lambda run: run.samples,
    "samples/images.npy": lambda run: run.images,
    "epochs/000000/features.npy": lambda run: run.features(0),
    "epochs/000000/logits.npy": lambda run: run.logits(0),
    "epochs/000000/boundary_train.npy": lambda run: run.boundary(0),
    "epochs/000000/boundary_test.npy": lambda run: run.boundary(0, "test"),
    "epochs/000000/head.safetensors": lambda run: run.head(0),
    "epochs/000000/weights.safetensors": lambda run: run.subject(0),
    "epochs/000000/epoch.json": lambda run: run.digest(0),
}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("left", [0.9, 0.02, 0.0, None])
def test_a_truncated_or_missing_file_is_named(damaged, name, left):
    file = damaged / name
    if left is None:
        file.unlink()
    else:
        os.truncate(file, int(file.stat().st_size * left))
    with pytest.raises(dvi.RunError, match=rf"{file.name}.* (is truncated|is damaged|is missing)"):
        ARRAYS[name](dvi.Run(damaged, model=network()))


@pytest.mark.parametrize("name", [*ARRAYS, "run.json"])
def test_a_file_that_may_not_be_read_is_not_called_missing(damaged, monkeypatch, name):
    really = os.open

    def refusing(path, *args, **kwargs):
        if path == damaged / name:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return really(path, *args, **kwargs)

    monkeypatch.setattr("os.open", refusing)  # file modes do not stop root
    with pytest.raises(dvi.RunError, match=rf"{Path(name).name} cannot be read: permission denied"):
        ARRAYS.get(name, lambda run: run)(dvi.Run(damaged, model=network()))


@pytest.mark.skipif(os.name == "nt", reason="files have no modes there")
def test_all_files_of_a_run_follow_the_umask(tmp_path):
    before = os.umask(0o022)
    try:
        record(tmp_path / "run", epochs=[0])
        PCA().fit(dvi.Run(tmp_path / "run"))
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()}
    assert len(modes) > 8
    assert set(modes.values()) == {0o644}, modes


def test_an_array_of_another_shape_or_kind_is_named(damaged):
    file = damaged / "epochs" / "000000" / "features.npy"
    good = np.load(file)
    for bad, words in (
        (good[:-1], r"shape is \(159, 16\), not \(160, 16\)"),
        (good[:, 0], r"shape is \(160,\)"),
        (np.asfortranarray(good), "columns first"),
    ):
        np.save(file, bad)
        with pytest.raises(dvi.RunError, match=f"features.npy is damaged.*{words}"):
            dvi.Run(damaged).features(0)


@pytest.mark.feature("F14")
def test_objects_are_never_unpickled(damaged):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    file = damaged / "epochs" / "000000" / "logits.npy"
    np.save(file, np.array([Bomb()], object), allow_pickle=True)
    with pytest.raises(dvi.RunError, match="it holds Python objects"):
        dvi.Run(damaged).logits(0)


def test_what_lies_beside_the_epochs_is_no_epoch(damaged):
    for name in ("000001.0123abcd.aside", "notes", "12", ".000003"):
        (damaged / "epochs" / name).mkdir()
    assert dvi.Run(damaged).epochs == [0]


# What was changed since it was recorded


def _exchange(run, name):
    one, two = (run / "epochs" / epoch / name for epoch in ("000000", "000001"))
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)


def _flip_a_bit(path, before_end):
    content = bytearray(path.read_bytes())
    content[-before_end] ^= 1
    path.write_bytes(content)


def test_a_whole_run_is_verified(recorded):
    dvi.Run(recorded[0]).verify()


@pytest.mark.parametrize("name", ["features.npy", "logits.npy", "head.safetensors"])
def test_files_exchanged_between_epochs_are_noticed_when_they_are_read(tmp_path, name):
    record(tmp_path / "run", epochs=[0, 1])
    _exchange(tmp_path / "run", name)
    run = dvi.Run(tmp_path / "run")
    for read in (run.features, run.logits, run.linear_head):
        with pytest.raises(dvi.RunError, match=r"epochs/000000.* is damaged"):
            read(0)


@pytest.mark.feature("F14")
@pytest.mark.parametrize(
    "name",
    [
        "samples/inputs.npy",
        "epochs/000000/features.npy",
        "epochs/000000/logits.npy",
        "epochs/000000/boundary_train.npy",
        "epochs/000000/boundary_test.npy",
    ],
)
def test_one_changed_bit_is_found_by_verify(damaged, name):
    _flip_a_bit(damaged / name, 60)
    with pytest.raises(dvi.RunError, match=r"is damaged: .* not those"):
        dvi.Run(damaged).verify()


def test_an_epoch_that_was_changed_is_not_fitted(damaged):
    _flip_a_bit(damaged / "epochs" / "000000" / "features.npy", 60)
    with pytest.raises(dvi.RunError, match="its arrays are not those recorded"):
        PCA().fit(dvi.Run(damaged))


@pytest.mark.parametrize("name", ["samples/labels.npy", "epochs/000000/head.safetensors", "run.json"])
def test_one_changed_bit_of_a_small_file_is_found_when_it_is_read(damaged, name):
    _flip_a_bit(damaged / name, 10)
    with pytest.raises(dvi.RunError, match=f"{Path(name).name} is damaged"):
        dvi.Run(damaged).linear_head(0)


@pytest.mark.skipif(os.name == "nt", reason="there are no such files there")
@pytest.mark.parametrize("name", ["run.json", "samples/labels.npy", "epochs/000000/head.safetensors"])
def test_a_pipe_or_a_device_is_not_read(damaged, name):
    for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero")):
        (damaged / name).unlink()
        make(damaged / name)
        with pytest.raises(dvi.RunError, match="it is no file"):
            dvi.Run(damaged).linear_head(0)


def test_an_array_is_opened_once_but_read_anew_when_its_file_changed(tmp_path):
    record(tmp_path / "run", epochs=(0, 1))
    run = dvi.Run(tmp_path / "run")
    assert run.logits(0).base is run.logits(0).base
    path = tmp_path / "run" / "epochs" / "000000" / "logits.npy"
    changed = np.load(path) + 1
    np.save(tmp_path / "aside.npy", changed)
    (tmp_path / "aside.npy").replace(path)
    assert np.array_equal(run.logits(0, "all"), changed)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(dvi.RunError, match="truncated"):
        run.logits(0)
