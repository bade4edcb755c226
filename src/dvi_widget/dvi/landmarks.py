"""Choice of the samples that stand for all: the same ones in whatever order the samples come."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_DIRECTIONS = 16  # onto which representations are projected before they are parted
_BLOCK_ROWS = 1 << 14  # projected at once


def landmark_rows(x: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Choose samples that lie as densely as all, by their representations alone.

    The samples are parted at the median of the direction in which they differ most, and the parts again,
    until there are as many parts as landmarks (a k-d tree, Bentley 1975). The median of a part is its
    landmark. Directions are random ones, and the same for all data of one width. So the choice depends
    neither on the order of the rows nor, but for samples beside a median, on the last digits of the numbers.
    Only samples that are equal are told apart by their row.

    Parameters
    ----------
    x : float32 [n, h]
        Representations. They may lie in a file; a block of rows is read at a time.
    count : int
        Number of landmarks wanted.

    Returns
    -------
    int [min(count, n)]
        Rows of x, neighbouring parts beside each other.
    """
    n, h = x.shape
    directions = np.random.default_rng(0).normal(size=(h, _DIRECTIONS)).astype(np.float32)
    z = np.concatenate([x[first : first + _BLOCK_ROWS] @ directions for first in range(0, n, _BLOCK_ROWS)])
    chosen: list[int] = []
    parts = [(np.arange(n), min(count, n))]
    while parts:
        rows, wanted = parts.pop()
        here = z[rows]
        widest = int(here.std(axis=0).argmax())
        ordered = rows[np.argsort(here[:, widest], kind="stable")]
        if wanted == 1:
            chosen.append(int(ordered[len(ordered) // 2]))
            continue
        lower = wanted // 2
        cut = len(rows) * lower // wanted
        parts += [(ordered[cut:], wanted - lower), (ordered[:cut], lower)]
    return np.array(chosen)
