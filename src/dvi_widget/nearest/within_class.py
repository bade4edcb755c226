"""Nearest neighbours among the samples of one class: each class is searched on its own axes."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from .axes import Axes
from .exact import overlap
from .fast import nearest

_BLOCK_ENTRIES = 1 << 25  # of one class's distance matrix
_BLOCK_QUERIES = 256  # so that their candidates stay in the processor's cache
# Share of a class's variance on the axes on which samples are compared, and share of that on the axes on
# which candidates are chosen. The first pair with enough recall is taken.
_VARIANCES = ((0.99, 0.92), (0.995, 0.97), (0.995, 1.0), (1.0, 1.0))
_MIN_RECALL = 0.975  # share of the true neighbours
_RECALL_NEIGHBORS, _RECALL_QUERIES = 15, 200  # it is measured for so many neighbours of about so many samples
_CANDIDATES_PER_NEIGHBOR = 2


class _Cell:
    """The samples of one class.

    Parameters
    ----------
    members : int [g]
        Their rows among all samples.
    centre : float32 [h]
        Their mean; everything here is measured from it.
    offsets : float32 [g, h]
        The samples, minus the centre.
    components : float32 [r, h]
        The axes they are compared on. Norms are those of all dimensions.
    coarse : float
        Share of the variance on these axes that the axes for choosing candidates hold.
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
        self._n_coarse = int(np.searchsorted(spread[:-1], coarse * spread[-1])) + 1
        self._columns = torch.from_numpy(np.ascontiguousarray(self._z[:, : self._n_coarse].T))

    def nearest(self, offsets: NDArray[np.float32], k: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Search the samples nearest to queries [m, h]: rows and distances [m, min(k, g)]."""
        z, squares = self._coordinates(offsets)
        norms, q = torch.from_numpy(self._squares), torch.from_numpy(z[:, : self._n_coarse])
        coarse = torch.addmm(norms, q, self._columns, alpha=-2).numpy()
        candidates = smallest(coarse, _CANDIDATES_PER_NEIGHBOR * k)
        far = np.einsum("gmr,gr->gm", self._z.take(candidates, axis=0), z)
        far = self._squares[candidates] - 2 * far + squares[:, None]
        order = np.argsort(far, axis=1, kind="stable")[:, :k]
        distances = np.sqrt(np.maximum(np.take_along_axis(far, order, axis=1), 0))
        return self.members[np.take_along_axis(candidates, order, axis=1)], distances

    def _coordinates(self, offsets: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Compute coordinates on the axes [m, r] and squared distances from the centre [m]."""
        # By torch like all products here: two libraries' threads would wait for each other.
        z = torch.from_numpy(offsets) @ self._components
        return z.numpy(), np.einsum("mh,mh->m", offsets, offsets)


class ClassIndex:
    """Search for the nearest samples of the same class.

    Each class is searched by a matrix product on few axes, with the norms of all dimensions; the candidates
    are then compared on more axes. Building it takes one product, nothing is random, and 1,000 searches among
    60,000 samples take tens of milliseconds.

    The axes are those of the samples' offsets from the mean of their class: the classes of a fully trained
    network lie so far apart that the axes of all samples would hold little else. How many axes there must be
    is measured on the samples themselves.

    Parameters
    ----------
    x : float32 [n, h]
        The samples to search among.
    classes : int [n]
        Their classes.
    """

    def __init__(self, x: NDArray[np.float32], classes: NDArray[np.integer]) -> None:
        self._x = x
        members = {int(c): np.flatnonzero(classes == c) for c in np.unique(classes)}
        centres = {
            c: x[rows].mean(axis=0, dtype=np.float64).astype(np.float32) for c, rows in members.items()
        }
        offsets = np.empty(x.shape, np.float32)
        for c, rows in members.items():
            offsets[rows] = x[rows] - centres[c]
        for fine, coarse in _VARIANCES:
            axes = Axes.fit(offsets, variance=fine)
            self._cells = {
                c: _Cell(rows, centres[c], offsets[rows], axes.components, coarse)
                for c, rows in members.items()
            }
            if self._recall(offsets) >= _MIN_RECALL:
                break

    def groups(
        self, x: NDArray[np.float32], classes: NDArray[np.integer], k: int
    ) -> list[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]]:
        """Search for queries x [m, h] of these classes [m], class by class.

        Returns
        -------
        list of (rows [g], indices [g, j], distances [g, j])
            Rows of x, their nearest samples in order, and the distances. j is k, or the size of the class if
            that is less; a class without samples is searched among all.
        """
        groups = []
        for c in np.unique(classes):
            rows = np.flatnonzero(classes == c)
            if int(c) not in self._cells:
                indices, distances = nearest(self._x, min(k, len(self._x)), query=x[rows])
                groups.append((rows, indices.astype(np.intp), distances))
                continue
            cell = self._cells[int(c)]
            offsets = x[rows] - cell.centre
            step = max(1, min(_BLOCK_QUERIES, _BLOCK_ENTRIES // len(cell.members)))
            for start in range(0, len(rows), step):
                part = slice(start, start + step)
                groups.append((rows[part], *cell.nearest(offsets[part], k)))
        return groups

    def _recall(self, offsets: NDArray[np.float32]) -> float:
        """Measure the share of the true neighbours that some of the samples find."""
        hits, queries = 0.0, 0
        for cell in self._cells.values():
            k = min(_RECALL_NEIGHBORS + 1, len(cell.members))
            rows = cell.members[:: -(-len(self._x) // _RECALL_QUERIES)]
            exact = cell.members[nearest(offsets[cell.members], k, query=offsets[rows])[0]]
            # Each finds itself first, which proves nothing.
            shares = overlap(exact[:, 1:], cell.nearest(offsets[rows], k)[0][:, 1:]) if k > 1 else np.ones(1)
            hits, queries = hits + float(shares.sum()), queries + len(shares)
        return hits / queries


def smallest(values: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """Select the columns of the k smallest values of each row [m, min(k, n)], in no order.

    They lie in the k blocks with the smallest minima, so that few values are compared twice.
    """
    n = values.shape[1]
    if k >= n:
        return np.broadcast_to(np.arange(n), values.shape)
    deep = int(np.sqrt(n / k))  # values per block; then there are about as many minima as candidates
    width = n // deep
    if deep < 2 or width <= k:
        return np.argpartition(values, k - 1, axis=1)[:, :k]
    whole = values[:, : deep * width].reshape(len(values), deep, width)
    blocks = np.argpartition(whole.min(axis=1), k - 1, axis=1)[:, :k]
    columns = (blocks[:, None] + np.arange(deep)[:, None] * width).reshape(len(values), -1)
    rest = np.broadcast_to(np.arange(deep * width, n), (len(values), n - deep * width))
    columns = np.concatenate([columns, rest], axis=1)
    at = np.argpartition(np.take_along_axis(values, columns, axis=1), k - 1, axis=1)[:, :k]
    return np.take_along_axis(columns, at, axis=1)
