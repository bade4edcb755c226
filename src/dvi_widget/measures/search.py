"""Nearest neighbours for engines: to the accuracy of float32, and of large sets by descent on a graph."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from .axes import Axes
from .neighbors import as_search, overlap

# Rows from which on descent is cheaper than blocked products, its compiling (see `prepare`) included.
_MANY = 20_000
_BLOCK = 1 << 22  # entries of one block of the distance matrix
_COARSE, _LEAST = 0.98, 32  # of the variance, and axes: what a first look goes by, where many points look
_SPARE = 3  # such a look finds one candidate more than asked for to so many
_WORTH = 100  # points per neighbour from which on it is cheaper than products on all axes
_LOSS, _TRIED = 0.01, 100  # of the neighbours, that it may lose of about so many that try it


def nearest(
    x: ArrayLike, k: int, query: ArrayLike | None = None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The k rows of x nearest to each row, for those who need many of them fast.

    `neighbors` measures candidates again in double precision, at twice the cost; here neighbours whose
    distances agree to rounding may change places. Where 20,000 points or more look, they find about 99 in 100
    of their neighbours: without a query by NN-descent (Dong et al. 2011, as pynndescent has it), with one by
    a first look on few principal axes, unless some that try it lose more.

    Parameters
    ----------
    x : array [n, h]
        The points among which is searched. Finite numbers.
    k : int
        Neighbours per point, 1 ≤ k ≤ n (n − 1 where a point must not find itself).
    query : array [m, h], optional
        Points that look for neighbours in x. Without it the rows of x look, and none finds itself.

    Returns
    -------
    indices : int32 [m, k]
        Nearest first.
    distances : float32 [m, k]
        In units of x.

    Raises
    ------
    ValueError
        For shapes that do not fit, numbers that are not finite, or more neighbours than there are points.
    """
    points, asked = (part.astype(np.float32, copy=False) for part in as_search(x, k, query))
    if query is None and len(points) >= _MANY:
        return _descent(points, k)
    return _products(points, asked, k, query is None)


def row_marks(x: NDArray[np.float32]) -> NDArray[np.int64]:
    """A number of 64 bits per row, equal for rows that are equal bit by bit, in this process."""
    return np.fromiter((hash(row.tobytes()) for row in x), np.int64, len(x))


def prepare(n: int) -> Callable[[], object] | None:
    """What must be done once in a process before n rows are searched, and takes half a minute; or None.

    For so many rows descent on a graph is used, which compiles when it first runs.
    """
    return None if n < _MANY or _compiled() else _compile


def _compiled() -> bool:
    return _compile.cache_info().currsize > 0


@cache
def _compile() -> None:
    """Let pynndescent compile, by a search that is large enough to use all of it."""
    _descent(np.random.default_rng(0).normal(size=(2_000, 8)).astype(np.float32), 20)


def _products(
    points: NDArray[np.float32], asked: NDArray[np.float32], k: int, itself: bool
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """By |q|² + |r|² − 2qr; where many look among many, few axes first, if some that try it lose little."""
    # Products lose what a common offset adds to the numbers.
    centre = points.mean(axis=0, dtype=np.float64).astype(np.float32)
    around = points - centre
    axes = None
    if len(asked) >= _MANY and len(points) >= _WORTH * k:
        few = Axes.fit(around, least=_LEAST, kept=_COARSE)
        tried = asked[:: -(-len(asked) // _TRIED)]
        if 2 * few.rank <= points.shape[1] and _loss(around, tried, centre, k, few) <= _LOSS:
            axes = few
    return _blocks(around, asked, centre, k, itself, axes)


def _loss(
    around: NDArray[np.float32], tried: NDArray[np.float32], centre: NDArray[np.float32], k: int, axes: Axes
) -> float:
    """The share of neighbours that a first look on these axes loses."""
    exact, found = (_blocks(around, tried, centre, k, False, look)[0] for look in (None, axes))
    return 1 - float(overlap(exact, found).mean())


def _blocks(
    around: NDArray[np.float32],
    asked: NDArray[np.float32],
    centre: NDArray[np.float32],
    k: int,
    itself: bool,
    axes: Axes | None,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Search among points round a centre, some rows at a time."""
    r = torch.from_numpy(around)
    squares = r.square().sum(dim=1)
    indices, distances = np.empty((len(asked), k), np.int32), np.empty((len(asked), k), np.float32)
    look = None if axes is None else torch.from_numpy(axes.components.T)
    wide = k if look is None else k + -(-k // _SPARE)
    seen = r.T if look is None else (r @ look).T.contiguous()
    step = min(len(asked), max(1, _BLOCK // max(len(r), wide * r.shape[1])))
    # Memory that is asked for anew for every block costs as much as the products.
    block = torch.empty(step, len(r))
    candidates = torch.empty(0 if look is None else step * wide, r.shape[1])
    for start in range(0, len(asked), step):
        q = torch.from_numpy(asked[start : start + step] - centre)
        g = len(q)
        far = torch.addmm(squares, q if look is None else q @ look, seen, alpha=-2, out=block[:g])
        if itself:
            rows = torch.arange(g)
            far[rows, rows + start] = torch.inf
        near, found = far.topk(wide, dim=1, largest=False)
        if look is not None:
            there = torch.index_select(r, 0, found.ravel(), out=candidates[: g * wide]).view(g, wide, -1)
            near = squares[found] - 2 * torch.from_numpy(np.einsum("gwh,gh->gw", there.numpy(), q.numpy()))
            near, first = near.topk(k, dim=1, largest=False)
            found = found.gather(1, first)
        near += q.square().sum(dim=1, keepdim=True)
        indices[start : start + g] = found.numpy()
        distances[start : start + g] = near.clamp_min_(0).sqrt_().numpy()
    return indices, distances


def _descent(points: NDArray[np.float32], k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """By NN-descent; a row's own number, or else its last neighbour, is dropped."""
    import pynndescent  # noqa: PLC0415 - it compiles for seconds, which few runs need

    # Never writable, as arrays read from a run are: it compiles anew, for half a minute, for the other kind.
    points = points.view()
    points.flags.writeable = False
    found = pynndescent.NNDescent(points, n_neighbors=k + 1, random_state=0, compressed=False)
    indices, distances = found.neighbor_graph
    own = indices == np.arange(len(points))[:, None]
    own[~own.any(axis=1), -1] = True
    return indices[~own].reshape(-1, k).astype(np.int32), distances[~own].reshape(-1, k).astype(np.float32)
