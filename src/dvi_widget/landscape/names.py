"""Where the name of each class has room on its own land, for pictures without a page."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

_MIN_SUPPORT = 0.25  # of the colour that is left of land which counts as supported
_MIN_OWN = 0.8  # of a name that lies on its own land
_MAX_HIDDEN = 0.25  # of the samples on its land that a name may cover


def name_places(
    classes: NDArray[np.unsignedinteger],
    support: NDArray[np.floating],
    crowd: NDArray[np.integer],
    sizes: Sequence[tuple[int, int]],
) -> dict[int, tuple[float, float]]:
    """Find a place for the name of each class: on its land with the most samples, over as few as can be.

    Parameters
    ----------
    classes : uint [R, R]
        The class of every cell.
    support : float [R, R]
        How well samples support it, 0 to 1.
    crowd : int [R, R]
        The number of samples in it.
    sizes : sequence of (int, int)
        Width and height of each class' name, in cells.

    Returns
    -------
    dict of int to (float, float)
        Column and row of the middle of the names for which there is room, those of the largest classes first.
        A name lies mostly on its own land, and no two overlap.
    """
    known = support >= _MIN_SUPPORT
    sums = _summed(crowd)
    wanted = []
    for kind in np.unique(classes[known]):
        pieces, _ = label((classes == kind) & known)
        samples = np.bincount(pieces.ravel(), crowd.ravel() * (pieces.ravel() > 0))
        width, height = sizes[kind]
        if width > pieces.shape[1] or height > pieces.shape[0]:
            continue
        own = pieces == samples.argmax()
        hidden = _boxes(sums, width, height)
        fits = _boxes(_summed(own), width, height) >= _MIN_OWN * width * height
        row, column = np.nonzero(fits & (hidden <= _MAX_HIDDEN * samples.max()))
        y, x = np.nonzero(own)
        middle = column + (width - 1) / 2 - x.mean(), row + (height - 1) / 2 - y.mean()
        best = np.lexsort((np.hypot(*middle), hidden[row, column]))
        wanted.append((-samples.max(), int(kind), row[best], column[best]))
    taken = np.zeros(classes.shape, bool)
    places = {}
    for _, kind, row, column in sorted(wanted, key=itemgetter(0)):
        width, height = sizes[kind]
        free = np.flatnonzero(_boxes(_summed(taken), width, height)[row, column] == 0)
        if len(free):
            left, low = int(column[free[0]]), int(row[free[0]])
            taken[low : low + height, left : left + width] = True
            places[kind] = left + width / 2, low + height / 2
    return places


def _summed(values: NDArray[np.integer] | NDArray[np.bool_]) -> NDArray[np.int64]:
    """Sum all values below and left of each corner: int64 [R + 1, R + 1]."""
    return np.pad(values.cumsum(0, dtype=np.int64).cumsum(1), ((1, 0), (1, 0)))


def _boxes(sums: NDArray[np.int64], width: int, height: int) -> NDArray[np.int64]:
    """Sum the values of every box of a size, by its lowest corner."""
    return sums[height:, width:] - sums[height:, :-width] - sums[:-height, width:] + sums[:-height, :-width]
