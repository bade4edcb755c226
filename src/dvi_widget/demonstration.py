"""The digits explorer, built on the spot: something to see in the first minute."""

from __future__ import annotations

import tempfile
import warnings
import weakref
from pathlib import Path

import torch
from torch import nn

from . import datasets
from .dvi import DVI
from .progress import progress_bar
from .runs import Recorder, Run
from .widget.explorer import Explorer

_EPOCHS = 12


def demo(folder: str | Path | None = None) -> Explorer:
    """Train a small network on handwritten digits while recording it, fit its landscape, and show it.

    Takes under a minute on two cores, with a progress bar.

    Parameters
    ----------
    folder
        Folder of the run. A second call with the same folder opens the run, and completes it if the first
        call was interrupted. By default a temporary folder, which is removed when the explorer is gone or
        Python ends.

    Returns
    -------
    Explorer
        The 1,797 digits of scikit-learn over 12 epochs.

    Raises
    ------
    RunError
        If the folder holds something else.
    """
    if folder is None:
        temporary = tempfile.TemporaryDirectory(prefix="dvi_widget_demo_", ignore_cleanup_errors=True)
        explorer = demo(Path(temporary.name) / "digits")
        weakref.finalize(explorer, temporary.cleanup)
        return explorer
    record(folder)
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers do not change
        model = network()
    return Explorer(DVI().fit(Run(folder, model=model)).landscape())


def network() -> nn.Sequential:
    """Build the demo's untrained network: digits [n, 1, 8, 8] in [0, 1] to logits [n, 10]."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 16, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


def record(folder: str | Path) -> None:
    """Train the demo's network, and record each epoch that the folder does not hold yet.

    Parameters
    ----------
    folder
        The folder of the run: new, empty, or one that this function began.

    Raises
    ------
    RunError
        If the folder holds something else.
    """
    (x, y), (xt, yt), classes = datasets.digits()
    inputs, labels = torch.from_numpy(x).float() / 255, torch.from_numpy(y)
    with torch.random.fork_rng(devices=[]):  # as in `demo`
        torch.manual_seed(0)
        model = network()
        with warnings.catch_warnings():
            # An interrupted training starts again and leads to the same weights, so the warning is beside the
            # point.
            warnings.simplefilter("ignore")
            recorder = Recorder(
                folder,
                model,
                train=(inputs, y),
                test=(torch.from_numpy(xt).float() / 255, yt),
                classes=classes,
            )
        recorded = Run(folder).epochs
        if len(recorded) == _EPOCHS:
            return
        optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
        for epoch in progress_bar(range(_EPOCHS), desc="Training and recording", unit="epoch"):
            model.train()
            for batch in torch.split(torch.randperm(len(inputs)), 64):
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(inputs[batch]), labels[batch]).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            if epoch not in recorded:
                recorder.capture(epoch)
