"""How far the land is known: a field that falls with the distance to the samples of an epoch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

SUPPORT_CELLS = 128  # along each side, as on the page

# Distances to the nearest sample, as shares of the extent, from which and up to which the land fades; as in
# js/src/state/support.ts.
_NEAR, _FAR = 0.02, 0.07


def support(
    positions: NDArray[np.floating], extent: tuple[float, float, float, float], cells: int
) -> NDArray[np.float64]:
    """Compute how well samples support each cell of the plane.

    Parameters
    ----------
    positions : float [N, 2]
        The samples.
    extent : tuple of float
        x0, x1, y0, y1 of the plane.
    cells : int
        Cells R along each side.

    Returns
    -------
    float64 [R, R]
        1 near samples, 0 where no sample is within 7 % of the extent. Row 0 has the lowest y.
    """
    x0, x1, y0, y1 = extent
    shares = (np.asarray(positions, float) - (x0, y0)) / (x1 - x0, y1 - y0)
    column, row = np.clip((shares * cells).astype(int), 0, cells - 1).T
    empty = np.ones((cells, cells), bool)
    empty[row, column] = False
    if empty.all():
        return np.zeros((cells, cells))
    far = np.clip((distance_transform_edt(empty) / cells - _NEAR) / (_FAR - _NEAR), 0, 1)
    known: NDArray[np.float64] = 1 - far**2 * (3 - 2 * far)
    return known
