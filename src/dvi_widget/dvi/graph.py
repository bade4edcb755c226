"""The weighted complex that pulls a layout together, and the descent on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

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
        Rows in the compressed form of scipy's csr_array; every edge is stored in both directions.
    weights : float64
        p_ij, summing to one.
    total : float
        Sum of the weights before they were normalised.
    rests : float64, optional
        Distance per vertex, in widths of the similarity, within which its edges do not pull; an edge takes
        the smaller of its ends' distances.
    """

    indptr: NDArray[np.int32]
    indices: NDArray[np.int32]
    weights: NDArray[np.float64]
    total: float
    rests: NDArray[np.float64] | None = None


def weigh(
    xx: NDArray[np.int32],
    xb: NDArray[np.int32],
    bb: NDArray[np.int32],
    agree_xx: NDArray[np.bool_],
    agree_xb: NDArray[np.bool_],
    *,
    xb_weight: float,
    bb_weight: float,
    xx_cross: float,
    xb_cross: float,
    emphasis: NDArray[np.floating] | None = None,
    rests: NDArray[np.float64] | None = None,
) -> Graph:
    """Join the three neighbour searches of Def. 3 into one graph.

    Parameters
    ----------
    xx : int32 [n, k]
        Nearest samples of each sample; they share a weight of 1.
    xb : int32 [n, k']
        Nearest boundary samples of each sample; they share `xb_weight`. k' may be 0.
    bb : int32 [b, k'']
        Nearest boundary samples of each boundary sample; they share `bb_weight`. k'' may be 0.
    agree_xx : bool [n, k]
        Whether a sample and its neighbour have one prediction; `xx_cross` multiplies the other weights.
    agree_xb : bool [n, k']
        Whether the boundary sample is on a boundary of the sample's own class; `xb_cross` likewise.
    emphasis : array [n, k], optional
        Factors on the edges between samples; each row averages 1. By default all weigh the same.
    rests : float64 [n + b], optional
        See `Graph`.

    Returns
    -------
    Graph
        Over n + b vertices; the weights of both directions of an edge are added.
    """
    n, vertices = len(xx), len(xx) + len(bb)
    parts = (
        (np.arange(n), xx, 1.0, np.where(agree_xx, 1.0, xx_cross) * (1.0 if emphasis is None else emphasis)),
        (np.arange(n), xb + n, xb_weight, np.where(agree_xb, 1.0, xb_cross)),
        (np.arange(n, vertices), bb + n, bb_weight, np.ones(bb.shape)),
    )
    rows = np.concatenate([np.repeat(row, ends.shape[1]) for row, ends, _, _ in parts])
    columns = np.concatenate([ends.ravel() for _, ends, _, _ in parts])
    weights = np.concatenate(
        [(share * factor / max(ends.shape[1], 1)).ravel() for _, ends, share, factor in parts]
    )
    used = weights > 0
    one_way = csr_array((weights[used], (rows[used], columns[used])), shape=(vertices, vertices))
    both = (one_way + one_way.T).tocsr()
    total = float(both.data.sum())
    return Graph(
        both.indptr.astype(np.int32),
        both.indices.astype(np.int32),
        both.data / (total or 1.0),
        total,
        rests,
    )


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
    report: Callable[[], object] = lambda: None,
) -> NDArray[np.float64]:
    """Follow t-SNE's gradient, all points at once (van der Maaten & Hinton 2008, Eq. 5).

    With q_ij = 1 / (1 + |y_i − y_j|²), Z = Σ q_ij and exaggeration ρ, point i moves against
    ρ · Σ_j p_ij q_ij (y_i − y_j) − Σ_j q_ij² (y_i − y_j) / Z. The first sum runs over the graph, the second
    over all pairs, by `Mesh`. An edge with a rest r pulls by the factor max(0, 1 − r / |y_i − y_j|) less.
    ρ > 1 for good is a lasting exaggeration (Böhm et al. 2022); the learning rate
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
    report : callable
        Called after every iteration.

    Returns
    -------
    float64 [n, l]
    """
    from . import kernels  # noqa: PLC0415

    y = y.copy()
    velocity, gains, pull = np.zeros_like(y), np.ones_like(y), np.empty_like(y)
    anchors = np.empty((0, y.shape[1])) if anchors is None else anchors
    caps = np.empty(0) if caps is None else caps
    axes = tuple(range(y.shape[1]))
    for _ in range(iterations):
        potential, push = mesh.charge(y).field(y)
        kernels.attract(y, y, graph.indptr, graph.indices, graph.weights, axes, pull)
        if graph.rests is not None:
            kernels.slacken(y, graph.indptr, graph.indices, graph.weights, graph.rests, axes, pull)
        push /= max(potential.sum() - len(y), 1e-12)
        gradient = exaggeration * pull - push
        rate = len(y) / exaggeration
        kernels.step(y, velocity, gains, gradient, rate, momentum, _MAX_STEP_NORM, anchors, caps)
        std = max(float(column.std()) for column in y.T) if min_std else 0.0
        if 0 < std < min_std:
            y = (y - y.mean(axis=0)) * (min_std / std)
            velocity *= min_std / std
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
