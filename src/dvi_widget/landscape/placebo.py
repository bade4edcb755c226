"""Maps and movements without information, which every figure of merit is held against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SEED = 0
_FILLED = 0.8  # of half the distance between neighbouring discs


def in_discs(classes: NDArray[np.integer], epoch: int) -> NDArray[np.float32]:
    """Place samples [n] at random in the disc of their class, anew every epoch.

    The discs lie on a ring and do not touch.
    """
    draw = np.random.default_rng((_SEED, epoch))
    _, of = np.unique(classes, return_inverse=True)
    count = int(of.max()) + 1
    centre = 2 * np.pi * of / count
    radius = _FILLED * np.sin(np.pi / max(count, 2))
    angle = 2 * np.pi * draw.random(len(of))
    away = radius * np.sqrt(draw.random(len(of)))
    y: NDArray[np.float64] = np.stack(
        [np.cos(centre) + away * np.cos(angle), np.sin(centre) + away * np.sin(angle)], axis=1
    )
    return y.astype(np.float32)


def sectors(count: int, extent: tuple[float, float, float, float], resolution: int) -> NDArray[np.intp]:
    """Paint a canvas [R, R] with each pixel's nearest disc, of so many."""
    x0, x1, y0, y1 = extent
    centres = (np.arange(resolution) + 0.5) / resolution
    angle = np.arctan2((y0 + centres * (y1 - y0))[:, None], x0 + centres * (x1 - x0))
    of: NDArray[np.intp] = np.rint(angle / (2 * np.pi) * count).astype(int) % count
    return of


def steps(shared: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """Step as far as neighbours were lost, in a random direction: length 1 / overlap − 1.

    Half a neighbour of k counts as shared where none is.
    """
    length: NDArray[np.float64] = 1 / np.maximum(shared, 0.5 / k) - 1
    return length
