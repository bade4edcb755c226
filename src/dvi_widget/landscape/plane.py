"""Points of the plane, and the square around all positions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dvi_widget.arrays import as_array

_MARGIN = 0.05  # share of the width of all positions that is left free on each side
_MIN_HALF_SIDE = 1e-6  # of the extent, so that equal positions have one too


def as_point(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """Check a point of the plane [2]."""
    point = as_array(name, value)
    if point.shape != (2,) or point.dtype.kind not in "fiu" or not np.isfinite(point).all():
        raise ValueError(f"{name} must be a point [x, y] of the plane, two finite numbers; got {value!r}.")
    return point.astype(np.float64)


def extent_of(
    positions: Sequence[NDArray[np.float32]], margin: float = _MARGIN
) -> tuple[float, float, float, float]:
    """Draw a square with a margin around all positions, so that one unit is as long on both axes."""
    low = np.min([y[:, :2].min(axis=0) for y in positions], axis=0).astype(float)
    high = np.max([y[:, :2].max(axis=0) for y in positions], axis=0).astype(float)
    half = max(float((high - low).max()) / 2, _MIN_HALF_SIDE) * (1 + 2 * margin)
    x, y = (low + high) / 2
    return float(x - half), float(x + half), float(y - half), float(y + half)
