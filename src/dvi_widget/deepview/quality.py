"""Quality of a map: Q_kNN, Q_data and Q_¬data (DeepView, §5.1, Table 1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvi_widget import measures
from dvi_widget.measures.classification import q_knn

from .inverse import InverseMap, typical_gap
from .layout import fit_layout
from .neighbors import Neighbors

__all__ = ["measure"]

_VOTERS = 5  # k of Q_kNN
_FOLDS = 5
_HELD_OUT_SHARE = 0.3  # of the samples, as in Table 1
_COLUMNS = ["epoch", "split", "measure", "k", "value"]

Classify = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def measure(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    classes: NDArray[np.intp],
    classify: Classify,
    inverse: InverseMap,
    *,
    n_neighbors: int,
    min_dist: float,
    seed: int,
) -> pd.DataFrame:
    """Measure a map.

    Parameters
    ----------
    x : float32 [N, D]
        Flat inputs of the samples.
    y : float32 [N, 2]
        Their positions.
    classes : int [N]
        Their predicted classes.
    classify : callable
        From inputs [m, D] to probabilities [m, C].
    inverse : InverseMap
    n_neighbors, min_dist, seed
        Of the layout by Euclidean distances that the map is compared with.

    Returns
    -------
    pandas.DataFrame
        As `DeepView.measures`, without the row "certified".
    """
    voters = min(_VOTERS, len(y) - 1)
    indices, distances = measures.neighbors(x, n_neighbors)
    neighbors = Neighbors(indices, distances, np.ones(len(y), bool))
    euclidean = fit_layout(neighbors, x, min_dist=min_dist, seed=seed).positions
    drawn = np.random.default_rng(seed).permutation(len(y))
    folds = np.array_split(drawn, min(_FOLDS, len(y)))
    held_out = [drawn[: max(1, round(_HELD_OUT_SHARE * len(y)))]]
    rows: list[tuple[str, int | None, float]] = [
        ("q_knn", voters, q_knn(y, classes, voters)),
        ("q_knn_e", voters, q_knn(euclidean, classes, voters)),
        ("q_data", None, measures.ppr(classes, classify(inverse(y)))),
        ("q_not_data", None, _q_not_data(x, y, classes, classify, inverse.a, folds)),
        ("q_not_data_70_30", None, _q_not_data(x, y, classes, classify, inverse.a, held_out)),
    ]
    return table(rows)


def table(rows: Sequence[tuple[str, int | None, float]]) -> pd.DataFrame:
    """Return rows of measure, k and value as a table of the single epoch 0 and split "test"."""
    frame = pd.DataFrame([(0, "test", *row) for row in rows], columns=_COLUMNS)
    return frame.astype({"epoch": "Int64", "k": "Int64", "value": float})


def _q_not_data(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    classes: NDArray[np.intp],
    classify: Classify,
    a: float,
    folds: Sequence[NDArray[np.integer]],
) -> float:
    """Return the share of samples that decode to their class by an inverse map fitted without their fold."""
    hits = []
    for fold in folds:
        seen = np.setdiff1d(np.arange(len(y)), fold)
        # Fewer samples are farther apart: the same a in units of the gap.
        inverse = InverseMap(y[seen], x[seen], a * (typical_gap(y) / typical_gap(y[seen])) ** 2)
        hits.append(classify(inverse(y[fold])).argmax(axis=1) == classes[fold])
    return float(np.concatenate(hits).mean())
