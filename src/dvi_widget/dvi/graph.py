"""The weighted complex that pulls a layout together, and the descent on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from dvi_widget import threads

from .mesh import Mesh

Floats = NDArray[np.float64]

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
    weights: Floats
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
        from . import kernels  # noqa: PLC0415

        n, k = xx.shape
        self._n, self._xx, self._crossing = n, xx, ~agree_xx
        self._ranked = 1 - np.arange(k) / k
        to_boundary = np.where(agree_xb, 1.0, xb_cross) * (xb_weight / max(xb.shape[1], 1))
        along = np.full(bb.size, bb_weight / max(bb.shape[1], 1))
        self._fixed = np.concatenate([to_boundary.ravel(), along])
        rows = np.concatenate(
            [
                np.repeat(np.arange(n, dtype=np.int32), k),
                np.repeat(np.arange(n, dtype=np.int32), xb.shape[1]),
                np.repeat(np.arange(n, n + len(bb), dtype=np.int32), bb.shape[1]),
            ]
        )
        columns = np.concatenate([xx.ravel(), xb.ravel() + n, bb.ravel() + n])
        both = np.concatenate([rows, columns])
        starts = np.concatenate([[0], np.cumsum(np.bincount(both, minlength=n + len(bb)))])
        self._order = np.empty(len(both), np.int32)
        kernels.sort_by_end(both, starts[:-1].copy(), self._order)
        self._indices = np.concatenate([columns, rows])[self._order]
        self._indptr = starts.astype(np.int32)

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
        from . import kernels  # noqa: PLC0415

        size = self._xx.size
        directed = np.zeros(size + len(self._fixed))
        if boundary:
            directed[size:] = self._fixed
        weights = directed[:size].reshape(self._xx.shape)
        roots = np.ones(self._n) if crossing is None else np.sqrt(crossing)

        def weigh(rows: slice) -> None:
            kernels.weigh(
                self._ranked, self._crossing[rows], roots, roots[rows], self._xx[rows], weights[rows]
            )

        threads.each(weigh, threads.slices(self._n))
        total = 2 * float(directed.sum())
        both = np.empty(len(self._order))

        def share_out(edges: slice) -> None:
            kernels.share_out(directed, self._order[edges], total or 1.0, both[edges])

        threads.each(share_out, threads.slices(len(both)))
        return Graph(self._indptr, self._indices, both, total)

    def samples_of_boundary(self) -> tuple[NDArray[np.int32], NDArray[np.int32], int]:
        """Return the ends of edges from boundary samples to samples, in order; count all boundary samples."""
        count = len(self._indptr) - 1 - self._n
        first = self._indptr[self._n]
        owners = np.repeat(np.arange(count, dtype=np.int32), np.diff(self._indptr[self._n :]))
        ends = self._indices[first:]
        return owners[ends < self._n], ends[ends < self._n], count


def descend(
    y: Floats,
    graph: Graph,
    mesh: Mesh,
    *,
    iterations: int,
    exaggeration: float,
    momentum: float = _MOMENTUM,
    min_std: float = 0.0,
    anchors: Floats | None = None,
    caps: Floats | None = None,
    pull: Callable[[Floats, float], Floats] | None = None,
    reweigh: Callable[[Floats, int], Graph | None] | None = None,
    report: Callable[[], object] = lambda: None,
) -> Floats:
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
    y = y.copy()
    velocity, gains, attraction = np.zeros_like(y), np.ones_like(y), np.empty_like(y)
    anchors = np.empty((0, y.shape[1])) if anchors is None else anchors
    caps = np.empty(0) if caps is None else caps
    rate = len(y) / exaggeration
    more = np.zeros_like(y[:0])
    for iteration in range(iterations):
        potential, push = mesh.charge(y).field(y)
        z = max(potential.sum() - len(y), 1e-12)
        _attract(y, y, graph, attraction)
        if pull is not None:
            more = pull(y, iteration / iterations)
        gradient = partial(_gradient, exaggeration, attraction, push, z, more)
        _step(y, velocity, gains, gradient, rate, momentum, _MAX_STEP_NORM, anchors, caps)
        std = max(float(column.std()) for column in y.T) if min_std else 0.0
        if 0 < std < min_std:
            y = (y - y.mean(axis=0)) * (min_std / std)
            velocity *= min_std / std
        if reweigh is not None:
            graph = reweigh(y, iteration) or graph
        report()
    return y


def descend_alone(
    q: Floats,
    y: Floats,
    edges: Graph,
    mesh: Mesh,
    *,
    iterations: int,
    exaggeration: float,
) -> Floats:
    """Follow the same gradient with new points [m, l] among fixed ones [n, l]; no new point acts on another.

    `edges` has a row per new point; its columns are fixed points, and its weights are on the scale of those
    of the fit's graph.
    """
    q = q.copy()
    velocity, gains, pull = np.zeros_like(q), np.ones_like(q), np.empty_like(q)
    none = np.empty((0, q.shape[1])), np.empty(0)
    z = max(mesh.charge(y).field(y)[0].sum() - len(y), 1e-12)
    for _ in range(iterations):
        push = mesh.field(q)[1]
        _attract(q, y, edges, pull)
        gradient = partial(_gradient, exaggeration, pull, push, z, none[0])
        rate = len(y) / exaggeration
        _step(q, velocity, gains, gradient, rate, _ALONE_MOMENTUM, _ALONE_MAX_STEP_NORM, *none)
    return q


def _attract(q: Floats, y: Floats, graph: Graph, force: Floats) -> None:
    """Sum the attraction of points y [n, l] on points q [m, l] along the edges of each into force [m, l]."""
    from . import kernels  # noqa: PLC0415

    axes = tuple(range(q.shape[1]))

    def attract(rows: slice) -> None:
        starts = graph.indptr[rows.start : rows.stop + 1]
        kernels.attract(q[rows], y, starts, graph.indices, graph.weights, axes, force[rows])

    threads.each(attract, threads.slices(len(q)))


def _gradient(
    exaggeration: float, attraction: Floats, push: Floats, z: float, more: Floats, rows: slice
) -> Floats:
    """Compute the gradient of `descend` at some rows."""
    gradient: Floats = exaggeration * attraction[rows] - push[rows] / z
    pulled = more[rows]
    gradient[: len(pulled)] += pulled / len(attraction)
    return gradient


def _step(
    y: Floats,
    velocity: Floats,
    gains: Floats,
    gradient: Callable[[slice], Floats],
    rate: float,
    momentum: float,
    max_step_norm: float,
    anchors: Floats,
    caps: Floats,
) -> None:
    """Step along the gradient (see `kernels.step`)."""
    from . import kernels  # noqa: PLC0415

    def step(rows: slice) -> None:
        kernels.step(
            y[rows],
            velocity[rows],
            gains[rows],
            gradient(rows),
            rate,
            momentum,
            max_step_norm,
            anchors[rows],
            caps[rows],
        )

    threads.each(step, threads.slices(len(y)))
