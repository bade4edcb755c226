"""Particle mesh: the repulsion of all pairs of points at a cost that is linear in their number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from dvi_widget import threads

# Per dimension l: spacing of the nodes in widths of the similarity 1 / (1 + r²), and bounds on the number of
# nodes along the cloud. In space (l = 3) nodes are dear, and eyes are less exact than in the plane.
_SPACING = {2: 0.5, 3: 1.0}
_MIN_NODES = {2: 60, 3: 24}
_MAX_NODES = {2: 700, 3: 80}
_RIM_NODES = 4  # left free around the cloud, for the splines
_SPREAD_PARTS = 4  # meshes that many points are spread over and that are then added


class Mesh:
    """Potential and force of a cloud of points y_j at a point q, with distances r_j = |q − y_j|.

    The potential is φ(q) = Σ_j 1 / (1 + r_j²), the force Σ_j (q − y_j) / (1 + r_j²)².

    Masses are spread over the nodes by cubic B-splines, convolved with the similarity by one pair of Fourier
    transforms, and read back by the same splines; the force is half the potential's negative gradient and
    needs no further transform. The transformed kernel is divided by the splines' own transform, once for
    spreading and once for reading (smooth particle mesh Ewald, Essmann et al. 1995). Linderman et al. 2019
    (FIt-SNE) compute the same sums by interpolating polynomials.

    Parameters
    ----------
    dimension : int
        l, 2 or 3.
    """

    def __init__(self, dimension: int = 2) -> None:
        self._dimension = dimension
        self._shape: tuple[int, float] | None = None

    def charge(self, y: NDArray[np.float64]) -> Mesh:
        """Set the points [n, l] that make the field, and return the mesh itself."""
        from . import kernels  # noqa: PLC0415

        # Column by column: along the short axis numpy is slow.
        low, high = (np.array([end(column) for column in y.T]) for end in (np.min, np.max))
        self._fit_to(float((high - low).max()))
        n, self._origin = self._size, (low + high) / 2 - (self._size - 1) / 2 * self._spacing
        parts = threads.slices(len(y), _SPREAD_PARTS)
        meshes = np.zeros((len(parts), n**self._dimension), np.float32)

        def spread(part: int) -> None:
            kernels.spread(y[parts[part]], self._origin, self._spacing, self._strides, meshes[part])

        threads.each(spread, range(len(parts)))
        masses = meshes[0]
        for mesh in meshes[1:]:
            masses += mesh
        padded = (2 * n,) * self._dimension
        # On one thread: on several the last bits differ, and there is little to gain.
        transformed = fft.rfftn(masses.reshape((n,) * self._dimension), s=padded)
        transformed *= self._kernel
        inner = (slice(n),) * self._dimension
        self._potential = np.ascontiguousarray(fft.irfftn(transformed, s=padded)[inner]).ravel()
        return self

    def field(self, q: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Compute potential [m] and force [m, l] at points [m, l]; a point of the cloud adds 1 to its own."""
        from . import kernels  # noqa: PLC0415

        potential, force = np.empty(len(q)), np.empty((len(q), self._dimension))

        def gather(rows: slice) -> None:
            kernels.gather(
                q[rows],
                self._origin,
                self._spacing,
                self._size,
                self._strides,
                self._potential,
                potential[rows],
                force[rows],
            )
            force[rows] *= -0.5

        threads.each(gather, threads.slices(len(q)))
        return potential, force

    def _fit_to(self, span: float) -> None:
        """Choose the nodes; sizes and spacings are rounded so that the kernel is rarely computed anew."""
        l = self._dimension
        span += 1e-6
        spacing = min(max(_SPACING[l], span / _MAX_NODES[l]), span / _MIN_NODES[l])
        spacing = float(2 ** (np.ceil(np.log2(spacing) * 8) / 8))
        size = fft.next_fast_len(-(-(int(span / spacing) + 2 * _RIM_NODES) // 8) * 8, real=True)
        if (size, spacing) == self._shape:
            return
        self._shape = self._size, self._spacing = size, spacing
        self._strides = tuple(size**c for c in reversed(range(l)))
        node = np.arange(2 * size)
        along = np.square(np.minimum(node, 2 * size - node) * spacing)
        squares = sum(along.reshape([-1 if c == axis else 1 for c in range(l)]) for axis in range(l))
        kernel = fft.rfftn(1 / (1 + np.asarray(squares))).real
        spline = np.square((4 + 2 * np.cos(np.pi * node / size)) / 6)
        for axis in range(l):
            kernel /= spline[: kernel.shape[axis]].reshape([-1 if c == axis else 1 for c in range(l)])
        self._kernel = kernel.astype(np.float32)
