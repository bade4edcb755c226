"""How λ and a are chosen from the data (DeepView, §5.2)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dvi_widget.measures.classification import votes

from .inverse import InverseMap, typical_gap
from .metric import Paths, Scales
from .neighbors import Search

_LAMBDAS = np.round(np.arange(0.2, 0.81, 0.05), 2)  # the paper's interval
_VOTERS = 5  # as in Q_kNN
_ANCHORS = 500  # samples whose neighbours are asked about a λ
_DEGRADED = 0.01  # a loss of accuracy above this counts

_SHARPNESS = 2.0 ** np.arange(-3, 9.5, 0.5)  # a, in units of the inverse squared gap between samples
_TRIED = 1000  # samples that try out an a
_DROP = 0.01  # a loss of Q_data above this is a large drop


def choose_lambda(
    paths: Paths,
    scales: Scales,
    seed: int,
    allowed: Callable[[], int] | None = None,
    report: Callable[[float, float], object] | None = None,
) -> tuple[float, dict[float, float]]:
    """Largest λ in [0.2, 0.8] that does not degrade the vote of five neighbours in the metric itself.

    The vote on the map, Q_kNN, follows the vote in the metric closely, and the latter needs no layout. The
    grid is bisected, on the understanding that the vote falls as λ grows; what is classified on the way
    serves the final search too.

    Parameters
    ----------
    paths : Paths
        Samples, and what is known between them.
    scales : Scales
        Of the metric.
    seed : int
        Of the draw of up to 500 samples that vote.
    allowed : callable, optional
        Classifier calls that are left.
    report : callable, optional
        Hears of every λ tried and its accuracy.

    Returns
    -------
    lam : float
    tried : dict of float to float
        Accuracy of each λ that was tried.
    """
    size = len(paths.x)
    anchors = np.sort(np.random.default_rng(seed).permutation(size)[:_ANCHORS])
    classes = paths.p.argmax(axis=1)
    tried: dict[float, float] = {}

    def accuracy(position: int) -> float:
        lam = float(_LAMBDAS[position])
        found = Search(paths, min(_VOTERS, size - 1), lam, scales, looking=anchors).run(allowed)
        tried[lam] = float((votes(found.indices, classes) == classes[anchors]).mean())
        if report is not None:
            report(lam, tried[lam])
        return tried[lam]

    # The lowest λ is the most discriminative one: what it reaches is the mark.
    best = accuracy(0)
    position = _last(len(_LAMBDAS), lambda position: accuracy(position) >= best - _DEGRADED)
    return float(_LAMBDAS[position]), tried


def choose_a(
    y: NDArray[np.floating],
    x: NDArray[np.float32],
    classes: NDArray[np.integer],
    classify: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    seed: int,
) -> float:
    """Smallest a that does not lead to a large drop in Q_data.

    It is sought in units of the gap between samples on the map, on up to 1,000 of them: so found, it grows
    with the number of samples by itself.

    Parameters
    ----------
    y, x, classes : float [N, 2], float32 [N, D] and int [N]
        Positions, flat inputs and predicted classes of the samples.
    classify : callable
        Inputs [m, D] to probabilities [m, C].
    seed : int
        Of the draw.

    Returns
    -------
    float
        Per squared unit of the map.
    """
    drawn = np.sort(np.random.default_rng(seed).permutation(len(y))[:_TRIED])
    gap = typical_gap(y[drawn])

    def kept(position: int) -> float:
        inverse = InverseMap(y[drawn], x[drawn], _SHARPNESS[position] / gap**2)
        return float((classify(inverse(y[drawn])).argmax(axis=1) == classes[drawn]).mean())

    last = len(_SHARPNESS) - 1
    best = kept(last)
    # Counted from the sharp end, Q_data falls.
    position = last - _last(len(_SHARPNESS), lambda back: kept(last - back) >= best - _DROP)
    return float(_SHARPNESS[position] / typical_gap(y) ** 2)


def _last(size: int, holds: Callable[[int], bool]) -> int:
    """Last place below size where something holds that holds at 0 and, once it fails, never again."""
    low, high = 0, size
    while high - low > 1:
        middle = (low + high) // 2
        if holds(middle):
            low = middle
        else:
            high = middle
    return low
