"""Checks of DeepVID's arguments: pictures, and the classifier to explain."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dvi_widget.arrays import as_array, check_finite
from dvi_widget.subject import Predictor, as_predictor

__all__ = ["as_images", "as_teacher"]


def as_images(images: ArrayLike, name: str) -> NDArray[Any]:
    """Return pictures [n, C, H, W], uint8 or finite floats, as they are.

    Raises
    ------
    TypeError
        If they are of another type.
    ValueError
        If they have another shape, or are not finite.
    """
    array = as_array(name, images)
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise TypeError(f"{name} must be uint8 or floating; got dtype {array.dtype}.")
    if array.ndim != 4 or 0 in array.shape:
        raise ValueError(
            f"{name} must be pictures [n, channels, height, width]; got shape {array.shape}. Pass a single "
            "one as images[None], grey ones without channels as images[:, None]."
        )
    check_finite(name, array)
    return array


class _Flattened:
    """A scikit-learn classifier of flat rows, as a classifier of pictures."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict_proba(self, images: NDArray[Any]) -> Any:
        return self.model.predict_proba(images.reshape(len(images), -1))


def as_teacher(teacher: Any, shape: tuple[int, int, int]) -> Predictor:
    """Return the classifier as a predictor of pictures [n, *shape].

    A scikit-learn classifier that was trained on as many numbers as a picture has gets flat rows.
    """
    if hasattr(teacher, "predict_proba") and getattr(teacher, "n_features_in_", None) == math.prod(shape):
        return as_predictor(_Flattened(teacher))
    return as_predictor(teacher)
