"""Recording: what an epoch holds, that it is whole or absent, that wrong arguments leave nothing behind."""

import copy
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import recorded
import safetensors.torch
import torch
from PIL import Image
from recorded import network, record, recorder, samples, train
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

import dvi_widget as dvi
from dvi_widget import files
from dvi_widget.boundary import on_boundary
from dvi_widget.widget.questions import ask
from dvi_widget.widget.scene import Scene


def contents(folder):
    """Everything below a folder: relative path to bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def without(folder, *gone):
    return {name: data for name, data in contents(folder).items() if not name.startswith(gone)}


# What is recorded


@pytest.mark.feature("A1")
def test_an_epoch_holds_what_the_network_says_at_that_moment(tmp_path):
    model = network()
    recording = recorder(tmp_path / "run", model)
    (x, y), (xt, yt), _ = samples()
    for epoch in (0, 5):
        train(model, x, y, seed=epoch)
        recording.capture(epoch)
        run, subject = dvi.Run(tmp_path / "run"), dvi.Subject(model)
        for split, inputs, labels in (("train", x, y), ("test", xt, yt)):
            features, logits = subject.features_and_logits(inputs)
            np.testing.assert_allclose(run.features(epoch, split=split), features, atol=1e-5)
            np.testing.assert_allclose(run.logits(epoch, split=split), logits, atol=1e-5)
            accuracy = (logits.argmax(1) == labels).mean()
            assert run.scalars.loc[epoch, f"{split}_accuracy"] == pytest.approx(accuracy)
    assert run.epochs == [0, 5]


def test_each_epoch_has_two_independent_boundary_sets_of_a_tenth_of_the_training_samples(tmp_path):
    record(tmp_path / "run", epochs=[4])
    run = dvi.Run(tmp_path / "run")
    fit, measure = run.boundary(4, split="train"), run.boundary(4, split="test")
    assert fit.shape == measure.shape == (12, 16)
    assert not (fit[:, None] == measure[None]).all(-1).any()
    head = run.head(4)
    assert on_boundary(head(torch.from_numpy(np.array(fit))).numpy()).all()


def test_recording_does_not_change_the_training(tmp_path):
    (x, y), *_ = samples()

    def trained(record):
        torch.manual_seed(3)
        model = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 10)
        )
        recording = recorder(tmp_path / "run", model) if record else None
        optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
        for epoch in range(3):
            for rows in torch.randperm(len(x)).split(32):
                loss = nn.functional.cross_entropy(
                    model(torch.from_numpy(x)[rows]), torch.from_numpy(y)[rows]
                )
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
            if recording is not None:
                recording.capture(epoch)
        return model.state_dict()

    plain, recorded = trained(record=False), trained(record=True)
    assert all(torch.equal(plain[name], recorded[name]) for name in plain)


def test_equal_recordings_have_equal_digests_and_others_have_not(tmp_path):
    for name in "ab":
        record(tmp_path / name)
    a, b = dvi.Run(tmp_path / "a"), dvi.Run(tmp_path / "b")
    digests = [a.digest(epoch) for epoch in a.epochs]
    assert digests == [b.digest(epoch) for epoch in b.epochs]
    assert len(set(digests)) == len(digests)


def test_representations_can_be_kept_in_half_precision(tmp_path):
    record(tmp_path / "half", dtype="float16")
    record(tmp_path / "full")
    half, full = dvi.Run(tmp_path / "half"), dvi.Run(tmp_path / "full")
    assert half.features(2).dtype == half.boundary(2).dtype == np.float32
    np.testing.assert_allclose(half.features(2), full.features(2), rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(half.logits(2), full.logits(2))
    sizes = [(run.folder / "epochs" / "000002" / "features.npy").stat().st_size for run in (half, full)]
    assert sizes[0] < 0.6 * sizes[1]


def test_representations_beyond_half_precision_are_refused(tmp_path):
    model = network()
    recording = recorder(tmp_path / "run", model, dtype="float16")
    with torch.no_grad():
        model[1].bias += 1e6
    with pytest.raises(ValueError, match="dtype must be 'float32' for representations"):
        recording.capture(0)
    assert dvi.Run(tmp_path / "run").epochs == []


@pytest.mark.parametrize("scale", [1e-9, 3e-7])
def test_representations_too_small_for_half_precision_are_refused(tmp_path, scale):
    model = network()
    with torch.no_grad():
        model[1].weight.mul_(scale)
        model[1].bias.mul_(scale)
    recording = recorder(tmp_path / "run", model, dtype="float16", boundary=0)
    with pytest.raises(ValueError, match=r"dtype must be 'float32' for representations whose largest is"):
        recording.capture(0)
    assert dvi.Run(tmp_path / "run").epochs == []
    record(tmp_path / "fine", epochs=(0,), dtype="float16", boundary=0)


class Flipping(Dataset):
    """Pictures that are turned over at random whenever they are read."""

    def __init__(self, x, y, *, seed):
        self.x, self.y, self.rng = x, y, np.random.default_rng(seed)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        x = self.x[index]
        return (x[..., ::-1].copy() if self.rng.random() < 0.5 else x), int(self.y[index])


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_dataset_that_transforms_at_random_is_said_and_explains_why_it_cannot_continue(tmp_path, split):
    first, second, _ = samples()
    given = {"train": first, "test": second}
    given[split] = Flipping(*given[split], seed=0)
    with pytest.warns(UserWarning, match=f"{split}: the Dataset transforms its samples at random"):
        recorder(tmp_path / "run", **given).capture(0)
    with (
        pytest.warns(UserWarning, match="at random"),
        pytest.raises(dvi.RunError, match="because the Dataset"),
    ):
        recorder(tmp_path / "run", **given)


def test_autocast_around_a_capture_changes_nothing(tmp_path):
    model = network()
    recorder(tmp_path / "plain", model).capture(0)
    with torch.autocast("cpu", torch.bfloat16):
        recorder(tmp_path / "cast", model).capture(0)
    assert dvi.Run(tmp_path / "plain").digest(0) == dvi.Run(tmp_path / "cast").digest(0)


def test_a_head_replaced_after_the_recorder_was_made_is_refused(tmp_path):
    for new in (nn.Linear(16, 7), nn.Linear(16, 10), nn.Sequential(nn.Linear(16, 10))):
        model = network()
        recording = recorder(tmp_path / "run", model)
        model[3] = new
        with pytest.raises(ValueError, match="model must keep its architecture while it is recorded"):
            recording.capture(0)
    assert dvi.Run(tmp_path / "run").epochs == []


def test_classes_may_map_names_to_indices_or_back(tmp_path):
    names = samples()[2]
    shuffled = sorted(range(10), key=lambda i: i * 7 % 10)
    for i, classes in enumerate(({names[c]: c for c in shuffled}, {c: names[c] for c in shuffled})):
        recorder(tmp_path / str(i), classes=classes)
        assert dvi.Run(tmp_path / str(i)).classes == names


def test_samples_may_be_tensors_datasets_or_lists(tmp_path):
    (x, y), (xt, yt), names = samples(40, 20)
    tensors = TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    given = {
        "arrays": ((x, y), (xt, yt)),
        "tensors": ((torch.from_numpy(x), torch.from_numpy(y)), (torch.from_numpy(xt), torch.from_numpy(yt))),
        "datasets": (tensors, Pairs(xt, yt)),
        "lists": ((x.tolist(), y.tolist()), (xt.tolist(), yt.tolist())),
    }
    for name, (first, second) in given.items():
        dvi.Recorder(tmp_path / name, network(), train=first, test=second, classes=names)
        run = dvi.Run(tmp_path / name)
        np.testing.assert_allclose(run.inputs("all"), np.concatenate([x, xt]))
        np.testing.assert_array_equal(run.samples["label"], np.concatenate([y, yt]))


class Pairs(Dataset):
    """Pairs of arrays, the label as a tensor with one value."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        if index >= len(self):
            raise IndexError(index)
        return self.x[index], torch.tensor([self.y[index]])


