"""Recording from saved checkpoints: found, ordered, read without running anything, resumable."""

import copy
import json

import numpy as np
import pytest
import safetensors.torch
import torch
from recorded import network, recorder, samples, train
from torch import nn

import dvi_widget as dvi

TRAIN, TEST, NAMES = samples()


@pytest.fixture(scope="module")
def states():
    """Weights of the test network after each of three epochs."""
    model, found = network(), []
    for epoch in range(3):
        train(model, *TRAIN, seed=epoch)
        found.append(copy.deepcopy(model.state_dict()))
    return found


def recorded(folder, checkpoints, model=None, **options):
    model = model or network(seed=5)
    return dvi.record_checkpoints(
        folder, model, checkpoints, **{"train": TRAIN, "test": TEST, "classes": NAMES, **options}
    )


def check(run, states, epochs=(0, 1, 2)):
    assert run.epochs == list(epochs)
    for epoch, state in zip(epochs, states, strict=True):
        model = network()
        model.load_state_dict(state)
        with torch.no_grad():
            np.testing.assert_allclose(run.logits(epoch), model(torch.from_numpy(TRAIN[0])), atol=1e-6)
    assert run.subject(epochs[0]) is not None


def prefixed(state, prefix):
    return {prefix + name: value for name, value in state.items()}


class Optimiser:
    """A file that only runs what is in it can read."""


WAYS = {
    "plain": lambda state, path: torch.save(state, path.with_suffix(".pt")),
    "safetensors": lambda state, path: safetensors.torch.save_file(state, path.with_suffix(".safetensors")),
    "in a checkpoint": lambda state, path: torch.save(
        {"epoch": 3, "model_state_dict": state, "optimizer": {"lr": 0.1}}, path.with_suffix(".pth")
    ),
    "lightning": lambda state, path: torch.save(
        {"state_dict": prefixed(state, "net.") | {"loss.weight": torch.ones(10)}, "global_step": 7},
        path.with_suffix(".ckpt"),
    ),
    "several devices": lambda state, path: torch.save(prefixed(state, "module."), path.with_suffix(".pt")),
    "compiled": lambda state, path: torch.save(prefixed(state, "_orig_mod."), path.with_suffix(".pt")),
}


@pytest.mark.feature("F11")
@pytest.mark.parametrize("way", WAYS)
def test_checkpoints_of_any_layout_are_recorded_in_order(tmp_path, states, way):
    (tmp_path / "ckpt").mkdir()
    for epoch in (2, 0, 1):
        WAYS[way](states[epoch], tmp_path / "ckpt" / f"model-{epoch}")
    model = network(seed=5)
    before = copy.deepcopy(model.state_dict())
    run = recorded(tmp_path / "run", str(tmp_path / "ckpt" / "*"), model)
    check(run, states)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_folders_of_hugging_face_are_checkpoints_whole_or_in_shards(tmp_path, states):
    for step, state in zip((500, 1000, 1500), states, strict=True):
        folder = tmp_path / "out" / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        if step == 1000:
            names = list(state)
            shards = {"a.safetensors": names[:2], "b.safetensors": names[2:]}
            for file, part in shards.items():
                safetensors.torch.save_file({name: state[name] for name in part}, folder / file)
            index = {"weight_map": {name: file for file, part in shards.items() for name in part}}
            (folder / "model.safetensors.index.json").write_text(json.dumps(index))
        else:
            safetensors.torch.save_file(state, folder / "model.safetensors")
    run = recorded(tmp_path / "run", str(tmp_path / "out" / "checkpoint-*"))
    check(run, states, (500, 1000, 1500))


@pytest.mark.parametrize(
    ("names", "epochs"),
    [
        (["epoch=0-step=12.pt", "epoch=1-step=24.pt", "epoch=10-step=132.pt"], (0, 1, 10)),
        (["v2_epoch_003.pt", "v2_epoch_004.pt", "v2_epoch_021.pt"], (3, 4, 21)),
        (["resnet18-9.pt", "resnet18-10.pt", "resnet18-11.pt"], (9, 10, 11)),
    ],
)
def test_the_epoch_is_read_from_the_name(tmp_path, states, names, epochs):
    for name, state in zip(names, states, strict=True):
        torch.save(state, tmp_path / name)
    check(recorded(tmp_path / "run", tmp_path / "*.pt"), states, epochs)


