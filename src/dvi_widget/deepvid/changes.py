"""Changes of one picture itself to try a student on: blocks removed or inverted, and real pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Changes", "changes", "varied"]

Pictures = NDArray[np.float32]
Block = tuple[slice, slice]

# An input varies if its standard deviation over the neighbours is above this share of the pictures' scale or,
# in a band so narrow that no input varies ten times as much, above a tenth of the most varying input's.
# On 80 MNIST pictures removal by the weights is then .211, and .203 where the prior fills in all of them.
_MIN_SPREAD = 0.01
_MIN_SPREAD_SHARE = 0.1
_REMOVED_PER_SIDE = 4
_INVERTED_PER_SIDE = (4, 8)


@dataclass(frozen=True)
class Changes:
    """A picture after each change.

    Attributes
    ----------
    removed : float32 [b, C, H, W]
        The picture with one of 4 × 4 blocks at its own median value.
    real : float32 [r, C, H, W]
        Real pictures nearest to it.
    inverted : float32 [i, C, H, W]
        The picture with those inputs of a block inverted that no neighbour varies.
    blocks : tuple of (slice, slice)
        Rows and columns of the blocks of `inverted`.
    """

    removed: Pictures
    real: Pictures
    inverted: Pictures
    blocks: tuple[Block, ...]


def varied(neighbors: Pictures, limits: tuple[float, float]) -> NDArray[np.bool_]:
    """Return which inputs vary over neighbours [n, C, H, W]: bool [C, H, W]."""
    spread = neighbors.std(axis=0, dtype=np.float64) / (limits[1] - limits[0])
    moves: NDArray[np.bool_] = spread > min(_MIN_SPREAD, _MIN_SPREAD_SHARE * float(spread.max()))
    return moves


def changes(
    image: Pictures, real: Pictures, moves: NDArray[np.bool_], limits: tuple[float, float]
) -> Changes:
    """Change a picture.

    Parameters
    ----------
    image : float32 [C, H, W]
    real : float32 [r, C, H, W]
        Real pictures nearest to it.
    moves : bool [C, H, W]
        Which inputs vary over the neighbours.
    limits : tuple of float
        (low, high), the scale of the pictures.

    Returns
    -------
    Changes
    """
    background = np.median(image, axis=(1, 2), keepdims=True)
    removed = []
    for rows, columns in _blocks(image.shape[1:], _REMOVED_PER_SIDE):
        changed = image.copy()
        changed[:, rows, columns] = background
        removed.append(changed)
    inverted, blocks = [], []
    opposite = np.where(moves, image, sum(limits) - image).astype(np.float32)
    for per_side in _INVERTED_PER_SIDE:
        for rows, columns in _blocks(image.shape[1:], per_side):
            if not moves[:, rows, columns].all():
                changed = image.copy()
                changed[:, rows, columns] = opposite[:, rows, columns]
                inverted.append(changed)
                blocks.append((rows, columns))
    none = np.empty((0, *image.shape), np.float32)
    return Changes(np.array(removed), real, np.array(inverted) if inverted else none, tuple(blocks))


def _blocks(shape: tuple[int, ...], per_side: int) -> Iterator[Block]:
    """Divide a picture into blocks; each side into at most so many."""
    edges = [np.linspace(0, side, min(per_side, side) + 1).round().astype(int).tolist() for side in shape]
    for top, bottom in zip(edges[0], edges[0][1:], strict=False):
        for left, right in zip(edges[1], edges[1][1:], strict=False):
            yield slice(top, bottom), slice(left, right)
