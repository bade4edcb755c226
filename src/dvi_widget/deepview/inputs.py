"""Checks of DeepView's arguments: samples and labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dvi_widget.arrays import as_array, check_finite

__all__ = ["as_labels", "as_samples"]

_LISTED = 10  # labels, in an error


def as_samples(
    name: str, given: ArrayLike, shape: tuple[int, ...] | None
) -> tuple[NDArray[np.floating], tuple[int, ...]]:
    """Return samples as flat arrays [N, D], float64 if float32 would round them, and the shape of one.

    Parameters
    ----------
    name : str
        What errors call them.
    given : array, tensor, frame or sparse matrix [N, ...]
    shape : tuple of int, optional
        The shape that each must have.

    Raises
    ------
    TypeError
        If they are not numbers.
    ValueError
        If there are none, they have another shape, or are not finite.
    """
    # scipy's sparse matrices are made dense: what lies between samples is not sparse.
    array = as_array(name, given.toarray() if hasattr(given, "toarray") else given)
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
    wide = np.result_type(array.dtype, np.float32).itemsize > np.dtype(np.float32).itemsize
    flat: NDArray[np.floating] = np.ascontiguousarray(
        array.reshape(len(array), -1), np.float64 if wide else np.float32
    )
    # What lies between samples is decoded in single precision, whose range they must keep to.
    with np.errstate(over="ignore"):
        check_finite(name, flat.astype(np.float32, copy=False))
    return flat, array.shape[1:]


def as_labels(y: ArrayLike | None, size: int, known: NDArray[Any] | None = None) -> NDArray[np.int64]:
    """Return labels as class indices int64 [size], −1 for none.

    Parameters
    ----------
    y : array [size], optional
        Class indices, or labels of the classifier if these are known; −1 for none.
    size : int
    known : array [C], optional
        The classifier's labels, in the order of its columns.

    Raises
    ------
    ValueError
        If there is not one label per sample, or one is not known.
    """
    if y is None:
        return np.full(size, -1)
    labels = _plain(y)
    if labels.shape != (size,):
        hint = " Pass y.argmax(axis=1)." if labels.ndim == 2 and labels.shape[1:] != (1,) else ""
        hint = " Pass y.ravel()." if labels.ndim == 2 and labels.shape[1] == 1 else hint
        raise ValueError(
            f"y must be one label for each of the {size} samples; got {labels.dtype} of shape {labels.shape}."
            f"{hint}"
        )
    if known is not None and not (known.dtype.kind in "USO" and labels.dtype.kind in "iu"):
        return _places(labels, known)
    if labels.dtype.kind not in "iu" or labels.min() < -1:
        raise ValueError(
            f"y must be class indices [{size}], −1 for none; got {labels.dtype} such as {labels[0]!r}. Pass "
            "np.unique(y, return_inverse=True)[1], and the unique values as classes."
        )
    return labels.astype(np.int64)


def _plain(y: Any) -> NDArray[Any]:
    """Return labels as an array; strings may be Python objects, as in a frame."""
    values = y.to_numpy() if hasattr(y, "to_numpy") else y
    array = np.asarray(values) if not hasattr(values, "detach") else as_array("y", values)
    if array.dtype == object and all(isinstance(value, str) for value in array.ravel()):
        return array.astype(str)
    return array if array.dtype.kind == "U" else as_array("y", array)


def _places(labels: NDArray[Any], known: NDArray[Any]) -> NDArray[np.int64]:
    """Return the place of each label among the classifier's, −1 for the label −1 if that is no class."""
    place = {label: i for i, label in enumerate(known.tolist())}
    if labels.dtype.kind in "iuf":
        place.setdefault(-1, -1)
    values = labels.tolist()
    unknown = [value for value in values if value not in place]
    if unknown:
        shown = ", ".join(map(repr, known.tolist()[:_LISTED])) + (", …" if len(known) > _LISTED else "")
        raise ValueError(f"y must be labels of the classifier, {shown}; got {unknown[0]!r}.")
    return np.array([place[value] for value in values], np.int64)
