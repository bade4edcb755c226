"""An index of many samples, for few queries: a look on few axes, then the candidates on more of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dvi_widget import threads

from .axes import Axes
from .exact import neighbors, overlap
from .fast import nearest, smallest

_BLOCK_ENTRIES = 1 << 25  # of a distance matrix
_BLOCK_QUERIES = 256  # so that their candidates stay in the processor's cache
# Share of the variance within classes on the axes on which samples are compared, and share of that on the
# axes on which candidates are chosen. The first pair with enough recall is taken.
_VARIANCES = ((0.99, 0.92), (0.995, 0.97), (0.995, 1.0), (1.0, 1.0))
_MIN_RECALL = 0.975  # share of the true neighbours
_RECALL_NEIGHBORS, _RECALL_QUERIES = 15, 200  # neighbours, and about how many samples, that measure it
_CANDIDATES_PER_NEIGHBOR = 2
_MAX_BETWEEN = 32  # axes between classes


class Index:
    """Search for the samples nearest to queries.

    Distances are matrix products on few axes, with the norms of all dimensions; the candidates are then
    compared on more axes. Building it takes one product, nothing is random, and 1,000 searches among 60,000
    samples take tens of milliseconds.

    The classes of a fully trained network lie so far apart that the principal axes of all samples would hold
    little else than what parts them. The axes are therefore those between the means of the classes, and those
    of the samples' offsets from these means. How many there must be is measured on the samples themselves.

    Parameters
    ----------
    x : float32 [n, h]
        The samples to search among.
    classes : int [n]
        Classes that may lie far apart.
    """

    def __init__(self, x: NDArray[np.float32], classes: NDArray[np.integer]) -> None:
        self._all: NDArray[np.float32] | None = None
        self._centre = x.mean(axis=0, dtype=np.float64).astype(np.float32)
        centred = x - self._centre
        _, group, counts = np.unique(classes, return_inverse=True, return_counts=True)
        members = np.split(np.argsort(group, kind="stable"), np.cumsum(counts)[:-1])
        means: NDArray[np.float64] = np.stack(
            threads.each(lambda rows: centred[rows].mean(axis=0, dtype=np.float64), members)
        )
        between = _orthonormal(means)[:_MAX_BETWEEN]
        some = Axes.sample(len(x))
        offsets = (centred[some] - means[group[some]]).astype(np.float32)
        for fine, coarse in _VARIANCES:
            within = Axes.fit(offsets, variance=fine).components
            own = _orthonormal(within - within @ between.T @ between)
            self._components = np.concatenate([between, own]).T.astype(np.float32)
            self._z, self._squares = self._coordinates(centred)
            beyond = self._z[:, len(between) :] - (means @ own.T).astype(np.float32)[group]
            spread = np.cumsum(np.square(beyond, out=beyond).sum(axis=0, dtype=np.float64))
            enough = int(np.searchsorted(spread[:-1], coarse * spread[-1])) + 1 if len(spread) else 0
            self._n_coarse = len(between) + enough
            self._columns = np.ascontiguousarray(self._z[:, : self._n_coarse].T)
            if self._recall(x) >= _MIN_RECALL:
                return
        # So far apart that single precision cannot tell the samples of a class from each other.
        self._all = x

    def search(self, x: NDArray[np.float32], k: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Find the nearest samples of queries x [m, h]: indices and distances [m, min(k, n)], in order."""
        if self._all is not None:
            near, far = neighbors(self._all, min(k, len(self._all)), query=x)
            return near.astype(np.intp), far.astype(np.float32)
        offsets = x - self._centre
        step = max(1, min(_BLOCK_QUERIES, _BLOCK_ENTRIES // len(self._z)))
        blocks = [offsets[start : start + step] for start in range(0, len(x), step)]
        parts = threads.each(lambda block: self._search(block, k), blocks, products=True)
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def _search(self, offsets: NDArray[np.float32], k: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Search for a block of queries, given as offsets from the centre [m, h]."""
        z, squares = self._coordinates(offsets)
        coarse = (-2 * z[:, : self._n_coarse]) @ self._columns
        coarse += self._squares
        candidates = smallest(coarse, _CANDIDATES_PER_NEIGHBOR * k)
        far = np.einsum("gmr,gr->gm", self._z.take(candidates, axis=0), z)
        far = self._squares[candidates] - 2 * far + squares[:, None]
        order = np.argsort(far, axis=1, kind="stable")[:, :k]
        distances = np.sqrt(np.maximum(np.take_along_axis(far, order, axis=1), 0))
        return np.take_along_axis(candidates, order, axis=1), distances

    def _coordinates(self, offsets: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Compute coordinates on the axes [m, r] and squared distances from the centre [m]."""
        return threads.products(offsets, self._components), np.einsum("mh,mh->m", offsets, offsets)

    def _recall(self, x: NDArray[np.float32]) -> float:
        """Measure the share of the true neighbours that some of the samples find."""
        k = min(_RECALL_NEIGHBORS + 1, len(x))
        if k < 2:
            return 1.0
        queries = x[:: -(-len(x) // _RECALL_QUERIES)]
        # Each finds itself first, which proves nothing.
        exact, found = nearest(x, k, query=queries)[0], self.search(queries, k)[0]
        return float(overlap(exact[:, 1:], found[:, 1:]).mean())


def _orthonormal(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return an orthonormal basis of the span of rows [m, h], largest directions first."""
    _, sizes, basis = np.linalg.svd(vectors.astype(np.float64), full_matrices=False)
    kept = sizes > 1e-6 * max(float(sizes.max(initial=0)), 1e-12)
    return np.asarray(basis[kept])
