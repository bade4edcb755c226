"""Drawn borders: whether they lie where the classifier's do, and whether the paint is as sure as it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from dvi_widget.arrays import as_array, as_matrix, check_number

from .arrangement import spearman

_UNSURE = 2 / 3  # confidence up to which a sample is unsure

Extent = tuple[float, float, float, float]


def log_odds(logits: ArrayLike) -> NDArray[np.float64]:
    """Measure how far each sample is from another prediction: the log-odds of its two likeliest classes.

    Unlike the margin of DeepVisualInsight's Definition 2, it depends on no third class.

    Parameters
    ----------
    logits : array [n, C]

    Returns
    -------
    float64 [n]
        Difference of the two greatest logits; 0 on the boundary between two classes.

    Raises
    ------
    ValueError
        On NaN, or for fewer than two classes.
    """
    z = as_matrix("logits", logits)
    if z.shape[1] < 2:
        raise ValueError(f"logits must be of two classes or more; got shape {z.shape}.")
    second, first = np.partition(z.astype(np.float64), -2, axis=1)[:, -2:].T
    return np.asarray(first - second)


def border_pixels(classes: ArrayLike, extent: Extent) -> NDArray[np.float64]:
    """Find the pixels of a painted canvas that touch, by a side, a pixel of another class.

    Parameters
    ----------
    classes : array of int [R, R]
        Painted classes; row 0 has the lowest y.
    extent : tuple of float
        x0, x1, y0, y1 of the canvas.

    Returns
    -------
    float64 [p, 2]
        Their centres; none if one class is painted alone.

    Raises
    ------
    ValueError
        If the canvas is not square.
    """
    painted = _painted(classes)
    return _centres(np.any([side != painted for side in _sides(painted)], axis=0), extent)


def border_distance(y: ArrayLike, classes: ArrayLike, extent: Extent) -> NDArray[np.float64]:
    """Measure each point's distance to the nearest pixel of another class than the one painted under it.

    Parameters
    ----------
    y : array [n, 2]
        Positions. One beyond the canvas counts as lying on its nearest pixel, but is measured from its place.
    classes : array of int [R, R]
        Painted classes; row 0 has the lowest y.
    extent : tuple of float
        x0, x1, y0, y1 of the canvas.

    Returns
    -------
    float64 [n]
        Distance to a pixel's centre, in units of `extent`; infinite if one class is painted alone.

    Raises
    ------
    ValueError
        If the canvas is not square, y is not of a plane, or on NaN.
    """
    points, painted = as_matrix("y", y), _painted(classes)
    if points.shape[1] != 2:
        raise ValueError(f"y must be positions [n, 2]; got shape {points.shape}.")
    x0, x1, y0, y1 = extent
    resolution = len(painted)
    shares = (points.astype(np.float64) - (x0, y0)) / (x1 - x0, y1 - y0)
    column, row = np.clip((shares * resolution).astype(int), 0, resolution - 1).T
    under = painted[row, column]
    away = np.full(len(points), np.inf)
    sides = _sides(painted)
    for own in np.unique(under):
        # The nearest pixel of another class touches one of this class: those on the way to it are nearer.
        beside = (painted != own) & np.any([side == own for side in sides], axis=0)
        if beside.any():
            rows = under == own
            away[rows] = cKDTree(_centres(beside, extent)).query(points[rows])[0]
    return away


def margin_correlation(distances: ArrayLike, margins: ArrayLike) -> float:
    """Correlate the samples' distances to the drawn border with their true margins (Spearman).

    The definition is ours. Samples at random in the disc of their class get about 0.

    Parameters
    ----------
    distances : array [n]
        Distance of each sample to the drawn border (see `border_distance`).
    margins : array [n]
        Margin between its two likeliest classes (see `log_odds`).

    Returns
    -------
    float
        In [−1, 1]; higher is better. NaN if no border is drawn, or either does not vary.

    Raises
    ------
    ValueError
        If the arrays are not one-dimensional and of one length.
    """
    away = as_array("distances", distances)
    if not np.isfinite(away).any():
        return float("nan")
    return spearman(np.where(np.isfinite(away), away, np.finfo(np.float64).max), margins)


def coverage(points: ArrayLike, others: ArrayLike, reach: float) -> float:
    """Measure the share of points that have one of the others within reach.

    With δ-boundary samples (DeepVisualInsight, Definition 3) as points and the pixels of the drawn borders as
    others it is their δ recall: how many lie on a drawn border. The other way round it is the δ precision:
    how much of the drawn border has boundary samples. Samples in place of boundary samples say what chance
    gets.

    Parameters
    ----------
    points : array [n, l]
        The points to cover.
    others : array [m, l]
        What covers them; m may be 0.
    reach : float
        Greatest distance that counts, not negative.

    Returns
    -------
    float
        In [0, 1]. NaN if there are no points.

    Raises
    ------
    ValueError
        If the columns differ, on NaN, or if reach is negative.
    """
    a, b = as_array("points", points), as_array("others", others)
    check_number("reach", reach, 0)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(f"points and others must be [n, l] and [m, l]; got shapes {a.shape} and {b.shape}.")
    if not len(a):
        return float("nan")
    if not len(b):
        return 0.0
    return float((cKDTree(as_matrix("others", b)).query(as_matrix("points", a))[0] <= reach).mean())


def confidence_error(true: ArrayLike, painted: ArrayLike, unsure: float = _UNSURE) -> float:
    """Measure how far the painted confidence is from the true one, over the samples that are unsure.

    The definition is ours. A picture that paints every sample as sure as its class is on average gets what
    the unsure samples differ from that.

    Parameters
    ----------
    true : array [n]
        Probability of each sample's predicted class.
    painted : array [n]
        Probability painted at its place.
    unsure : float
        Greatest true confidence of an unsure sample.

    Returns
    -------
    float
        Mean of |painted − true|, in [0, 1]; lower is better. NaN if no sample is unsure.

    Raises
    ------
    ValueError
        If the arrays are not one-dimensional and of one length.
    """
    own, shown = as_array("true", true), as_array("painted", painted)
    if own.ndim != 1 or own.shape != shown.shape:
        raise ValueError(f"true and painted must be arrays [n]; got shapes {own.shape} and {shown.shape}.")
    rows = own <= unsure
    return float(np.abs(shown[rows].astype(np.float64) - own[rows]).mean()) if rows.any() else float("nan")


def _painted(classes: ArrayLike) -> NDArray[np.integer]:
    """Check a painted canvas."""
    painted = as_array("classes", classes)
    if painted.ndim != 2 or painted.shape[0] != painted.shape[1] or not painted.size:
        raise ValueError(f"classes must be a canvas [R, R]; got shape {painted.shape}.")
    return painted


def _sides(painted: NDArray[np.integer]) -> list[NDArray[np.integer]]:
    """Return the classes of the pixels on all four sides [R, R] each; beyond the rim, the pixel's own."""
    around = np.pad(painted, 1, mode="edge")
    return [around[2:, 1:-1], around[:-2, 1:-1], around[1:-1, :-2], around[1:-1, 2:]]


def _centres(chosen: NDArray[np.bool_], extent: Extent) -> NDArray[np.float64]:
    """Compute the centres [p, 2] of the pixels chosen."""
    x0, x1, y0, y1 = extent
    row, column = np.nonzero(chosen)
    shares = (np.stack([column, row], axis=1) + 0.5) / len(chosen)
    centres: NDArray[np.float64] = np.array([x0, y0]) + shares * np.array([x1 - x0, y1 - y0])
    return centres
