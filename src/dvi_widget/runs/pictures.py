"""Pictures that people see, from arrays of several kinds: always uint8 [n, C, H, W]."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from dvi_widget.subject import calling

from .samples import as_array, blocks, check_finite


def as_pictures(array: ArrayLike | Tensor, name: str = "images") -> NDArray[np.uint8]:
    """Pictures to show: uint8 as they are, floats in [0, 1] times 255, else rescaled by one min and max.

    Parameters
    ----------
    array : uint8 or float [n, C, H, W] or [n, H, W]
        C is 1 or 3.
    name
        What the array is called where it came from, for messages.

    Returns
    -------
    uint8 [n, C, H, W]
        C is 1 for ``[n, H, W]``. Not a copy where nothing had to be converted.

    Raises
    ------
    ValueError, TypeError
        If the array has another shape or type, or holds NaN or infinite values.

    Warns
    -----
    UserWarning
        If floats lie outside [0, 1], so that they are rescaled.
    """
    given = as_array(name, array)
    check_pictures(given, name)
    low, high = value_range([given], name)
    shown = [show(block, low, high) for block in blocks(given)]
    return shown[0] if len(shown) == 1 else np.concatenate(shown)


def like_pictures(array: NDArray[Any]) -> bool:
    """Whether an array has the type and shape of pictures."""
    kind = array.dtype == np.uint8 or np.issubdtype(array.dtype, np.floating)
    shape = array.ndim == 3 or (array.ndim == 4 and array.shape[1] in (1, 3))
    return kind and shape and min(array.shape) > 0


def check_pictures(array: NDArray[Any], name: str) -> None:
    """Refuse what is no pictures."""
    if not like_pictures(array):
        last = array.ndim == 4 and array.shape[3] in (1, 3)
        hint = f"; channels come first: {name}.transpose(0, 3, 1, 2)" if last else ""
        raise ValueError(
            f"{name}: got {array.dtype} {array.shape}; pictures are uint8 or floats, [n, C, H, W] with C of "
            f"1 or 3, or [n, H, W]{hint}"
        )
    check_finite(name, array)


def value_range(parts: Sequence[NDArray[Any]], name: str) -> tuple[float, float]:
    """Which values are shown as 0 and 255; a warning if that is not a matter of course."""
    if parts[0].dtype == np.uint8:
        return 0.0, 255.0
    low = min(float(block.min()) for part in parts for block in blocks(part))
    high = max(float(block.max()) for part in parts for block in blocks(part))
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    warnings.warn(
        f"{name}: values lie in [{low:.3g}, {high:.3g}], not in [0, 1]; for show they are rescaled by these "
        "two over the whole set (pass images=<uint8 pictures> to choose what is shown)",
        UserWarning,
        stacklevel=calling(),
    )
    return low, high if high > low else low + 1


def show(block: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """A block of pictures in its range as uint8 [m, C, H, W]."""
    pictures = block[:, None] if block.ndim == 3 else block
    if pictures.dtype != np.uint8:
        pictures = np.rint((pictures.astype(np.float64) - low) * (255 / (high - low))).astype(np.uint8)
    return pictures
