"""Placing points that took no part in a fit among those that did."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dvi_widget.nearest import EqualRows, Index
from dvi_widget.projection import Checkpoint

from .graph import Graph, descend_alone
from .mesh import Mesh

_BLOCK_ENTRIES = 1 << 25  # of a distance matrix
_START_NEIGHBORS = 5  # whose median a placement starts from
_MIN_EDGES = 3  # with fewer, a boundary point is placed by its nearest samples instead
_CENTRE_STEPS = 15  # of the fixed-point iteration
_DESCENT_STEPS = 40  # of the gradient for boundary points


def robust_centre(
    points: NDArray[np.floating], distances: NDArray[np.floating], steps: int = _CENTRE_STEPS
) -> NDArray[np.float64]:
    """Find the centre of the crowd of a sample's neighbours, whatever single ones do.

    A neighbour counts less the farther it is in representation space (1 − (d / d_max)², so that replacing one
    neighbour by the next changes little) and the farther it lies from the centre on the canvas
    (1 / (1 + r²), the layout's own similarity).

    Parameters
    ----------
    points : array [m, k, l]
        Positions of the neighbours, nearest in representation space first.
    distances : array [m, k]
        Their distances in representation space.
    steps : int
        Fixed-point steps from the median of the first five.

    Returns
    -------
    float64 [m, l]
    """
    reach = distances.max(axis=1, keepdims=True) * 1.0001 + 1e-12
    near = np.clip(1 - np.square(distances / reach), 1e-6, None)
    points = points.astype(np.float64)
    centre: NDArray[np.float64] = np.median(points[:, :_START_NEIGHBORS], axis=1)
    # Axis by axis: sums over two or three entries cost more than all else.
    along = [np.ascontiguousarray(points[..., axis]) for axis in range(points.shape[2])]
    for _ in range(steps):
        away = sum(np.square(place - centre[:, [axis]]) for axis, place in enumerate(along))
        weights = near / (1 + away)
        weights /= weights.sum(axis=1, keepdims=True)
        for axis, place in enumerate(along):
            centre[:, axis] = np.einsum("mk,mk->m", place, weights)
    return centre


class Placer:
    """φ for rows that took no part in the fit; each is placed independently of the others.

    Its representation alone decides, neither labels nor any other epoch. A row of the fit gets its fitted
    position.

    Parameters
    ----------
    checkpoint : Checkpoint
        The checkpoint that was fitted, with samples x [n, h] and boundary samples b [m, h].
    y : float64 [n + m, l]
        Positions of x and b.
    radii : float32 [n]
        Distance of each sample to its k-th boundary sample; 0 if there is none.
    edge_weight : float
        Weight of an edge between a sample and a boundary sample in the fit's graph.
    k : int
        Neighbours that place a sample; also the k of `radii`.
    boundary_k : int
        Boundary neighbours of a sample in the fit's graph.
    exaggeration : float
        Exaggeration of the layout.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        y: NDArray[np.float64],
        *,
        radii: NDArray[np.float32],
        edge_weight: float,
        k: int,
        boundary_k: int,
        exaggeration: float,
    ) -> None:
        self._x = checkpoint.x
        self._y = y
        self._radii = radii
        self._edge_weight = edge_weight
        self._k = k
        self._boundary_k = boundary_k
        self._exaggeration = exaggeration
        self._has_boundary = len(checkpoint.b) > 0
        self._squares = np.einsum("nh,nh->n", self._x, self._x)
        self._fitted = EqualRows(checkpoint.marks)
        self._index = Index(self._x, checkpoint.predictions)

    def samples(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Place samples [m, h] in the robust centre of the nearest recorded ones, of whatever prediction.

        A sample whose neighbours are of another prediction thus lies outside its own territory.
        """
        placed, new = self._known(x)
        if len(new):
            # One more than k, as the farthest one's weight is next to nothing.
            indices, distances = self._index.search(np.ascontiguousarray(x[new]), self._k + 1)
            placed[new] = robust_centre(self._y[indices], distances)
        return placed.astype(np.float32)

    def boundary(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Place points on the δ-boundary [m, h] by edges like the fit's own, reversed.

        Such a point is tied to each sample to which it is nearer than the sample's k-th recorded boundary
        sample, more strongly the nearer it is, and follows the layout's gradient among fixed points. If there
        are fewer than three such samples, the five nearest take their place; if the fit had no boundary, the
        point is placed as a sample.
        """
        if not self._has_boundary:
            return self.samples(x)
        placed, new = self._known(x)
        step = max(1, _BLOCK_ENTRIES // len(self._x))
        for start in range(0, len(new), step):
            rows = new[start : start + step]
            placed[rows] = self._pulled(np.ascontiguousarray(x[rows]))
        return placed.astype(np.float32)

    def _known(self, x: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Place the rows that took part in the fit; return the positions and the indices of the others."""
        placed = np.empty((len(x), self._y.shape[1]))
        known = self._fitted.find(x)
        placed[known >= 0] = self._y[known[known >= 0]]
        return placed, np.flatnonzero(known < 0)

    def _pulled(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Place points by the gradient, from the median of the samples tied to each."""
        tied = self._ties(x)
        start = np.stack([np.median(self._y[ends], axis=0) for ends, _ in tied])
        edges = Graph(
            np.cumsum([0, *(len(ends) for ends, _ in tied)]).astype(np.int32),
            np.concatenate([ends for ends, _ in tied]).astype(np.int32),
            np.concatenate([weights for _, weights in tied]),
            1.0,
        )
        return descend_alone(
            start,
            self._y,
            edges,
            Mesh(self._y.shape[1]),
            iterations=_DESCENT_STEPS,
            exaggeration=self._exaggeration,
        )

    def _ties(self, x: NDArray[np.float32]) -> list[tuple[NDArray[np.intp], NDArray[np.float64]]]:
        """Find the samples that would count each row as a boundary neighbour, and the edges' weights."""
        squares = self._squares - 2 * (x @ self._x.T)
        squares += np.einsum("mh,mh->m", x, x)[:, None]
        row, sample = np.nonzero(squares <= np.square(self._radii))
        far = np.sqrt(np.maximum(squares[row, sample], 0)) / np.maximum(self._radii[sample], 1e-12)
        weights = 2 * self._edge_weight * (1 - np.minimum(far, 1)).astype(np.float64)
        starts = np.searchsorted(row, np.arange(1, len(x)))
        tied = list(zip(np.split(sample, starts), np.split(weights, starts), strict=True))
        few = np.array([i for i, (samples, _) in enumerate(tied) if len(samples) < _MIN_EDGES], np.intp)
        if len(few):
            for i, samples in zip(few, self._index.search(x[few], _START_NEIGHBORS)[0], strict=True):
                tied[i] = samples, np.full(len(samples), self._edge_weight * self._boundary_k)
        return tied
