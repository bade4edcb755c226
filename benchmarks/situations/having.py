"""What users have before they write a line of ours: digits, and networks that were trained a little."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import dvi_widget as dvi

from .judging import Given

N_TRAIN, N_TEST = 96, 32
RECORD = """
recorder = dvi.Recorder(folder, model, train=(x, y), test=(xt, yt), classes=names)
recorder.capture(0)
"""

_digits = functools.cache(dvi.datasets.digits)


def digits() -> Given:
    """Handwritten digits as floats in [0, 1], training and test samples, and the classes' names."""
    (x, y), (xt, yt), names = _digits()
    return {
        "x": x[:N_TRAIN].astype(np.float32) / 255,
        "y": y[:N_TRAIN].copy(),
        "xt": xt[:N_TEST].astype(np.float32) / 255,
        "yt": yt[:N_TEST].copy(),
        "names": list(names),
    }


def drawn(shape: tuple[int, ...], classes: int = 3) -> Given:
    """Samples of any shape, with a trace of their class, and the classes' names."""
    generator = np.random.default_rng(0)
    n = N_TRAIN + N_TEST
    y = np.arange(n) % classes
    x = (generator.normal(size=(n, *shape)) + y.reshape(n, *(1 for _ in shape))).astype(np.float32)
    return {
        "x": x[:N_TRAIN],
        "y": y[:N_TRAIN],
        "xt": x[N_TRAIN:],
        "yt": y[N_TRAIN:],
        "names": [f"class {i}" for i in range(classes)],
    }


def body(*tail: nn.Module) -> nn.Sequential:
    """A small network for the digits that ends as told."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), *(tail or (nn.Linear(16, 10),)))


def with_network(
    make: Callable[[], nn.Module],
    have: Callable[[], Given] = digits,
    *,
    own: Callable[[Any], Tensor] = lambda returned: returned,
    steps: int = 5,
) -> Callable[[], Given]:
    """Return what somebody has who trained a network.

    Parameters
    ----------
    make
        Makes the network.
    have
        Makes the samples.
    own
        Takes the logits [n, C] from what the network returns.
    steps
        Of training.
    """

    def given() -> Given:
        torch.manual_seed(0)
        named = have()
        model = make()
        if steps:
            train(model, named["x"], named["y"], own, steps)
        return named | {
            "model": model,
            "own": lambda: logits(model, (named["x"], named["xt"]), own),
        }

    return given


def called(model: nn.Module, x: Any) -> Any:
    """Call a network on samples, several by name or in order."""
    if isinstance(x, dict):
        return model(**{name: torch.as_tensor(part) for name, part in x.items()})
    parts = x if isinstance(x, tuple) else (x,)
    return model(*(torch.as_tensor(part) for part in parts))


def train(model: nn.Module, x: Any, y: NDArray[Any], own: Callable[[Any], Tensor], steps: int) -> None:
    """Train for a few steps on all samples."""
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.01)
    for _ in range(steps):
        loss = nn.functional.cross_entropy(own(called(model, x)).float(), torch.as_tensor(y))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()


def logits(model: nn.Module, splits: tuple[Any, ...], own: Callable[[Any], Tensor]) -> NDArray[np.float32]:
    """Return what a network says itself, in evaluation mode, of training and test samples."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    with torch.no_grad():
        z = torch.cat([own(called(model, x)) for x in splits]).float().numpy()
    for module, mode in modes.items():
        module.training = mode
    return np.asarray(z)


class Returning(nn.Module):
    """A network of which one returns what it says in another wrapping."""

    def __init__(self, inner: nn.Module, wrap: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.inner, self.wrap = inner, wrap

    def forward(self, x: Tensor) -> Any:
        return self.wrap(self.inner(x))


def compiled(network: nn.Module) -> nn.Module:
    """Compile a network, without a compiler of C++."""
    made: Any = torch.compile(network, backend="eager")
    assert isinstance(made, nn.Module)
    return made


def output(z: Tensor) -> SimpleNamespace:
    """What libraries of language models return."""
    return SimpleNamespace(logits=z, loss=None)


def binary(z: Tensor) -> Tensor:
    """The two logits [0, z] of a network that returns one."""
    return torch.cat([torch.zeros_like(z.reshape(-1, 1)), z.reshape(-1, 1)], 1)