def test_inputs_changed_after_the_start_do_not_change_the_recording(tmp_path):
    (x, y), test, names = samples()
    given = x.copy()
    recording = dvi.Recorder(tmp_path / "run", network(), train=(given, y), test=test, classes=names)
    given[:] = 0
    recording.capture(0)
    run = dvi.Run(tmp_path / "run", model=network())
    np.testing.assert_array_equal(run.inputs(), x)
    np.testing.assert_allclose(run.logits(0), dvi.Subject(network()).predict(x), atol=1e-5)


def test_groups_are_columns_of_the_samples(tmp_path):
    odd, first = np.arange(120) % 2 == 1, torch.arange(160) < 10
    recorder(tmp_path / "run", groups={"odd": odd, "the <first>/10 %": first})
    table = dvi.Run(tmp_path / "run").samples
    np.testing.assert_array_equal(table["odd"], np.r_[odd, np.zeros(40, bool)])
    np.testing.assert_array_equal(table["the <first>/10 %"], first)


def test_scalars_are_kept_with_their_epoch(tmp_path):
    recording = recorder(tmp_path / "run")
    recording.capture(1, scalars={"loss": 0.5, "lr": np.float32(0.25)})
    recording.capture(2, scalars={"loss": torch.tensor(0.25)})
    table = dvi.Run(tmp_path / "run").scalars
    assert list(table.index) == [1, 2]
    assert table["loss"].tolist() == [0.5, 0.25]
    assert table["lr"][1] == 0.25
    assert np.isnan(table["lr"][2])


# Pictures


def test_byte_inputs_are_the_pictures(tmp_path):
    (x, y), (xt, yt), names = dvi.datasets.digits()

    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.rest = network()

        def forward(self, x):
            return self.rest(x.float() / 255)

    dvi.Recorder(tmp_path / "run", Scaled(), train=(x, y), test=(xt, yt), classes=names).capture(0)
    run = dvi.Run(tmp_path / "run")
    assert run.inputs().dtype == np.uint8
    np.testing.assert_array_equal(run.images, np.concatenate([x, xt]))
    assert not (tmp_path / "run" / "samples" / "images.npy").exists()


def test_floats_between_0_and_1_are_multiplied_by_255(tmp_path):
    recorder(tmp_path / "run")
    (x, _), (xt, _), _ = samples()
    wanted = np.rint(np.concatenate([x, xt]) * 255)
    np.testing.assert_array_equal(dvi.Run(tmp_path / "run").images, wanted)


def test_other_floats_are_rescaled_over_the_whole_set_with_a_warning(tmp_path):
    (x, y), (xt, yt), names = samples()
    with pytest.warns(UserWarning, match=r"\[-1, 3\], not in \[0, 1\]"):
        dvi.Recorder(tmp_path / "run", network(), train=(x * 2 - 1, y), test=(xt * 2 + 1, yt), classes=names)
    images = dvi.Run(tmp_path / "run").images
    np.testing.assert_allclose(images[:120], x * 127.5, atol=0.51)
    np.testing.assert_allclose(images[120:], (xt * 2 + 2) * 63.75, atol=0.51)


def test_pictures_given_apart_are_taken_as_one_array_or_a_pair(tmp_path):
    pictures = np.random.default_rng(0).integers(256, size=(160, 3, 5, 4), dtype=np.uint8)
    for name, images in (("one", pictures), ("pair", (pictures[:120], pictures[120:]))):
        recorder(tmp_path / name, images=images)
        np.testing.assert_array_equal(dvi.Run(tmp_path / name).images, pictures)
    recorder(tmp_path / "flat", images=pictures[:, 0])
    np.testing.assert_array_equal(dvi.Run(tmp_path / "flat").images, pictures[:, :1])


def test_inputs_that_are_no_pictures_have_none(tmp_path):
    (x, y), (xt, yt), names = samples()
    dvi.Recorder(
        tmp_path / "run",
        network(),
        train=(x.reshape(-1, 64), y),
        test=(xt.reshape(-1, 64), yt),
        classes=names,
    )
    assert dvi.Run(tmp_path / "run").images is None


# Continuing, overwriting


def test_a_run_is_continued_with_the_same_samples(tmp_path):
    model = record(tmp_path / "run", epochs=[0, 1])
    before = without(tmp_path / "run")
    recorder(tmp_path / "run", model, groups={"late": np.ones(120, bool)}).capture(2)
    run = dvi.Run(tmp_path / "run")
    assert run.epochs == [0, 1, 2]
    assert run.samples["late"].sum() == 120
    assert before.items() <= contents(tmp_path / "run").items()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a.update(train=(a["train"][0] * 0.5, a["train"][1])), "samples"),
        (lambda a: a.update(test=(a["test"][0], a["test"][1][::-1])), "samples"),
        (lambda a: a.update(classes=[*"abcdefghij"]), "classes"),
        (lambda a: a.update(layer="1"), "layer"),
        (lambda a: a.update(dtype="float16"), "representations"),
        (lambda a: a.update(train=(a["train"][0][:100], a["train"][1][:100])), "n_train"),
    ],
)
def test_a_run_of_something_else_is_not_continued(tmp_path, change, words):
    record(tmp_path / "run", epochs=[0])
    before = contents(tmp_path / "run")
    train, test, names = samples()
    arguments = {"train": train, "test": test, "classes": names}
    change(arguments)
    with pytest.raises(dvi.RunError, match=f"differs from this one.*{words}.*another folder"):
        dvi.Recorder(tmp_path / "run", network(), **arguments)
    assert contents(tmp_path / "run") == before


