"""The weighted complex that pulls a layout together, and the descent on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .mesh import Mesh

_MAX_STEP_NORM = 5.0  # of a point, in widths of the similarity
_MOMENTUM = 0.8
# Of new points among fixed ones.
_ALONE_MOMENTUM, _ALONE_MAX_STEP_NORM = 0.5, 2.0


@dataclass(frozen=True)
class Graph:
    """Edges of the (k)-BAVR complex over U = X ∪ B (DeepVisualInsight, Def. 3), weighted; rows of B follow X.

    Attributes
    ----------
    indptr, indices : int32
        Rows in the compressed form of scipy's csr_array; every edge is stored in both directions, and twice
        if each end chose the other.
    weights : float64
        p_ij, summing to one.
    total : float
        Sum of the weights before they were normalised.
    """

    indptr: NDArray[np.int32]
    indices: NDArray[np.int32]
    weights: NDArray[np.float64]
    total: float


class Ties:
    """The three neighbour searches of Def. 3, to be weighed into a graph again and again.

    Parameters
    ----------
    xx : int32 [n, k]
        Nearest samples of each sample, in order. Their weights fall linearly with their rank and sum to 1.
    xb : int32 [n, k']
        Nearest boundary samples of each sample; they share `xb_weight`. k' may be 0.
    bb : int32 [b, k'']
        Nearest boundary samples of each boundary sample; they share `bb_weight`. k'' may be 0.
    agree_xx : bool [n, k]
        Whether a sample and its neighbour have one prediction.
    agree_xb : bool [n, k']
        Whether the boundary sample is on a boundary of the sample's own class.
    xb_weight, bb_weight : float
        See xb and bb.
    xb_cross : float
        Factor on the weight of boundary samples on other classes' boundaries.
    """

    def __init__(
        self,
        xx: NDArray[np.int32],
        xb: NDArray[np.int32],
        bb: NDArray[np.int32],
        agree_xx: NDArray[np.bool_],
        agree_xb: NDArray[np.bool_],
        *,
        xb_weight: float,
        bb_weight: float,
        xb_cross: float,
    ) -> None:
        n, k = xx.shape
        self._n, self._xx, self._crossing = n, xx, ~agree_xx
        self._ranked = np.broadcast_to(1 - np.arange(k) / k, (n, k))
        to_boundary = np.where(agree_xb, 1.0, xb_cross) * (xb_weight / max(xb.shape[1], 1))
        along = np.full(bb.size, bb_weight / max(bb.shape[1], 1))
        self._fixed = np.concatenate([to_boundary.ravel(), along])
        rows = np.concatenate(
            [
                np.repeat(np.arange(n), k),
                np.repeat(np.arange(n), xb.shape[1]),
                np.repeat(np.arange(n, n + len(bb)), bb.shape[1]),
            ]
        )
        columns = np.concatenate([xx.ravel(), xb.ravel() + n, bb.ravel() + n])
        both = np.concatenate([rows, columns])
        self._order = np.argsort(both, kind="stable")
        self._indices = np.concatenate([columns, rows])[self._order].astype(np.int32)
        counts = np.bincount(both, minlength=n + len(bb))
        self._indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)

    def graph(self, crossing: NDArray[np.floating] | None = None, *, boundary: bool = True) -> Graph:
        """Weigh the edges.

        Parameters
        ----------
        crossing : array [n], optional
            Factor per sample. An edge between samples of different prediction is multiplied by the geometric
            mean of its ends' factors. What an edge loses, the sample's other edges gain: each sample's edges
            to samples sum to 1 still, so that none comes loose.
        boundary : bool
            Whether edges with a boundary sample count.

        Returns
        -------
        Graph
            Over n + b vertices; the weights of both directions of an edge are added.
        """
        weights = self._ranked.copy()
        if crossing is not None:
            root = np.sqrt(crossing)
            weights[self._crossing] *= (root[:, None] * root[self._xx])[self._crossing]
        weights /= weights.sum(axis=1, keepdims=True)
        directed = np.concatenate([weights.ravel(), self._fixed if boundary else np.zeros(len(self._fixed))])
        total = 2 * float(directed.sum())
        both = np.concatenate([directed, directed])[self._order] / (total or 1.0)
        return Graph(self._indptr, self._indices, both, total)

    def samples_of_boundary(self) -> list[NDArray[np.int32]]:
        """Return, per boundary sample, the samples tied to it."""
        starts, stops = self._indptr[self._n : -1], self._indptr[self._n + 1 :]
        ends = [self._indices[start:stop] for start, stop in zip(starts, stops, strict=True)]
        return [tied[tied < self._n] for tied in ends]


def descend(
    y: NDArray[np.float64],
    graph: Graph,
    mesh: Mesh,
    *,
    iterations: int,
    exaggeration: float,
    momentum: float = _MOMENTUM,
    min_std: float = 0.0,
    anchors: NDArray[np.float64] | None = None,
    caps: NDArray[np.float64] | None = None,
    pull: Callable[[NDArray[np.float64], float], NDArray[np.float64]] | None = None,
    reweigh: Callable[[NDArray[np.float64], int], Graph | None] | None = None,
    report: Callable[[], object] = lambda: None,
) -> NDArray[np.float64]:
    """Follow t-SNE's gradient, all points at once (van der Maaten & Hinton 2008, Eq. 5).

    With q_ij = 1 / (1 + |y_i − y_j|²), Z = Σ q_ij and exaggeration ρ, point i moves against
    ρ · Σ_j p_ij q_ij (y_i − y_j) − Σ_j q_ij² (y_i − y_j) / Z. The first sum runs over the graph, the second
    over all pairs, by `Mesh`. ρ > 1 for good is a lasting exaggeration (Böhm et al. 2022); the learning rate
    n / ρ follows Belkina et al. 2019.

    Parameters
    ----------
    y : float64 [n, l]
        Start.
    graph : Graph
        Over the n points.
    mesh : Mesh
        Of the same l.
    iterations : int
        Number of steps.
    exaggeration : float
        ρ above.
    momentum : float
        Share of a step that the next one keeps.
    min_std : float
        A cloud that shrinks below this standard deviation is enlarged to it. So small, the gradient is linear
        and only the shape counts; in a smaller cloud the mesh could not tell the points apart, and a strong
        attraction, such as early exaggeration of few samples, would leave them all at one place.
    anchors, caps : float64 [m, l], float64 [m], optional
        After every iteration the first m points lie within these distances of these places.
    pull : callable, optional
        Called with the places and the share of the iterations that is done; returns what else the first m
        points move against [m, l], times n.
    reweigh : callable, optional
        Called after every iteration with the places and its number; returns the graph to go on with, or None
        for the same.
    report : callable
        Called after every iteration.

    Returns
    -------
    float64 [n, l]
    """
    from . import kernels  # noqa: PLC0415

    y = y.copy()
    velocity, gains, attraction = np.zeros_like(y), np.ones_like(y), np.empty_like(y)
    anchors = np.empty((0, y.shape[1])) if anchors is None else anchors
    caps = np.empty(0) if caps is None else caps
    axes = tuple(range(y.shape[1]))
    for iteration in range(iterations):
        potential, push = mesh.charge(y).field(y)
        kernels.attract(y, y, graph.indptr, graph.indices, graph.weights, axes, attraction)
        push /= max(potential.sum() - len(y), 1e-12)
        gradient = exaggeration * attraction - push
        if pull is not None:
            more = pull(y, iteration / iterations)
            gradient[: len(more)] += more / len(y)
        rate = len(y) / exaggeration
        kernels.step(y, velocity, gains, gradient, rate, momentum, _MAX_STEP_NORM, anchors, caps)
        std = max(float(column.std()) for column in y.T) if min_std else 0.0
        if 0 < std < min_std:
            y = (y - y.mean(axis=0)) * (min_std / std)
            velocity *= min_std / std
        if reweigh is not None:
            graph = reweigh(y, iteration) or graph
        report()
    return y


def descend_alone(
    q: NDArray[np.float64],
    y: NDArray[np.float64],
    edges: Graph,
    mesh: Mesh,
    *,
    iterations: int,
    exaggeration: float,
) -> NDArray[np.float64]:
    """Follow the same gradient with new points [m, l] among fixed ones [n, l]; no new point acts on another.

    `edges` has a row per new point; its columns are fixed points, and its weights are on the scale of those
    of the fit's graph.
    """
    from . import kernels  # noqa: PLC0415

    q = q.copy()
    velocity, gains, pull = np.zeros_like(q), np.ones_like(q), np.empty_like(q)
    none = np.empty((0, q.shape[1])), np.empty(0)
    axes = tuple(range(q.shape[1]))
    z = max(mesh.charge(y).field(y)[0].sum() - len(y), 1e-12)
    for _ in range(iterations):
        push = mesh.field(q)[1] / z
        kernels.attract(q, y, edges.indptr, edges.indices, edges.weights, axes, pull)
        gradient, rate = exaggeration * pull - push, len(y) / exaggeration
        kernels.step(q, velocity, gains, gradient, rate, _ALONE_MOMENTUM, _ALONE_MAX_STEP_NORM, *none)
    return q
