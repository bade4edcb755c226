"""Fisher-UMAP: positions from exact neighbours in the metric, and places for samples that come later."""

from __future__ import annotations

import warnings
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from .neighbors import Neighbors

Positions = NDArray[np.float32]

# Spectral initialisation needs more samples than it computes eigenvectors.
_SPECTRAL = 16
_SETTLING = 200  # epochs in which added samples find their places among the old
_ADJUSTING = (30, 0.02)  # epochs and learning rate in which the old ones make room
_SPREAD = 0.15  # of the way to the next sample on the map


@dataclass(frozen=True)
class FisherMap:
    """A fitted layout.

    Attributes
    ----------
    positions : float32 [N, 2]
    sigmas : float32 [N]
        Local scale σ_i of each sample in the metric (§4).
    """

    positions: Positions
    sigmas: NDArray[np.float32]


def fit_layout(found: Neighbors, x: NDArray[np.float32], *, min_dist: float, seed: int) -> FisherMap:
    """Lay samples out by UMAP from their neighbours in the Fisher metric (§4.1).

    Parameters
    ----------
    found : Neighbors
        k neighbours of every sample; UMAP is given the sample itself and the k − 1 nearest, as its own
        `n_neighbors` = k counts them.
    x : float32 [N, D]
        Flat inputs; they only decide how separate components are laid beside each other at the start.
    min_dist : float
        As in UMAP.
    seed : int
        Of UMAP.

    Returns
    -------
    FisherMap
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        # Imported here: its compiler costs seconds that only those pay who fit.
        import umap  # noqa: PLC0415

    indices, distances = _with_itself(found)
    size, k = indices.shape
    init: Any = "spectral"
    if size < _SPECTRAL:
        init = np.random.RandomState(seed).uniform(size=(size, 2)).astype(np.float32)
    with warnings.catch_warnings():
        # That a layout cannot place new samples, and that a seed means one thread, are both meant.
        warnings.simplefilter("ignore")
        fitted = umap.UMAP(
            n_neighbors=k,
            min_dist=min_dist,
            random_state=seed,
            n_jobs=1,
            precomputed_knn=(indices, distances),
            init=init,
        ).fit(x)
    positions = np.ascontiguousarray(fitted.embedding_, np.float32)
    return FisherMap(positions, np.asarray(fitted._sigmas, np.float32))  # noqa: SLF001


def extend_layout(
    found: Neighbors, old: Positions, x: NDArray[np.float32], *, min_dist: float, seed: int
) -> FisherMap:
    """Add samples to a layout: they settle among the old ones first, then all adjust a little.

    Parameters
    ----------
    found : Neighbors
        Neighbours of all samples, the old ones first.
    old : float32 [N, 2]
        Positions so far.
    x, min_dist, seed
        As for `fit_layout`.

    Returns
    -------
    FisherMap
        Of all samples.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        from umap.layouts import optimize_layout_euclidean  # noqa: PLC0415
        from umap.umap_ import find_ab_params, fuzzy_simplicial_set, make_epochs_per_sample  # noqa: PLC0415

    indices, distances = _with_itself(found)
    rng = np.random.RandomState(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph, sigmas, _ = fuzzy_simplicial_set(
            x, indices.shape[1], rng, "euclidean", knn_indices=indices, knn_dists=distances
        )
    positions = _begin_near(graph.tocsr(), old, rng)
    graph = graph.tocoo()
    a, b = find_ab_params(1.0, min_dist)

    def settle(keep: NDArray[np.bool_], epochs: int, rate: float, *, both: bool) -> None:
        """Run the layout over some of the edges; their heads move, and their tails if both do."""
        weight = graph.data * keep
        strong = weight > weight.max() / epochs
        optimize_layout_euclidean(
            positions,
            positions,
            graph.row[strong].astype(np.int32),
            graph.col[strong].astype(np.int32),
            epochs,
            len(positions),
            make_epochs_per_sample(weight[strong], epochs),
            a,
            b,
            rng.randint(np.iinfo(np.int32).min + 1, np.iinfo(np.int32).max - 1, 3).astype(np.int64),
            initial_alpha=rate,
            move_other=both,
        )

    settle(graph.row >= len(old), _SETTLING, 1.0, both=False)
    settle(np.ones(len(graph.row), bool), *_ADJUSTING, both=True)
    return FisherMap(positions, np.asarray(sigmas, np.float32))


def _with_itself(found: Neighbors) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Neighbours as UMAP counts them: the sample itself first, then one fewer."""
    size, k = found.indices.shape
    itself = np.arange(size, dtype=np.int32)[:, None]
    indices = np.concatenate([itself, found.indices[:, : k - 1]], axis=1)
    distances = np.concatenate([np.zeros((size, 1), np.float32), found.distances[:, : k - 1]], axis=1)
    return indices, distances


def _begin_near(graph: csr_matrix, old: Positions, rng: np.random.RandomState) -> Positions:
    """New samples start at the weighted mean of their neighbours that have a place already."""
    size = graph.shape[0]
    positions = np.zeros((size, 2), np.float32)
    positions[: len(old)] = old
    placed = np.arange(size) < len(old)
    while not placed.all():
        weight = graph[~placed][:, placed]
        total = np.asarray(weight.sum(axis=1)).ravel()
        reached = np.flatnonzero(~placed)[total > 0]
        if not len(reached):
            # A group that knows only itself begins together, at a random old sample.
            positions[~placed] = old[rng.randint(len(old))]
            break
        mean = (weight @ positions[placed])[total > 0] / total[total > 0, None]
        positions[reached] = mean
        placed[reached] = True
    spread = 0.01 * np.ptp(old, axis=0)
    positions[len(old) :] += rng.normal(scale=spread, size=(size - len(old), 2))
    return positions


def place(
    nearest: NDArray[np.integer],
    apart: NDArray[np.bool_],
    x: NDArray[np.float32],
    y: Positions,
    gap: NDArray[np.float32],
) -> Positions:
    """Place unseen samples at their nearest neighbour in the metric, slightly spread.

    Parameters
    ----------
    nearest : int [m]
        The nearest fitted sample of each.
    apart : bool [m]
        Whether it is another sample than that; if not, the place is its own.
    x : float32 [m, D]
        Flat inputs: the direction of the spread depends on them alone, so a sample's place does not depend on
        what else is placed with it.
    y : float32 [N, 2]
        The map.
    gap : float32 [N]
        Distance on the map from each fitted sample to the next one.

    Returns
    -------
    float32 [m, 2]
    """
    angle = np.array([zlib.crc32(row.tobytes()) for row in x], np.float64) / 2**32 * 2 * np.pi
    radius = np.where(apart, _SPREAD * gap[nearest], 0)
    spread = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    places: Positions = (y[nearest] + spread).astype(np.float32)
    return places
