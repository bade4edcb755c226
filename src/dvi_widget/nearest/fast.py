"""Fast nearest neighbours: to the accuracy of float32, and in large sets by cells or on few axes first."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

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
    r = torch.from_numpy(centred)
    squares = r.square().sum(dim=1)
    indices, distances = np.empty((len(queries), k), np.int32), np.empty((len(queries), k), np.float32)
    axes = None if coarse is None else torch.from_numpy(coarse.components.T)
    width = k if axes is None else k + -(-k // _REQUESTED_PER_SPARE)
    columns = r.T if axes is None else (r @ axes).T.contiguous()
    step = min(len(queries), max(1, _BLOCK_ENTRIES // max(len(r), width * r.shape[1])))
    # Allocating memory for every block would cost as much as the products.
    block = torch.empty(step, len(r), dtype=torch.float32, device="cpu")
    candidates = torch.empty(
        0 if axes is None else step * width, r.shape[1], dtype=torch.float32, device="cpu"
    )
    for start in range(0, len(queries), step):
        q = torch.from_numpy(queries[start : start + step] - centre)
        g = len(q)
        far = torch.addmm(squares, q if axes is None else q @ axes, columns, alpha=-2, out=block[:g])
        if exclude_self:
            rows = torch.arange(g, device="cpu")
            far[rows, rows + start] = torch.inf
        near, chosen = far.topk(width, dim=1, largest=False)
        if axes is not None:
            there = torch.index_select(r, 0, chosen.ravel(), out=candidates[: g * width]).view(g, width, -1)
            near = squares[chosen] - 2 * torch.from_numpy(np.einsum("gwh,gh->gw", there.numpy(), q.numpy()))
            near, first = near.topk(k, dim=1, largest=False)
            chosen = chosen.gather(1, first)
        near += q.square().sum(dim=1, keepdim=True)
        indices[start : start + g] = chosen.numpy()
        distances[start : start + g] = near.clamp_min_(0).sqrt_().numpy()
    return indices, distances
