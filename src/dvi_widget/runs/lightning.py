"""A Lightning callback that records each epoch, without Lightning as a dependency."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from dvi_widget.arrays import check_path

from . import storage
from .recording import Recorder


class LightningCallback:
    """Record each training epoch of a trainer of ``lightning`` or ``pytorch_lightning``.

    At the end of each training epoch, after its validation, the network is recorded under the trainer's
    number of the epoch, with the trainer's metrics (`Trainer.callback_metrics`) as scalars. An epoch that is
    trained again, as after a resumed fit, replaces the recorded one. Only the process of rank zero records.

    Parameters
    ----------
    folder
        As for `Recorder`.
    model
        The network to record; None for the LightningModule itself, whose ``forward`` must then return the
        logits.
    **recording
        The other arguments of `Recorder`: ``train``, ``test``, ``classes`` and so on.

    Examples
    --------
    >>> callback = LightningCallback("runs/mine", train=(x, y), test=(xt, yt), classes=names)
    >>> Trainer(max_epochs=2, callbacks=[callback]).fit(module)
    """

    def __init__(self, folder: str | Path, model: nn.Module | None = None, **recording: Any) -> None:
        self.folder = check_path("folder", folder)
        self._model = model
        self._recording = recording
        self._recorder: Recorder | None = None

    def __getattr__(self, name: str) -> Callable[..., None]:
        # A trainer calls every hook of every callback; unused ones do nothing.
        if name.startswith("on_"):
            return _nothing
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def on_fit_start(self, trainer: Any, pl_module: nn.Module) -> None:
        """Begin or continue the run, so that a wrong argument is refused before any training."""
        if trainer.is_global_zero:
            model = pl_module if self._model is None else self._model
            self._recorder = Recorder(self.folder, model, **self._recording)

    def on_train_epoch_end(self, trainer: Any, pl_module: nn.Module) -> None:
        """Record the epoch."""
        del pl_module
        if self._recorder is None:
            return
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        metrics = {name: value for name, value in metrics.items() if math.isfinite(value)}
        epoch = int(trainer.current_epoch)
        self._recorder.capture(epoch, overwrite=epoch in storage.epoch_folders(self.folder), scalars=metrics)

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


def _nothing(*_: Any, **__: Any) -> None:
    """Do nothing, as an unused hook."""
