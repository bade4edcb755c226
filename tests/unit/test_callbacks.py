"""Callbacks of trainers: each epoch is recorded, and nothing about it ends the training."""

import numpy as np
import pytest
import torch
from recorded import network, recorder, samples, train
from torch import nn

import dvi_widget as dvi

# Lightning


class FakeTrainer:
    """Calls every hook of its callbacks by name, in the order Lightning does."""

    def __init__(self, module, callback, rank=0):
        self.module, self.callback = module, callback
        self.is_global_zero = rank == 0
        self.current_epoch = 0
        self.callback_metrics = {}

    def call(self, hook, *args):
        getattr(self.callback, hook)(self, self.module, *args)

    def fit(self, epochs, start=0):
        (x, y), *_ = samples()
        self.callback.setup(self, self.module, stage="fit")
        self.call("on_fit_start")
        self.call("on_sanity_check_start")
        self.call("on_validation_epoch_end")
        self.call("on_sanity_check_end")
        for self.current_epoch in range(start, start + epochs):
            self.call("on_train_epoch_start")
            loss = train(self.module, x, y, seed=self.current_epoch)
            self.call("on_train_batch_end", None, None, 0)
            self.call("on_validation_epoch_end")
            self.callback_metrics = {"train_loss": torch.tensor(loss), "odd": torch.tensor(float("nan"))}
            self.call("on_train_epoch_end")
            self.call("on_save_checkpoint", {})
        self.call("on_fit_end")
        self.callback.teardown(self, self.module, stage="fit")


def lightning(folder, **options):
    first, second, names = samples()
    return dvi.LightningCallback(folder, train=first, test=second, classes=names, **options)


def test_the_lightning_callback_records_each_epoch_with_its_metrics(tmp_path):
    FakeTrainer(network(), lightning(tmp_path / "run")).fit(3)
    run = dvi.Run(tmp_path / "run")
    assert run.epochs == [0, 1, 2]
    assert run.scalars["train_loss"].is_monotonic_decreasing
    assert "odd" not in run.scalars


def test_the_lightning_callback_records_a_part_of_the_module_if_told_to(tmp_path):
    module = nn.ModuleDict({"net": network(), "loss": nn.CrossEntropyLoss()})
    callback = lightning(tmp_path / "run", model=module["net"])
    trainer = FakeTrainer(module["net"], callback)
    trainer.fit(1)
    assert set(dvi.Run(tmp_path / "run", model=network()).subject(0).model.state_dict()) == set(
        module["net"].state_dict()
    )


def test_an_epoch_that_lightning_trains_again_replaces_the_recorded_one(tmp_path):
    module = network()
    FakeTrainer(module, lightning(tmp_path / "run")).fit(2)
    before = dvi.Run(tmp_path / "run").digest(1)
    FakeTrainer(module, lightning(tmp_path / "run")).fit(2, start=1)
    run = dvi.Run(tmp_path / "run")
    assert run.epochs == [0, 1, 2]
    assert run.digest(1) != before


def test_only_the_first_process_of_lightning_records(tmp_path):
    FakeTrainer(network(), lightning(tmp_path / "run"), rank=1).fit(1)
    assert not (tmp_path / "run").exists()


def test_the_lightning_callback_has_what_a_checkpoint_asks_for(tmp_path):
    callback = lightning(tmp_path / "run")
    assert callback.state_dict() == {}
    callback.load_state_dict({})
    assert str(tmp_path / "run") in callback.state_key
    assert callback._legacy_state_key == callback.state_key
    with pytest.raises(AttributeError):
        _ = callback.unknown


def test_a_recorder_serves_as_well_as_its_arguments(tmp_path):
    module = network()
    FakeTrainer(module, dvi.LightningCallback(recorder(tmp_path / "run", module))).fit(2)
    assert dvi.Run(tmp_path / "run").epochs == [0, 1]
    with pytest.raises(TypeError, match="got a Recorder, which has them all"):
        dvi.LightningCallback(recorder(tmp_path / "run", module), classes=["a", "b"])


class Logging(FakeTrainer):
    """A module that logs accuracies of its own, and what is no number."""

    @property
    def callback_metrics(self):
        return {
            "train_accuracy": torch.tensor(0.25),
            "test_accuracy": 0.5,
            "note": "none",
            "many": torch.ones(2),
        }

    @callback_metrics.setter
    def callback_metrics(self, value):
        pass


def test_metrics_named_like_ours_are_recorded_beside_them(tmp_path):
    Logging(network(), lightning(tmp_path / "run")).fit(2)
    table = dvi.Run(tmp_path / "run").scalars
    assert (table["logged_train_accuracy"] == 0.25).all()
    assert (table["logged_test_accuracy"] == 0.5).all()
    assert table["train_accuracy"].iloc[-1] != 0.25
    assert "note" not in table
    assert "many" not in table


