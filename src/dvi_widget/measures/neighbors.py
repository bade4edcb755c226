"""Exact nearest neighbours, and how many of them two spaces share."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from dvi_widget.arrays import as_matrix, as_rows, check_whole

_BLOCK = 1 << 25  # entries of one block of the distance matrix
_SPARE = 8  # candidates beyond k, re-measured so that rounding cannot decide who is a neighbour


def as_search(
    x: ArrayLike, k: int, query: ArrayLike | None
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Points [n, h] and what looks among them for k neighbours [m, h], or say what does not fit."""
    points = as_matrix("x", x)
    asked = points if query is None else as_matrix("query", query)
    if asked.shape[1] != points.shape[1]:
        raise ValueError(
            f"query and x must have the same number of columns; got {asked.shape[1]} and {points.shape[1]}."
        )
    among = len(points) - (query is None)
    check_whole("k", k, 1, among)
    return points, asked


def neighbors(
    x: ArrayLike, k: int, query: ArrayLike | None = None, *, rows: ArrayLike | None = None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Exact k nearest rows of x, by Euclidean distance.

    Candidates come from blocked matrix products (from a k-d tree in three dimensions or fewer) and are then
    re-measured in double precision; a row whose candidates rounding could have changed is measured in full.
    Ties go to the lower index, so the first j columns are the j nearest for every j ≤ k.

    Parameters
    ----------
    x : array [n, h]
        The points among which is searched. Finite numbers.
    k : int
        Neighbours per point, 1 ≤ k ≤ n (n − 1 where a point must not find itself).
    query : array [m, h], optional
        Points that look for neighbours in x. Without it the rows of x themselves look, and none finds itself
        (another row at the same place is a neighbour like any other).
    rows : array of int or bool, optional
        Only these rows look, given as indices or as a mask: of `query` where there is one, else of x.

    Returns
    -------
    indices : int32 [m, k]
        Nearest first.
    distances : float32 [m, k]
        In units of x, ascending.

    Raises
    ------
    ValueError
        For shapes that do not fit, numbers that are not finite, or more neighbours than there are points.
    """
    points, asked = as_search(x, k, query)
    looking = as_rows("rows", rows, len(asked))
    itself = looking if query is None else None
    return _search(points, asked if rows is None else asked[looking], k, itself)


def _search(
    points: NDArray[np.floating], asked: NDArray[np.floating], k: int, itself: NDArray[np.intp] | None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Candidates first, then their true order."""
    indices = np.empty((len(asked), k), np.int32)
    distances = np.empty((len(asked), k), np.float32)
    width = min(len(points), k + _SPARE + (itself is not None))
    tree = cKDTree(points) if points.shape[1] <= 3 else None
    # Products lose what a common offset adds to the numbers.
    centre = points.mean(axis=0, dtype=np.float64).astype(points.dtype)
    centred = points - centre
    squares = np.einsum("nh,nh->n", centred, centred)
    step = max(1, min(_BLOCK // len(points), _BLOCK // (width * points.shape[1])))
    for start in range(0, len(asked), step):
        block = slice(start, start + step)
        q = asked[block]
        own = None if itself is None else itself[block]
        if tree is not None:
            far, found = tree.query(q, width)
            found, far = found.reshape(len(q), width), np.square(far.reshape(len(q), width)[:, -1])
            slack = 1e-12 * far
        else:
            found, far, size = _candidates(centred, squares, q - centre, width)
            # Rounding of a sum of h products, each bounded by |q||r| ≤ (|q|² + |r|²) / 2.
            slack = 2 * np.sqrt(points.shape[1]) * np.finfo(points.dtype).eps * size + 1e-30
        exact = _squared(points[found], q)
        if own is not None:
            exact[found == own[:, None]] = np.inf
        order = np.lexsort((found, exact), axis=1)[:, :k]
        indices[block] = np.take_along_axis(found, order, axis=1)
        nearest = np.take_along_axis(exact, order, axis=1)
        if width < len(points):
            for i in np.flatnonzero(nearest[:, -1] >= far - slack):
                full = _squared(points[None], q[i : i + 1])[0]
                if own is not None:
                    full[own[i]] = np.inf
                near = np.flatnonzero(full <= np.partition(full, k - 1)[k - 1])
                chosen = near[np.argsort(full[near], kind="stable")[:k]]
                indices[start + i], nearest[i] = chosen, full[chosen]
        distances[block] = np.sqrt(nearest)
    return indices, distances


def _candidates(
    points: NDArray[np.floating], squares: NDArray[np.floating], q: NDArray[np.floating], width: int
) -> tuple[NDArray[np.int64], NDArray[np.floating], NDArray[np.floating]]:
    """The `width` nearest by |q|² + |r|² − 2qr, the farthest of them (squared), and |q|² + max |r|²."""
    product = torch.addmm(torch.as_tensor(squares), torch.as_tensor(q), torch.as_tensor(points).T, alpha=-2)
    values, found = product.topk(width, dim=1, largest=False, sorted=False)
    size = np.einsum("nh,nh->n", q, q)
    return found.numpy(), values.max(dim=1).values.numpy() + size, size + squares.max()


def _squared(r: NDArray[np.floating], q: NDArray[np.floating]) -> NDArray[np.float64]:
    """Squared distances [m, c] from q [m, h] to r [m, c, h], from differences."""
    difference = r.astype(np.float64)
    difference -= q[:, None]
    squares: NDArray[np.float64] = np.einsum("mch,mch->mc", difference, difference)
    return squares


def overlap(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Share of neighbours that two searches have in common, per row.

    Parameters
    ----------
    a, b : array of int [n, k]
        Neighbour indices, distinct within a row, as `neighbors` gives them.

    Returns
    -------
    float64 [n]
        |a_i ∩ b_i| / k, in [0, 1].

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.ndim != 2:
        raise ValueError(f"a and b must be matrices [n, k] of the same shape; got {a.shape} and {b.shape}.")
    both = np.sort(np.concatenate([a, b], axis=1), axis=1)
    shared: NDArray[np.float64] = np.count_nonzero(both[:, 1:] == both[:, :-1], axis=1) / a.shape[1]
    return shared


def shared_neighbors(
    before: ArrayLike, after: ArrayLike, k: int = 15, rows: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Semantic similarity of each sample in two epochs (DeepVisualInsight, Eq. 11, eval_sem).

    Parameters
    ----------
    before, after : array [n, h], [n, h']
        Representations of the same samples in two epochs.
    k : int
        Neighbours per sample.
    rows : array of int or bool, optional
        The samples to evaluate; neighbours are searched among all n.

    Returns
    -------
    float64 [n] or [len(rows)]
        |N_k(x^{t−1}) ∩ N_k(x^t)| / k, in [0, 1].

    Raises
    ------
    ValueError
        If the numbers of samples differ, or as `neighbors` does.
    """
    before, after = as_matrix("before", before), as_matrix("after", after)
    if len(before) != len(after):
        raise ValueError(
            f"before and after must be of the same samples; got {len(before)} and {len(after)} rows."
        )
    return overlap(neighbors(before, k, rows=rows)[0], neighbors(after, k, rows=rows)[0])
