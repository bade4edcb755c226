"""Boundary points mixed from representations, beside those mixed from inputs, on pictures, where both can be.

    python benchmarks/mixing.py

Where inputs cannot be mixed, as numbers of words, `Recorder` mixes representations and runs the head. On
scikit-learn's digits a small network is trained; after some epochs both kinds are synthesised. How far is a
point from the nearest one mixed from inputs, and from the nearest sample? The first line is another draw of
the same kind, the last a placebo: the middle between two samples of different predictions, whatever the
network says there. Distances are medians, in units of the first line's. Three seeds.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

import dvi_widget as dvi
from dvi_widget.boundary import HeadAlone, on_boundary, synthesize
from dvi_widget.nearest import neighbors
from dvi_widget.subject import Subject

EPOCHS = 2, 10, 40  # of training, at which both are synthesised
SEEDS = 3
POINTS = 400


def main() -> None:
    """Print a table."""
    (x, y), _, _ = dvi.datasets.digits()
    pictures = (x / 255).astype(np.float32)
    print("| epoch | points | on it | to those of inputs | to samples | pairs of classes that differ |")
    print("| --- | --- | --- | --- | --- | --- |")
    found: dict[tuple[int, str], list[list[float]]] = {}
    for seed in range(SEEDS):
        torch.manual_seed(seed)
        model = nn.Sequential(
            nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(576, 32), nn.ReLU(), nn.Linear(32, 10)
        )
        optimiser = torch.optim.Adam(model.parameters(), lr=0.003)
        for epoch in range(1, max(EPOCHS) + 1):
            for rows in torch.split(torch.randperm(len(x)), 64):
                z = model(torch.from_numpy(pictures[rows]))
                loss = nn.functional.cross_entropy(z, torch.from_numpy(y[rows]))
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
            if epoch in EPOCHS:
                for name, line in compared(model, pictures, seed).items():
                    found.setdefault((epoch, name), []).append(line)
    for (epoch, name), lines in found.items():
        print(f"| {epoch} | {name} | " + " | ".join(f"{value:.2f}" for value in np.mean(lines, 0)) + " |")


def compared(model: nn.Module, x: NDArray[np.float32], seed: int) -> dict[str, list[float]]:
    """Compare both kinds of boundary points of a network, and a placebo."""
    subject = Subject(model)
    h, z = subject.features_and_logits(x)

    def head(features: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.no_grad():
            return np.asarray(subject.head(torch.from_numpy(features)).numpy())

    generator = np.random.default_rng(seed)
    pairs = generator.integers(0, len(h), (20 * POINTS, 2))
    apart = pairs[z[pairs[:, 0]].argmax(1) != z[pairs[:, 1]].argmax(1)][:POINTS]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = synthesize(subject, x, z, POINTS, seed=(seed, 0)).features
        kinds = {
            "mixed from inputs": synthesize(subject, x, z, POINTS, seed=(seed, 1)).features,
            "mixed from representations": synthesize(HeadAlone(head), h, z, POINTS, seed=(seed, 2)).features,
            "middle of two samples": (h[apart[:, 0]] + h[apart[:, 1]]) / 2,
        }
    lines = {}
    for name, b in kinds.items():
        lines[name] = [
            float(on_boundary(head(b)).mean()),
            nearest(given, b),
            nearest(h, b),
            differing(head(given), head(b)),
        ]
    units = np.array([1, lines["mixed from inputs"][1], lines["mixed from inputs"][2], 1])
    return {name: list(np.array(line) / units) for name, line in lines.items()}


def nearest(points: NDArray[np.float32], queries: NDArray[np.float32]) -> float:
    """Return the median distance of queries from the nearest of some points."""
    return float(np.median(neighbors(points, 1, query=queries)[1]))


def differing(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return the total variation between the pairs of likeliest classes of two sets of logits, in [0, 1]."""

    def shares(z: NDArray[np.float32]) -> NDArray[np.float64]:
        top = np.sort(np.argsort(z, axis=1)[:, -2:], axis=1)
        counts = np.zeros((z.shape[1], z.shape[1]))
        np.add.at(counts, (top[:, 0], top[:, 1]), 1)
        return np.asarray(counts / len(z))

    return float(np.abs(shares(a) - shares(b)).sum() / 2)


if __name__ == "__main__":
    main()