def test_a_model_made_anew_does_not_go_on_with_a_run_in_silence(tmp_path):
    model = record(tmp_path / "run", epochs=(0, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert repr(recorder(tmp_path / "run", model)).endswith("/run'): 2 epochs recorded")
    with pytest.warns(UserWarning, match="epochs up to 5, and the model's weights are not those") as told:
        going_on = recorder(tmp_path / "run", network(seed=1))
    assert going_on.epochs == [0, 5]
    # The line that called, and a way out that works.
    assert told[0].filename == recorded.__file__
    path = re.search(r"load_model\(model, '(.*?)'\)", str(told[0].message))[1]
    anew = network(seed=1)
    safetensors.torch.load_model(anew, path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recorder(tmp_path / "run", anew)
    wider = nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.Linear(20, 16), nn.Linear(16, 10))
    with pytest.raises(dvi.RunError, match=r"recorded architecture; .*Record this model into another folder"):
        recorder(tmp_path / "run", wider)


@pytest.mark.parametrize(
    ("model", "shape", "says"),
    [
        (nn.Sequential(nn.Linear(64, 10)), (1, 8, 8), r"samples of 64 numbers, .*Begin .* nn\.Flatten"),
        (
            nn.Sequential(nn.Linear(64, 10)),
            (60,),
            r"samples of 64 numbers, .*layer '0' .*got samples of shape \(60,\)",
        ),
        (nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(72, 10)), (1, 8, 8), r"\[n, 3, H, W\]"),
    ],
)
def test_inputs_that_do_not_fit_the_network_are_named_with_what_would(tmp_path, model, shape, says):
    x, y = np.zeros((20, *shape), np.float32), np.arange(20) % 10
    with pytest.raises(ValueError, match="^train must be .*" + says):
        recorder(tmp_path / "run", model, train=(x, y), test=(x, y))
    assert not (tmp_path / "run").exists()


def test_a_recorded_epoch_is_replaced_only_when_asked(tmp_path):
    model = record(tmp_path / "run", epochs=[0, 1])
    run = dvi.Run(tmp_path / "run")
    before, old = contents(tmp_path / "run"), run.features(1)
    kept = np.array(old)
    recording = recorder(tmp_path / "run", model)
    with torch.no_grad():
        model[1].weight.mul_(2)
    with pytest.raises(ValueError, match=r"epoch must not have been recorded; got 1.*overwrite=True"):
        recording.capture(1)
    assert contents(tmp_path / "run") == before
    for _ in range(2):
        recording.capture(1, overwrite=True)
    assert run.epochs == [0, 1]
    assert not np.array_equal(run.features(1), kept)
    assert len(list((tmp_path / "run" / "epochs").iterdir())) == 2
    if os.name == "posix":
        np.testing.assert_array_equal(old, kept)  # what a reader holds stays readable


# Whole or absent


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("files", range(7))
def test_a_failure_while_writing_leaves_the_run_as_it_was(tmp_path, monkeypatch, files, overwrite):
    model = record(tmp_path / "run", epochs=[0])
    recording = recorder(tmp_path / "run", model)
    before = contents(tmp_path / "run")
    finished = []

    def failing(function):
        def wrapper(*args, **options):
            if len(finished) == files:
                raise OSError(28, "No space left on device")
            finished.append(1)
            return function(*args, **options)

        return wrapper

    from dvi_widget import files as written
    from dvi_widget.runs import writing

    monkeypatch.setattr(written, "save_array", failing(written.save_array))
    monkeypatch.setattr(writing, "save_tensors", failing(writing.save_tensors))
    monkeypatch.setattr(written, "write_json", failing(written.write_json))
    with pytest.raises(OSError, match=r"The disk is full: epoch \d was not recorded; whole are 0\."):
        recording.capture(0 if overwrite else 1, overwrite=overwrite)
    assert contents(tmp_path / "run") == before
    assert dvi.Run(tmp_path / "run").epochs == [0]


@pytest.mark.parametrize(("limit", "begun"), [(1_000, False), (30_000, False), (4_000, True)])
def test_a_full_disk_raises_and_leaves_no_half_run(tmp_path, limit, begun):
    # A file that may not grow beyond the limit fails as on a full disk: at labels, inputs, representations.
    recording = recorder(tmp_path / "run") if begun else None
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(OSError):
            (recording or recorder(tmp_path / "run")).capture(0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [name for name in contents(tmp_path) if "aside" in name or "epochs" in name] == []
    record(tmp_path / "run", epochs=[0])
    assert dvi.Run(tmp_path / "run").epochs == [0]


SECOND = """
import sys
sys.path.insert(0, sys.argv[2])
import recorded, dvi_widget as dvi
try:
    recorded.recorder(sys.argv[1])
except dvi.RunError as error:
    print(error)
else:
    print("recording")
"""


def test_a_second_process_cannot_record_into_the_same_folder_meanwhile(tmp_path):
    def second():
        command = [sys.executable, "-c", SECOND, str(tmp_path / "run"), str(Path(__file__).parents[1])]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    recording = recorder(tmp_path / "run")
    recording.capture(0)
    assert "is being recorded by another process" in second()
    again = recorder(tmp_path / "run", recording.model)  # as when a cell is run again
    del recording
    again.capture(1)
    assert "is being recorded by another process" in second()
    del again
    assert "another process" not in second()


def test_a_run_that_was_removed_is_not_recorded_into(tmp_path):
    recording = recorder(tmp_path / "run")
    recording.capture(0)
    run = dvi.Run(tmp_path / "run")
    shutil.rmtree(tmp_path / "run")
    with pytest.raises(dvi.RunError, match="was removed or moved"):
        recording.capture(1)
    with pytest.raises(dvi.RunError, match="was removed or moved"):
        run.add_group("mine", np.ones(run.n_train, bool))
    with pytest.raises(dvi.RunError, match="was removed or moved"):
        _ = run.epochs
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("part", ["epochs", "groups", "maps", "samples"])
def test_nothing_is_written_or_removed_behind_a_link_that_leads_out(tmp_path, part):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine.aside").write_text("mine")
    folder = tmp_path / "run"
    model = record(folder, epochs=[0])
    shutil.rmtree(folder / part, ignore_errors=True)
    if part == "samples":
        (folder / "run.json").unlink()
        shutil.rmtree(folder / "epochs")
    (folder / part).symlink_to(outside, target_is_directory=True)
    before = contents(outside)
    if part == "groups":
        with pytest.raises(dvi.RunError, match="groups is a link that leads out of"):
            dvi.Run(folder).add_group("mine", np.ones(120, bool))
    elif part == "maps":
        with pytest.warns(UserWarning, match="maps is a link that leads out of"):
            dvi.DVI().fit(dvi.Run(folder))
    else:
        with pytest.raises(dvi.RunError, match=f"{part} is a link that leads out of|holds other files"):
            recorder(folder, model).capture(1)
    assert contents(outside) == before


def test_an_interrupt_while_writing_leaves_the_run_as_it_was(tmp_path, monkeypatch):
    recording = recorder(tmp_path / "run")
    before = contents(tmp_path / "run")
    from dvi_widget.runs import writing

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "save_tensors", interrupted)
    with pytest.raises(KeyboardInterrupt):
        recording.capture(0)
    assert contents(tmp_path / "run") == before


def test_what_a_killed_recording_left_is_invisible_and_cleared(tmp_path):
    model = record(tmp_path / "run", epochs=[0])
    epochs = tmp_path / "run" / "epochs"
    aside = epochs / "000001.0123abcd.aside"
    aside.mkdir()
    (aside / "features.npy").write_bytes(b"half")
    assert dvi.Run(tmp_path / "run").epochs == [0]
    recorder(tmp_path / "run", model).capture(1)
    assert not aside.exists()
    assert dvi.Run(tmp_path / "run").epochs == [0, 1]


def test_a_recording_killed_before_it_began_is_begun_again(tmp_path):
    recorder(tmp_path / "run")
    (tmp_path / "run" / "run.json").unlink()
    with pytest.raises(dvi.RunError, match="stopped before it began"):
        dvi.Run(tmp_path / "run")
    record(tmp_path / "run", epochs=[0])
    assert dvi.Run(tmp_path / "run").epochs == [0]


def test_a_run_can_be_read_while_an_epoch_is_recorded_again(tmp_path):
    model = record(tmp_path / "run", epochs=[0])
    recording, run = recorder(tmp_path / "run", model), dvi.Run(tmp_path / "run")
    stop, failures = threading.Event(), []

    def read():
        try:
            while not stop.is_set():
                assert np.isfinite(run.features(0, split="all")).all()
                run.digest(0)
                run.head(0)
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(5):
        recording.capture(0, overwrite=True)
    stop.set()
    reader.join()
    assert failures == []


# Wrong arguments


BAD = {
    "one class only": (
        lambda a: a.update(train=(a["train"][0], a["train"][1] * 0)),
        ValueError,
        "at least two classes; got only",
    ),
    "label too great": (
        lambda a: a["train"][1].__setitem__(3, 10),
        ValueError,
        r"train labels must be in 0\.\.9.*got 10 for sample 3",
    ),
    "label below zero": (
        lambda a: a["test"][1].__setitem__(5, -1),
        ValueError,
        "test labels must be .*got -1 for sample 5",
    ),
    "float labels": (
        lambda a: a.update(train=(a["train"][0], a["train"][1] * 1.0)),
        TypeError,
        "train labels must be integers",
    ),
    "too few labels": (
        lambda a: a.update(train=(a["train"][0], a["train"][1][:-1])),
        ValueError,
        r"train labels must be \[120\]",
    ),
    "one-hot labels": (
        lambda a: a.update(train=(a["train"][0], np.eye(10)[a["train"][1]])),
        ValueError,
        r"train labels must be \[120\]",
    ),
    "NaN in inputs": (
        lambda a: a["test"][0].__setitem__((7, 0, 0, 0), np.nan),
        ValueError,
        "test inputs must be finite; .*row 7",
    ),
    "infinity in inputs": (
        lambda a: a["train"][0].__setitem__((0, 0, 1, 1), np.inf),
        ValueError,
        "train inputs must be finite; .*row 0",
    ),
    "other shapes in test": (
        lambda a: a.update(test=(a["test"][0][..., 1:], a["test"][1])),
        ValueError,
        "test and train must have inputs of the same dtype and shape",
    ),
    "other type in test": (
        lambda a: a.update(test=(a["test"][0].astype(float), a["test"][1])),
        ValueError,
        "test and train must have inputs of the same dtype and shape; got float64",
    ),
    "one sample's shape": (
        lambda a: a.update(train=(np.zeros(120, np.float32), a["train"][1])),
        ValueError,
        r"train inputs must be \[n, ...\]",
    ),
    "no test samples": (
        lambda a: a.update(test=(a["test"][0][:0], a["test"][1][:0])),
        ValueError,
        "test must hold at least one sample; .* a tenth, or pass test=None",
    ),
    "empty lists of test samples": (lambda a: a.update(test=([], [])), ValueError, "or pass test=None"),
    "an empty Dataset of test samples": (
        lambda a: a.update(test=Pairs([], [])),
        ValueError,
        "test must hold at least one sample; .*pass test=None",
    ),
    "words": (
        lambda a: a.update(train=(np.full((120, 2), "a"), a["train"][1])),
        TypeError,
        "must be numbers",
    ),
    "ragged": (lambda a: a.update(train=([[1, 2], [3]], [0, 1])), ValueError, "must be an array whose rows"),
    "no pair": (lambda a: a.update(train=(a["train"][0],)), ValueError, r"pair \(x, y\)"),
    "inputs alone": (lambda a: a.update(train=a["train"][0]), TypeError, r"pair \(x, y\) or a torch Dataset"),
    "a stream": (lambda a: a.update(train=Stream()), TypeError, "or a torch Dataset"),
    "an empty Dataset": (lambda a: a.update(train=Pairs([], [])), ValueError, "got an empty Dataset"),
    "a Dataset of inputs": (
        lambda a: a.update(train=Singles()),
        TypeError,
        "pairs .*; got Tensor as sample 0",
    ),
    "a Dataset of many shapes": (
        lambda a: a.update(train=Growing()),
        ValueError,
        r"got \(2,\) as sample 1",
    ),
    "class names as a word": (lambda a: a.update(classes="0123456789"), TypeError, "classes must be a list"),
    "numbers as names": (lambda a: a.update(classes=list(range(10))), TypeError, "classes must be a list"),
    "names twice": (lambda a: a.update(classes=["a"] * 10), ValueError, "classes must be different names"),
    "one name": (lambda a: a.update(classes=["a"]), ValueError, "classes must be at least two names"),
    "too few names": (
        lambda a: a.update(classes=[*"abcdefghijk"]),
        ValueError,
        "classes must be one name per logit of the network, 10; got 11",
    ),
    "no linear layer": (lambda a: a.update(model=nn.Conv2d(1, 10, 8)), ValueError, "must have an nn.Linear"),
    "no network": (lambda a: a.update(model=3), TypeError, "got int"),
    "unknown layer": (
        lambda a: a.update(layer="head"),
        ValueError,
        "layer must be a module .*got 'head'",
    ),
    "a network with NaN": (
        lambda a: nn.init.constant_(a["model"][1].bias, np.nan),
        ValueError,
        "NaN or infinity",
    ),
    "unknown dtype": (lambda a: a.update(dtype="int8"), ValueError, "dtype must be"),
    "no class names": (lambda a: a.update(classes=None), TypeError, "classes must be a list .*got None"),
    "a number of classes": (lambda a: a.update(classes=4), TypeError, "classes must be a list .*got 4"),
    "boundary as a word": (lambda a: a.update(boundary="x"), ValueError, "boundary must be a number in"),
    "seed as a word": (lambda a: a.update(seed="1"), ValueError, "seed must be a whole number"),
    "boundary above one": (lambda a: a.update(boundary=2), ValueError, "boundary must be"),
    "short mask": (
        lambda a: a.update(groups={"g": np.ones(7, bool)}),
        ValueError,
        r"'g' must have shape .*got shape \(7,\)",
    ),
    "indices as a mask": (
        lambda a: a.update(groups={"g": np.arange(120)}),
        TypeError,
        "a mask, .*not indices",
    ),
    "classes as a set": (
        lambda a: a.update(classes=set("0123456789")),
        TypeError,
        "a set, which has no order",
    ),
    "classes with gaps": (
        lambda a: a.update(classes={name: 2 * i for i, name in enumerate("0123456789")}),
        ValueError,
        "classes must map names to 0..C-1",
    ),
    "a class without a name": (
        lambda a: a.update(classes=[*"012345678", ""]),
        ValueError,
        "names that are not blank and hold whole characters; got '' as class 9",
    ),
    "blank group": (lambda a: a.update(groups={" ": np.ones(120, bool)}), TypeError, "not blank"),
    "reserved group": (
        lambda a: a.update(groups={"label": np.ones(120, bool)}),
        ValueError,
        "column of every sample table; got 'label'",
    ),
    "long group": (
        lambda a: a.update(groups={"g" * 300: np.ones(120, bool)}),
        ValueError,
        "short enough for a file",
    ),
    "groups as a list": (lambda a: a.update(groups=[np.ones(120, bool)]), TypeError, "groups must map"),
    "too few pictures": (
        lambda a: a.update(images=np.zeros((120, 1, 4, 4), np.uint8)),
        ValueError,
        "120 pictures for 120 training and 40 test",
    ),
    "channels last": (
        lambda a: a.update(images=np.zeros((160, 4, 4, 3), np.uint8)),
        ValueError,
        r"transpose\(0, 3, 1, 2\)",
    ),
    "pictures of integers": (
        lambda a: a.update(images=np.zeros((160, 4, 4), int)),
        ValueError,
        "images must be uint8 or floats.*got int64",
    ),
    "NaN in pictures": (
        lambda a: a.update(images=np.full((160, 4, 4), np.nan)),
        ValueError,
        "images must be finite.*row 0",
    ),
    "pictures of two kinds": (
        lambda a: a.update(images=(np.zeros((120, 4, 4), np.uint8), np.zeros((40, 5, 4), np.uint8))),
        ValueError,
        "the same dtype and shape for training",
    ),
}


class Stream(IterableDataset):
    def __iter__(self):
        return iter([])


class Singles(Dataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return torch.zeros(4)


class Growing(Singles):
    def __getitem__(self, index):
        return torch.zeros(index + 1), index


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_argument_is_named_and_nothing_is_written(tmp_path, name):
    change, kind, words = BAD[name]
    train, test, names = copy.deepcopy(samples())
    arguments = {"model": network(), "train": train, "test": test, "classes": names}
    change(arguments)
    with pytest.raises(kind, match=words):
        dvi.Recorder(tmp_path / "runs" / "run", arguments.pop("model"), **arguments)
    assert list(tmp_path.iterdir()) == []


class Tokens(nn.Module):
    """Reads token numbers under a mask, with a table beside them if there is one."""

    def __init__(self, table=0):
        super().__init__()
        torch.manual_seed(0)
        self.words, self.out = nn.Embedding(9, 4), nn.Linear(4 + table, 2)

    def forward(self, input_ids, attention_mask=None, table=None):
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        mean = (self.words(input_ids) * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return self.out(mean if table is None else torch.cat([mean, table], 1))


def sentences(n=60):
    rng = np.random.default_rng(0)
    ids = rng.integers(1, 9, size=(n, 5))
    mask = (np.arange(5) < rng.integers(2, 6, size=(n, 1))).astype(np.int64)
    return ids, mask, rng.normal(size=(n, 3)).astype(np.float32), np.arange(n) % 2


class Mappings(Dataset):
    """Samples as those of Hugging Face: a mapping with the label and the text among its entries."""

    def __init__(self, rows):
        ids, mask, _, y = sentences()
        self.rows = [
            {
                "input_ids": ids[i],
                "attention_mask": mask[i].tolist(),
                "idx": i,
                "text": f"text {i}",
                "label": y[i],
            }
            for i in rows
        ]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return self.rows[index]


WAYS = {
    "by name": lambda ids, mask, table, y: ({"input_ids": ids, "attention_mask": mask}, y),
    "with the labels": lambda ids, mask, table, y: {
        "input_ids": ids,
        "attention_mask": mask,
        "labels": y,
        "idx": y,
    },
    "in order": lambda ids, mask, table, y: ((ids, torch.from_numpy(mask)), y),
    "a dataset in order": lambda ids, mask, table, y: TensorDataset(*map(torch.from_numpy, (ids, mask, y))),
}


@pytest.mark.parametrize("way", WAYS)
def test_several_inputs_are_recorded_and_mixed_as_representations(tmp_path, way):
    ids, mask, table, y = sentences()
    model = Tokens()
    given = WAYS[way](ids, mask, table, y)
    with pytest.warns(UserWarning, match="boundary points are mixed from representations"):
        recording = dvi.Recorder(tmp_path / "run", model, train=given, test=given, classes=["a", "b"])
    recording.capture(0)
    run = dvi.Run(tmp_path / "run", model=Tokens())
    with torch.no_grad():
        wanted = model(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
    np.testing.assert_allclose(run.logits(0), wanted, atol=1e-6)
    kept = run.inputs("test")
    kept = list(kept.values()) if isinstance(kept, dict) else kept
    for part, original in zip(kept, (ids, mask), strict=True):
        np.testing.assert_array_equal(part, original)
    z = run.head(0)(torch.from_numpy(run.boundary(0).copy())).numpy()
    assert len(z) == 6
    assert (np.abs(np.tanh((z[:, 0] - z[:, 1]) / 2)) <= 0.1001).all()
    np.testing.assert_allclose(run.subject(0).predict(run.inputs("train")), wanted, atol=1e-6)
    assert run.images is None
    assert not run.has_inputs
    dvi.Recorder(tmp_path / "run", model, train=given, test=given, classes=["a", "b"]).capture(1)
    assert run.epochs == [0, 1]
    dvi.Explorer(dvi.DVI(seed=0).fit(run).landscape(resolution=8))


@pytest.mark.filterwarnings("ignore:The inputs cannot be mixed")
def test_a_dataset_of_mappings_gives_what_the_model_takes_and_shows_its_texts(tmp_path):
    ids, _, _, y = sentences()
    options = {"train": Mappings(range(40)), "test": Mappings(range(40, 60)), "classes": ["a", "b"]}
    dvi.Recorder(tmp_path / "run", Tokens(), **options).capture(0)
    run = dvi.Run(tmp_path / "run")
    assert set(run.inputs("all")) == {"input_ids", "attention_mask"}
    np.testing.assert_array_equal(run.inputs("all")["input_ids"], ids)
    np.testing.assert_array_equal(run.samples["label"], y)
    assert run.samples["text"].tolist() == [f"text {i}" for i in range(60)]
    shown = dvi.DVI(seed=0).fit(run).landscape(resolution=8)
    assert shown.samples["text"][41] == "text 41"


@pytest.mark.parametrize("workers", [0, 2])
def test_a_data_loader_is_read_through_its_dataset_and_said(tmp_path, workers):
    (x, y), test, names = samples()
    loader = DataLoader(Pairs(x, y), batch_size=7, shuffle=True, num_workers=workers)
    with pytest.warns(UserWarning, match="train: the DataLoader's dataset is recorded"):
        dvi.Recorder(tmp_path / "run", network(), train=loader, test=test, classes=names)
    run = dvi.Run(tmp_path / "run")
    np.testing.assert_array_equal(run.inputs(), x)
    np.testing.assert_array_equal(run.samples["label"][:120], y)


def test_a_large_dataset_is_kept_in_a_file_while_it_is_read(tmp_path, monkeypatch):
    (x, y), (xt, yt), _ = samples()
    monkeypatch.setattr("dvi_widget.runs.samples._MEMORY_BYTES", 1000)
    made = []
    file = tempfile.TemporaryFile

    def temporary(**options):
        made.append(options["dir"])
        return file(**options)

    monkeypatch.setattr(tempfile, "TemporaryFile", temporary)
    recorder(tmp_path / "runs" / "file", train=Pairs(x, y), test=Pairs(xt, yt)).capture(0)
    assert made == [tmp_path, tmp_path]
    monkeypatch.undo()
    recorder(tmp_path / "runs" / "memory").capture(0)
    ours, theirs = dvi.Run(tmp_path / "runs" / "file"), dvi.Run(tmp_path / "runs" / "memory")
    assert ours.digest(0) == theirs.digest(0)
    np.testing.assert_array_equal(ours.inputs("all"), theirs.inputs("all"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs"]


def test_inputs_that_only_look_like_pictures_are_none_if_told_so(tmp_path):
    x = np.random.default_rng(0).normal(size=(40, 6, 6)).astype(np.float32)
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 2))
    dvi.Recorder(tmp_path / "run", model, train=(x, np.arange(40) % 2), classes=["a", "b"], images=False)
    assert dvi.Run(tmp_path / "run").images is None


def several_labels():
    """Digits that are even, or greater than four, or both, or neither: zeros and ones [n, 2]."""
    train, test, _ = samples()
    return [(x, np.stack([y % 2 == 0, y > 4], 1).astype(np.float32)) for x, y in (train, test)]


def labelled(*tail):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 2), *tail)
    (x, y), _ = several_labels()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(20):
        z = model[:4](torch.from_numpy(x))
        loss = nn.functional.binary_cross_entropy_with_logits(z, torch.from_numpy(y))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model


@pytest.mark.parametrize("way", ["arrays", "a Dataset", "sigmoids"])
@pytest.mark.parametrize(("label", "column"), [("even", 0), ("large", 1)])
def test_of_several_labels_one_is_recorded_as_absent_or_present(tmp_path, label, column, way):
    model, splits = labelled(*[nn.Sigmoid()] * (way == "sigmoids")), several_labels()
    given = splits
    if way == "a Dataset":
        given = [TensorDataset(*map(torch.from_numpy, split)) for split in splits]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a sigmoid is said
        recording = dvi.Recorder(
            tmp_path / "run", model, train=given[0], test=given[1], classes=["even", "large"], label=label
        )
        recording.capture(0)
    run = dvi.Run(tmp_path / "run", model=model)
    assert run.classes == [f"no {label}", label]
    for split, (x, y) in zip(("train", "test"), splits, strict=True):
        with torch.no_grad():
            z = model[:4](torch.from_numpy(x)).numpy()
        np.testing.assert_allclose(run.logits(0, split)[:, 1], z[:, column], atol=1e-5)
        assert (run.logits(0, split)[:, 0] == 0).all()
        rows = run.samples["split"] == split
        np.testing.assert_array_equal(run.samples["label"][rows], y[:, column])
        np.testing.assert_allclose(run.subject(0).predict(x), run.logits(0, split), atol=1e-5)
    head = run.head(0)(torch.from_numpy(np.array(run.boundary(0)))).numpy()
    assert abs(head[:, 1]).max() < 0.5 * abs(z[:, column]).max()  # where this label turns, not another
    maps = dvi.attribute(run.subject(0), splits[0][0][:3], target=1, method="input_x_gradient")
    x = torch.from_numpy(splits[0][0][:3]).requires_grad_()
    model[:4](x)[:, column].sum().backward()
    np.testing.assert_allclose(maps.values, (x * x.grad).detach().numpy().sum(1), atol=1e-5)


def test_several_labels_are_told_how_to_be_recorded(tmp_path):
    (x, y), _ = several_labels()
    arguments = {"train": (x, y), "classes": ["even", "large"]}
    for change, words in (
        ({}, r"one label at a time: Recorder\(label="),
        ({"label": "odd"}, r"label must be one of the classes; got 'odd'"),
        ({"label": "even", "train": (x, y[:, 0])}, r"zeros and ones \[120, 2\]"),
        ({"label": "even", "train": (x, y + 1)}, "zeros and ones"),
    ):
        with pytest.raises(ValueError, match=words):
            dvi.Recorder(tmp_path / "run", labelled(), **{**arguments, **change})
    with pytest.raises(ValueError, match=r"outputs leave a softmax. Leave label out"):
        dvi.Recorder(tmp_path / "run", labelled(nn.LogSoftmax(1)), **arguments, label="even")
    assert list(tmp_path.iterdir()) == []


def large_pictures(n=60):
    """Bytes [n, 3, 80, 40], larger than what is shown of them, of three classes."""
    y = np.arange(n) % 3
    x = np.random.default_rng(0).integers(0, 99, (n, 3, 80, 40)) + 50 * y.reshape(-1, 1, 1, 1)
    return x.astype(np.uint8), y


def pooled(*tail):
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), BytesFirst(), nn.Linear(9600, 16), nn.ReLU(), nn.Linear(16, 3), *tail)


