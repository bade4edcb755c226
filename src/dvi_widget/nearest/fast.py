"""Fast nearest neighbours: to the accuracy of float32, and in large sets by cells or on few axes first."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dvi_widget import threads

from .axes import Axes
from .cells import nearest_in_cells
from .exact import as_search, overlap

_MANY_QUERIES = 20_000  # from which on looking at few candidates is cheaper than blocked products
_BLOCK_ENTRIES = 1 << 22  # of the distance matrix
# Many queries are compared on few axes first; the candidates are then compared on all of them.
_COARSE_VARIANCE = 0.98  # share of the variance that the first axes hold
_MIN_COARSE_AXES = 32
_REQUESTED_PER_SPARE = 3  # one spare candidate per three requested
_MIN_POINTS_PER_NEIGHBOR = 100  # below it, products on all axes are cheaper
_MAX_RECALL_LOSS = 0.01  # share of the neighbours that the first axes may miss
_RECALL_QUERIES = 100  # about as many queries measure it


def nearest(
    x: ArrayLike, k: int, query: ArrayLike | None = None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Search the k nearest rows of x fast, by Euclidean distance.

    `neighbors` measures candidates again in double precision, at twice the cost; here neighbours whose
    distances agree to rounding may change places. From 20,000 queries on, about 99 in 100 neighbours are
    true ones: without `query` they are searched in the cells near to each row (`nearest_in_cells`, which says
    where it finds fewer); with it, candidates are compared on few principal axes first, unless a sample of
    the queries misses more.

    Parameters
    ----------
    x : array [n, h]
        The points to search among. Finite numbers.
    k : int
        Neighbours per query, 1 ≤ k ≤ n (n − 1 without `query`).
    query : array [m, h], optional
        Points whose neighbours are searched. By default the rows of x, of which none finds itself.

    Returns
    -------
    indices : int32 [m, k]
        Nearest first.
    distances : float32 [m, k]
        In units of x.

    Raises
    ------
    ValueError
        If shapes do not fit, numbers are not finite, or k exceeds the number of (other) points.
    """
    points, queries = (part.astype(np.float32, copy=False) for part in as_search(x, k, query))
    if query is None and len(points) >= _MANY_QUERIES:
        return nearest_in_cells(points, k)
    return _products(points, queries, k, query is None)


def _products(
    points: NDArray[np.float32], queries: NDArray[np.float32], k: int, exclude_self: bool
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Search by |q|² + |r|² − 2qr, on few axes first if there are many queries and the loss is small."""
    # Products lose what a common offset adds to the numbers.
    centre = points.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = points - centre
    coarse = None
    if len(queries) >= _MANY_QUERIES and len(points) >= _MIN_POINTS_PER_NEIGHBOR * k:
        axes = Axes.fit(centred, min_rank=_MIN_COARSE_AXES, variance=_COARSE_VARIANCE)
        sample = queries[:: -(-len(queries) // _RECALL_QUERIES)]
        if (
            2 * axes.rank <= points.shape[1]
            and _recall_loss(centred, sample, centre, k, axes) <= _MAX_RECALL_LOSS
        ):
            coarse = axes
    return _search_blocks(centred, queries, centre, k, exclude_self, coarse)


def _recall_loss(
    centred: NDArray[np.float32],
    queries: NDArray[np.float32],
    centre: NDArray[np.float32],
    k: int,
    axes: Axes,
) -> float:
    """Measure the share of neighbours that a search on these axes first misses."""
    exact, coarse = (_search_blocks(centred, queries, centre, k, False, first)[0] for first in (None, axes))
    return 1 - float(overlap(exact, coarse).mean())


def _search_blocks(
    centred: NDArray[np.float32],
    queries: NDArray[np.float32],
    centre: NDArray[np.float32],
    k: int,
    exclude_self: bool,
    coarse: Axes | None,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Search among points around a centre, some queries at a time; on the coarse axes first, if there are."""
    squares = np.einsum("nh,nh->n", centred, centred)
    indices, distances = np.empty((len(queries), k), np.int32), np.empty((len(queries), k), np.float32)
    width = k if coarse is None else k + -(-k // _REQUESTED_PER_SPARE)
    axes = None if coarse is None else coarse.components.T
    columns = np.ascontiguousarray((centred if axes is None else threads.products(centred, axes)).T)
    step = min(len(queries), max(1, _BLOCK_ENTRIES // max(len(centred), width * centred.shape[1])))
    blocks = range(0, len(queries), step)

    def search(part: slice) -> None:
        # Allocating memory for every block would cost as much as the products.
        products = np.empty((step, len(centred)), np.float32)
        for start in blocks[part]:
            q = queries[start : start + step] - centre
            g = len(q)
            far = np.matmul(-2 * (q if axes is None else q @ axes), columns, out=products[:g])
            far += squares
            if exclude_self:
                far[np.arange(g), np.arange(start, start + g)] = np.inf
            chosen = smallest(far, width)
            if axes is None:
                near = np.take_along_axis(far, chosen, axis=1)
            else:
                near = squares[chosen] - 2 * np.einsum("gwh,gh->gw", centred[chosen], q)
            order = np.argsort(near, axis=1, kind="stable")[:, :k]
            near = np.take_along_axis(near, order, axis=1) + np.einsum("gh,gh->g", q, q)[:, None]
            indices[start : start + g] = np.take_along_axis(chosen, order, axis=1)
            distances[start : start + g] = np.sqrt(np.maximum(near, 0))

    threads.each(search, threads.slices(len(blocks), rows=1), products=True)
    return indices, distances


def smallest(values: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """Select the columns of the k smallest values of each row [m, min(k, n)], in no order.

    They lie in the k blocks with the smallest minima, so that few values are compared twice.
    """
    n = values.shape[1]
    if k >= n:
        return np.broadcast_to(np.arange(n), values.shape)
    deep = int(np.sqrt(n / k))  # values per block; then there are about as many minima as candidates
    width = n // deep
    if deep < 2 or width <= k:
        return np.argpartition(values, k - 1, axis=1)[:, :k]
    whole = values[:, : deep * width].reshape(len(values), deep, width)
    blocks = np.argpartition(whole.min(axis=1), k - 1, axis=1)[:, :k]
    columns = (blocks[:, None] + np.arange(deep)[:, None] * width).reshape(len(values), -1)
    rest = np.broadcast_to(np.arange(deep * width, n), (len(values), n - deep * width))
    columns = np.concatenate([columns, rest], axis=1)
    at = np.argpartition(np.take_along_axis(values, columns, axis=1), k - 1, axis=1)[:, :k]
    return np.take_along_axis(columns, at, axis=1)
