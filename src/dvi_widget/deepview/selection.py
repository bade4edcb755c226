"""Choose λ and the inverse map's sharpness a from the data (DeepView, §5.2)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dvi_widget.measures.classification import votes

from .inverse import BASES, InverseMap, typical_gap
from .metric import Paths, Scales
from .neighbors import Search

_LAMBDAS = np.round(np.arange(0.2, 0.81, 0.05), 2)  # the paper's interval
_VOTERS = 5  # as in Q_kNN
_MAX_VOTING_SAMPLES = 500
_MAX_ACCURACY_LOSS = 0.01  # of the vote, that a larger λ may cost

# a, in units of the inverse squared gap between samples; nothing below 2 was compared.
_SHARPNESS = 2.0 ** np.arange(1, 9.5, 0.5)
_MAX_SHARPNESS_SAMPLES = 1000
_MAX_Q_DATA_LOSS = 0.01  # that a smaller a may cost


def choose_lambda(
    paths: Paths,
    scales: Scales,
    seed: int,
    calls_left: Callable[[], int] | None = None,
    report: Callable[[float, float], object] | None = None,
) -> tuple[float, dict[float, float]]:
    """Return the largest λ in [0.2, 0.8] that does not degrade the vote of five neighbours in the metric.

    The vote in the metric needs no layout, and the vote on the map, Q_kNN, follows it closely. The grid is
    bisected, assuming that the vote degrades as λ grows. What is classified here serves the final search too.

    Parameters
    ----------
    paths : Paths
        Samples, and what is known between them.
    scales : Scales
        Of the metric.
    seed : int
        Seed of the draw of up to 500 samples that vote.
    calls_left : callable, optional
        Returns how many classifier calls are left.
    report : callable, optional
        Called with every λ examined and its accuracy.

    Returns
    -------
    lam : float
    accuracies : dict of float to float
        Accuracy of each λ examined.
    """
    size = len(paths.x)
    voting = np.sort(np.random.default_rng(seed).permutation(size)[:_MAX_VOTING_SAMPLES])
    classes = paths.p.argmax(axis=1)
    accuracies: dict[float, float] = {}

    def accuracy(position: int) -> float:
        lam = float(_LAMBDAS[position])
        neighbors = Search(paths, min(_VOTERS, size - 1), lam, scales, queries=voting).run(calls_left)
        accuracies[lam] = float((votes(neighbors.indices, classes) == classes[voting]).mean())
        if report is not None:
            report(lam, accuracies[lam])
        return accuracies[lam]

    # The lowest λ discriminates most; its accuracy is what larger ones are measured against.
    best = accuracy(0)
    position = _last(len(_LAMBDAS), lambda position: accuracy(position) >= best - _MAX_ACCURACY_LOSS)
    return float(_LAMBDAS[position]), accuracies


def choose_a(
    y: NDArray[np.floating],
    x: NDArray[np.floating],
    classes: NDArray[np.integer],
    classify: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    seed: int,
    *,
    sigmas: NDArray[np.floating] | None = None,
    bases: int = BASES,
) -> float:
    """Return the smallest a that does not lead to a large drop in Q_data.

    It is searched in units of the gap between samples on the map, over up to 1,000 of them, so that it grows
    with the number of samples.

    Parameters
    ----------
    y : float [N, 2]
        Positions of the samples.
    x : float32 or float64 [N, D]
        Their flat inputs.
    classes : int [N]
        Their predicted classes.
    classify : callable
        From inputs [m, D] to probabilities [m, C].
    seed : int
        Seed of the draw.
    sigmas, bases
        As for `InverseMap`.

    Returns
    -------
    float
        Per squared unit of the map.
    """
    drawn = np.sort(np.random.default_rng(seed).permutation(len(y))[:_MAX_SHARPNESS_SAMPLES])
    gap = typical_gap(y[drawn])

    def q_data(position: int) -> float:
        scales = None if sigmas is None else sigmas[drawn]
        inverse = InverseMap(y[drawn], x[drawn], _SHARPNESS[position] / gap**2, sigmas=scales, bases=bases)
        return float((classify(inverse(y[drawn])).argmax(axis=1) == classes[drawn]).mean())

    last = len(_SHARPNESS) - 1
    best = q_data(last)
    # Counted from the sharpest down, Q_data falls.
    position = last - _last(len(_SHARPNESS), lambda back: q_data(last - back) >= best - _MAX_Q_DATA_LOSS)
    return float(_SHARPNESS[position] / typical_gap(y) ** 2)


def _last(size: int, holds: Callable[[int], bool]) -> int:
    """Return the last i < size where `holds`, which holds at 0 and never again once it fails."""
    low, high = 0, size
    while high - low > 1:
        middle = (low + high) // 2
        if holds(middle):
            low = middle
        else:
            high = middle
    return low
