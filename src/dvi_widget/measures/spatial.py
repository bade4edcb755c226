"""Spatial properties of one frame: neighbours preserved among samples and on the boundary."""

from __future__ import annotations

from numpy.typing import ArrayLike

from dvi_widget.arrays import as_matrix
from dvi_widget.nearest import neighbors, overlap


def nn_pv(x: ArrayLike, y: ArrayLike, k: int = 15, rows: ArrayLike | None = None) -> float:
    """Measure the neighbour preserving rate (DeepVisualInsight, Eq. 1).

    Of equally distant neighbours the lower index counts, in either space: if more than k representations
    coincide, the figure says little about them.

    Parameters
    ----------
    x : array [n, h]
        Representations.
    y : array [n, l]
        Positions of the same samples on the canvas.
    k : int
        Neighbours per sample, the sample itself excluded.
    rows : array of int or bool, optional
        Average over these samples only; neighbours are searched among all n. For test samples pass
        train ∪ test and the test rows.

    Returns
    -------
    float
        Mean share of the k nearest neighbours preserved, in [0, 1].

    Raises
    ------
    ValueError
        If x and y differ in length, hold NaN, or k exceeds n − 1.
    """
    x, y = as_matrix("x", x), as_matrix("y", y)
    if len(x) != len(y):
        raise ValueError(f"x and y must be of the same samples; got {len(x)} and {len(y)} rows.")
    return float(overlap(neighbors(x, k, rows=rows)[0], neighbors(y, k, rows=rows)[0]).mean())


def boundary_pv(
    x: ArrayLike, b: ArrayLike, y: ArrayLike, yb: ArrayLike, k: int = 15, rows: ArrayLike | None = None
) -> float:
    """Measure the boundary distance preserving rate (DeepVisualInsight, Eq. 2).

    Parameters
    ----------
    x : array [n, h]
        Representations.
    b : array [m, h]
        Representations of δ-boundary samples. For test samples, a set that took no part in the fit.
    y : array [n, l]
        Positions of x.
    yb : array [m, l]
        Positions of b.
    k : int
        Boundary neighbours per sample.
    rows : array of int or bool, optional
        Average over these samples only.

    Returns
    -------
    float
        Mean share of the k nearest boundary samples preserved, in [0, 1].

    Raises
    ------
    ValueError
        If lengths or widths do not agree, on NaN, or if k exceeds m.
    """
    x, y, b, yb = as_matrix("x", x), as_matrix("y", y), as_matrix("b", b), as_matrix("yb", yb)
    if len(x) != len(y):
        raise ValueError(f"x and y must be of the same samples; got {len(x)} and {len(y)} rows.")
    if len(b) != len(yb):
        raise ValueError(f"b and yb must be of the same boundary samples; got {len(b)} and {len(yb)} rows.")
    preserved = overlap(neighbors(b, k, query=x, rows=rows)[0], neighbors(yb, k, query=y, rows=rows)[0])
    return float(preserved.mean())
