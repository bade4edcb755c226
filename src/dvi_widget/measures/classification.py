"""Agreement of a map with a classifier: nearest-neighbour votes (DeepView, §5.1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dvi_widget.arrays import as_array, as_matrix
from dvi_widget.nearest import neighbors


def votes(indices: ArrayLike, classes: ArrayLike) -> NDArray[np.intp]:
    """Find the most frequent class among the neighbours of each sample; of a draw, the lowest.

    Parameters
    ----------
    indices : array of int [n, k]
        Neighbours, as `neighbors` returns them.
    classes : array of int [N]
        Class of each sample, from 0.

    Returns
    -------
    int [n]
    """
    chosen = np.asarray(classes)[np.asarray(indices)]  # [n, k]
    counts = np.zeros((len(chosen), int(np.max(classes, initial=0)) + 1), np.int32)
    np.add.at(counts, (np.arange(len(chosen))[:, None], chosen), 1)
    winners: NDArray[np.intp] = counts.argmax(axis=1)
    return winners


def q_knn(y: ArrayLike, predictions: ArrayLike, k: int = 5) -> float:
    """Measure the leave-one-out accuracy of k-nearest neighbours on the map (DeepView, §5.1, Q_kNN).

    Parameters
    ----------
    y : array [n, l]
        Positions. Those of Fisher-UMAP yield Q_kNN, those of Euclidean UMAP with the same k and seed Q_kNN-E.
    predictions : array of int [n]
        Classes that the classifier predicts, from 0.
    k : int
        Neighbours that vote, 1 ≤ k ≤ n − 1.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        If the lengths differ, predictions are not classes, or k does not fit.
    """
    positions, classes = as_matrix("y", y), as_array("predictions", predictions)
    if classes.shape != (len(positions),) or classes.dtype.kind not in "iu" or classes.min(initial=0) < 0:
        raise ValueError(
            f"predictions must be classes [{len(positions)}] from 0, one per row of y; got shape "
            f"{classes.shape}, dtype {classes.dtype}."
        )
    return float((votes(neighbors(positions, k)[0], classes) == classes).mean())
