"""Trustworthiness and continuity: how wrong the neighbours are that the map adds, and that it loses."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dvi_widget.arrays import as_matrix, as_rows, check_whole
from dvi_widget.nearest import neighbors

_BLOCK_ENTRIES = 1 << 23  # of the distance matrix


def trustworthiness(x: ArrayLike, y: ArrayLike, k: int = 15, rows: ArrayLike | None = None) -> float:
    """Measure trustworthiness (Venna & Kaski, Neural Networks 19, 2006, Eq. 1).

    It falls by how far away, in ranks, the neighbours on the map are in the representation. A map of points
    at random gets about ½; a random position inside the class's disc gets about what the classes' separation
    is worth.

    Parameters
    ----------
    x : array [n, h]
        Representations.
    y : array [n, l]
        Positions of the same samples on the map.
    k : int
        Neighbours per sample, less than n / 2.
    rows : array of int or bool, optional
        Average over these samples only; ranks are taken among all n.

    Returns
    -------
    float
        In [0, 1]; higher is better.

    Raises
    ------
    ValueError
        If x and y differ in length, hold NaN, or k is n / 2 or more.
    """
    x, y = as_matrix("x", x), as_matrix("y", y)
    if len(x) != len(y):
        raise ValueError(f"x and y must be of the same samples; got {len(x)} and {len(y)} rows.")
    check_whole("k", k, 1, (len(x) - 1) // 2)
    chosen = as_rows("rows", rows, len(x))
    return trust_of_ranks(distance_ranks(x, neighbors(y, k, rows=chosen)[0], chosen), len(x))


def continuity(x: ArrayLike, y: ArrayLike, k: int = 15, rows: ArrayLike | None = None) -> float:
    """Measure continuity (Venna & Kaski, Neural Networks 19, 2006, Eq. 2).

    It falls by how far away, in ranks, the representation's neighbours are on the map. Parameters, range and
    errors are those of `trustworthiness`.
    """
    return trustworthiness(y, x, k, rows)


def distance_ranks(x: ArrayLike, others: NDArray[np.integer], rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """Rank some samples by their distance from each row; the nearest other sample has rank 1.

    Parameters
    ----------
    x : array [n, h]
        Points.
    others : array of int [m, k]
        The samples to rank, for each of the rows.
    rows : array of int [m]
        The samples they are ranked from.

    Returns
    -------
    int64 [m, k]
        Of equally distant samples the lower index comes first.
    """
    points = np.asarray(x, np.float64)
    squares = np.einsum("nh,nh->n", points, points)
    ranks = np.empty(others.shape, np.int64)
    step = max(1, _BLOCK_ENTRIES // len(points))
    for start in range(0, len(rows), step):
        block = rows[start : start + step]
        far = squares - 2 * (points[block] @ points.T)  # but for a constant of each row
        far[np.arange(len(block)), block] = np.inf
        for column, other in enumerate(others[start : start + step].T):
            own = far[np.arange(len(block)), other][:, None]
            nearer, no_farther = (far < own).sum(axis=1), (far <= own).sum(axis=1)
            for row in np.flatnonzero(no_farther > nearer + 1):
                nearer[row] += (far[row, : other[row]] == own[row]).sum()
            ranks[start : start + step, column] = 1 + nearer
    return ranks


def trust_of_ranks(ranks: NDArray[np.integer], n: int) -> float:
    """Compute trustworthiness from the ranks [m, k] among n samples of the neighbours on the map."""
    k = ranks.shape[1]
    return float(1 - 2 * np.maximum(ranks - k, 0).sum(axis=1).mean() / (k * (2 * n - 3 * k - 1)))
