"""The (k)-boundary-augmented Vietoris–Rips complex and the weights of its edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import curve_fit
from scipy.sparse import coo_array

_BISECTIONS = 40  # for each σ


@dataclass(frozen=True)
class Complex:
    """Weighted 1-simplices over U = X ∪ B (DeepVisualInsight, Def. 3); rows of B follow those of X.

    Attributes
    ----------
    heads, tails : int64 [E]
        The two ends of each edge, as rows of U. Each edge is listed once.
    weights : float32 [E]
        Fuzzy membership, in (0, 1].
    """

    heads: NDArray[np.int64]
    tails: NDArray[np.int64]
    weights: NDArray[np.float32]


def memberships(distances: NDArray[np.floating]) -> NDArray[np.float32]:
    """Compute the fuzzy membership of each neighbour (UMAP, McInnes et al. 2018, Alg. 2 and 3).

    Parameters
    ----------
    distances : array [n, k]
        Ascending distances to the k nearest neighbours, the point itself excluded.

    Returns
    -------
    float32 [n, k]
        exp(−max(0, d − ρ) / σ): ρ is the smallest distance that is not zero, and σ makes a row sum to log2 k.
    """
    d = np.asarray(distances, np.float64)
    k = d.shape[1]
    rho = np.where(d > 0, d, np.inf).min(axis=1)
    beyond = np.maximum(d - np.where(np.isfinite(rho), rho, 0)[:, None], 0)
    low, high = np.zeros(len(d)), np.full(len(d), np.inf)
    # No σ brings rows of equal distances to the target; the floor keeps them from collapsing to zero.
    floor = np.maximum(1e-3 * d.mean(axis=1), np.finfo(np.float64).tiny)
    sigma = np.maximum(d.mean(axis=1), floor)
    for _ in range(_BISECTIONS):
        above = np.exp(-beyond / sigma[:, None]).sum(axis=1) > np.log2(max(k, 2))
        high = np.where(above, sigma, high)
        low = np.where(above, low, sigma)
        sigma = np.maximum(np.where(np.isfinite(high), (low + high) / 2, sigma * 2), floor)
    strengths: NDArray[np.float32] = np.exp(-beyond / sigma[:, None]).astype(np.float32)
    return strengths


def bavr_complex(
    xx: tuple[NDArray[np.int32], NDArray[np.float32]],
    xb: tuple[NDArray[np.int32], NDArray[np.float32]] | None = None,
    bb: tuple[NDArray[np.int32], NDArray[np.float32]] | None = None,
) -> Complex:
    """Build the complex from neighbour searches (DeepVisualInsight, Def. 3, a–c).

    Parameters
    ----------
    xx : indices int32 [n, k], distances float32 [n, k]
        Nearest samples of each sample.
    xb : indices int32 [n, k'], distances float32 [n, k'], optional
        Nearest boundary samples of each sample; None if there is no boundary.
    bb : indices int32 [b, k''], distances float32 [b, k''], optional
        Nearest boundary samples of each boundary sample.

    Returns
    -------
    Complex
        Over n + b vertices. Memberships a of the two directions of an edge join as a + a' − a·a'.
    """
    n = len(xx[0])
    parts = [_joined(xx, 0, 0)]
    if xb is not None:
        parts.append(_joined(xb, 0, n))
    if bb is not None:
        parts.append(_joined(bb, n, n))
    heads, tails, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Complex(heads, tails, weights.astype(np.float32))


def _joined(
    search: tuple[NDArray[np.int32], NDArray[np.float32]], first: int, second: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """List the edges of one search, each once; its rows count from `first`, its columns from `second`."""
    indices, distances = search
    n, k = indices.shape
    rows, columns = np.repeat(np.arange(n), k) + first, indices.ravel().astype(np.int64) + second
    size = int(max(rows.max(), columns.max())) + 1
    one_way = coo_array((memberships(distances).ravel(), (rows, columns)), shape=(size, size)).tocsr()
    other_way = one_way.T.tocsr()
    both = (one_way + other_way - one_way * other_way).tocoo()
    once = both.row < both.col
    return both.row[once].astype(np.int64), both.col[once].astype(np.int64), both.data[once]


def curve(min_dist: float, spread: float) -> tuple[float, float]:
    """Fit a, b of the similarity 1 / (1 + a·d^2b) on the canvas (UMAP, McInnes et al. 2018, Def. 11).

    Parameters
    ----------
    min_dist : float
        Distance on the canvas up to which the similarity is 1.
    spread : float
        Scale on which it then decays.

    Returns
    -------
    a, b : float
        Least squares fit to 1 up to min_dist and exp(−(d − min_dist) / spread) beyond.
    """
    d = np.linspace(0, 3 * spread, 300)
    wanted = np.where(d < min_dist, 1.0, np.exp(-(d - min_dist) / spread))
    (a, b), _ = curve_fit(lambda d, a, b: 1 / (1 + a * d ** (2 * b)), d, wanted, p0=(1.0, 1.0))
    return float(a), float(b)
