"""Watching a training: what is laid out, when, at what cost, and what happens when something fails."""

import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from waiting import WAIT_S

import dvi_widget as dvi
from dvi_widget import live

N, TEST = 90, 30


@pytest.fixture
def recorder(tmp_path):
    return make_recorder(tmp_path / "run")


def make_recorder(folder: Path) -> dvi.Recorder:
    rng = np.random.default_rng(0)
    y = np.arange(N + TEST) % 3
    x = rng.normal(size=(N + TEST, 5)).astype(np.float32) + 2 * np.eye(3, 5, dtype=np.float32)[y]
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
    return dvi.Recorder(folder, model, train=(x[:N], y[:N]), test=(x[N:], y[N:]), classes=["a", "b", "c"])


def step(recorder: dvi.Recorder, epoch: int, size: float = 0.3, **options) -> None:
    """Move the weights a little, and record them."""
    generator = torch.Generator().manual_seed(epoch)
    with torch.no_grad():
        for weight in recorder.model.parameters():
            weight.add_(torch.randn(weight.shape, generator=generator), alpha=size)
    recorder.capture(epoch, scalars={"loss": 1 / (epoch + 1)}, **options)


def test_each_captured_epoch_is_laid_out_as_a_later_fit_does(recorder):
    watched = dvi.watch(recorder, budget=None)
    assert watched.explorer is None
    for epoch in range(4):
        step(recorder, epoch)
        assert watched.epochs == list(range(epoch + 1))
        assert watched.explorer.epoch == 0  # the page moves it, Python leaves it alone
    run = dvi.Run(recorder.folder)
    for path in run.maps.iterdir():
        path.unlink()
    later = dvi.DVI(joint=False).fit(run).landscape()
    for epoch in range(4):
        np.testing.assert_array_equal(watched.landscape.at(epoch).positions, later.at(epoch).positions)
        np.testing.assert_array_equal(watched.landscape.at(epoch).predictions, later.at(epoch).predictions)
    assert watched.landscape.scalars["loss"].tolist() == [1, 1 / 2, 1 / 3, 1 / 4]
    assert watched.explorer._epochs == [0, 1, 2, 3]


def test_the_page_is_sent_what_is_new_without_asking(recorder):
    watched = dvi.watch(recorder, budget=None)
    step(recorder, 0)
    sent = [(answer["op"], answer["args"].get("epoch")) for answer in watched.explorer._pushed]
    assert sent == [("hello", None), ("frame", 0), ("canvas", 0), ("events", None)]
    step(recorder, 1)
    hello, frame, canvas, events = watched.explorer._pushed
    assert hello["result"]["landscapes"][0]["epochs"] == [0, 1]
    assert frame["args"] == canvas["args"] == {"landscape": 0, "epoch": 1}
    assert all(row["epoch"] == 1 for row in events["result"]["rows"])
    assert [len(part) for part in frame["buffers"]] == [4 * (N + TEST), N + TEST, 2 * (N + TEST)]
    watched.explorer._receive(None, {"id": 1, "op": "hello", "args": {}}, [])
    assert watched.explorer._pushed == []  # the kernel answers again


def test_a_layout_that_fails_stops_neither_training_nor_recording(recorder, monkeypatch):
    watched = dvi.watch(recorder, budget=None)
    step(recorder, 0)
    with monkeypatch.context() as patched:
        patched.setattr(dvi.DVI, "partial_fit", lambda *_: 1 / 0)
        with pytest.warns(UserWarning, match="Epoch 1 is recorded, but .* failed: ZeroDivisionError"):
            step(recorder, 1)
    step(recorder, 2)
    assert recorder.epochs == [0, 1, 2]
    assert watched.epochs == [0, 2]
    assert watched.skipped == [1]


def test_an_interrupted_layout_is_taken_up_again(recorder, monkeypatch):
    watched = dvi.watch(recorder, budget=None)
    step(recorder, 0)

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(dvi.DVI, "partial_fit", interrupted)
        with pytest.raises(KeyboardInterrupt):
            step(recorder, 1)
    assert recorder.epochs == [0, 1]
    assert watched.epochs == [0]
    assert watched.explorer.table().shape[0] == N + TEST  # whole
    step(recorder, 2)
    assert watched.epochs == [0, 1, 2]
    assert watched.skipped == []


def test_every_leaves_epochs_out(recorder):
    watched = dvi.watch(recorder, every=2, budget=None)
    for epoch in range(5):
        step(recorder, epoch)
    assert watched.epochs == [0, 2, 4]
    assert watched.skipped == [1, 3]


def test_the_budget_leaves_epochs_out_beyond_what_is_free(recorder, monkeypatch):
    monkeypatch.setattr(live, "_FREE_S", 0.0)
    watched = dvi.watch(recorder, budget=1e-9)
    for epoch in range(4):
        step(recorder, epoch)
    assert watched.epochs == [0]  # the first is always shown
    assert watched.skipped == [1, 2, 3]
    assert 0 < watched.cost_["following"] < watched.cost_["elapsed"]
    assert recorder.cost_["following"] >= watched.cost_["following"]
    assert min(recorder.cost_.values()) > 0


