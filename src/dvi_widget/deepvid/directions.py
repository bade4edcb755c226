"""Directions in which neighbours vary: the basis in which a student's weights are identified."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Directions", "Intervals", "main_directions"]


@dataclass(frozen=True)
class Directions:
    """Weights of a student along the directions in which its neighbours vary most.

    Single pixels vary together, so that their weights are the prior's choice among many that fit as well.
    Along these directions there is no choice.

    Attributes
    ----------
    patterns : float32 [k, C, H, W]
        Directions of unit length, the one with most variation first: orthogonal to each other.
    spread : float32 [k]
        Standard deviation of the neighbours along each, on the pictures' scale.
    weights : float32 [classes, k]
        Weight of one standard deviation along each, compared as in `LinearStudent.weights`, in logits.
    low, high : float32 [classes, k]
        Interval of each weight over redrawn neighbours.
    """

    patterns: NDArray[np.float32]
    spread: NDArray[np.float32]
    weights: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]


@dataclass(frozen=True)
class Intervals:
    """Interval of each weight over redrawn neighbours.

    Attributes
    ----------
    low, high : float32 [classes, C, H, W]
        In logits per unit of the pictures' scale; both zero where no neighbour varies.
    """

    low: NDArray[np.float32]
    high: NDArray[np.float32]


def main_directions(pictures: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the k main directions of pictures [n, C, H, W], and their standard deviation along each."""
    flat = pictures.reshape(len(pictures), -1).astype(np.float64)
    flat -= flat.mean(axis=0)
    _, singular, axes = np.linalg.svd(flat, full_matrices=False)
    # The sign of a direction is free: its largest entry is positive.
    axes = axes[:k] * np.sign(np.take_along_axis(axes[:k], np.abs(axes[:k]).argmax(axis=1)[:, None], axis=1))
    spread = singular[:k] / np.sqrt(len(pictures))
    return axes.reshape(-1, *pictures.shape[1:]).astype(np.float32), spread.astype(np.float32)
