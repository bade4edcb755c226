"""Placing what took no part in a fit among what did."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from dvi_widget.measures import nearest, overlap
from dvi_widget.measures.axes import Axes
from dvi_widget.measures.search import row_marks

from .graph import Graph, descend_alone
from .mesh import Mesh

_BLOCK = 1 << 25  # entries of one block of a distance matrix
_ROWS = 256  # asked for at once, so that their candidates stay at hand
# Shares of the variance: of a class on the axes on which samples are compared, and of that what a first look
# for neighbours goes by. The first pair is taken that finds enough.
_LOOKS = ((0.99, 0.92), (0.995, 0.97), (0.995, 1.0), (1.0, 1.0))
_ENOUGH = 0.975  # of so many neighbours, by about so many samples
_TRIED_FOR, _TRIED = 15, 200
_CANDIDATES = 2  # times as many neighbours as asked for are looked at on every axis
_START = 5  # nearest ones whose median a placement starts from
_FEWEST = 3  # edges without which a boundary point is placed by its nearest samples instead
_ROUNDS = 15  # of the robust centre
_ITERATIONS = 40  # of the gradient for boundary points


class Recorded:
    """Finds the rows that took part in the fit, bit by bit equal.

    Parameters
    ----------
    u : float32 [n, h]
        The rows that did.
    """

    def __init__(self, u: NDArray[np.float32]) -> None:
        marks = row_marks(u)
        self._order = np.argsort(marks, kind="stable")
        self._marks = marks[self._order]

    def find(self, x: NDArray[np.float32]) -> NDArray[np.intp]:
        """Row of u that equals each row of x [m, h]; −1 where there is none."""
        marks = row_marks(x)
        at = np.searchsorted(self._marks, marks).clip(max=len(self._marks) - 1)
        return np.where(self._marks[at] == marks, self._order[at], -1)


class _Cell:
    """The recorded samples of one prediction.

    Parameters
    ----------
    members : int [g]
        Their rows.
    centre : float32 [h]
        Their mean, from which everything here is measured.
    apart : float32 [g, h]
        They themselves, from there.
    components : float32 [r, h]
        The axes they are compared on; their norms are of all dimensions.
    coarse : float
        Share of their variance on these axes that the first look goes by.
    """

    def __init__(
        self,
        members: NDArray[np.intp],
        centre: NDArray[np.float32],
        apart: NDArray[np.float32],
        components: NDArray[np.float32],
        coarse: float,
    ) -> None:
        self.members = members
        self.centre = centre
        self._components = torch.from_numpy(components.T)
        self._z, self._squares = self._coordinates(apart)
        spread = np.cumsum(np.square(self._z).sum(axis=0, dtype=np.float64))
        self._few = int(np.searchsorted(spread[:-1], coarse * spread[-1])) + 1
        self._columns = torch.from_numpy(np.ascontiguousarray(self._z[:, : self._few].T))

    def nearest(self, apart: NDArray[np.float32], k: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Rows and distances [m, min(k, g)] of those nearest to points [m, h]."""
        z, squares = self._coordinates(apart)
        norms, asked = torch.from_numpy(self._squares), torch.from_numpy(z[:, : self._few])
        look = torch.addmm(norms, asked, self._columns, alpha=-2).numpy()
        candidates = smallest(look, _CANDIDATES * k)
        far = np.einsum("gmr,gr->gm", self._z.take(candidates, axis=0), z)
        far = self._squares[candidates] - 2 * far + squares[:, None]
        order = np.argsort(far, axis=1, kind="stable")[:, :k]
        distances = np.sqrt(np.maximum(np.take_along_axis(far, order, axis=1), 0))
        return self.members[np.take_along_axis(candidates, order, axis=1)], distances

    def _coordinates(self, apart: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Coordinates on the axes [m, r], and squared distances from the centre [m]."""
        # By torch like all products here: two libraries' threads would wait for each other.
        z = torch.from_numpy(apart) @ self._components
        return z.numpy(), np.einsum("mh,mh->m", apart, apart)


class SampleIndex:
    """The nearest recorded samples of the same prediction.

    Searches each predicted class by a matrix product on few axes, while norms are kept whole, and compares
    the candidates on more of them: there is nothing to build but a product, nothing random, and 1,000
    searches among 60,000 samples take tens of milliseconds.

    The axes are of what samples differ by from the mean of their class: the classes of a network that was
    trained to the end lie so far apart that the axes of all samples hold little else. How many there must be
    is tried out on recorded samples.

    Parameters
    ----------
    x : float32 [n, h]
        Recorded representations.
    predictions : int [n]
        Their classes.
    """

    def __init__(self, x: NDArray[np.float32], predictions: NDArray[np.integer]) -> None:
        self._x = x
        members = {int(c): np.flatnonzero(predictions == c) for c in np.unique(predictions)}
        centres = {
            c: x[rows].mean(axis=0, dtype=np.float64).astype(np.float32) for c, rows in members.items()
        }
        apart = np.empty(x.shape, np.float32)
        for c, rows in members.items():
            apart[rows] = x[rows] - centres[c]
        for fine, coarse in _LOOKS:
            axes = Axes.fit(apart, kept=fine)
            self._cells = {
                c: _Cell(rows, centres[c], apart[rows], axes.components, coarse)
                for c, rows in members.items()
            }
            if self._found(apart) >= _ENOUGH:
                break

    def groups(
        self, x: NDArray[np.float32], predictions: NDArray[np.integer], k: int
    ) -> list[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]]:
        """Search for rows of x [m, h], class by class.

        Returns
        -------
        list of (rows [g], indices [g, j], distances [g, j])
            Rows of x, their nearest samples in order, and how far these are. j is k, or the number of
            samples in the class if that is less; where no sample has a prediction, all are searched.
        """
        found = []
        for c in np.unique(predictions):
            rows = np.flatnonzero(predictions == c)
            if int(c) not in self._cells:
                indices, distances = nearest(self._x, min(k, len(self._x)), query=x[rows])
                found.append((rows, indices.astype(np.intp), distances))
                continue
            cell = self._cells[int(c)]
            apart = x[rows] - cell.centre
            step = max(1, min(_ROWS, _BLOCK // len(cell.members)))
            for start in range(0, len(rows), step):
                part = slice(start, start + step)
                found.append((rows[part], *cell.nearest(apart[part], k)))
        return found

    def _found(self, apart: NDArray[np.float32]) -> float:
        """The share of the nearest ones that recorded samples find."""
        hits, asked = 0.0, 0
        for cell in self._cells.values():
            k = min(_TRIED_FOR + 1, len(cell.members))
            rows = cell.members[:: -(-len(self._x) // _TRIED)]
            exact = cell.members[nearest(apart[cell.members], k, query=apart[rows])[0]]
            # Each finds itself first, which proves nothing.
            shares = overlap(exact[:, 1:], cell.nearest(apart[rows], k)[0][:, 1:]) if k > 1 else np.ones(1)
            hits, asked = hits + float(shares.sum()), asked + len(shares)
        return hits / asked


def smallest(values: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """Columns of the k smallest values of each row [m, min(k, n)], in no order.

    The k smallest lie in the k blocks that have the smallest minima, so that few values are looked at twice.
    """
    n = values.shape[1]
    if k >= n:
        return np.broadcast_to(np.arange(n), values.shape)
    deep = int(np.sqrt(n / k))  # values a block: then there are about as many minima as candidates
    width = n // deep
    if deep < 2 or width <= k:
        return np.argpartition(values, k - 1, axis=1)[:, :k]
    whole = values[:, : deep * width].reshape(len(values), deep, width)
    least = np.argpartition(whole.min(axis=1), k - 1, axis=1)[:, :k]
    columns = (least[:, None] + np.arange(deep)[:, None] * width).reshape(len(values), -1)
    rest = np.broadcast_to(np.arange(deep * width, n), (len(values), n - deep * width))
    columns = np.concatenate([columns, rest], axis=1)
    at = np.argpartition(np.take_along_axis(values, columns, axis=1), k - 1, axis=1)[:, :k]
    return np.take_along_axis(columns, at, axis=1)


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
        self._recorded = Recorded(np.concatenate([x, b]))
        self._index = SampleIndex(x, predictions)

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
        step = max(1, _BLOCK // len(self._x))
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
