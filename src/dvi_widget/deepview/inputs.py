"""What DeepView is given, checked at the door: samples and labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dvi_widget.arrays import as_array, check_finite

__all__ = ["as_labels", "as_samples"]


def as_samples(
    name: str, given: ArrayLike, shape: tuple[int, ...] | None
) -> tuple[NDArray[np.float32], tuple[int, ...]]:
    """Return samples as flat float32 [N, D], and the shape of one.

    Parameters
    ----------
    name : str
        What errors call them.
    given : array or tensor [N, ...]
    shape : tuple of int, optional
        The shape that each must have.

    Raises
    ------
    TypeError
        If they are not numbers.
    ValueError
        If there are none, they have another shape, or are not finite.
    """
    array = as_array(name, given)
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"{name} must hold numbers; got dtype {array.dtype}. Encode text or categories first."
        )
    if array.ndim < 2 or len(array) == 0 or array[0].size == 0:
        raise ValueError(f"{name} must be [N, ...] with at least one sample; got shape {array.shape}.")
    if shape is not None and array.shape[1:] != shape:
        raise ValueError(
            f"{name} must have samples of shape {shape}, which the map was fitted on; got {array.shape[1:]}."
        )
    flat = np.ascontiguousarray(array.reshape(len(array), -1), np.float32)
    check_finite(name, flat)
    return flat, array.shape[1:]


def as_labels(y: ArrayLike | None, size: int) -> NDArray[np.int64]:
    """Return labels as class indices int64 [size], −1 for none.

    Raises
    ------
    ValueError
        If they are not whole numbers from −1, one per sample.
    """
    if y is None:
        return np.full(size, -1)
    labels = as_array("y", y)
    if labels.shape != (size,) or labels.dtype.kind not in "iu" or labels.min() < -1:
        raise ValueError(
            f"y must be class indices [{size}], −1 for none; got {labels.dtype} of shape {labels.shape}."
        )
    return labels.astype(np.int64)
