"""Cluster pictures by their maps, and measure how much of a map falls on a part of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from dvi_widget.arrays import as_array, check_finite, check_whole
from dvi_widget.measures import neighbors

from .attribution import Maps

__all__ = ["Clusters", "attribution_share", "cluster_maps"]

_MAX_SIDE_PX = 16  # maps are compared at this size at most
_MAX_CLUSTERS = 10
_MIN_MAPS = 4


def attribution_share(maps: Maps | ArrayLike, mask: ArrayLike) -> NDArray[np.float32]:
    """Return the share of each map's magnitude that falls on a part of the picture.

    Parameters
    ----------
    maps : Maps or array [N, H, W]
    mask : bool [H, W] or [N, H, W]

    Returns
    -------
    float32 [N]
        nan for an empty map.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    values = np.abs(_array(maps)).astype(np.float64)
    where = as_array("mask", mask)
    if where.dtype != bool or where.shape not in {values.shape, values.shape[1:]}:
        raise ValueError(
            f"mask must be bool {values.shape[1:]} or {values.shape}; got {where.dtype} {where.shape}."
        )
    total = values.sum((1, 2))
    share = np.divide((values * where).sum((1, 2)), total, out=np.full(len(values), np.nan), where=total > 0)
    return np.asarray(share, np.float32)


def _array(maps: Maps | ArrayLike) -> NDArray[Any]:
    """Return the values of maps, given as Maps or as an array."""
    return maps.values if isinstance(maps, Maps) else as_array("maps", maps)


@dataclass(frozen=True)
class Clusters:
    """Pictures with similar maps.

    Attributes
    ----------
    labels : int64 [N]
        Cluster of each picture; 0 is the largest.
    positions : float32 [N, 2]
        The second and third eigenvector of the neighbour graph, in which similar maps are close.
    prototypes : float32 [k, H, W]
        Mean of each cluster's maps, scaled to length one.
    eigenvalues : float64 [m]
        The smallest of the graph's normalised Laplacian. The number of those near zero is the number of
        separate groups.
    """

    labels: NDArray[np.int64]
    positions: NDArray[np.float32]
    prototypes: NDArray[np.float32]
    eigenvalues: NDArray[np.float64]


def cluster_maps(
    maps: Maps | ArrayLike, k: int | None = None, *, n_neighbors: int = 10, seed: int = 0
) -> Clusters:
    """Cluster pictures by their maps (spectral relevance analysis, Lapuschkin et al. 2019).

    A cue that the classifier uses beside the object itself shows as a cluster of its own.

    Parameters
    ----------
    maps : Maps or array [N, H, W]
        Preferably of one class. They are compared at up to 16 × 16 pixels, scaled to length one.
    k : int, optional
        Number of clusters; by default at the widest gap between the graph's eigenvalues.
    n_neighbors : int
        Neighbours of each map in the graph.
    seed : int

    Returns
    -------
    Clusters

    Raises
    ------
    ValueError
        If there are fewer than four finite maps, or k is out of range.
    """
    from sklearn.cluster import KMeans  # noqa: PLC0415 - loads slowly

    values = _array(maps).astype(np.float32)
    if values.ndim != 3 or len(values) < _MIN_MAPS:
        raise ValueError(f"maps must be at least {_MIN_MAPS} maps [N, H, W]; got shape {values.shape}.")
    check_finite("maps", values)
    check_whole("seed", seed)
    check_whole("n_neighbors", n_neighbors, 1)
    n = len(values)
    if k is not None:
        check_whole("k", k, 1, n - 1)
    unit = _unit(values)
    small = torch.nn.functional.adaptive_avg_pool2d(
        torch.from_numpy(unit)[None], (min(values.shape[1], _MAX_SIDE_PX), min(values.shape[2], _MAX_SIDE_PX))
    )[0]
    compared = _unit(small.numpy()).reshape(n, -1)
    eigenvalues, vectors = _spectrum(compared, min(n_neighbors, n - 2))
    gaps = np.diff(eigenvalues[: _MAX_CLUSTERS + 1])
    chosen = int(gaps.argmax()) + 1 if k is None else k
    rows = vectors[:, :chosen]
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    clusters = _together(compared, KMeans(chosen, n_init=10, random_state=seed).fit_predict(rows))
    order = np.argsort(-np.bincount(clusters), kind="stable")
    labels = np.argsort(order)[clusters].astype(np.int64)
    prototypes = np.stack([unit[labels == cluster].mean(0) for cluster in range(len(order))])
    return Clusters(labels, vectors[:, 1:3].astype(np.float32), prototypes, eigenvalues[: _MAX_CLUSTERS + 1])


def _together(x: NDArray[np.float32], clusters: NDArray[np.integer]) -> NDArray[np.intp]:
    """Put equal rows of x [n, d] into the cluster that most of them are in, and number clusters from 0.

    Of equal maps, the one of lowest index is the nearest neighbour of all others, on every side, so that it
    may end up between the clusters.
    """
    kinds = np.unique(x, axis=0, return_inverse=True)[1].reshape(-1)
    table = np.zeros((kinds.max() + 1, clusters.max() + 1), np.int64)
    np.add.at(table, (kinds, clusters), 1)
    return np.unique(table.argmax(axis=1)[kinds], return_inverse=True)[1].reshape(-1)


def _unit(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale maps to length one; empty ones stay empty."""
    length = np.sqrt((values**2).sum((1, 2), keepdims=True))
    return np.asarray(values / np.where(length > 0, length, 1), np.float32)


def _spectrum(x: NDArray[np.float32], k: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the smallest eigenvalues and -vectors of the k-neighbour graph's normalised Laplacian."""
    from scipy.linalg import eigh  # noqa: PLC0415 - loads slowly
    from scipy.sparse import coo_matrix  # noqa: PLC0415

    n = len(x)
    near, _ = neighbors(x, k)
    ones = np.ones(n * k)
    graph = coo_matrix((ones, (np.repeat(np.arange(n), k), near.ravel())), (n, n)).tocsr()
    graph = graph.maximum(graph.T)
    degree = np.asarray(graph.sum(1)).ravel()
    scaled = graph.multiply(1 / np.sqrt(degree[:, None] * degree[None])).toarray()
    last = min(n - 1, _MAX_CLUSTERS)
    values, vectors = eigh(np.eye(n) - scaled, subset_by_index=[0, last])
    return values, vectors
