"""A small classifier of handwritten digits and its recorded run, for the tests of several rooms."""

from __future__ import annotations

import functools
import shutil

import torch
from torch import nn

import dvi_widget as dvi

_digits = functools.cache(dvi.datasets.digits)


def samples(n_train=120, n_test=40):
    """Digits as floats in [0, 1]: training and test pairs, class names."""
    (x, y), (xt, yt), names = _digits()
    return (
        (x[:n_train].astype("float32") / 255, y[:n_train].copy()),
        (xt[:n_test].astype("float32") / 255, yt[:n_test].copy()),
        names,
    )


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))


def train(model, x, y, steps=5, seed=0):
    """A few steps of full-batch gradient descent, the same for equal seeds."""
    torch.manual_seed(seed)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(steps):
        loss = nn.functional.cross_entropy(model(torch.as_tensor(x)), torch.as_tensor(y))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return loss.item()


def recorder(folder, model=None, **options):
    """A recorder of the digits; options replace its arguments."""
    train, test, names = samples()
    return dvi.Recorder(
        folder, model or network(), **{"train": train, "test": test, "classes": names, **options}
    )


def record(folder, epochs=(0, 1, 2), model=None, **options):
    """A finished recording, and the network as it is at its end."""
    model = model or network()
    recording = recorder(folder, model, **options)
    (x, y), *_ = samples()
    for epoch in epochs:
        loss = train(model, x, y, seed=epoch)
        recording.capture(epoch, scalars={"loss": loss})
    return model


def unfitted(folder, to):
    """The same run, to the last bit, without what was fitted: recorded anew it could differ in rounding."""
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns("maps"))
    return dvi.Run(to)
