"""Where the name of each class has room on its own land, for pictures without a page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

_MIN_SUPPORT = 0.25  # of the colour that is left of land which counts as supported
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
        Column and row of the middle of the names for which there is room. A name lies wholly on its land, so
        no two overlap.
    """
    known = support >= _MIN_SUPPORT
    sums = _summed(crowd)
    places = {}
    for kind in np.unique(classes[known]):
        pieces, _ = label((classes == kind) & known)
        most = np.bincount(pieces.ravel(), crowd.ravel() * (pieces.ravel() > 0)).argmax()
        width, height = sizes[kind]
        if width > pieces.shape[1] or height > pieces.shape[0]:
            continue
        own = pieces == most
        hidden = _boxes(sums, width, height)
        fits = _boxes(_summed(own), width, height) == width * height
        row, column = np.nonzero(fits & (hidden <= _MAX_HIDDEN * crowd[own].sum()))
        if not len(row):
            continue
        y, x = np.nonzero(own)
        middle = column + (width - 1) / 2 - x.mean(), row + (height - 1) / 2 - y.mean()
        best = np.lexsort((np.hypot(*middle), hidden[row, column]))[0]
        places[int(kind)] = column[best] + width / 2, row[best] + height / 2
    return places


def _summed(values: NDArray[np.integer] | NDArray[np.bool_]) -> NDArray[np.int64]:
    """Sum all values below and left of each corner: int64 [R + 1, R + 1]."""
    return np.pad(values.cumsum(0, dtype=np.int64).cumsum(1), ((1, 0), (1, 0)))


def _boxes(sums: NDArray[np.int64], width: int, height: int) -> NDArray[np.int64]:
    """Sum the values of every box of a size, by its lowest corner."""
    return sums[height:, width:] - sums[height:, :-width] - sums[:-height, width:] + sums[:-height, :-width]
