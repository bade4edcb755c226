"""Temporal properties: how much of a sample's neighbourhood an epoch keeps, and how far it moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dvi_widget.arrays import as_array, as_matrix, as_rows
from dvi_widget.nearest import neighbors, overlap


@overload
def temporal_pv(
    x: Sequence[ArrayLike],
    y: Sequence[ArrayLike],
    k: int = ...,
    rows: ArrayLike | None = ...,
    *,
    pooled: Literal[False] = ...,
) -> float: ...


@overload
def temporal_pv(
    x: Sequence[ArrayLike],
    y: Sequence[ArrayLike],
    k: int = ...,
    rows: ArrayLike | None = ...,
    *,
    pooled: Literal[True],
) -> NDArray[np.float64]: ...


def temporal_pv(
    x: Sequence[ArrayLike],
    y: Sequence[ArrayLike],
    k: int = 15,
    rows: ArrayLike | None = None,
    *,
    pooled: bool = False,
) -> float | NDArray[np.float64]:
    """Measure the temporal preserving rate (DeepVisualInsight, Eq. 4).

    It is the correlation of eval_sem, the share of its neighbours that a sample keeps (Eq. 11), with the
    distance that it moves on the map.

    Parameters
    ----------
    x : sequence of T arrays [n, h_t]
        Representations of the same samples, in chronological order.
    y : sequence of T arrays [n, l]
        Their positions.
    k : int
        Neighbours in eval_sem.
    rows : array of int or bool, optional
        Evaluate these samples only; neighbours are searched among all n.
    pooled : bool
        False: Pearson's correlation over the T − 1 transitions, one per sample, averaged over samples (the
        form quoted in the paper; it is ±1 or 0 per sample if T = 3, and 0 if T = 2). True: Pearson's
        correlation over the samples, one per transition.

    Returns
    -------
    float, or float64 [T − 1] if pooled
        In [−1, 1]; more negative is better. An undefined correlation (nothing varies) counts as 0.

    Raises
    ------
    ValueError
        For fewer than two epochs, or arrays of different lengths.
    """
    if len(x) != len(y) or len(x) < 2:
        raise ValueError(
            f"x and y must hold one array per epoch, for two epochs or more; got {len(x)} and {len(y)}."
        )
    n = len(as_array("x[0]", x[0]))
    chosen = as_rows("rows", rows, n)
    positions = [as_matrix(f"y[{t}]", y[t]) for t in range(len(y))]
    before: NDArray[np.int32] | None = None
    similarity, distance = [], []
    for t in range(len(x)):
        features = as_matrix(f"x[{t}]", x[t])
        if not len(features) == len(positions[t]) == n:
            raise ValueError(
                f"x and y must be of the same samples in every epoch; got {n} rows in x[0], "
                f"{len(features)} in x[{t}], {len(positions[t])} in y[{t}]."
            )
        after = neighbors(features, k, rows=chosen)[0]
        if before is not None:
            similarity.append(overlap(before, after))
            moved = positions[t][chosen].astype(np.float64) - positions[t - 1][chosen]
            distance.append(np.linalg.norm(moved, axis=1))
        before = after
    return correlate(np.stack(similarity), np.stack(distance), axis=1 if pooled else 0)


def correlate(
    similarity: NDArray[np.float64], distance: NDArray[np.float64], axis: Literal[0, 1] = 0
) -> float | NDArray[np.float64]:
    """Correlate similarity and distance as `temporal_pv` does (Pearson).

    Parameters
    ----------
    similarity, distance : float64 [T − 1, n]
        One row per transition, one column per sample.
    axis : {0, 1}
        0: over transitions, averaged over samples. 1: over samples, one figure per transition.

    Returns
    -------
    float (axis 0) or float64 [T − 1] (axis 1)
        In [−1, 1]; 0 if either does not vary.
    """
    s = similarity - similarity.mean(axis=axis, keepdims=True)
    d = distance - distance.mean(axis=axis, keepdims=True)
    size = np.sqrt(np.square(s).sum(axis=axis) * np.square(d).sum(axis=axis))
    # A constant minus its mean leaves rounding errors, not variation.
    floor = 1e-12 * np.sqrt(np.square(similarity).sum(axis=axis) * np.square(distance).sum(axis=axis))
    defined = size > floor
    r = np.where(defined, (s * d).sum(axis=axis) / np.where(defined, size, 1), 0.0).clip(-1, 1)
    return r if axis else float(r.mean())


def shared_neighbors(
    before: ArrayLike, after: ArrayLike, k: int = 15, rows: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Measure the semantic similarity of each sample in two epochs (DeepVisualInsight, Eq. 11, eval_sem).

    Parameters
    ----------
    before, after : array [n, h], [n, h']
        Representations of the same samples in two epochs.
    k : int
        Neighbours per sample.
    rows : array of int or bool, optional
        The samples to evaluate; neighbours are searched among all n.

    Returns
    -------
    float64 [n] or [len(rows)]
        |N_k(x^{t−1}) ∩ N_k(x^t)| / k, in [0, 1].

    Raises
    ------
    ValueError
        If the numbers of samples differ, or as `neighbors` does.
    """
    before, after = as_matrix("before", before), as_matrix("after", after)
    if len(before) != len(after):
        raise ValueError(
            f"before and after must be of the same samples; got {len(before)} and {len(after)} rows."
        )
    return overlap(neighbors(before, k, rows=rows)[0], neighbors(after, k, rows=rows)[0])
