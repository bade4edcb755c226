"""Properties of the inverse: predictions and representations after projection and inverse projection."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dvi_widget.arrays import as_array, as_matrix, as_rows


def ppr(predictions: ArrayLike, decoded: ArrayLike, rows: ArrayLike | None = None) -> float:
    """Measure the prediction preserving rate (DeepVisualInsight, §6).

    Parameters
    ----------
    predictions : array of int [n], or logits [n, C]
        The classifier's output for each representation, g(x).
    decoded : array of int [n], or logits [n, C]
        The same after projection and inverse projection, g(ψ(φ(x))).
    rows : array of int or bool, optional
        Average over these samples only.

    Returns
    -------
    float
        Share of samples whose predicted class is preserved, in [0, 1].

    Raises
    ------
    ValueError
        If the lengths differ, or logits hold NaN.
    """
    before, after = _classes(predictions, "predictions"), _classes(decoded, "decoded")
    if len(before) != len(after):
        raise ValueError(
            f"predictions and decoded must be of the same samples; got {len(before)} and {len(after)} rows."
        )
    return float((before == after)[as_rows("rows", rows, len(before))].mean())


def _classes(value: ArrayLike, name: str) -> NDArray[np.integer]:
    """Read class indices [n] from indices or logits."""
    array = as_array(name, value)
    if array.ndim == 2:
        classes: NDArray[np.intp] = as_matrix(name, array).argmax(axis=1)
        return classes
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be classes [n] or logits [n, C]; got shape {array.shape}, dtype {array.dtype}."
        )
    return array


def rec_pv(x: ArrayLike, decoded: ArrayLike, rows: ArrayLike | None = None) -> float:
    """Measure the mean squared reconstruction error (DeepVisualInsight, Eq. 3).

    Parameters
    ----------
    x : array [n, h]
        Representations.
    decoded : array [n, h]
        The same after projection and inverse projection, ψ(φ(x)).
    rows : array of int or bool, optional
        Average over these samples only.

    Returns
    -------
    float
        Mean over samples of ‖x − ψ(φ(x))‖², in squared units of x; not divided by h. Lower is better.

    Raises
    ------
    ValueError
        If the shapes differ, or on NaN.
    """
    x, decoded = as_matrix("x", x), as_matrix("decoded", decoded)
    if x.shape != decoded.shape:
        raise ValueError(f"x and decoded must have the same shape; got {x.shape} and {decoded.shape}.")
    chosen = as_rows("rows", rows, len(x))
    error = x[chosen].astype(np.float64) - decoded[chosen]
    return float(np.einsum("nh,nh->n", error, error).mean())
