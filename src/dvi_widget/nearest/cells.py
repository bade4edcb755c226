"""Nearest neighbours in large sets: rows lie in cells, and a row looks into the cells that are near to it.

An inverted file (Sivic & Zisserman 2003; Jégou et al. 2011, Sect. IV) whose cells come from Lloyd's k-means.
Nothing is compiled, and nothing depends on the number of threads: what each computes is fixed beforehand.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dvi_widget import threads

from .axes import Axes
from .exact import neighbors
from .rows import row_marks

Floats = NDArray[np.float32]
Places = NDArray[np.intp]

_CELLS_PER_ROOT = 2.0  # cells, per square root of the number of rows
_TRAINING_ROWS_PER_CELL, _TRAINING_ROUNDS = 40, 6
_MIN_RECALL = 0.996  # share of their neighbours that a sample of the rows finds; all rows find about .99
_RECALL_ROWS = 400
_MAX_CANDIDATES = 30_000  # rows that one is compared with, on average, whatever the recall
_VARIANCE, _MAX_RANK_SHARE = 0.98, 0.5  # on the axes that choose candidates; more axes would save nothing
_BLOCK_ROWS = 16_384  # that a thread searches for at a time
_BLOCK_ENTRIES = 1 << 23  # distances that it holds at once
_LOOKS = (0, 1, 4, 12, 40, 120)  # cells after which a row's distance to beat is measured again
_ROUNDING = 1e-6  # of a squared distance in single precision, as a share of the squared norms
_BLUR = 2e-7  # of a row's place, as a share of its norm
_MAX_HITS_PER_NEIGHBOR = 8  # with more candidates, rounding is what makes them ones
_FAR = np.float32(1e38)


def nearest_in_cells(points: Floats, k: int) -> tuple[NDArray[np.int32], Floats]:
    """Search the k nearest other rows of each row.

    How many cells a row looks into is measured: as many as a sample of the rows needs to find 99.6 % of its
    neighbours, but no more than hold 30,000 rows. In noise of many dimensions, where hardly any row is nearer
    than the others, the latter finds fewer.

    Parameters
    ----------
    points : float32 [n, h]
        Finite numbers, n > k.
    k : int
        Neighbours per row.

    Returns
    -------
    indices : int32 [n, k]
        Nearest first.
    distances : float32 [n, k]
        In units of `points`.
    """
    n = len(points)
    indices, distances = np.empty((n, k), np.int32), np.zeros((n, k), np.float32)
    # Of rows that are equal bit by bit, k + 1 are enough to search among; the others find the first k.
    marks = row_marks(points)
    order = np.argsort(marks, kind="stable")
    first = np.searchsorted(marks[order], marks)
    earlier = np.empty(n, np.intp)
    earlier[order] = np.arange(n) - first[order]
    kept, spare = np.flatnonzero(earlier <= k), np.flatnonzero(earlier > k)
    indices[spare] = order[first[spare][:, None] + np.arange(k)]
    with threads.team():
        found, distances[kept] = _Cells(points[kept] if len(spare) else points).search(k)
    indices[kept] = kept[found]
    return indices, distances


class _Cells:
    """Rows, sorted by the cells that they lie in."""

    def __init__(self, points: Floats) -> None:
        # Products lose what a common offset adds to the numbers.
        centred = points - points.mean(axis=0, dtype=np.float64).astype(np.float32)
        outline = _outline(centred)
        self._train(outline, int(_CELLS_PER_ROOT * np.sqrt(len(points))))
        cells = self._assigned(outline)
        self._order = np.argsort(cells, kind="stable")
        self._cells = cells[self._order]
        self._rows, self._outline = np.empty_like(points), np.empty_like(outline)
        self._blur = np.empty(len(points), np.float32)  # what rounding moves each row by, in the outline

        def sort(part: slice) -> None:
            self._rows[part], self._outline[part] = points[self._order[part]], outline[self._order[part]]
            self._blur[part] = np.sqrt(_squares(self._rows[part])) + np.sqrt(_squares(self._outline[part]))
            self._blur[part] *= _BLUR

        threads.each(sort, threads.slices(len(points)))
        self._starts = np.searchsorted(self._cells, np.arange(len(self._centroids) + 1))

    def _train(self, x: Floats, count: int) -> None:
        """Place centroids by Lloyd's algorithm on some of the rows."""
        x = x[np.random.default_rng(0).permutation(len(x))[: _TRAINING_ROWS_PER_CELL * count]]
        self._centroids = x[:count].copy()
        for _ in range(_TRAINING_ROUNDS):
            cells = self._assigned(x)
            order = np.argsort(cells, kind="stable")
            filled, starts = np.unique(cells[order], return_index=True)
            members = np.split(order, starts[1:])
            means = threads.each(lambda rows: x[rows].sum(axis=0) / np.float32(len(rows)), members)
            self._centroids[filled] = means

    def _assigned(self, x: Floats) -> Places:
        """Find the cell of each row [m, r]."""
        blocks = [x[start : start + _BLOCK_ROWS] for start in range(0, len(x), _BLOCK_ROWS)]
        assigned = threads.each(lambda block: self._far(block).argmin(axis=1), blocks, products=True)
        return np.concatenate(assigned)

    def _far(self, x: Floats) -> Floats:
        """Measure squared distances of rows to all centroids, but for |x|²."""
        far = x @ self._centroids.T
        far *= -2
        far += _squares(self._centroids)
        return far

    def _probed(self, rows: slice | Places, count: int) -> Places:
        """List the cells nearest to rows, a row's own before all others: [m, count]."""
        far = self._far(self._outline[rows])
        np.put_along_axis(far, self._cells[rows][:, None], -np.inf, axis=1)
        if count == far.shape[1]:
            return np.argsort(far, axis=1, kind="stable")
        near = np.argpartition(far, count - 1, axis=1)[:, :count]
        order = np.argsort(np.take_along_axis(far, near, axis=1), axis=1, kind="stable")
        return np.take_along_axis(near, order, axis=1)

    def _enough(self, k: int) -> int:
        """Measure how many cells a row must look into."""
        asked = np.arange(0, len(self._rows), max(1, len(self._rows) // _RECALL_ROWS))
        probed = self._probed(asked, len(self._centroids))
        ranks = np.empty_like(probed)
        np.put_along_axis(ranks, probed, np.arange(probed.shape[1])[None], axis=1)
        near, _ = neighbors(self._rows, k, rows=asked)
        needs = np.sort(np.take_along_axis(ranks, self._cells[near], axis=1).ravel())
        enough = int(needs[int(np.ceil(_MIN_RECALL * len(needs))) - 1]) + 1
        candidates = np.cumsum(np.diff(self._starts)[probed].mean(axis=0))
        return min(enough, int(np.searchsorted(candidates, _MAX_CANDIDATES)) + 1)

    def search(self, k: int) -> tuple[NDArray[np.int32], Floats]:
        """Search the k nearest of all rows."""
        n, count = len(self._rows), min(self._enough(k), len(self._centroids))
        indices, distances = np.empty((n, k), np.int32), np.empty((n, k), np.float32)

        def fill(start: int) -> None:
            rows = slice(start, min(start + _BLOCK_ROWS, n))
            found, nearest = self._search_block(rows, k, count)
            indices[self._order[rows]] = self._order[found]
            distances[self._order[rows]] = np.sqrt(nearest)

        threads.each(fill, range(0, n, _BLOCK_ROWS), products=True)
        return indices, distances

    def _search_block(self, rows: slice, k: int, count: int) -> tuple[Places, Floats]:
        """Search for some rows: places among the sorted rows, and squared distances, [m, k]."""
        probed = self._probed(rows, count)
        found = np.full((len(probed), k), -1, np.intp)
        nearest = np.full((len(probed), k), np.inf, np.float32)
        for first, stop in pairwise([*(look for look in _LOOKS if look < count), count]):
            # Nothing is nearer than a row at the same place.
            asking = np.flatnonzero(nearest[:, -1] > 0)
            if not len(asking):
                break
            found[asking], nearest[asking] = self._look(
                asking + rows.start, probed[asking, first:stop], found[asking], nearest[asking]
            )
        for i in np.flatnonzero(found[:, -1] < 0):  # whose cells held fewer rows
            apart = self._apart(np.full(len(self._rows), rows.start + i), np.arange(len(self._rows)))
            apart[rows.start + i] = np.inf
            found[i] = np.argsort(apart, kind="stable")[:k]
            nearest[i] = apart[found[i]]
        return found, nearest

    def _look(self, rows: Places, probed: Places, found: Places, nearest: Floats) -> tuple[Places, Floats]:
        """Look into cells [m, c]; return the k nearest of what is there and of what was found before."""
        m, k = found.shape
        cells = probed.ravel()
        order = np.argsort(cells, kind="stable")
        ends = np.flatnonzero(np.diff(cells[order])) + 1
        seen = [(np.repeat(np.arange(m), k), found.ravel(), nearest.ravel())]
        for start, stop in pairwise([0, *ends, len(order)]):
            cell = cells[order[start]]
            asking = order[start:stop] // probed.shape[1]
            size = int(self._starts[cell + 1] - self._starts[cell])
            if size == 0:
                continue
            step = max(1, _BLOCK_ENTRIES // size)
            for first in range(0, len(asking), step):
                part = asking[first : first + step]
                which, where, apart = self._nearer(rows[part], cell, nearest[part, -1], k)
                seen.append((part[which], where, apart))
        who, where, far = (np.concatenate(parts) for parts in zip(*seen, strict=True))
        by_distance = np.lexsort((where, far, who))
        starts = np.searchsorted(who[by_distance], np.arange(m))
        kept = by_distance[starts[:, None] + np.arange(k)]
        return where[kept], far[kept]

    def _nearer(self, rows: Places, cell: int, limits: Floats, k: int) -> tuple[Places, Places, Floats]:
        """Find the rows of a cell that are nearer than a limit: who is asking, what is there, how far."""
        a, b = self._starts[cell : cell + 2]
        # From the cell's own centre, so that rows of a tight cluster differ by more than rounding.
        q, here = (self._outline[part] - self._centroids[cell] for part in (rows, slice(a, b)))
        own = np.flatnonzero((rows >= a) & (rows < b))
        below = _products(q, here)
        below[own, rows[own] - a] = _FAR
        if b - a > k and not np.isfinite(limits).all():
            near = np.argpartition(below, k - 1, axis=1)[:, :k]
            apart = self._apart(np.repeat(rows, k), a + near.ravel()).reshape(-1, k)
            limits = np.minimum(limits, apart.max(axis=1))
        reach = np.square(np.sqrt(limits) + self._blur[rows] + self._blur[a:b].max())
        below -= (reach + _ROUNDING * (_squares(here).max() + _squares(q)))[:, None]
        hits = np.flatnonzero(below <= 0)
        if len(hits) > _MAX_HITS_PER_NEIGHBOR * k * len(rows):
            hits = self._hits_in_double(rows, cell, limits, k)
        which, there = np.divmod(hits, b - a)
        apart = self._apart(rows[which], a + there)
        kept = (apart <= limits[which]) & (rows[which] != a + there)
        return which[kept], a + there[kept], apart[kept]

    def _hits_in_double(self, rows: Places, cell: int, limits: Floats, k: int) -> Places:
        """Find what is nearer than a limit where single precision cannot tell; of equally near rows k."""
        a, b = self._starts[cell : cell + 2]
        centre = self._rows[a:b].mean(axis=0, dtype=np.float64)
        between = _products(self._rows[rows] - centre, self._rows[a:b] - centre)
        own = np.flatnonzero((rows >= a) & (rows < b))
        between[own, rows[own] - a] = np.inf
        hits = np.flatnonzero(between <= limits[:, None])
        if len(hits) <= _MAX_HITS_PER_NEIGHBOR * k * len(rows):
            return hits
        near = np.argpartition(between, k - 1, axis=1)[:, :k] if b - a > k else np.arange(b - a)[None]
        chosen: Places = (np.arange(len(rows))[:, None] * (b - a) + near).ravel()
        return chosen

    def _apart(self, a: Places, b: Places) -> Floats:
        """Measure squared distances between pairs of rows, from differences."""
        difference = self._rows[a]
        difference -= self._rows[b]
        return _squares(difference)


def _outline(x: Floats) -> Floats:
    """Describe rows by fewer numbers, so that none lie farther apart than the rows do.

    They are the coordinates on the first axes, and the length of what is left.
    """
    axes = Axes.fit(x, variance=_VARIANCE)
    if axes.rank > _MAX_RANK_SHARE * x.shape[1]:
        return x
    outline = np.empty((len(x), axes.rank + 1), np.float32)

    def fill(start: int) -> None:
        part = slice(start, start + _BLOCK_ROWS)
        outline[part, :-1] = axes.reduce(x[part])
        outline[part, -1] = np.sqrt(_squares(x[part] - axes.restore(outline[part, :-1])))

    threads.each(fill, range(0, len(x), _BLOCK_ROWS), products=True)
    return outline


def _products(q: NDArray[np.floating], r: NDArray[np.floating]) -> NDArray[np.floating]:
    """Measure squared distances [m, n] of q [m, h] and r [n, h], all in one product."""
    q = np.column_stack([-2 * q, _squares(q), np.ones(len(q), q.dtype)])
    products: NDArray[np.floating] = q @ np.column_stack([r, np.ones(len(r), r.dtype), _squares(r)]).T
    return products


def _squares(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """Sum up the squares of each row."""
    squares: NDArray[np.floating] = np.einsum("nh,nh->n", x, x)
    return squares
