"""Placing what took no part in a fit among what did."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from dvi_widget.nearest import ClassIndex, EqualRows, row_marks

from .graph import Graph, descend_alone
from .mesh import Mesh

_BLOCK_ENTRIES = 1 << 25  # of a distance matrix
_START = 5  # nearest ones whose median a placement starts from
_FEWEST = 3  # edges without which a boundary point is placed by its nearest samples instead
_ROUNDS = 15  # of the robust centre
_ITERATIONS = 40  # of the gradient for boundary points


def robust_centre(
    points: NDArray[np.floating], distances: NDArray[np.floating], rounds: int = _ROUNDS
) -> NDArray[np.float64]:
    """Where the crowd of a sample's neighbours lies, whatever single ones do.

    A neighbour counts the less the farther it is in representation space (1 − (d / d_max)², so that one
    neighbour replaced by the next changes little) and the farther it lies from the centre on the canvas
    (1 / (1 + r²), the layout's own similarity).

    Parameters
    ----------
    points : array [m, k, l]
        Positions of the neighbours, nearest in representation space first.
    distances : array [m, k]
        How far they are there.
    rounds : int
        Fixed-point steps from the median of the first five.

    Returns
    -------
    float64 [m, l]
    """
    reach = distances.max(axis=1, keepdims=True) * 1.0001 + 1e-12
    near = np.clip(1 - np.square(distances / reach), 1e-6, None)
    points = points.astype(np.float64)
    centre: NDArray[np.float64] = np.median(points[:, :_START], axis=1)
    # Axis by axis: sums over two or three entries cost more than all else.
    along = [np.ascontiguousarray(points[..., axis]) for axis in range(points.shape[2])]
    for _ in range(rounds):
        away = sum(np.square(place - centre[:, [axis]]) for axis, place in enumerate(along))
        weights = near / (1 + away)
        weights /= weights.sum(axis=1, keepdims=True)
        for axis, place in enumerate(along):
            centre[:, axis] = np.einsum("mk,mk->m", place, weights)
    return centre


class Placer:
    """φ for rows that took no part in the fit; each is placed on its own, whatever else is asked for.

    Representation and head alone decide: neither labels nor any other epoch. A row of the fit gets its fitted
    position.

    Parameters
    ----------
    x, b : float32 [n, h], [m, h]
        Samples and boundary samples of the fit.
    y : float64 [n + m, l]
        Where they lie.
    head : callable
        g, from [n, h] to logits.
    radii : float32 [n]
        Distance of each sample to its k-th boundary sample; 0 where there is none.
    edge : float
        Weight of an edge between a sample and a boundary sample in the fit's graph.
    k : int
        Neighbours that place a sample, and boundary samples that each sample is asked for.
    boundary_k : int
        Boundary neighbours of a sample in the fit's graph.
    attraction : float
        Of the layout.
    """

    def __init__(
        self,
        x: NDArray[np.float32],
        b: NDArray[np.float32],
        y: NDArray[np.float64],
        *,
        head: Callable[[torch.Tensor], torch.Tensor],
        predictions: NDArray[np.integer],
        radii: NDArray[np.float32],
        edge: float,
        k: int,
        boundary_k: int,
        attraction: float,
    ) -> None:
        self._x = x
        self._y = y
        self._head = head
        self._radii = radii
        self._edge = edge
        self._k = k
        self._boundary_k = boundary_k
        self._attraction = attraction
        self._has_boundary = len(b) > 0
        self._squares = np.einsum("nh,nh->n", x, x)
        self._recorded = EqualRows(row_marks(np.concatenate([x, b])))
        self._index = ClassIndex(x, predictions)

    def samples(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Place samples [m, h]: in the robust centre of the nearest recorded ones of their own prediction.

        Where no recorded sample has that prediction, of the nearest ones of all.
        """
        placed, new = self._known(x)
        if len(new):
            unseen = np.ascontiguousarray(x[new])
            # One more than counts: the farthest one's weight is next to nothing.
            groups = self._index.groups(unseen, self._classes(unseen), self._k + 1)
            for width in {indices.shape[1] for _, indices, _ in groups}:
                alike = [group for group in groups if group[1].shape[1] == width]
                rows, indices, distances = map(np.concatenate, zip(*alike, strict=True))
                placed[new[rows]] = robust_centre(self._y[indices], distances)
        return placed.astype(np.float32)

    def boundary(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Place points of the δ-boundary [m, h]: by edges like the fit's own, reversed.

        Such a point is tied to the samples that have it nearer than their k-th recorded boundary sample, the
        more so the nearer it is, and follows the layout's gradient among fixed points. Where fewer than three
        have, the five nearest samples of its prediction take their place; where the fit had no boundary, it
        is placed as a sample.
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
        """Positions of rows that took part in the fit, and which rows did not."""
        placed = np.empty((len(x), self._y.shape[1]))
        known = self._recorded.find(x)
        placed[known >= 0] = self._y[known[known >= 0]]
        return placed, np.flatnonzero(known < 0)

    def _classes(self, x: NDArray[np.float32]) -> NDArray[np.intp]:
        """What the head predicts."""
        with torch.no_grad():
            return np.asarray(self._head(torch.tensor(x)).argmax(dim=1).cpu().numpy())

    def _pulled(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """By the gradient, from the median of the samples tied to each."""
        tied = self._ties(x)
        begun = np.stack([np.median(self._y[ends], axis=0) for ends, _ in tied])
        edges = Graph(
            np.cumsum([0, *(len(ends) for ends, _ in tied)]).astype(np.int32),
            np.concatenate([ends for ends, _ in tied]).astype(np.int32),
            np.concatenate([weights for _, weights in tied]),
            1.0,
        )
        return descend_alone(
            begun,
            self._y,
            edges,
            Mesh(self._y.shape[1]),
            iterations=_ITERATIONS,
            attraction=self._attraction,
        )

    def _ties(self, x: NDArray[np.float32]) -> list[tuple[NDArray[np.intp], NDArray[np.float64]]]:
        """Samples that would have each row among their boundary neighbours, and the edges' weights."""
        squares = self._squares - 2 * (x @ self._x.T)
        squares += np.einsum("mh,mh->m", x, x)[:, None]
        row, sample = np.nonzero(squares <= np.square(self._radii))
        far = np.sqrt(np.maximum(squares[row, sample], 0)) / np.maximum(self._radii[sample], 1e-12)
        weights = 2 * self._edge * (1 - np.minimum(far, 1)).astype(np.float64)
        starts = np.searchsorted(row, np.arange(1, len(x)))
        tied = list(zip(np.split(sample, starts), np.split(weights, starts), strict=True))
        few = np.array([i for i, (samples, _) in enumerate(tied) if len(samples) < _FEWEST], np.intp)
        if len(few):
            for group, indices, _ in self._index.groups(x[few], self._classes(x[few]), _START):
                for i, samples in zip(few[group], indices, strict=True):
                    tied[i] = samples, np.full(len(samples), self._edge * self._boundary_k)
        return tied
