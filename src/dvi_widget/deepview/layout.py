"""Fisher-UMAP: positions from exact neighbours in the metric, and of samples added later (§4.1)."""

from __future__ import annotations

import warnings
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.decomposition import PCA

from .neighbors import Neighbors

Positions = NDArray[np.float32]

# A tenth of UMAP's own rate keeps the start's large shape. On a Gaussian mixture and on digits, maps of two
# seeds differ by a Procrustes disparity of up to .08 and .19, by UMAP's start and rate .18 and .58; of the
# five samples nearest in the metric they keep more, .46 for .41 and .59 for .51.
_RATE = 0.1
_START_EXTENT = 10.0  # of the start, from the middle; as UMAP's own
_SETTLING_EPOCHS = 200  # in which added samples move among the old ones
_ADJUSTING_EPOCHS, _ADJUSTING_RATE = 30, 0.02  # in which the old samples near them make room
_SPREAD_SHARE = 0.15  # of the distance to the next sample on the map
_START_SPREAD = 0.01  # of the map's extent, round which added samples start


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


def fit_layout(
    neighbors: Neighbors,
    x: NDArray[np.floating],
    *,
    min_dist: float,
    seed: int,
    start: NDArray[np.floating] | None = None,
) -> FisherMap:
    """Lay samples out by UMAP from their neighbours in the Fisher metric (§4.1).

    They start on two principal axes, not where a random start puts them: the map's large shape, and where
    groups without common neighbours lie, then hardly depend on the seed.

    Parameters
    ----------
    neighbors : Neighbors
        k neighbours of every sample. UMAP takes the sample itself and the k − 1 nearest, as its own
        `n_neighbors` = k counts them.
    x : float32 or float64 [N, D]
        Flat inputs.
    start : float [N, E], optional
        Coordinates whose two principal axes are the start; the inputs by default.
    min_dist : float
        Of UMAP.
    seed : int
        Seed of UMAP.

    Returns
    -------
    FisherMap
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        # Imported here, because its compiler costs seconds that only a fit should cost.
        import umap  # noqa: PLC0415

    indices, distances = _with_itself(neighbors)
    k = indices.shape[1]
    with warnings.catch_warnings():
        # UMAP warns that it cannot place new samples, and that a seed means one thread: both are intended.
        warnings.simplefilter("ignore")
        fitted = umap.UMAP(
            n_neighbors=k,
            min_dist=min_dist,
            random_state=seed,
            n_jobs=1,
            precomputed_knn=(indices, distances),
            learning_rate=_RATE,
            init=_principal_plane(x if start is None else start),
        ).fit(x)
    positions = np.ascontiguousarray(fitted.embedding_, np.float32)
    return FisherMap(positions, np.asarray(fitted._sigmas, np.float32))  # noqa: SLF001


def extend_layout(
    neighbors: Neighbors, old: Positions, x: NDArray[np.floating], *, min_dist: float, seed: int
) -> FisherMap:
    """Add samples to a layout: they move among the old ones first, then their neighbours make room.

    Old samples that are no neighbours of new ones stay exactly where they are.

    Parameters
    ----------
    neighbors : Neighbors
        Neighbours of all samples, the old ones first.
    old : float32 [N, 2]
        Positions of the old samples.
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

    indices, distances = _with_itself(neighbors)
    rng = np.random.RandomState(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph, sigmas, _ = fuzzy_simplicial_set(
            x, indices.shape[1], rng, "euclidean", knn_indices=indices, knn_dists=distances
        )
    positions = _begin_near(graph.tocsr(), old, rng)
    graph = graph.tocoo()
    a, b = find_ab_params(1.0, min_dist)

    def settle(moving: NDArray[np.bool_], epochs: int, rate: float) -> None:
        """Optimise the layout over the edges of the samples that move; all others stay."""
        weight = graph.data * moving[graph.row]
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
            move_other=False,
        )

    moving = np.arange(len(positions)) >= len(old)
    settle(moving, _SETTLING_EPOCHS, 1.0)
    moving[graph.col[moving[graph.row]]] = True
    settle(moving, _ADJUSTING_EPOCHS, _ADJUSTING_RATE)
    return FisherMap(positions, np.asarray(sigmas, np.float32))


def _principal_plane(coordinates: NDArray[np.floating]) -> Positions:
    """Return coordinates [N, E] on their two principal axes, scaled to UMAP's extent."""
    plane = np.zeros((len(coordinates), 2), np.float32)
    axes = min(2, coordinates.shape[1])
    plane[:, :axes] = PCA(axes, svd_solver="randomized", random_state=0).fit_transform(coordinates)
    return plane * np.float32(_START_EXTENT / (np.abs(plane).max() or 1))


def _with_itself(neighbors: Neighbors) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return neighbours as UMAP counts them: the sample itself first, then one fewer."""
    size, k = neighbors.indices.shape
    itself = np.arange(size, dtype=np.int32)[:, None]
    indices = np.concatenate([itself, neighbors.indices[:, : k - 1]], axis=1)
    distances = np.concatenate([np.zeros((size, 1), np.float32), neighbors.distances[:, : k - 1]], axis=1)
    return indices, distances


def _begin_near(graph: csr_matrix, old: Positions, rng: np.random.RandomState) -> Positions:
    """Return start positions: those of new samples are weighted means of their placed neighbours."""
    size = graph.shape[0]
    positions = np.zeros((size, 2), np.float32)
    positions[: len(old)] = old
    placed = np.arange(size) < len(old)
    while not placed.all():
        weight = graph[~placed][:, placed]
        total = np.asarray(weight.sum(axis=1)).ravel()
        reached = np.flatnonzero(~placed)[total > 0]
        if not len(reached):
            # A group of new samples that are neighbours of each other alone starts at a random old sample.
            positions[~placed] = old[rng.randint(len(old))]
            break
        mean = (weight @ positions[placed])[total > 0] / total[total > 0, None]
        positions[reached] = mean
        placed[reached] = True
    spread = _START_SPREAD * np.ptp(old, axis=0)
    positions[len(old) :] += rng.normal(scale=spread, size=(size - len(old), 2))
    return positions


def most_central(groups: NDArray[np.floating]) -> NDArray[np.intp]:
    """Return which of k positions [m, k, 2] is nearest to all the others of its group: [m]."""
    between = np.linalg.norm(groups[:, :, None] - groups[:, None], axis=-1)
    return np.asarray(between.sum(axis=2).argmin(axis=1))


def place(
    nearest: NDArray[np.integer],
    apart: NDArray[np.bool_],
    x: NDArray[np.floating],
    y: Positions,
    gap: NDArray[np.float32],
) -> Positions:
    """Return positions of unseen samples: those of fitted ones, slightly spread.

    Parameters
    ----------
    nearest : int [m]
        The fitted sample that each is put beside.
    apart : bool [m]
        Whether the sample differs from that one; if not, it gets its position.
    x : float32 or float64 [m, D]
        Flat inputs. The direction of the spread depends on them alone, so that a sample's position does not
        depend on the others of the call.
    y : float32 [N, 2]
        The map.
    gap : float32 [N]
        Distance on the map from each fitted sample to the next one.

    Returns
    -------
    float32 [m, 2]
    """
    angle = np.array([zlib.crc32(row.tobytes()) for row in x], np.float64) / 2**32 * 2 * np.pi
    radius = np.where(apart, _SPREAD_SHARE * gap[nearest], 0)
    spread = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    places: Positions = (y[nearest] + spread).astype(np.float32)
    return places
