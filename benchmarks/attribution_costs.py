"""Measure what one call of `attribute` costs beside captum's, for one picture and for sixteen.

    python benchmarks/attribution_costs.py

Weights are random: costs do not depend on them.
"""

from __future__ import annotations

import argparse
import statistics
import warnings
from collections.abc import Callable
from typing import Any

import torch
from resnet20 import ResNet20
from saliency import captums, ours, seconds, twin
from torch import Tensor, nn

from dvi_widget import saliency

_BATCHES = (1, 16)
_EAGER_CALLS, _SLOW_CALLS = 41, 5
# Beside captum's fixed number of steps.
_OPTIONS: dict[str, dict[str, Any]] = {"integrated_gradients": {"max_steps": 64}}


class Small(nn.Module):
    """Two convolutions and a dense layer, for pictures of 28 × 28."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1)
        self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()
        self.pool1, self.pool2 = nn.MaxPool2d(2), nn.MaxPool2d(2)
        self.linear = nn.Linear(16 * 49, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [n, 10]."""
        x = self.pool2(self.relu2(self.conv2(self.pool1(self.relu1(self.conv1(x))))))
        logits: Tensor = self.linear(x.flatten(1))
        return logits


def costs(runs: dict[str, Callable[[], Any]], calls: int) -> dict[str, float]:
    """Return the median CPU milliseconds of a call of each, called in turn."""
    times: dict[str, list[float]] = {who: [] for who in runs}
    for run in runs.values():
        run()  # what is made once is made
    for turn in range(calls):
        # They take turns in going first, because the first one has a colder cache.
        for who in list(runs) if turn % 2 else reversed(runs):
            times[who].append(seconds(runs[who]))
    return {who: statistics.median(spent) * 1000 for who, spent in times.items()}


def cells(model: nn.Module, other: nn.Module, last: nn.Module, x: Tensor, name: str) -> list[str]:
    """Return our cost, captum's, and their ratio."""
    with torch.no_grad():
        target = model(x).argmax(1)
    theirs = captums(other, last, x, target)[name]
    options = _OPTIONS.get(name, {})
    runs = {"ours": lambda: ours(model, x, target.numpy(), name, **options), "captum": theirs}
    told = costs(runs, _EAGER_CALLS if saliency.METHODS[name].eager else _SLOW_CALLS)
    return [f"{told['ours']:.2f}", f"{told['captum']:.2f}", f"{told['ours'] / told['captum']:.2f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", nargs="*")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    warnings.simplefilter("ignore")
    cnn, residual = Small().eval(), ResNet20().eval()
    residual_twin = twin(residual)
    networks = {
        "small CNN": (cnn, cnn, cnn.conv2, (1, 28, 28)),
        "ResNet-20": (residual, residual_twin, residual_twin.get_submodule("layer3.2.conv2"), (3, 32, 32)),
    }
    heads = [f"{name}, {n}: ours | captum | ratio" for name in networks for n in _BATCHES]
    print(f"| method | {' | '.join(heads)} |\n|{' --- |' * (1 + 3 * len(heads))}")
    shape = networks["small CNN"][3]
    known = captums(cnn, cnn.conv2, torch.rand(1, *shape), torch.zeros(1, dtype=torch.int64))
    for name in options.methods or known:
        row = [name]
        for model, other, last, shape in networks.values():
            for n in _BATCHES:
                row += cells(model, other, last, torch.rand(n, *shape), name)
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
