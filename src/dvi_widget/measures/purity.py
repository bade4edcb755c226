"""Purity of neighbourhoods: whether the map shows as much mixing of classes as the representation has."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dvi_widget.arrays import as_array, as_matrix, as_rows
from dvi_widget.nearest import neighbors

_MIXED, _PURE = 2 / 3, 14 / 15
_TOLERANCE = 1e-9  # 10 of 15 is 2/3, whatever the rounding


def purity(
    x: ArrayLike, classes: ArrayLike, k: int = 15, rows: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Measure the share of each sample's neighbours that are of its class (neighbourhood hit).

    Source: Paulovich et al., IEEE TVCG 14, 2008, §5. Neither a high nor a low figure is good by itself: the
    map is faithful if its purity is the representation's. With predictions as classes, a map that puts every
    sample at random into its class's disc gets about 1, whatever the representation.

    Parameters
    ----------
    x : array [n, h]
        Representations, or positions on the map.
    classes : array of int [n]
        Labels or predictions.
    k : int
        Neighbours per sample, the sample itself excluded.
    rows : array of int or bool, optional
        Measure these samples only; neighbours are searched among all n.

    Returns
    -------
    float64 [n] or [len(rows)]
        In [0, 1].

    Raises
    ------
    ValueError
        If the lengths differ, on NaN, or if k exceeds n − 1.
    """
    x, of = as_matrix("x", x), as_array("classes", classes)
    if of.shape != (len(x),):
        raise ValueError(f"classes must be of the samples of x; got shape {of.shape} for {len(x)} rows.")
    chosen = as_rows("rows", rows, len(x))
    return purity_of(neighbors(x, k, rows=chosen)[0], of, of[chosen])


def purity_of(near: NDArray[np.integer], classes: NDArray[Any], own: NDArray[Any]) -> NDArray[np.float64]:
    """Compute the share [m] of neighbours [m, k] that are of each own class [m], given all classes [n]."""
    shares: NDArray[np.float64] = (classes[near] == own[:, None]).mean(axis=1)
    return shares


def looks_pure(representation: ArrayLike, on_map: ArrayLike) -> float:
    """Measure how many samples with mixed neighbours the map surrounds by one class.

    Of the samples whose purity in the representation is at most 2/3, it is the share whose purity on the map
    is 14/15 or more. A map of every sample at random in its class's disc gets about 1, a random map 0.

    Parameters
    ----------
    representation, on_map : array [n]
        Purity of each sample (see `purity`).

    Returns
    -------
    float
        In [0, 1]; lower is better. NaN if no sample is mixed.

    Raises
    ------
    ValueError
        If the lengths differ.
    """
    true, drawn = as_array("representation", representation), as_array("on_map", on_map)
    if true.ndim != 1 or true.shape != drawn.shape:
        raise ValueError(
            f"representation and on_map must be arrays [n]; got shapes {true.shape} and {drawn.shape}."
        )
    mixed = true <= _MIXED + _TOLERANCE
    return float((drawn[mixed] >= _PURE - _TOLERANCE).mean()) if mixed.any() else float("nan")