def test_an_interrupted_recording_is_continued_without_recording_again(tmp_path, states):
    paths = {}
    for epoch, state in enumerate(states):
        paths[10 * epoch] = tmp_path / f"{'abc'[epoch]}.pt"
        torch.save(state, paths[10 * epoch])
    recorded(tmp_path / "run", {0: paths[0], 10: paths[10]})
    first = dvi.Run(tmp_path / "run").digest(0)
    stamp = (tmp_path / "run" / "epochs" / "000000" / "epoch.json").stat().st_mtime_ns
    run = recorded(tmp_path / "run", paths)
    check(run, states, (0, 10, 20))
    assert run.digest(0) == first
    assert (tmp_path / "run" / "epochs" / "000000" / "epoch.json").stat().st_mtime_ns == stamp


def test_a_checkpoint_is_what_a_recorder_records(tmp_path, states):
    torch.save(states[0], tmp_path / "0.pt")
    model = network()
    model.load_state_dict(states[0])
    recorder(tmp_path / "live", model).capture(0)
    run = recorded(tmp_path / "run", tmp_path / "*.pt")
    assert run.digest(0) == dvi.Run(tmp_path / "live").digest(0)


def test_tied_weights_that_were_saved_once_are_loaded(tmp_path):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.a, self.b = nn.Linear(64, 64), nn.Linear(64, 64)
            self.b.weight = self.a.weight
            self.out = nn.Linear(64, 10)

        def forward(self, x):
            return self.out(self.b(self.a(x.flatten(1)).relu()).relu())

    model = Tied()
    state = {name: value for name, value in model.state_dict().items() if name != "b.weight"}
    safetensors.torch.save_file(state, tmp_path / "1.safetensors")
    with torch.no_grad():
        wanted = model(torch.from_numpy(TRAIN[0])).numpy()
        model.a.weight.zero_()
    run = recorded(tmp_path / "run", tmp_path / "*.safetensors", model)
    np.testing.assert_allclose(run.logits(1), wanted, atol=1e-6)


def test_a_file_that_would_run_something_is_refused_and_never_run(tmp_path, states):
    torch.save({"state_dict": states[0], "optimiser": Optimiser()}, tmp_path / "0.pt")
    with pytest.raises(ValueError, match=r"without running what is in it .*Save model\.state_dict\(\)"):
        recorded(tmp_path / "run", tmp_path / "*.pt")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("write", "kind", "words"),
    [
        (lambda folder, state: None, FileNotFoundError, "which matches none"),
        (lambda folder, state: (folder / "0.pt").write_bytes(b"no"), ValueError, "can't be read without"),
        (lambda folder, state: torch.save([1], folder / "0.pt"), ValueError, "a list. Save model.state_dict"),
        (lambda folder, state: torch.save({"lr": 1}, folder / "0.pt"), ValueError, "a dict of lr"),
        (
            lambda folder, state: torch.save({**state, "3.weight": torch.zeros(7, 16)}, folder / "0.pt"),
            ValueError,
            r"3.weight of shape \(10, 16\) instead of \(7, 16\)",
        ),
        (
            lambda folder, state: torch.save({"1.weight": state["1.weight"]}, folder / "0.pt"),
            ValueError,
            "with 1.bias, 3.bias, 3.weight.*Its names: 1.weight",
        ),
        (
            lambda folder, state: [torch.save(state, folder / name) for name in ("a.pt", "b.pt")],
            ValueError,
            "an epoch of their own in each name; got a.pt. Pass a mapping",
        ),
        (
            lambda folder, state: (folder / "checkpoint-1.pt").mkdir(),
            ValueError,
            r"folder with model.safetensors",
        ),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_named_and_nothing_is_written(tmp_path, states, write, kind, words):
    write(tmp_path, states[0])
    with pytest.raises(kind, match=words):
        recorded(tmp_path / "run", tmp_path / "*.pt")
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"lost\.pt, which does not exist"):
        recorded(tmp_path / "run", {0: tmp_path / "lost.pt"})
