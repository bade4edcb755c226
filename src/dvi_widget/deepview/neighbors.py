"""Exact nearest neighbours in the Fisher metric, proven with few classifier calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from .metric import Floats, Paths, Scales

_BLOCK_ENTRIES = 1 << 21  # of one block of bounds [rows, N]
_DIVERGENCE_SLACK = 1e-6  # rounding error of a divergence in single precision, per unit of entropy
_CANDIDATES_PER_NEIGHBOR = 8  # listed at first
_MIN_CANDIDATES = 64


@dataclass(frozen=True)
class Neighbors:
    """Nearest neighbours, and which rows are proven.

    Attributes
    ----------
    indices : int32 [m, k]
        Nearest first, the sample itself excluded.
    distances : float32 [m, k]
        In the metric. Rows that are not certified may hold lower bounds.
    certified : bool [m]
        Whether the row is proven to be exact: every other sample is at least as far as the last of the row.
    """

    indices: NDArray[np.int32]
    distances: NDArray[np.float32]
    certified: NDArray[np.bool_]


@dataclass
class _Lists:
    """Candidates of the queries whose lists have one width."""

    queries: NDArray[np.int32]  # [m] samples, ascending
    others: NDArray[np.int32]  # [m, w] candidates, ascending
    bounds: NDArray[np.float32]  # [m, w] lower bounds from the endpoints
    paths: NDArray[np.int32]  # [m, w] path of the pair, −1 where none was begun
    frontier: NDArray[np.float32]  # [m] lower bound of all samples that are not listed

    @property
    def keys(self) -> NDArray[np.int64]:
        """Ordered pairs as ascending numbers: [m · w]."""
        keys: NDArray[np.int64] = (self.queries.astype(np.int64)[:, None] << 32 | self.others).ravel()
        return keys

    def rows(self, keep: NDArray[np.bool_]) -> _Lists:
        """Return the lists of some queries."""
        return _Lists(
            self.queries[keep], self.others[keep], self.bounds[keep], self.paths[keep], self.frontier[keep]
        )


class Search:
    """Best-first search for the k nearest neighbours of many samples at once.

    The bound (1 − λ)·JS(endpoints) + λ·Euclid costs no classifier call. In every round each query takes its k
    candidates of lowest bound. Whatever the true distances, these bounds are below its k-th distance, so any
    search that proves its answer from such bounds must classify one more point of each. Once all k are known
    in full, nothing else can be nearer, and the row is certified. Both samples of a pair profit from its
    points.

    Candidates are lists of the lowest bounds, with a frontier below which nothing is missing; a list grows
    when its frontier is reached. No N × N array is made.

    Parameters
    ----------
    paths : Paths
        Samples, and what is known between them. An interrupted search resumes from there.
    k : int
        Neighbours per query.
    lam : float
        Mixture λ of Definition 1.
    scales : Scales
        Of the metric.
    queries : array of int, optional
        Samples whose neighbours are searched; all by default.
    candidates : int, optional
        Only that many samples, the first ones, can be neighbours; all by default.
    """

    def __init__(
        self,
        paths: Paths,
        k: int,
        lam: float,
        scales: Scales,
        *,
        queries: NDArray[np.integer] | None = None,
        candidates: int | None = None,
    ) -> None:
        self._paths, self._k, self._lam, self._scales = paths, k, lam, scales
        self._candidates = len(paths.x) if candidates is None else candidates
        rows = np.arange(len(paths.x)) if queries is None else np.unique(queries)
        self._queries = rows.astype(np.int32)
        # Either all queries are candidates themselves, or none is.
        self._limit = self._candidates - int(rows[0] < self._candidates)
        middle = paths.x[: self._candidates].mean(axis=0, dtype=np.float64)
        self._x = torch.from_numpy((paths.x - middle.astype(paths.x.dtype)).astype(np.float32, copy=False))
        self._p = torch.from_numpy(np.ascontiguousarray(paths.p.T))  # [C, N]
        self._squares = self._x.square().sum(dim=1)
        self._entropies = torch.from_numpy(_entropy(paths.p))
        self._open = [
            self._list(self._queries, min(self._limit, max(_CANDIDATES_PER_NEIGHBOR * k, _MIN_CANDIDATES)))
        ]
        self._neighbors = Neighbors(
            np.zeros((len(rows), k), np.int32),
            np.zeros((len(rows), k), np.float32),
            np.zeros(len(rows), bool),
        )
        self.rounds = 0

    def run(
        self, calls_left: Callable[[], int] | None = None, report: Callable[[int], object] | None = None
    ) -> Neighbors:
        """Search until every row is certified, or nothing more may be classified.

        Parameters
        ----------
        calls_left : callable, optional
            Returns how many classifier calls are left; none ends the search.
        report : callable, optional
            Called after each round with the number of certified rows.

        Returns
        -------
        Neighbors
            One row per query, in ascending order of the queries.
        """
        while True:
            wanted = self._round()
            if report is not None:
                report(int(self._neighbors.certified.sum()))
            if not self._open:
                return self._neighbors
            if len(wanted):
                rows = wanted if calls_left is None else wanted[: max(0, calls_left())]
                if not len(rows):
                    return self._neighbors
                self._paths.reveal(rows)
            self.rounds += 1

    def _round(self) -> NDArray[np.int32]:
        """Certify the rows that are proven, and return the paths that need one more point."""
        lengths, done = self._paths.lengths(self._lam, self._scales), self._paths.done
        current, self._open = self._open, []
        pairs = [self._examine(lists, lengths, done) for lists in current]
        i, j = (np.concatenate(side) for side in zip(*pairs, strict=True))
        return np.unique(self._begin(i, j))

    def _examine(
        self, lists: _Lists, lengths: Floats, done: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Certify lists of one width where they are proven, and return the pairs that need one more point."""
        k = self._k
        begun = lists.paths >= 0
        value = lists.bounds.astype(np.float64)
        value[begun] = lengths[lists.paths[begun]]
        unknown = ~begun
        unknown[begun] = ~done[lists.paths[begun]]
        nearest = np.argpartition(value, k - 1, axis=1)[:, :k]
        bound = np.take_along_axis(value, nearest, axis=1)  # [m, k]
        wanted = np.take_along_axis(unknown, nearest, axis=1) & (bound <= lists.frontier[:, None])
        reached = bound.max(axis=1) > lists.frontier
        waiting = np.asarray(wanted.any(axis=1))
        settled, short = ~waiting & ~reached, ~waiting & reached
        self._write(lists, nearest, bound, settled)
        rows, columns = np.nonzero(wanted)
        if short.any():
            self._join(self._list(lists.queries[short], min(self._limit, 2 * value.shape[1])))
        if waiting.any():
            self._join(lists.rows(waiting))
        return lists.queries[rows], lists.others[rows, nearest[rows, columns]]

    def _write(
        self, lists: _Lists, nearest: NDArray[np.integer], bound: Floats, settled: NDArray[np.bool_]
    ) -> None:
        """Store the nearest as far as they are known; ties are ordered by index."""
        others = np.take_along_axis(lists.others, nearest, axis=1)
        order = np.lexsort((others, bound), axis=1)
        place = np.searchsorted(self._queries, lists.queries)
        self._neighbors.indices[place] = np.take_along_axis(others, order, axis=1)
        self._neighbors.distances[place] = np.take_along_axis(bound, order, axis=1)
        self._neighbors.certified[place] = settled

    def _begin(self, i: NDArray[np.int32], j: NDArray[np.int32]) -> NDArray[np.int32]:
        """Begin paths, and store them in the lists of both samples."""
        rows = self._paths.begin(i, j)
        for a, b in ((i, j), (j, i)):
            pairs = a.astype(np.int64) << 32 | b
            for lists in self._open:
                keys = lists.keys
                place = np.minimum(np.searchsorted(keys, pairs), len(keys) - 1)
                hit = keys[place] == pairs if len(keys) else np.zeros(len(pairs), bool)
                lists.paths.reshape(-1)[place[hit]] = rows[hit]
        return rows

    def _join(self, new: _Lists) -> None:
        """Add lists to the open ones of the same width."""
        for position, lists in enumerate(self._open):
            if lists.others.shape[1] == new.others.shape[1]:
                both = np.concatenate([lists.queries, new.queries])
                order = np.argsort(both)
                self._open[position] = _Lists(
                    both[order],
                    np.concatenate([lists.others, new.others])[order],
                    np.concatenate([lists.bounds, new.bounds])[order],
                    np.concatenate([lists.paths, new.paths])[order],
                    np.concatenate([lists.frontier, new.frontier])[order],
                )
                return
        self._open.append(new)

    def _list(self, queries: NDArray[np.int32], width: int) -> _Lists:
        """Return the candidates of lowest bound, computed in blocks of queries."""
        m = len(queries)
        others = np.empty((m, width), np.int32)
        bounds = np.empty((m, width), np.float32)
        frontier = np.full(m, np.inf, np.float32)
        step = max(1, _BLOCK_ENTRIES // self._candidates)
        for start in range(0, m, step):
            rows = queries[start : start + step]
            block = self._bounds(rows)
            itself = np.flatnonzero(rows < self._candidates)
            block[itself, rows[itself].astype(np.int64)] = torch.inf
            value, columns = block.topk(width, dim=1, largest=False, sorted=False)
            if width < self._limit:
                frontier[start : start + step] = value.max(dim=1).values.numpy()
            order = columns.argsort(dim=1)
            others[start : start + step] = columns.gather(1, order).numpy()
            bounds[start : start + step] = value.gather(1, order).numpy()
        begun = self._paths.find(np.broadcast_to(queries[:, None], others.shape), others)
        return _Lists(queries, others, bounds, begun, frontier)

    def _bounds(self, rows: NDArray[np.int32]) -> torch.Tensor:
        """Return lower bounds [m, candidates] from the endpoints alone, rounded downwards."""
        n = self._candidates
        x = self._x[rows]
        squares = self._squares[rows][:, None] + self._squares[:n]
        squared = squares - 2 * (x @ self._x[:n].T)
        slack = 2 * float(np.sqrt(x.shape[1])) * torch.finfo(torch.float32).eps
        euclidean = (squared - slack * squares).clamp_min(0).sqrt()
        # JS² is the entropy of the middle less the mean of both entropies. Class by class, the block stays in
        # the processor's cache.
        divergence = -(self._entropies[rows][:, None] + self._entropies[:n]) / 2
        for p in self._p:
            middle = (p[rows][:, None] + p[:n]) / 2
            divergence.addcmul_(middle, middle.clamp_min(1e-30).log_(), value=-1)
        js = (divergence - _DIVERGENCE_SLACK * (1 + np.log(len(self._p)))).clamp_min(0).sqrt()
        js, euclidean = js / self._scales.js, euclidean / self._scales.euclidean
        bounds: torch.Tensor = (1 - self._lam) * js + self._lam * euclidean
        return bounds


def _entropy(p: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the entropy of each row: [N]."""
    q = p.astype(np.float64)
    entropy: NDArray[np.float32] = -(q * np.log(np.maximum(q, 1e-300))).sum(axis=1).astype(np.float32)
    return entropy