class BytesFirst(nn.Module):
    def forward(self, x):
        return x.float() / 64 - 1


def without_inputs(folder, model, n=60, **options):
    x, y = large_pictures(n)
    return dvi.Recorder(folder, model, train=(x, y), classes=list("abc"), **{"inputs": False, **options})


def weight_of(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_run_without_inputs_holds_the_same_epochs_and_small_pictures(tmp_path):
    model = pooled()
    for kept in (True, False):
        without_inputs(tmp_path / str(kept), model, inputs=kept).capture(0)
    whole, small = (dvi.Run(tmp_path / str(kept), model=model) for kept in (True, False))
    for name in ("features", "logits", "boundary"):
        np.testing.assert_array_equal(getattr(whole, name)(0), getattr(small, name)(0))
    assert whole.images.shape == (60, 3, 80, 40)
    assert small.images.shape == (60, 3, 64, 32)
    assert abs(small.images.mean() - whole.images.mean()) < 1  # averages, no samples of pixels
    # As the documentation says: pictures, and representations and logits and weights of each epoch.
    arrays = [small.features(0), small.logits(0), small.boundary(0), small.boundary(0, "test")]
    said = small.images.nbytes + sum(array.nbytes for array in arrays) + 4 * (9601 * 16 + 17 * 3)
    assert abs(weight_of(small.folder) / said - 1) < 0.05
    small.verify()


def test_what_needs_inputs_says_that_they_were_left_out(tmp_path):
    model = pooled()
    recording = without_inputs(tmp_path / "run", model)
    for epoch in range(2):
        recording.capture(epoch)
    run = dvi.Run(tmp_path / "run", model=model)
    with pytest.raises(dvi.RunError, match=r"recorded with inputs=False. Record it with inputs=True"):
        run.inputs()
    x = large_pictures()[0]
    np.testing.assert_allclose(run.subject(1).predict(x), run.logits(1), atol=1e-5)
    landscape = dvi.baselines.PCA().fit(run).landscape(resolution=10)
    with pytest.raises(dvi.RunError, match="inputs=False"):
        landscape.source.inputs([0])
    # Thumbnails do not stand in for them.
    assert dvi.Explorer(landscape, models={"mine": model})._scene.models.names == []


def test_a_run_without_inputs_is_continued_with_the_same_samples_alone(tmp_path):
    model = pooled()
    without_inputs(tmp_path / "run", model).capture(0)
    without_inputs(tmp_path / "run", model).capture(1)
    x, y = large_pictures()
    x[3] += 1
    for change in ({"train": (x, y)}, {"train": large_pictures(), "inputs": True}):
        with pytest.raises(dvi.RunError, match="differs from this one"):
            dvi.Recorder(tmp_path / "run", model, **{"classes": list("abc"), "inputs": False, **change})
    assert dvi.Run(tmp_path / "run").epochs == [0, 1]


def test_inputs_are_kept_where_the_head_is_run_on_them(tmp_path):
    with pytest.raises(ValueError, match="inputs must be True where the head is not one linear layer"):
        without_inputs(tmp_path / "run", pooled(), layer="2")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("channels", [2, 4])
def test_channels_that_make_no_picture_are_said(tmp_path, channels):
    x = np.random.default_rng(0).random((40, channels, 4, 4), np.float32)
    model = nn.Sequential(nn.Flatten(), nn.Linear(16 * channels, 2))
    with pytest.warns(UserWarning, match=rf"have {channels} channels, so that no pictures are shown"):
        dvi.Recorder(tmp_path / "run", model, train=(x, np.arange(40) % 2), classes=["a", "b"])


CURES = {
    "words": (lambda y: np.array(["a", "b"])[y % 2], TypeError, r"got strings. np.unique\(train_labels"),
    "words in a frame": (lambda y: pd.Series(list("ab")).iloc[y % 2], TypeError, "got strings"),
    "one hot": (lambda y: np.eye(10)[y], ValueError, r"Pass y.argmax\(1\)"),
    "several labels": (lambda y: np.eye(10)[y] + np.eye(10)[0], ValueError, r"one label at a time"),
    "a column": (lambda y: y[:, None], ValueError, r"Pass y.ravel\(\)"),
    "floats": (lambda y: y.astype(float), TypeError, r"Pass y.astype\(int\)"),
    "from one": (lambda y: y + 1, ValueError, "They begin at 1: pass y - 1"),
}


@pytest.mark.parametrize("name", CURES)
def test_labels_of_another_kind_are_told_their_cure(tmp_path, name):
    change, kind, words = CURES[name]
    (x, y), _, names = samples()
    with pytest.raises(kind, match=words):
        dvi.Recorder(tmp_path / "run", network(), train=(x, change(y)), classes=names)
    assert list(tmp_path.iterdir()) == []


def test_pictures_of_pillow_are_told_their_cure(tmp_path):
    (x, y), _, names = samples()
    pictures = [Image.fromarray(np.rint(255 * picture[0]).astype(np.uint8)) for picture in x]
    for given in ((pictures, y), Pairs(pictures, y)):
        with pytest.raises(TypeError, match=r"got Pillow's pictures.*ToTensor"):
            dvi.Recorder(tmp_path / "run", network(), train=given, classes=names)


def test_a_network_without_values_is_refused(tmp_path):
    with pytest.raises(ValueError, match="model must have values; got the device 'meta'"):
        recorder(tmp_path / "run", network().to("meta"))


def test_of_several_processes_the_first_records(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    for rank in (1, 0):
        monkeypatch.setattr(torch.distributed, "get_rank", lambda rank=rank: rank)
        recording = recorder(tmp_path / "run")
        recording.capture(0)
        assert recording.epochs == ([] if rank else [0])
        assert (tmp_path / "run").exists() == (rank == 0)


def test_a_foreign_folder_is_refused_and_left_alone(tmp_path):
    for name, make in (
        ("notes", lambda folder: (folder / "notes.txt").write_text("mine")),
        ("samples", lambda folder: ((folder / "samples").mkdir(), (folder / "samples" / "x.wav").touch())),
        ("json", lambda folder: (folder / "run.json").write_text('{"format": "other"}')),
    ):
        folder = tmp_path / name
        folder.mkdir()
        make(folder)
        before = contents(folder)
        with pytest.raises(dvi.RunError, match=r"into a new or an empty folder|of another program"):
            recorder(folder)
        assert contents(folder) == before
    with pytest.raises(dvi.RunError, match="is a file"):
        recorder(tmp_path / "notes" / "notes.txt")


def test_a_place_without_room_for_a_folder_is_refused_at_once(tmp_path, monkeypatch):
    with pytest.raises(TypeError, match=r"folder must be a path.*got None"):
        recorder(None)
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match=r"folder .*file is a file"):
        recorder(tmp_path / "file" / "runs" / "run")
    monkeypatch.setattr(os, "access", lambda *_: False)  # file modes do not stop root
    with pytest.raises(PermissionError, match="folder must be a place that can be written"):
        recorder(tmp_path / "runs" / "run")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_a_run_is_not_continued_with_another_architecture(tmp_path):
    record(tmp_path / "run", epochs=[0])
    other = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10), nn.Softmax(1))
    with pytest.raises(dvi.RunError, match="model of the same architecture"):
        recorder(tmp_path / "run", other)
    deeper = [nn.Linear(64, 9), nn.Linear(9, 16), nn.Identity(), nn.Linear(16, 10)]
    deeper = nn.Sequential(nn.Sequential(nn.Flatten(), deeper[0]), *deeper[1:])
    with pytest.raises(dvi.RunError, match="model must be of the recorded architecture"):
        recorder(tmp_path / "run", deeper)