def test_an_epoch_recorded_anew_replaces_what_came_from_it(recorder):
    watched = dvi.watch(recorder, budget=None)
    for epoch in range(3):
        step(recorder, epoch)
    first = watched.explorer
    step(recorder, 1, size=1.0, overwrite=True)
    assert watched.epochs == [0, 1, 2]
    assert watched.explorer is not first
    later = dvi.DVI(joint=False).fit(dvi.Run(recorder.folder)).landscape()
    for epoch in range(3):
        np.testing.assert_array_equal(watched.landscape.at(epoch).positions, later.at(epoch).positions)


def test_a_run_is_taken_up_where_it_was(recorder):
    for epoch in range(3):
        step(recorder, epoch)
    watched = dvi.watch(recorder, budget=None)
    assert watched.epochs == [0, 1, 2]
    step(recorder, 3)
    assert watched.epochs == [0, 1, 2, 3]


def test_a_second_watch_takes_over(recorder):
    first = dvi.watch(recorder, budget=None)
    step(recorder, 0)
    second = dvi.watch(recorder, budget=None)
    step(recorder, 1)
    assert first.epochs == [0]
    assert second.epochs == [0, 1]


def test_a_folder_is_followed_though_it_does_not_exist_yet(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "_POLL_S", 0.01)
    watched = dvi.watch(tmp_path / "run", budget=None)
    recorder = make_recorder(tmp_path / "run")
    for epoch in range(2):
        step(recorder, epoch)
        deadline = time.monotonic() + WAIT_S
        while watched.epochs != list(range(epoch + 1)):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    watched.stop()
    for thread in threading.enumerate():
        if thread.name == "dvi_widget_watch":
            thread.join(WAIT_S)
            assert not thread.is_alive()
    assert repr(watched) == "Watch(stopped, 2 epochs shown, 0 left out)"


def test_an_epoch_that_is_half_written_is_not_shown(recorder):
    watched = dvi.watch(recorder, budget=None)
    step(recorder, 0)
    half = recorder.folder / "epochs" / "000001.aside"
    half.mkdir()
    (half / "features.npy").write_bytes(b"half")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        watched.advance()
    assert watched.epochs == [0]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"every": 0}, "every must be"),
        ({"budget": 0}, "budget must be"),
        ({"budget": 1.5}, "budget must be"),
        ({"model": nn.Linear(5, 3)}, "model must be left out"),
    ],
)
def test_a_wrong_argument_is_named(recorder, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        dvi.watch(recorder, **options)


def test_epoch_by_epoch_needs_a_method_that_can(recorder):
    step(recorder, 0)
    with pytest.raises(ValueError, match="joint must be False"):
        dvi.DVI().partial_fit(dvi.Run(recorder.folder))
    with pytest.raises(TypeError, match="run must be"):
        dvi.DVI(joint=False).partial_fit(recorder)


def test_partial_fits_equal_a_fit_and_begin_again_when_settings_change(recorder):
    for epoch in range(3):
        step(recorder, epoch)
    run = dvi.Run(recorder.folder)
    model = dvi.PaperDVI(steps=(20, 10))
    parts = [model.partial_fit(run, [epoch]).maps_[epoch].positions for epoch in range(3)]
    for path in run.maps.iterdir():
        path.unlink()
    whole = dvi.PaperDVI(steps=(20, 10)).fit(run)
    for epoch, positions in enumerate(parts):
        np.testing.assert_array_equal(positions, whole.maps_[epoch].positions)
    with pytest.raises(ValueError, match="epochs must be later"):
        model.partial_fit(run, [2])
    model.set_params(k=5).partial_fit(run, [1])
    assert model.epochs_ == [1]


def test_a_landscape_grows_by_later_epochs_alone(recorder):
    for epoch in (0, 2):
        step(recorder, epoch)
    run = dvi.Run(recorder.folder)
    model = dvi.DVI(joint=False).partial_fit(run, [0])
    landscape = model.landscape(resolution=20)
    painted = landscape[0].canvas
    frame = landscape[0]
    outside = frame.positions + np.float32(landscape.extent[1] - landscape.extent[0])
    for wrong, sentence in (
        ((0, frame.positions, frame.predictions, frame.confidence), "epoch must be later"),
        ((1, frame.positions[:-1], frame.predictions, frame.confidence), "positions, predictions"),
        ((1, frame.positions[:, :1], frame.predictions, frame.confidence), "columns"),
    ):
        with pytest.raises(ValueError, match=sentence):
            landscape.append(*wrong)
    assert landscape.epochs == [0]
    assert not landscape.append(1, frame.positions, frame.predictions, frame.confidence)
    assert landscape[0].canvas is painted
    before = landscape.extent
    assert landscape.append(3, outside, frame.predictions, frame.confidence, {"loss": 2.0})
    assert landscape.extent[0] < before[0]
    assert landscape.extent[1] > outside[:, 0].max()
    assert not landscape[0].painted
    assert landscape.scalars["loss"].tolist()[-1] == 2.0
    with pytest.raises(ValueError, match="landscape must hold the first"):
        model.partial_fit(run, [2]).extend(landscape)
