"""Quality of a map: the Q's of DeepView (§5.1, Table 1), and how whole its painted areas are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.spatial import procrustes
from scipy.spatial.distance import cdist

from dvi_widget import measures
from dvi_widget.measures.classification import q_knn

from .inverse import BASES, InverseMap, typical_gap
from .layout import fit_layout
from .neighbors import Neighbors

__all__ = ["Territories", "between_classes", "measure", "territories"]

_VOTERS = 5  # k of Q_kNN
_FOLDS = 5
_HELD_OUT_SHARE = 0.3  # of the samples, as in Table 1
_KEPT = (10, 15, 20)  # k of nn_pv and boundary_pv (DeepVisualInsight, §6)
_BOUNDARY_SHARE = 0.1  # boundary points, per sample
_HALVINGS = 12  # of the line between two samples
_TERRITORY_PX = 100  # along each side of the picture whose territories are counted
_MARGIN_SHARE = 0.08  # of the map's extent, round the samples
_LEAP_SHARE = 0.25  # of the median distance of two samples, between adjacent pixels
_COLUMNS = ["epoch", "split", "measure", "k", "value"]

Classify = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def measure(
    x: NDArray[np.floating],
    y: NDArray[np.float32],
    classes: NDArray[np.intp],
    classify: Classify,
    inverse: InverseMap,
    *,
    again: NDArray[np.float32],
    n_neighbors: int,
    min_dist: float,
    seed: int,
    place: Callable[[NDArray[np.floating]], NDArray[np.float32]],
    sigmas: NDArray[np.floating] | None = None,
    bases: int = BASES,
) -> pd.DataFrame:
    """Measure a map.

    Parameters
    ----------
    x : float32 or float64 [N, D]
        Flat inputs of the samples.
    y : float32 [N, 2]
        Their positions.
    classes : int [N]
        Their predicted classes.
    classify : callable
        From inputs [m, D] to probabilities [m, C].
    inverse : InverseMap
    again : float32 [N, 2]
        Positions by another seed.
    n_neighbors, min_dist, seed
        Of the layout by Euclidean distances that the map is compared with.
    place : callable
        From inputs [m, D] to their places on the map [m, 2].
    sigmas, bases
        As for `InverseMap`.

    Returns
    -------
    pandas.DataFrame
        As `DeepView.measures`, without the row "certified".
    """
    voters = min(_VOTERS, len(y) - 1)
    indices, distances = measures.neighbors(x, n_neighbors)
    neighbors = Neighbors(indices, distances, np.ones(len(y), bool))
    euclidean = fit_layout(neighbors, x, min_dist=min_dist, seed=seed).positions
    drawn = np.random.default_rng(seed).permutation(len(y))
    folds = np.array_split(drawn, min(_FOLDS, len(y)))
    held_out = [drawn[: max(1, round(_HELD_OUT_SHARE * len(y)))]]
    land = territories(classify, inverse, y, x, classes, _TERRITORY_PX)

    def unseen(parts: Sequence[NDArray[np.integer]]) -> float:
        return _q_not_data(x, y, classes, classify, inverse.a, parts, sigmas, bases)

    rows: list[tuple[str, int | None, float]] = [
        ("q_knn", voters, q_knn(y, classes, voters)),
        ("q_knn_e", voters, q_knn(euclidean, classes, voters)),
        ("q_data", None, measures.ppr(classes, classify(inverse(y)))),
        ("q_not_data", None, unseen(folds)),
        ("q_not_data_70_30", None, unseen(held_out)),
        ("border_leaps", None, land.leaps),
        ("regions", None, land.regions),
        ("seed_disparity", None, float(procrustes(y, again)[2])),
        *_as_of_runs(x, y, classes, classify, place, seed),
        ("ppr", None, measures.ppr(classes, classify(inverse(y)))),
    ]
    return table(rows)


def _as_of_runs(
    x: NDArray[np.floating],
    y: NDArray[np.float32],
    classes: NDArray[np.intp],
    classify: Classify,
    place: Callable[[NDArray[np.floating]], NDArray[np.float32]],
    seed: int,
) -> list[tuple[str, int | None, float]]:
    """Measure what is measured of landscapes of a run, nn_pv and boundary_pv, by Euclidean distances."""
    wanted = max(2 * max(_KEPT), round(_BOUNDARY_SHARE * len(x)))
    b = between_classes(x, classes, classify, wanted, seed)
    rows: list[tuple[str, int | None, float]] = []
    rows += [("nn_pv", k, measures.nn_pv(x, y, k)) for k in _KEPT if k < len(x)]
    if len(b):
        yb = place(b)
        rows += [("boundary_pv", k, measures.boundary_pv(x, b, y, yb, k)) for k in _KEPT if k <= len(b)]
    return rows


def between_classes(
    x: NDArray[np.floating], classes: NDArray[np.intp], classify: Classify, count: int, seed: int
) -> NDArray[np.floating]:
    """Bisect lines between samples of different predictions, to where the prediction changes.

    Parameters
    ----------
    x : float [N, D]
        Flat inputs.
    classes : int [N]
        Their predicted classes.
    classify : callable
        From inputs [m, D] to probabilities [m, C].
    count : int
        Points wanted.
    seed : int
        Seed of the pairs drawn.

    Returns
    -------
    float [b, D]
        In the dtype of x; each within 1/4,096 of its line of a change of prediction. None if all samples are
        predicted alike.
    """
    ends = np.random.default_rng(seed).integers(len(x), size=(2, 10 * count))
    first, second = ends[:, classes[ends[0]] != classes[ends[1]]][:, :count]
    low, high = np.zeros((len(first), 1)), np.ones((len(first), 1))
    for _ in range(_HALVINGS if len(first) else 0):
        middle = (low + high) / 2
        mixed = ((1 - middle) * x[first] + middle * x[second]).astype(x.dtype)
        same = (classify(mixed).argmax(axis=1) == classes[first])[:, None]
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return np.asarray((1 - high) * x[first] + high * x[second], x.dtype)


@dataclass(frozen=True)
class Territories:
    """How whole the areas of the painted map are.

    Attributes
    ----------
    regions : float
        Connected regions per class that is painted. A region smaller than a sample's share of the picture
        counts only if no sample of its class lies in it.
    leaps : float
        Share of the pairs of adjacent pixels of different classes whose inputs are farther apart than a
        quarter of the median distance of two samples; 0 without a border.
    border : float32 [m, D]
        Inputs halfway between those of the two pixels of each such pair.
    """

    regions: float
    leaps: float
    border: NDArray[np.float32]


def territories(
    classify: Classify,
    inverse: InverseMap,
    y: NDArray[np.float32],
    x: NDArray[np.floating],
    classes: NDArray[np.intp],
    resolution: int,
) -> Territories:
    """Count the regions of the painted map, and the leaps of the inputs across its borders.

    Q_data and Q_¬data look at samples alone: a map may keep both, and still consist of hundreds of shards
    between the samples.

    Parameters
    ----------
    classify, inverse, y, x, classes
        As for `measure`.
    resolution : int
        Pixels R along each side of the picture; the inputs of all are classified.

    Returns
    -------
    Territories
    """
    low, high = y.min(axis=0), y.max(axis=0)
    low, high = low - _MARGIN_SHARE * (high - low), high + _MARGIN_SHARE * (high - low)
    at = (np.arange(resolution) + 0.5) / resolution
    columns, rows = np.meshgrid(*(low + at[:, None] * (high - low)).T)
    decoded = inverse(np.stack([columns, rows], axis=-1).reshape(-1, 2).astype(np.float32))
    kind = classify(decoded).argmax(axis=1).reshape(resolution, resolution)
    column, row = ((y - low) / (high - low) * resolution).astype(int).clip(0, resolution - 1).T
    regions, painted = 0, np.unique(kind)
    for c in painted:
        areas, count = label(kind == c)
        sizes = np.bincount(areas.ravel(), minlength=count + 1)[1:]
        own = classes == c
        held = np.isin(np.arange(1, count + 1), areas[row[own], column[own]])
        regions += int((~held | (sizes >= kind.size / len(y))).sum())
    grid = decoded.reshape(resolution, resolution, -1)
    pairs = [
        (grid[a][kind[a] != kind[b]], grid[b][kind[a] != kind[b]])
        for a, b in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:]))
    ]
    first, second = (np.concatenate(side) for side in zip(*pairs, strict=True))
    half = len(x) // 2
    typical = np.median(cdist(x[:half], x[half:]))
    leaps = np.linalg.norm(first - second, axis=1) > _LEAP_SHARE * typical
    return Territories(
        regions / len(painted), float(leaps.mean()) if len(leaps) else 0.0, (first + second) / 2
    )


def table(rows: Sequence[tuple[str, int | None, float]]) -> pd.DataFrame:
    """Return rows of measure, k and value as a table of the single epoch 0 and split "test"."""
    frame = pd.DataFrame([(0, "test", *row) for row in rows], columns=_COLUMNS)
    return frame.astype({"epoch": "Int64", "k": "Int64", "value": float})


def _q_not_data(
    x: NDArray[np.floating],
    y: NDArray[np.float32],
    classes: NDArray[np.intp],
    classify: Classify,
    a: float,
    folds: Sequence[NDArray[np.integer]],
    sigmas: NDArray[np.floating] | None,
    bases: int,
) -> float:
    """Return the share of samples that decode to their class by an inverse map fitted without their fold."""
    hits = []
    for fold in folds:
        seen = np.setdiff1d(np.arange(len(y)), fold)
        # Fewer samples are farther apart: the same a in units of the gap.
        sharpness = a * (typical_gap(y) / typical_gap(y[seen])) ** 2
        scales = None if sigmas is None else sigmas[seen]
        inverse = InverseMap(y[seen], x[seen], sharpness, sigmas=scales, bases=bases)
        hits.append(classify(inverse(y[fold])).argmax(axis=1) == classes[fold])
    return float(np.concatenate(hits).mean())
