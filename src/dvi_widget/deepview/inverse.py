"""The way back from the map to inputs: a radial-basis network after Theorem 2, its centres in closed form."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, eye_array
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from .metric import Floats

NEAREST = 10  # basis functions that take part at a point
_RIDGE = 1e-4  # pull of each centre towards its own sample
_COLUMNS = 256  # input values solved for at once


class InverseMap:
    """Inverse projection π⁻¹(y) = Σ w_i(y) θ_i / Σ w_i(y), with w_i(y) = 1 / (1 + a‖y_i − y‖²) (§4.2, b = 1).

    At a point only the nearest basis functions take part. The centres θ solve one ridge regression, min ‖Wθ −
    X‖² + μ‖θ − X‖²: what is left of the first term vanishes with μ, and the second keeps centres near real
    inputs where W hardly tells samples apart.

    Theorem 2 divides each weight by σ_i, the local scale of the metric; so does this where `sigmas` are
    given.

    Parameters
    ----------
    y : float [N, 2]
        Positions of the samples.
    x : float32 [N, D]
        Their inputs, flat.
    a : float
        How fast a sample's influence fades, per squared unit of the map.
    sigmas : float [N], optional
        Local scales.
    nearest : int
        Basis functions per point.

    Attributes
    ----------
    centres : float32 [N, D]
        θ.
    """

    def __init__(
        self,
        y: NDArray[np.floating],
        x: NDArray[np.float32],
        a: float,
        *,
        sigmas: NDArray[np.floating] | None = None,
        nearest: int = NEAREST,
    ) -> None:
        self.a = a
        self._sigmas = np.ones(len(y)) if sigmas is None else np.maximum(sigmas.astype(np.float64), 1e-12)
        self._nearest = min(nearest, len(y))
        self._tree = cKDTree(y)
        self._low, self._high = x.min(axis=0), x.max(axis=0)
        self.centres = self._solve(y, x)

    def weights(self, points: NDArray[np.floating]) -> csr_matrix:
        """Normalised weights [m, N] of the samples at points [m, 2]; rows sum to one."""
        far, found = self._tree.query(points, self._nearest)
        far, found = far.reshape(len(points), -1), found.reshape(len(points), -1)
        w: Floats = 1 / (1 + self.a * far**2) / self._sigmas[found]
        w /= w.sum(axis=1, keepdims=True)
        starts = np.arange(0, found.size + 1, self._nearest)
        return csr_matrix((w.ravel().astype(np.float32), found.ravel(), starts), (len(points), self._tree.n))

    def __call__(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """Inputs [m, D] at points [m, 2] of the map, within the range that each value has in the samples."""
        decoded: NDArray[np.float32] = self.weights(points) @ self.centres
        np.clip(decoded, self._low, self._high, out=decoded)
        return decoded

    def _solve(self, y: NDArray[np.floating], x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Centres by one factorisation of WᵀW + μI, some columns at a time."""
        w = self.weights(y).astype(np.float64)
        factors = splu(
            (w.T @ w + _RIDGE * eye_array(len(y))).tocsc(), "MMD_AT_PLUS_A", options={"SymmetricMode": True}
        )
        centres = np.empty_like(x)
        for start in range(0, x.shape[1], _COLUMNS):
            part = slice(start, start + _COLUMNS)
            wanted = x[:, part].astype(np.float64)
            centres[:, part] = wanted + factors.solve(w.T @ (wanted - w @ wanted))
        return centres


def typical_gap(y: NDArray[np.floating]) -> float:
    """Median distance on the map from a sample to its nearest neighbour elsewhere."""
    far = cKDTree(y).query(y, min(len(y), 8))[0]
    far = np.where(far > 0, far, np.inf).min(axis=1)
    return float(np.median(far[np.isfinite(far)])) if np.isfinite(far).any() else 1.0
