"""Inverse projection in closed form: representations averaged on a grid over the canvas, holes filled."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from itertools import product
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch.nn import functional

from dvi_widget import threads
from dvi_widget.nearest import Axes

# Per dimension l: width of a cell in widths of the similarity; bound on the cells along an axis, and a
# number of which their number is a multiple, so that they can be halved often.
_CELL = {2: 0.35, 3: 1.0}
_MAX_CELLS = {2: 512, 3: 64}
_CELL_MULTIPLE = {2: 32, 3: 8}
_PRIOR_SAMPLES = 0.1  # weight of the coarser grid in a node's mean
_MARGIN = 0.1  # of the span, on each side
_ROUNDS = 3  # each after the first fits the residuals of the one before
_BLOCK_POINTS = 1 << 16  # decoded at once
_MAX_KEPT_ENTRIES = 1 << 24  # of a table that each decoder keeps; of larger ones there is one at most
_MANY_POINTS, _AXES_AT_ONCE = 10_000, 32  # decoded without a large table, on so many axes at a time
_STEPS = 32767  # in which a mean is stored, on either side of zero, per coordinate


class GridDecoder:
    """ψ(y): multilinear interpolation in a table of representations.

    Each sample is distributed over the corners of its cell, with the weights of the later interpolation. A
    node's entry is the mean of its shares, pulled slightly towards the same mean on a grid of half the
    resolution, and so on: nodes without samples take the entry of the finest grid that has some (push–pull,
    Gortler et al. 1996, §3.4). The same is then done again with the residuals. Nothing is
    trained, so nothing is carried from epoch to epoch; the decoder is defined everywhere, and constant beyond
    the grid's rim.

    Entries are coordinates on `Axes`: principal components that hold 99.5 % of the variance. As the entries
    follow linearly from the means of the nodes that have samples, these alone are kept on disk.

    Parameters
    ----------
    nodes : int32 [m]
        Nodes that have samples, ascending, of all size^l.
    mass : float32 [m]
        Their sums of shares.
    means : int16 [m, r]
        Their means over all rounds, in steps of `scale`.
    scale : float32 [r]
        The step of each coordinate.
    origin : float32 [l]
        The first node.
    cell : float
        Distance between nodes.
    size : int
        Nodes along each axis.
    axes : Axes
        What the coordinates stand for.
    """

    _latest: ClassVar[weakref.ref[GridDecoder] | None] = None  # who keeps the one large table

    def __init__(
        self,
        nodes: NDArray[np.int32],
        mass: NDArray[np.float32],
        means: NDArray[np.int16],
        scale: NDArray[np.float32],
        origin: NDArray[np.float32],
        cell: float,
        size: int,
        axes: Axes,
    ) -> None:
        self._nodes, self._mass, self._means, self._scale = nodes, mass, means, scale
        self._origin, self._cell, self._size, self._axes = origin, cell, size, axes
        self._logits: NDArray[np.float32] | None = None
        self._table: NDArray[np.float32] | None = None

    @classmethod
    def fit(cls, y: NDArray[np.float32], x: NDArray[np.float32], axes: Axes) -> GridDecoder:
        """Fit to positions [n, l] of representations [n, h]."""
        l = y.shape[1]
        low, high = y.min(axis=0), y.max(axis=0)
        span = max(float((high - low).max()) * (1 + 2 * _MARGIN), 1e-6)
        cell = min(max(_CELL[l], span / _MAX_CELLS[l]), span)
        size = -(-(int(span / cell) + 2) // _CELL_MULTIPLE[l]) * _CELL_MULTIPLE[l]
        origin = ((low + high) / 2 - cell * (size - 1) / 2).astype(np.float32)
        corners, shares = _corners(y, origin, cell, size)
        n = len(y)
        splat = csr_array(
            (shares.ravel(), corners.ravel(), np.arange(0, n * corners.shape[1] + 1, corners.shape[1])),
            shape=(n, size**l),
        )
        back = splat.T.tocsr()
        mass = np.asarray(back.sum(axis=1), np.float32)
        nodes = np.flatnonzero(mass).astype(np.int32)
        left = axes.reduce(x)
        sums = part = _product(back, left)
        for _ in range(_ROUNDS - 1):
            left -= _product(splat, _entries(part, mass, size, l))
            part = _product(back, left)
            sums = sums + part
        means = sums[nodes] / mass[nodes, None]
        scale = np.maximum(np.abs(means).max(axis=0, initial=0) / _STEPS, np.finfo(np.float32).tiny)
        scale = scale.astype(np.float32)
        steps = np.rint(means / scale).astype(np.int16)
        return cls(nodes, mass[nodes], steps, scale, origin, cell, size, axes)

    @property
    def _values(self) -> NDArray[np.float32]:
        """Entries of all nodes [size^l, r]; of large ones only those used last are kept, of all decoders."""
        table = self._table
        if table is None:
            table = self._table = self._entries(slice(None))
            if self._is_large:
                holder = None if GridDecoder._latest is None else GridDecoder._latest()
                GridDecoder._latest = weakref.ref(self)
                if holder is not None and holder is not self:
                    holder._table = None  # noqa: SLF001 - of another decoder
        return table

    @property
    def _is_large(self) -> bool:
        """Whether a table of all nodes is too large to keep one for each decoder."""
        nodes: int = self._size ** len(self._origin)
        return nodes * self._axes.rank > _MAX_KEPT_ENTRIES

    def _entries(self, axes: slice) -> NDArray[np.float32]:
        """Compute the entries of all nodes on some axes."""
        count = self._size ** len(self._origin)
        mass = np.zeros(count, np.float32)
        mass[self._nodes] = self._mass
        means = self._means[:, axes] * self._scale[axes]
        sums = np.zeros((count, means.shape[1]), np.float32)
        sums[self._nodes] = means * self._mass[:, None]
        return _entries(sums, mass, self._size, len(self._origin))

    def _reduced(self, y: NDArray[np.float32]) -> NDArray[np.float32]:
        """Decode positions [m, l] to coordinates [m, r]; for many of them no large table is built."""
        if self._table is not None or not self._is_large or len(y) < _MANY_POINTS:
            return self._mix(self._values, y)
        mixed = np.empty((len(y), self._axes.rank), np.float32)
        for first in range(0, self._axes.rank, _AXES_AT_ONCE):
            part = slice(first, first + _AXES_AT_ONCE)
            mixed[:, part] = self._mix(self._entries(part), y)
        return mixed

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[Any]]) -> GridDecoder:
        """Rebuild a decoder from `arrays`."""
        axes = Axes(arrays["centre"], arrays["components"])
        return cls(
            arrays["nodes"],
            arrays["mass"],
            arrays["means"],
            arrays["scale"],
            arrays["origin"],
            float(arrays["cell"][0]),
            int(arrays["size"][0]),
            axes,
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that `load` needs."""
        return {
            "nodes": self._nodes,
            "mass": self._mass,
            "means": self._means,
            "scale": self._scale,
            "origin": self._origin,
            "cell": np.array([self._cell]),
            "size": np.array([self._size]),
            "centre": self._axes.centre,
            "components": self._axes.components,
        }

    def decode(self, y: NDArray[np.float32]) -> NDArray[np.float32]:
        """Decode positions [m, l] to representations [m, h]."""
        return self._axes.restore(self._reduced(y))

    def logits(
        self, y: NDArray[np.float32], weight: NDArray[np.float32], bias: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Compute the logits [m, C] of decoded positions under a linear head, which commutes with mixing."""
        turned = self._axes.components @ weight.T
        constant = weight @ self._axes.centre + bias
        # Of many classes a table is larger than that of representations, and most of its nodes are never met.
        if turned.shape[1] > turned.shape[0]:
            z = threads.products(self._reduced(y), np.asarray(turned, np.float32))
            z += constant
            return z
        if self._logits is None:
            self._logits = np.asarray(self._values @ turned + constant, np.float32)
        return self._mix(self._logits, y)

    def _mix(self, table: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
        """Interpolate in a table of nodes, some points at a time."""
        mixed = np.empty((len(y), table.shape[1]), np.float32)
        for start in range(0, len(y), _BLOCK_POINTS):
            block = y[start : start + _BLOCK_POINTS]
            nodes, shares = _corners(block, self._origin, self._cell, self._size)
            part = table[nodes[:, 0]] * shares[:, :1]
            for corner in range(1, nodes.shape[1]):
                part += table[nodes[:, corner]] * shares[:, corner, None]
            mixed[start : start + _BLOCK_POINTS] = part
        return mixed


def _product(a: csr_array, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Multiply a sparse matrix [m, n] by x [n, r]."""
    from . import kernels  # noqa: PLC0415

    product = np.empty((a.shape[0], x.shape[1]), np.float32)

    def multiply(rows: slice) -> None:
        kernels.multiply(a.indptr[rows.start : rows.stop + 1], a.indices, a.data, x, product[rows])

    threads.each(multiply, threads.slices(len(product)))
    return product


def _corners(
    y: NDArray[np.float32], origin: NDArray[np.float32], cell: float, size: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the nodes around each position and their weights [m, 2^l]."""
    at = np.clip((y - origin) / cell, 0, size - 1.001).astype(np.float32)
    first = at.astype(np.int64)
    up = at - first
    strides = [size**c for c in reversed(range(y.shape[1]))]
    nodes, shares = [], []
    for corner in product((0, 1), repeat=y.shape[1]):
        nodes.append(sum((first[:, c] + side) * strides[c] for c, side in enumerate(corner)))
        shares.append(np.prod([up[:, c] if side else 1 - up[:, c] for c, side in enumerate(corner)], axis=0))
    return np.stack(nodes, axis=1), np.stack(shares, axis=1).astype(np.float32)


def _entries(sums: NDArray[np.float32], mass: NDArray[np.float32], size: int, l: int) -> NDArray[np.float32]:
    """Compute the entries of all nodes [size^l, r] from the sums and the mass of their samples."""
    filled = _fill(_as_grid(sums, size, l), _as_grid(mass[:, None], size, l))
    entries: NDArray[np.float32] = filled[0].movedim(0, -1).reshape(len(sums), -1).numpy()
    return entries


def _as_grid(table: NDArray[np.float32], size: int, l: int) -> torch.Tensor:
    """View nodes [size^l, r] as a grid of r channels, without moving memory."""
    return torch.from_numpy(table).reshape(1, *(size,) * l, -1).movedim(-1, 1)


def _fill(sums: torch.Tensor, mass: torch.Tensor) -> torch.Tensor:
    """Compute the means on the nodes, each with the mean of the coarser grid as its prior."""
    l = sums.ndim - 2
    levels = []
    total, weight = sums.flatten(2).sum(2), mass.sum()
    while sums.shape[-1] % 2 == 0 and sums.shape[-1] > 2:
        levels.append((sums, mass))
        pool = functional.avg_pool2d if l == 2 else functional.avg_pool3d
        sums, mass = pool(sums, 2) * 2**l, pool(mass, 2) * 2**l
    overall = (total / weight).reshape(*total.shape, *(1,) * l)
    values = (sums + _PRIOR_SAMPLES * overall) / (mass + _PRIOR_SAMPLES)
    for fine, fine_mass in reversed(levels):
        finer = functional.interpolate(values, scale_factor=2, mode="bilinear" if l == 2 else "trilinear")
        values = finer.mul_(_PRIOR_SAMPLES).add_(fine).div_(fine_mass + _PRIOR_SAMPLES)
    return values
