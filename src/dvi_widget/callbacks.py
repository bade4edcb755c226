"""Callbacks that record each epoch of a trainer, without the trainer's library as a dependency."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from .arrays import check_path, warn
from .live import watch as watch_run
from .runs import Recorder, storage
from .runs.arguments import RESERVED_SCALARS
from .runs.writing import DivergedError

_LIGHTNING = ("lightning", "pytorch_lightning")


class _Hooks:
    """What trainers expect of a callback: a method for every event, of which most do nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("on_"):
            return _nothing
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")


class LightningCallback(_Hooks):
    """Record each training epoch of a trainer of ``lightning`` or ``pytorch_lightning``.

    At the end of each training epoch, after its validation, the network is recorded under the trainer's
    number of the epoch, with the trainer's metrics (`Trainer.callback_metrics`) as scalars. An epoch that is
    trained again, as after a resumed fit, replaces the recorded one. Only the process of rank zero records.
    An epoch whose network does not return finite numbers is left out with a warning, and training goes on.

    Parameters
    ----------
    folder
        As for `Recorder`; or a `Recorder` of the module, instead of all other arguments.
    model
        The network to record; None for the LightningModule itself, whose ``forward`` must then return the
        logits.
    watch
        Whether to show the training while it runs, in the cell that starts it (see `watch`).
    **recording
        The other arguments of `Recorder`: ``train``, ``test``, ``classes`` and so on.

    Examples
    --------
    >>> callback = LightningCallback("runs/mine", train=(x, y), test=(xt, yt), classes=names)
    >>> Trainer(max_epochs=2, callbacks=[callback]).fit(module)
    """

    def __init__(
        self,
        folder: str | Path | Recorder,
        model: nn.Module | None = None,
        *,
        watch: bool = False,
        **recording: Any,
    ) -> None:
        self._recorder: Recorder | None = None
        if isinstance(folder, Recorder):
            if model is not None or recording:
                raise TypeError(
                    "folder must be a path where other arguments are given; got a Recorder, which has them "
                    "all."
                )
            self._recorder, self.folder = folder, folder.folder
        else:
            self.folder = check_path("folder", folder)
        self._model = model
        self._watch = watch
        self._recording = recording

    def on_fit_start(self, trainer: Any, pl_module: nn.Module) -> None:
        """Begin or continue the run, so that a wrong argument is refused before any training."""
        if not trainer.is_global_zero:
            return
        if self._recorder is None:
            self._recorder = self._begin(pl_module)
        if self._watch:
            _show(self._recorder)

    def _begin(self, pl_module: nn.Module) -> Recorder:
        model = pl_module if self._model is None else self._model
        if not _has_forward(model):
            parts = [name for name, child in model.named_children() if _has_forward(child)]
            raise TypeError(
                f"model must have a forward that returns logits; got {type(model).__name__}, which has none. "
                f"Pass the part that classifies as model=, such as module.{(parts or ['net'])[0]}."
            )
        return Recorder(self.folder, model, **self._recording)

    def on_train_epoch_end(self, trainer: Any, pl_module: nn.Module) -> None:
        """Record the epoch."""
        del pl_module
        if self._recorder is not None and trainer.is_global_zero:
            _capture(self._recorder, int(trainer.current_epoch), trainer.callback_metrics)

    @property
    def state_key(self) -> str:
        """Name under which a checkpoint would store this callback's state."""
        return f"dvi_widget.LightningCallback{{{str(self.folder)!r}}}"

    @property
    def _legacy_state_key(self) -> str:
        # Lightning looks under this name too when it resumes from a checkpoint.
        return self.state_key

    def setup(self, trainer: Any, pl_module: nn.Module, stage: str) -> None:
        """Part of Lightning's protocol; nothing to set up."""

    def teardown(self, trainer: Any, pl_module: nn.Module, stage: str) -> None:
        """Part of Lightning's protocol; nothing to take down."""

    def state_dict(self) -> dict[str, Any]:
        """Part of Lightning's protocol: the state is in the run's folder, so none for the checkpoint."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Part of Lightning's protocol; there is no state to load."""


class HuggingFaceCallback(_Hooks):
    """Record each epoch of a ``transformers.Trainer``.

    At the end of each epoch the network is recorded, with the newest numbers that the trainer logged as
    scalars: ``loss``, ``learning_rate`` and so on. Epochs are counted from 0. Only the first process records.
    An epoch whose network does not return finite numbers is left out with a warning, and training goes on.

    Parameters
    ----------
    recorder
        Of the trainer's model.
    watch
        Whether to show the training while it runs, in the cell that starts it (see `watch`).

    Examples
    --------
    >>> recorder = Recorder("runs/mine", model, train=(x, y), test=(xt, yt), classes=names)
    >>> callback = HuggingFaceCallback(recorder)
    >>> Trainer(model, arguments, train_dataset=data, callbacks=[callback]).train()
    """

    def __init__(self, recorder: Recorder, *, watch: bool = False) -> None:
        if not isinstance(recorder, Recorder):
            raise TypeError(f"recorder must be a dvi.Recorder; got {type(recorder).__name__}.")
        self.recorder = recorder
        self._watch = watch

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Show the training, if that is wanted."""
        del args, control
        if self._watch and state.is_world_process_zero:
            _show(self.recorder)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Record the epoch."""
        del args, control
        if not state.is_world_process_zero:
            return
        newest: dict[str, Any] = {}
        for entry in state.log_history:
            newest |= entry
        numbers = {name: value for name, value in newest.items() if name not in ("epoch", "step")}
        # The trainer counts what is done, in parts of an epoch.
        _capture(self.recorder, max(0, round(state.epoch) - 1), numbers)


def _show(recorder: Recorder) -> None:
    """Watch a training; what goes wrong with that must not end it."""
    try:
        watch_run(recorder)
    except Exception as error:  # noqa: BLE001 - a picture is worth less than the training
        warn(f"The training cannot be watched: {type(error).__name__}: {error} It goes on and is recorded.")


def _capture(recorder: Recorder, epoch: int, metrics: Mapping[str, Any]) -> None:
    """Record an epoch, again if it has been; what is wrong with it must not end the training."""
    numbers: dict[str, float] = {}
    for name, value in metrics.items():
        try:
            number = float(value)
        except (TypeError, ValueError):
            continue
        if math.isfinite(number):
            # Two accuracies are measured by the recorder itself.
            numbers[f"logged_{name}" if name in RESERVED_SCALARS else str(name)] = number
    try:
        recorder.capture(epoch, overwrite=epoch in storage.epoch_folders(recorder.folder), scalars=numbers)
    except DivergedError as error:
        warn(f"{error} Training goes on.")


def _has_forward(model: nn.Module) -> bool:
    """Whether a module can be called: `nn.Module`, containers and a plain LightningModule cannot."""
    forward = type(model).forward
    # Lightning's own forward only calls that of torch, which raises.
    package = str(getattr(forward, "__module__", "")).partition(".")[0]
    return getattr(forward, "__name__", "") != "_forward_unimplemented" and package not in _LIGHTNING


def _nothing(*_: Any, **__: Any) -> None:
    """Do nothing, as an unused hook."""