def test_a_run_of_a_newer_format_is_not_continued(tmp_path):
    record(tmp_path / "run", epochs=[0])
    file = tmp_path / "run" / "run.json"
    files.write_json(file, {**files.read_json(file), "version": 99})
    with pytest.raises(dvi.RunError, match=r"format 99.*Update dvi_widget"):
        recorder(tmp_path / "run")


@pytest.mark.parametrize("epoch", [-1, 1.5, "1", True, 10**9])
def test_an_epoch_is_a_number_from_zero(tmp_path, epoch):
    with pytest.raises(ValueError, match="epoch must be a whole number"):
        recorder(tmp_path / "run").capture(epoch)


def test_epochs_may_be_numpy_integers_and_large(tmp_path):
    recording = recorder(tmp_path / "run")
    for epoch in (np.int64(12_345_678), 5):
        recording.capture(epoch)
    assert dvi.Run(tmp_path / "run").epochs == [5, 12_345_678]


@pytest.mark.parametrize(
    ("scalars", "kind", "words"),
    [
        ({"loss": np.nan}, ValueError, "scalars must be finite; got nan as 'loss'"),
        ({"loss": [1, 2]}, TypeError, "scalars must be numbers; got .* as 'loss'"),
        ({"loss": None}, TypeError, "scalars must be numbers; got .* as 'loss'"),
        ({3: 1.0}, TypeError, "scalars must have names that are strings"),
        ({"train_accuracy": 1.0}, ValueError, "always recorded"),
        ([0.5], TypeError, "scalars must map"),
    ],
)
def test_scalars_are_checked_before_anything_is_written(tmp_path, scalars, kind, words):
    recording = recorder(tmp_path / "run")
    with pytest.raises(kind, match=words):
        recording.capture(0, scalars=scalars)
    assert dvi.Run(tmp_path / "run").epochs == []


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_network_that_has_diverged_is_not_recorded(tmp_path, value):
    model = record(tmp_path / "run", epochs=[0])
    recording = recorder(tmp_path / "run", model)
    before = contents(tmp_path / "run")
    with torch.no_grad():
        model[1].bias.fill_(value)
    with pytest.raises(
        ValueError,
        match=r"finite representations; got NaN .* 160 samples.*Epoch 1 is not",
    ):
        recording.capture(1)
    assert contents(tmp_path / "run") == before


