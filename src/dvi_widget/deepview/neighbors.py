"""Exact nearest neighbours in the Fisher metric, with the fewest classifier calls that prove them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from .metric import Floats, Paths, Scales

_BLOCK = 1 << 21  # entries [rows, N] of one block of bounds
_JS_SLACK = 1e-6  # what single precision may add to a divergence, per unit of entropy
_WIDTH = 8  # candidates listed at first, per neighbour wanted


@dataclass(frozen=True)
class Neighbors:
    """Nearest neighbours and how far each row is proven.

    Attributes
    ----------
    indices : int32 [m, k]
        Nearest first, the sample itself excluded.
    distances : float32 [m, k]
        In the metric. Of a row that is not certified, some may be lower bounds.
    certified : bool [m]
        Whether the row is proven to be exact: every other sample is at least as far as the last one named.
    """

    indices: NDArray[np.int32]
    distances: NDArray[np.float32]
    certified: NDArray[np.bool_]


@dataclass
class _Lists:
    """Candidates of the samples whose lists have one width."""

    looking: NDArray[np.int32]  # [m] samples, ascending
    others: NDArray[np.int32]  # [m, w] candidates, ascending
    bounds: NDArray[np.float32]  # [m, w] lower bounds from the endpoints
    paths: NDArray[np.int32]  # [m, w] path of the pair, −1 where none was begun
    frontier: NDArray[np.float32]  # [m] lower bound of all that is not listed

    @property
    def keys(self) -> NDArray[np.int64]:
        """Ordered pairs as ascending numbers [m · w]."""
        keys: NDArray[np.int64] = (self.looking.astype(np.int64)[:, None] << 32 | self.others).ravel()
        return keys

    def rows(self, keep: NDArray[np.bool_]) -> _Lists:
        return _Lists(
            self.looking[keep], self.others[keep], self.bounds[keep], self.paths[keep], self.frontier[keep]
        )


class Search:
    """Best-first search for the k nearest neighbours of many samples at once.

    The bound (1 − λ)·JS(endpoints) + λ·Euclid needs no classifier call. In every round each sample takes its
    k candidates of lowest bound: whatever the true distances, the bounds of these lie below its k-th
    distance, so one more point of each must be classified by any search that proves its answer from these
    bounds. Once all k are known in full, nothing else can be nearer, and the row is certified. Both samples
    of a pair profit from its points.

    Candidates are kept as lists of the lowest bounds with a frontier below which nothing is missing; a list
    grows where the frontier is reached. No N × N object is made.

    Parameters
    ----------
    paths : Paths
        Samples, and what is known between them. A search that was interrupted goes on from there.
    k : int
        Neighbours per sample.
    lam : float
        Mixture λ of Definition 1.
    scales : Scales
        Of the metric.
    looking : array of int, optional
        Samples that look for neighbours; all of them by default.
    among : int, optional
        Only the first so many samples are candidates; all by default.
    """

    def __init__(
        self,
        paths: Paths,
        k: int,
        lam: float,
        scales: Scales,
        *,
        looking: NDArray[np.integer] | None = None,
        among: int | None = None,
    ) -> None:
        self._paths, self._k, self._lam, self._scales = paths, k, lam, scales
        self._among = len(paths.x) if among is None else among
        rows = np.arange(len(paths.x)) if looking is None else np.unique(looking)
        self._looking = rows.astype(np.int32)
        # Either all that look are candidates themselves, or none is.
        self._limit = self._among - int(rows[0] < self._among)
        self._x = torch.from_numpy(
            paths.x - paths.x[: self._among].mean(axis=0, dtype=np.float64).astype(np.float32)
        )
        self._p = torch.from_numpy(np.ascontiguousarray(paths.p.T))  # [C, N]
        self._squares = self._x.square().sum(dim=1)
        self._entropies = torch.from_numpy(_entropy(paths.p))
        self._open = [self._list(self._looking, min(self._limit, max(_WIDTH * k, 64)))]
        self._found = Neighbors(
            np.zeros((len(rows), k), np.int32),
            np.zeros((len(rows), k), np.float32),
            np.zeros(len(rows), bool),
        )
        self.rounds = 0

    def run(
        self, allowed: Callable[[], int] | None = None, report: Callable[[int], object] | None = None
    ) -> Neighbors:
        """Search until every row is certified, or nothing more may be classified.

        Parameters
        ----------
        allowed : callable, optional
            Classifier calls that are left; none left ends the search.
        report : callable, optional
            Hears after each round how many rows are certified.

        Returns
        -------
        Neighbors
            In the order of `looking`, ascending.
        """
        while True:
            wanted = self._round()
            if report is not None:
                report(int(self._found.certified.sum()))
            if not self._open:
                return self._found
            if len(wanted):
                rows = wanted if allowed is None else wanted[: max(0, allowed())]
                if not len(rows):
                    return self._found
                self._paths.reveal(rows)
            self.rounds += 1

    def _round(self) -> NDArray[np.int32]:
        """Settle what is proven; the paths of which one more point is needed."""
        lengths, done = self._paths.lengths(self._lam, self._scales), self._paths.done
        current, self._open = self._open, []
        pairs = [self._examine(lists, lengths, done) for lists in current]
        i, j = (np.concatenate(side) for side in zip(*pairs, strict=True))
        return np.unique(self._begin(i, j))

    def _examine(
        self, lists: _Lists, lengths: Floats, done: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """One round for lists of one width: the pairs that need another point."""
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
            self._join(self._list(lists.looking[short], min(self._limit, 2 * value.shape[1])))
        if waiting.any():
            self._join(lists.rows(waiting))
        return lists.looking[rows], lists.others[rows, nearest[rows, columns]]

    def _write(
        self, lists: _Lists, nearest: NDArray[np.integer], bound: Floats, settled: NDArray[np.bool_]
    ) -> None:
        """Write down the nearest as far as they are known; ties by index."""
        others = np.take_along_axis(lists.others, nearest, axis=1)
        order = np.lexsort((others, bound), axis=1)
        place = np.searchsorted(self._looking, lists.looking)
        self._found.indices[place] = np.take_along_axis(others, order, axis=1)
        self._found.distances[place] = np.take_along_axis(bound, order, axis=1)
        self._found.certified[place] = settled

    def _begin(self, i: NDArray[np.int32], j: NDArray[np.int32]) -> NDArray[np.int32]:
        """Begin paths, and note them in the lists of both samples."""
        rows = self._paths.begin(i, j)
        for a, b in ((i, j), (j, i)):
            asked = a.astype(np.int64) << 32 | b
            for lists in self._open:
                keys = lists.keys
                place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
                hit = keys[place] == asked if len(keys) else np.zeros(len(asked), bool)
                lists.paths.reshape(-1)[place[hit]] = rows[hit]
        return rows

    def _join(self, new: _Lists) -> None:
        """Put lists beside those of the same width."""
        for position, lists in enumerate(self._open):
            if lists.others.shape[1] == new.others.shape[1]:
                both = np.concatenate([lists.looking, new.looking])
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

    def _list(self, looking: NDArray[np.int32], width: int) -> _Lists:
        """The candidates of lowest bound, found block by block."""
        m = len(looking)
        others = np.empty((m, width), np.int32)
        bounds = np.empty((m, width), np.float32)
        frontier = np.full(m, np.inf, np.float32)
        step = max(1, _BLOCK // self._among)
        for start in range(0, m, step):
            rows = looking[start : start + step]
            block = self._bounds(rows)
            itself = np.flatnonzero(rows < self._among)
            block[itself, rows[itself].astype(np.int64)] = torch.inf
            value, found = block.topk(width, dim=1, largest=False, sorted=False)
            if width < self._limit:
                frontier[start : start + step] = value.max(dim=1).values.numpy()
            order = found.argsort(dim=1)
            others[start : start + step] = found.gather(1, order).numpy()
            bounds[start : start + step] = value.gather(1, order).numpy()
        begun = self._paths.find(np.broadcast_to(looking[:, None], others.shape), others)
        return _Lists(looking, others, bounds, begun, frontier)

    def _bounds(self, rows: NDArray[np.int32]) -> torch.Tensor:
        """Lower bounds [m, among] from the endpoints alone; rounding is on the safe side."""
        n = self._among
        x = self._x[rows]
        squares = self._squares[rows][:, None] + self._squares[:n]
        squared = squares - 2 * (x @ self._x[:n].T)
        slack = 2 * float(np.sqrt(x.shape[1])) * torch.finfo(torch.float32).eps
        euclidean = (squared - slack * squares).clamp_min(0).sqrt()
        # JS² is the entropy of the middle less the mean of both entropies; class by class it stays in the
        # cache.
        divergence = -(self._entropies[rows][:, None] + self._entropies[:n]) / 2
        for p in self._p:
            middle = (p[rows][:, None] + p[:n]) / 2
            divergence.addcmul_(middle, middle.clamp_min(1e-30).log_(), value=-1)
        js = (divergence - _JS_SLACK * (1 + np.log(len(self._p)))).clamp_min(0).sqrt()
        js, euclidean = js / self._scales.js, euclidean / self._scales.euclidean
        bounds: torch.Tensor = (1 - self._lam) * js + self._lam * euclidean
        return bounds


def _entropy(p: NDArray[np.float32]) -> NDArray[np.float32]:
    """Entropy of each row [N]."""
    q = p.astype(np.float64)
    entropy: NDArray[np.float32] = -(q * np.log(np.maximum(q, 1e-300))).sum(axis=1).astype(np.float32)
    return entropy
