"""The arrangement at large: distances of classes, triplets of samples, movement, and maps compared."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import procrustes
from scipy.spatial.distance import cdist, pdist
from scipy.stats import rankdata

from dvi_widget.arrays import as_array, as_matrix, as_rows, check_whole

_TRIPLETS = 10_000
_LANDMARKS = 300
_MIN_CLASSES = 3
_NO_CHANGE = 1e-6  # of a distance, in root mean square distances from the centre: rounding of float32


def spearman(a: ArrayLike, b: ArrayLike) -> float:
    """Correlate the ranks of two arrays [n] (Spearman); NaN if either does not vary.

    Raises
    ------
    ValueError
        If the arrays are not one-dimensional and of one length.
    """
    first, second = as_array("a", a), as_array("b", b)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(f"a and b must be arrays [n]; got shapes {first.shape} and {second.shape}.")
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(first), rankdata(second))[0, 1].clip(-1, 1))


def class_distance_correlation(x: ArrayLike, y: ArrayLike, classes: ArrayLike) -> float:
    """Correlate the distances between class means in the representation with those on the map (Spearman).

    A random permutation of the samples gets 0 on average, but ±.15 by chance with ten classes.

    Parameters
    ----------
    x : array [n, h]
        Representations.
    y : array [n, l]
        Positions of the same samples.
    classes : array of int [n]
        Labels or predictions; negative ones are left out.

    Returns
    -------
    float
        In [−1, 1]; higher is better. NaN for fewer than three classes, or if all distances are equal.

    Raises
    ------
    ValueError
        If the lengths differ, or on NaN.
    """
    x, y, of = as_matrix("x", x), as_matrix("y", y), as_array("classes", classes)
    _same_length(x, y)
    if of.shape != (len(x),):
        raise ValueError(f"classes must be of the samples of x; got shape {of.shape} for {len(x)} rows.")
    names = np.unique(of[of >= 0])
    if len(names) < _MIN_CLASSES:
        return float("nan")
    means = ([part[of == name].mean(axis=0, dtype=np.float64) for name in names] for part in (x, y))
    return spearman(*(pdist(np.stack(of_classes)) for of_classes in means))


def triplet_agreement(x: ArrayLike, y: ArrayLike, count: int = _TRIPLETS, seed: int = 0) -> float:
    """Measure how often the nearer of two samples is the nearer one on the map too.

    Source: Wang et al., PaCMAP, JMLR 22, 2021, §3 (random triplet accuracy). A random permutation gets ½.

    Parameters
    ----------
    x : array [n, h]
        Representations.
    y : array [n, l]
        Positions of the same samples.
    count : int
        Triplets drawn; the standard error is at most ½ / √count.
    seed : int
        Of the draw.

    Returns
    -------
    float
        In [0, 1]; higher is better. A tie in one space alone counts as half.

    Raises
    ------
    ValueError
        If the lengths differ, on NaN, or for fewer than three samples.
    """
    x, y = as_matrix("x", x), as_matrix("y", y)
    _same_length(x, y)
    check_whole("count", count, 1)
    if len(x) < 3:
        raise ValueError(f"x must hold three samples or more; got {len(x)}.")
    draw = np.random.default_rng(seed)
    i, j = draw.integers(len(x), size=count), draw.integers(1, len(x), size=count)
    k = draw.integers(1, len(x) - 1, size=count)
    k += k >= j  # offsets from i: neither 0 nor j's
    j, k = (i + j) % len(x), (i + k) % len(x)
    true, drawn = (
        np.sign(_squares(part[i], part[k]) - _squares(part[i], part[j]))
        for part in (x.astype(np.float64), y.astype(np.float64))
    )
    return float((1 - np.abs(true - drawn) / 2).mean())


def rank_change(
    before: ArrayLike, after: ArrayLike, landmarks: int = _LANDMARKS, seed: int = 0
) -> NDArray[np.float64]:
    """Measure how much each sample's order of distances to landmark samples changes between two epochs.

    Unlike the share of neighbours kept, it changes when a class travels rigidly.

    Parameters
    ----------
    before, after : array [n, h], [n, h']
        Representations of the same samples in two epochs.
    landmarks : int
        Samples drawn as landmarks; all of them if there are fewer.
    seed : int
        Of the draw.

    Returns
    -------
    float64 [n]
        Mean absolute change of rank, in shares of the number of landmarks: in [0, ½].

    Raises
    ------
    ValueError
        If the lengths differ, or on NaN.
    """
    before, after = as_matrix("before", before), as_matrix("after", after)
    if len(before) != len(after):
        raise ValueError(
            f"before and after must be of the same samples; got {len(before)} and {len(after)} rows."
        )
    check_whole("landmarks", landmarks, 1)
    chosen = np.random.default_rng(seed).permutation(len(before))[:landmarks]
    ranks = [
        rankdata(cdist(x.astype(np.float64), x[chosen].astype(np.float64)), axis=1) for x in (before, after)
    ]
    change: NDArray[np.float64] = np.abs(ranks[1] - ranks[0]).mean(axis=1) / len(chosen)
    return change


def sign_agreement(
    x: tuple[ArrayLike, ArrayLike],
    y: tuple[ArrayLike, ArrayLike],
    near: ArrayLike,
    rows: ArrayLike | None = None,
) -> float:
    """Measure how often neighbours that approach each other, or part, do so on the map too.

    Source: the neighbour-change preservation of DynaVis (github.com/code-philia/DynaVis). Every epoch is
    aligned first as Procrustes' analysis does it: centred, and scaled to a root mean square distance of 1
    from the centre (no distance depends on a rotation). A training in which all distances merely grow thus
    shows no change. Take neighbours of both epochs: those of the first alone all part, whatever the map does.
    Positions drawn at random anew in each epoch then get about ½.

    Parameters
    ----------
    x : pair of arrays [n, h], [n, h']
        Representations of the same samples before and after.
    y : pair of arrays [n, l]
        Their positions.
    near : array of int [m, k]
        Others whose distance to each sample is compared, such as its neighbours before and after.
    rows : array of int or bool, optional
        The samples [m] that they belong to; by default all.

    Returns
    -------
    float
        In [0, 1]; higher is better. A distance that changes in one space alone counts as half.

    Raises
    ------
    ValueError
        If the lengths differ, or on NaN.
    """
    spaces = [[as_matrix(name, part) for part in pair] for name, pair in (("x", x), ("y", y))]
    n = len(spaces[0][0])
    if any(len(part) != n for pair in spaces for part in pair):
        raise ValueError("x and y must be of the same samples before and after; got different lengths.")
    found, chosen = as_array("near", near), as_rows("rows", rows, n)
    if found.ndim != 2 or len(found) != len(chosen) or found.dtype.kind not in "iu":
        raise ValueError(
            f"near must be neighbours [{len(chosen)}, k], one row per sample; got {found.dtype} of shape "
            f"{found.shape}."
        )
    signs = []
    for pair in spaces:
        before, after = (_distances_of_pairs(part, chosen, found) for part in pair)
        change = after - before
        signs.append(np.where(np.abs(change) <= _NO_CHANGE, 0, np.sign(change)))
    return float((1 - np.abs(signs[0] - signs[1]) / 2).mean())


def disparity(a: ArrayLike, b: ArrayLike) -> float:
    """Compare two maps of the same samples: what no shift, rotation, mirroring or scale explains.

    Parameters
    ----------
    a, b : array [n, l]
        Positions of the same samples.

    Returns
    -------
    float
        Procrustes disparity, in [0, 1]; 0 if the maps are similar figures, about 1 for a random permutation.

    Raises
    ------
    ValueError
        If the shapes differ, on NaN, or if all positions of a map coincide.
    """
    a, b = as_matrix("a", a), as_matrix("b", b)
    if a.shape != b.shape:
        raise ValueError(f"a and b must have the same shape; got {a.shape} and {b.shape}.")
    for name, part in (("a", a), ("b", b)):
        if (part == part[0]).all():
            raise ValueError(f"{name} must hold two positions or more; got one place only.")
    return float(procrustes(a, b)[2])


def stability(maps: Sequence[ArrayLike], rows: Sequence[ArrayLike] | None = None) -> NDArray[np.float64]:
    """Compare several maps of one run, fitted to other seeds or to subsamples (see `disparity`).

    Parameters
    ----------
    maps : sequence of T arrays [n_t, l]
        Positions.
    rows : sequence of T arrays of int [n_t], optional
        The samples that each map shows; two maps are compared on those that both show. By default all maps
        show the same samples.

    Returns
    -------
    float64 [T (T − 1) / 2]
        Disparity of each two maps, in the order of `itertools.combinations`.

    Raises
    ------
    ValueError
        For fewer than two maps, rows that do not fit them, or maps without two samples in common.
    """
    if len(maps) < 2:
        raise ValueError(f"maps must be two or more; got {len(maps)}.")
    if rows is None:
        return np.array([disparity(a, b) for a, b in combinations(maps, 2)])
    positions = [as_matrix(f"maps[{t}]", part) for t, part in enumerate(maps)]
    samples = [as_array(f"rows[{t}]", part) for t, part in enumerate(rows)]
    if [len(part) for part in positions] != [len(part) for part in samples]:
        raise ValueError(
            f"rows must name the samples of each map; got {[len(part) for part in samples]} for "
            f"{[len(part) for part in positions]} rows."
        )
    found = []
    for a, b in combinations(range(len(maps)), 2):
        common, of_a, of_b = np.intersect1d(samples[a], samples[b], return_indices=True)
        if len(common) < 2:
            raise ValueError(f"maps must have two samples in common; got {len(common)} in maps {a} and {b}.")
        found.append(disparity(positions[a][of_a], positions[b][of_b]))
    return np.array(found)


def _same_length(x: NDArray[np.floating], y: NDArray[np.floating]) -> None:
    """Refuse arrays of different samples."""
    if len(x) != len(y):
        raise ValueError(f"x and y must be of the same samples; got {len(x)} and {len(y)} rows.")


def _squares(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the squared distances [m] between rows."""
    squares: NDArray[np.float64] = np.square(a - b).sum(axis=1)
    return squares


def _distances_of_pairs(
    x: NDArray[np.floating], rows: NDArray[np.intp], near: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Measure the distances [m, k] of some rows to others, in root mean square distances from the centre."""
    centred = x - x.mean(axis=0, dtype=np.float64).astype(x.dtype)
    radius = np.sqrt(np.einsum("nh,nh->n", centred, centred, dtype=np.float64).mean())
    distances = np.stack(
        [np.sqrt(_squares(x[rows].astype(np.float64), x[column].astype(np.float64))) for column in near.T],
        axis=1,
    )
    scaled: NDArray[np.float64] = distances / max(float(radius), 1e-300)
    return scaled
