"""Nearest neighbours for engines: to the accuracy of float32, and of large sets by descent on a graph."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from .axes import Axes
from .neighbors import as_search

# Rows from which on descent is cheaper than blocked products, its compiling (see `prepare`) included.
_MANY = 20_000
_BLOCK = 1 << 22  # entries of one block of the distance matrix
_COARSE, _LEAST = 0.98, 32  # of the variance, and axes: what a first look goes by, where many points look
_SPARE = 3  # such a look finds one candidate more than asked for to so many
_WORTH = 100  # points per candidate from which on it is cheaper than products on all axes


def nearest(
    x: ArrayLike, k: int, query: ArrayLike | None = None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The k rows of x nearest to each row, for those who need many of them fast.

    `neighbors` measures candidates again in double precision, at twice the cost; here neighbours whose
    distances agree to rounding may change places. Where 20,000 points or more look, they find about 99 in 100
    of their neighbours: without a query by NN-descent (Dong et al. 2011, as pynndescent has it), with one by
    a first look on few principal axes, if these hold nearly all of the variance.

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
    """By |q|² + |r|² − 2qr, block by block."""
    # Products lose what a common offset adds to the numbers.
    centre = points.mean(axis=0, dtype=np.float64).astype(np.float32)
    r = torch.from_numpy(points - centre)
    squares = r.square().sum(dim=1)
    indices, distances = np.empty((len(asked), k), np.int32), np.empty((len(asked), k), np.float32)
    axes = _few(points, k) if len(asked) >= _MANY else None
    wide = k if axes is None else k + -(-k // _SPARE)
    seen = r.T if axes is None else (r @ axes).T.contiguous()
    step = min(len(asked), max(1, _BLOCK // max(len(points), wide * r.shape[1])))
    # Memory that is asked for anew for every block costs as much as the products.
    block = torch.empty(step, len(points))
    candidates = torch.empty(0 if axes is None else step * wide, r.shape[1])
    for start in range(0, len(asked), step):
        q = torch.from_numpy(asked[start : start + step] - centre)
        g = len(q)
        far = torch.addmm(squares, q if axes is None else q @ axes, seen, alpha=-2, out=block[:g])
        if itself:
            rows = torch.arange(g)
            far[rows, rows + start] = torch.inf
        near, found = far.topk(wide, dim=1, largest=False)
        if axes is not None:
            there = torch.index_select(r, 0, found.ravel(), out=candidates[: g * wide]).view(g, wide, -1)
            near = squares[found] - 2 * torch.from_numpy(np.einsum("gwh,gh->gw", there.numpy(), q.numpy()))
            near, first = near.topk(k, dim=1, largest=False)
            found = found.gather(1, first)
        near += q.square().sum(dim=1, keepdim=True)
        indices[start : start + g] = found.numpy()
        distances[start : start + g] = near.clamp_min_(0).sqrt_().numpy()
    return indices, distances


def _few(points: NDArray[np.float32], k: int) -> torch.Tensor | None:
    """Axes [h, r] for a first look, if that saves anything: many points [n, h], and r small against h."""
    if len(points) < _WORTH * k:
        return None
    axes = Axes.fit(points, least=_LEAST, kept=_COARSE)
    return torch.from_numpy(axes.components.T) if 2 * axes.rank <= points.shape[1] else None


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
