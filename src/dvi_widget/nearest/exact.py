"""Exact nearest neighbours, and the share of them that two searches have in common."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from dvi_widget.arrays import as_matrix, as_rows, check_whole

_BLOCK_ENTRIES = 1 << 25  # of the distance matrix
_SPARE_CANDIDATES = 8  # beyond k, measured again so that rounding cannot decide which is a neighbour


def as_search(
    x: ArrayLike, k: int, query: ArrayLike | None
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Check the arguments of a search; return the points [n, h] and the queries [m, h].

    Raises
    ------
    ValueError
        If shapes do not fit, numbers are not finite, or k exceeds the number of (other) points.
    """
    points = as_matrix("x", x)
    queries = points if query is None else as_matrix("query", query)
    if queries.shape[1] != points.shape[1]:
        raise ValueError(
            f"query and x must have the same number of columns; got {queries.shape[1]} and {points.shape[1]}."
        )
    check_whole("k", k, 1, len(points) - (query is None))
    return points, queries


def neighbors(
    x: ArrayLike, k: int, query: ArrayLike | None = None, *, rows: ArrayLike | None = None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Search the k nearest rows of x exactly, by Euclidean distance.

    Candidates come from blocked matrix products (from a k-d tree in three dimensions or fewer) and are then
    measured again in double precision; a row whose candidates rounding could have changed is measured in
    full. Ties go to the lower index, so the first j columns are the j nearest for every j ≤ k.

    Parameters
    ----------
    x : array [n, h]
        The points to search among. Finite numbers.
    k : int
        Neighbours per query, 1 ≤ k ≤ n (n − 1 without `query`).
    query : array [m, h], optional
        Points whose neighbours are searched. By default the rows of x, of which none finds itself (another
        row at the same place is a neighbour like any other).
    rows : array of int or bool, optional
        Search for these rows only, given as indices or as a mask: rows of `query` if there is one, else of x.

    Returns
    -------
    indices : int32 [m, k]
        Nearest first.
    distances : float32 [m, k]
        In units of x, ascending.

    Raises
    ------
    ValueError
        If shapes do not fit, numbers are not finite, or k exceeds the number of (other) points.
    """
    points, queries = as_search(x, k, query)
    chosen = as_rows("rows", rows, len(queries))
    itself = chosen if query is None else None
    return _search(points, queries if rows is None else queries[chosen], k, itself)


def _search(
    points: NDArray[np.floating], queries: NDArray[np.floating], k: int, itself: NDArray[np.intp] | None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Gather candidates, then find their true order; `itself` holds the row that each query must not find."""
    indices = np.empty((len(queries), k), np.int32)
    distances = np.empty((len(queries), k), np.float32)
    width = min(len(points), k + _SPARE_CANDIDATES + (itself is not None))
    tree = cKDTree(points) if points.shape[1] <= 3 else None
    # Products lose what a common offset adds to the numbers.
    centre = points.mean(axis=0, dtype=np.float64).astype(points.dtype)
    centred = points - centre
    squares = np.einsum("nh,nh->n", centred, centred)
    step = max(1, min(_BLOCK_ENTRIES // len(points), _BLOCK_ENTRIES // (width * points.shape[1])))
    for start in range(0, len(queries), step):
        block = slice(start, start + step)
        q = queries[block]
        own = None if itself is None else itself[block]
        if tree is not None:
            far, candidates = tree.query(q, width)
            candidates, far = candidates.reshape(len(q), width), np.square(far.reshape(len(q), width)[:, -1])
            slack = 1e-12 * far
        else:
            candidates, far, size = _candidates(centred, squares, q - centre, width)
            # Rounding of a sum of h products, each bounded by |q||r| ≤ (|q|² + |r|²) / 2.
            slack = 2 * np.sqrt(points.shape[1]) * np.finfo(points.dtype).eps * size + 1e-30
        exact = _squared(points[candidates], q)
        if own is not None:
            exact[candidates == own[:, None]] = np.inf
        order = np.lexsort((candidates, exact), axis=1)[:, :k]
        indices[block] = np.take_along_axis(candidates, order, axis=1)
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
    """Search the `width` nearest by |q|² + |r|² − 2qr.

    Returns their indices, the squared distance of the farthest of them, and |q|² + max |r|².
    """
    product = torch.addmm(*(torch.as_tensor(part, device="cpu") for part in (squares, q, points.T)), alpha=-2)
    values, indices = product.topk(width, dim=1, largest=False, sorted=False)
    size = np.einsum("nh,nh->n", q, q)
    return indices.numpy(), values.max(dim=1).values.numpy() + size, size + squares.max()


def _squared(r: NDArray[np.floating], q: NDArray[np.floating]) -> NDArray[np.float64]:
    """Compute squared distances [m, c] from q [m, h] to r [m, c, h], from differences."""
    difference = r.astype(np.float64)
    difference -= q[:, None]
    squares: NDArray[np.float64] = np.einsum("mch,mch->mc", difference, difference)
    return squares


def overlap(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Compute the share of neighbours that two searches have in common, per row.

    Parameters
    ----------
    a, b : array of int [n, k]
        Neighbour indices, distinct within a row, as `neighbors` returns them.

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