def test_an_epoch_of_a_network_that_has_diverged_is_left_out_and_training_goes_on(tmp_path):
    module = network()
    callback = lightning(tmp_path / "run")
    trainer = FakeTrainer(module, callback)
    trainer.fit(1)
    good = {name: value.clone() for name, value in module.state_dict().items()}
    with torch.no_grad():
        module[1].weight.fill_(float("nan"))
    trainer.current_epoch = 1
    with pytest.warns(UserWarning, match="Epoch 1 is not recorded. Training goes on"):
        trainer.call("on_train_epoch_end")
    module.load_state_dict(good)
    trainer.current_epoch = 2
    trainer.call("on_train_epoch_end")
    assert dvi.Run(tmp_path / "run").epochs == [0, 2]


@pytest.mark.parametrize("lightning_s_own", [False, True])
def test_a_module_without_forward_is_told_what_to_pass(tmp_path, lightning_s_own):
    class Module(nn.Module):
        def __init__(self):
            super().__init__()
            self.loss, self.net = nn.ModuleList(), network()

    if lightning_s_own:

        def forward(self, *args):
            return super(Module, self).forward(*args)

        forward.__module__ = "lightning.pytorch.core.module"
        Module.forward = forward

    callback = lightning(tmp_path / "run")
    with pytest.raises(TypeError, match=r"got Module, which has none. Pass .* module\.net"):
        callback.on_fit_start(FakeTrainer(Module(), callback), Module())


def test_a_compiled_network_is_recorded_as_it_was_written(tmp_path):
    for name, compiled in (
        ("a part", lambda model: nn.Sequential(torch.compile(model[:3]), model[3])),
        ("in place", lambda model: (model[1].compile(), model)[1]),
        ("whole", torch.compile),
    ):
        recorder(tmp_path / name / "plain").capture(0)
        recorder(tmp_path / name / "compiled", compiled(network())).capture(0)
        plain, ours = (dvi.Run(tmp_path / name / kind) for kind in ("plain", "compiled"))
        np.testing.assert_array_equal(ours.features(0), plain.features(0))
        np.testing.assert_array_equal(ours.logits(0), plain.logits(0))


# Hugging Face


class State:
    """What a trainer of transformers tells its callbacks."""

    def __init__(self, epoch=0.0, rank=0, logs=()):
        self.epoch, self.is_world_process_zero, self.log_history = epoch, rank == 0, list(logs)


def test_the_hugging_face_callback_records_each_epoch_with_what_was_logged(tmp_path):
    model = network()
    callback = dvi.HuggingFaceCallback(recorder(tmp_path / "run", model))
    (x, y), *_ = samples()
    logs = []
    callback.on_train_begin(None, State(), None, model=model)
    for epoch in range(3):
        callback.on_step_end(None, State(epoch + 0.5), None, model=model)
        loss = train(model, x, y, seed=epoch)
        logs.append({"loss": loss, "learning_rate": 0.1, "epoch": epoch + 1.0, "step": 15 * epoch})
        callback.on_epoch_end(None, State(epoch + 1.0, logs=logs), None, model=model)
        callback.on_epoch_end(None, State(epoch + 1.0, rank=1), None, model=model)
    run = dvi.Run(tmp_path / "run")
    assert run.epochs == [0, 1, 2]
    assert run.scalars["loss"].is_monotonic_decreasing
    assert not {"epoch", "step"} & set(run.scalars)
    with pytest.raises(AttributeError):
        _ = callback.unknown
    with pytest.raises(TypeError, match=r"must be a dvi\.Recorder; got str"):
        dvi.HuggingFaceCallback("run")


# Watching


def _lightning_training(folder, watch):
    FakeTrainer(network(), lightning(folder, watch=watch)).fit(2)


def _hugging_face_training(folder, watch):
    model = network()
    callback = dvi.HuggingFaceCallback(recorder(folder, model), watch=watch)
    callback.on_train_begin(None, State(), None, model=model)
    for epoch in range(2):
        callback.on_epoch_end(None, State(epoch + 1.0), None, model=model)


TRAININGS = {"lightning": _lightning_training, "transformers": _hugging_face_training}


@pytest.fixture
def watches(monkeypatch):
    """What was watched."""
    made = []
    watch = dvi.watch

    def kept(*args, **options):
        made.append(watch(*args, **options))
        return made[-1]

    monkeypatch.setattr("dvi_widget.callbacks.watch_run", kept)
    return made


@pytest.mark.parametrize("training", TRAININGS.values(), ids=TRAININGS)
def test_a_callback_lets_one_watch_if_told_to(training, tmp_path, watches):
    training(tmp_path / "quiet", watch=False)
    assert watches == []
    training(tmp_path / "watched", watch=True)
    (watched,) = watches
    assert watched.epochs == [0, 1]


@pytest.mark.parametrize("training", TRAININGS.values(), ids=TRAININGS)
def test_a_watch_that_fails_does_not_end_the_training(training, tmp_path, monkeypatch):
    def broken(_):
        raise OSError("no screen.")

    monkeypatch.setattr("dvi_widget.callbacks.watch_run", broken)
    with pytest.warns(UserWarning, match="cannot be watched: OSError: no screen"):
        training(tmp_path / "run", watch=True)
    assert dvi.Run(tmp_path / "run").epochs == [0, 1]
