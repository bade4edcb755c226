"""Heads for runs that were recorded without a network: the linear one that fits, or the nearest samples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Linear = tuple[NDArray[np.float32], NDArray[np.float32]]  # weight [C, h], bias [C]

_TOLERANCE = 1e-3  # of logits, relative to their largest, for a head to count as theirs
_NEIGHBORS = 10
_MAX_SAMPLES = 5000  # among which neighbours are searched
_BLOCK_ROWS = 1024


def same_logits(a: NDArray[np.floating], b: NDArray[np.floating]) -> bool:
    """Whether two sets of logits [n, C] say the same: they may differ by a constant in each row."""
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return False
    a, b = (z.astype(np.float64) - z.mean(axis=1, keepdims=True, dtype=np.float64) for z in (a, b))
    return bool(np.abs(a - b).max(initial=0) <= _TOLERANCE * (1e-6 + np.abs(b).max(initial=0)))


def fitted_linear(x: NDArray[np.float32], z: NDArray[np.float32]) -> Linear | None:
    """Find the linear head that gives these logits, by least squares on one half of the samples.

    Parameters
    ----------
    x : float32 [n, h]
        Representations.
    z : float32 [n, C]
        Their logits.

    Returns
    -------
    weight [C, h], bias [C], or None
        None if it misses the logits of the other half, which it has not seen; also if there are too few
        samples to tell.
    """
    half = np.arange(len(x)) % 2 == 0
    if half.sum() <= x.shape[1] + 1:
        return None
    centred = z.astype(np.float64) - z.mean(axis=1, keepdims=True, dtype=np.float64)
    columns = np.column_stack([x.astype(np.float64), np.ones(len(x))])
    solution = np.linalg.lstsq(columns[half], centred[half], rcond=None)[0]
    if not same_logits(columns[~half] @ solution, centred[~half]):
        return None
    return solution[:-1].T.astype(np.float32), solution[-1].astype(np.float32)


def nearest_head(x: NDArray[np.float32], z: NDArray[np.float32]) -> Callable[[Tensor], Tensor]:
    """Make a head of recorded samples: the mean logits of the ten nearest, weighted by their distance.

    Parameters
    ----------
    x : float32 [n, h]
        Representations, of which 5,000 are taken, evenly spread.
    z : float32 [n, C]
        Their logits.

    Returns
    -------
    callable
        Tensor [m, h] to logits [m, C], differentiable.
    """
    rows = np.linspace(0, len(x) - 1, min(len(x), _MAX_SAMPLES)).astype(np.int64)
    known, logits = torch.from_numpy(np.array(x[rows])), torch.from_numpy(np.array(z[rows]))
    k = min(_NEIGHBORS, len(rows))

    def head(points: Tensor) -> Tensor:
        return torch.cat([of_block(part) for part in torch.split(points, _BLOCK_ROWS)])

    def of_block(points: Tensor) -> Tensor:
        own, values = known.to(points), logits.to(points)
        squares, nearest = torch.cdist(points, own).square().topk(k, largest=False)
        scale = squares.detach().mean(1, keepdim=True) + torch.finfo(points.dtype).tiny
        weights = torch.softmax(-2 * squares / scale, dim=1)
        mean: Tensor = (weights[..., None] * values[nearest]).sum(1)
        return mean

    return head