def test_a_network_that_predicts_one_class_is_recorded_without_boundary_and_said_so(tmp_path):
    model = network()
    with torch.no_grad():
        model[3].bias[4] = 100
    recording = recorder(tmp_path / "run", model)
    with pytest.warns(UserWarning, match="Epoch 0 is recorded without boundary points") as caught:
        recording.capture(0)
    assert len(caught) == 1
    run = dvi.Run(tmp_path / "run")
    assert run.boundary(0, split="train").shape == run.boundary(0, split="test").shape == (0, 16)
    assert run.features(0).shape == (120, 16)


def test_without_test_samples_a_run_is_recorded_fitted_measured_and_shown(tmp_path):
    record(tmp_path / "run", epochs=(0, 1), test=None)
    run = dvi.Run(tmp_path / "run")
    assert (run.n_test, len(run.samples), list(run.scalars)) == (0, 120, ["train_accuracy", "loss"])
    assert run.features(0, "test").shape == (0, 16)
    assert run.images.shape == (120, 1, 8, 8)
    shown = dvi.DVI("paper", steps=(40, 20), batch_size=100).fit(run).landscape(resolution=8)
    assert set(shown.measures(k=5)["split"]) == {"train"}
    assert np.isfinite(shown.neighbor_loss(0, k=5)).all()
    assert len(dvi.suggestions.of_run(run, "test")) == 0
    hello = ask(Scene([shown]), "hello", {})
    assert hello.result["landscapes"][0]["accuracy"]["test"] == [None, None]
    assert not hello.arrays["split"].any()
    recorder(tmp_path / "run", test=None).capture(2)
    assert run.epochs == [0, 1, 2]
