"""The inverse map: a radial-basis network from the map to inputs, centres in closed form (Theorem 2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, eye_array
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from .metric import Floats

NEAREST = 10  # basis functions with weight at a point
_RIDGE = 1e-4  # pull of each centre towards its own sample
_MIN_SIGMA = 1e-12
_BLOCK_COLUMNS = 256  # input values solved for at once
_GAP_CANDIDATES = 8  # neighbours among which the nearest at another place is looked for


class InverseMap:
    """Inverse projection π⁻¹(y) = Σ w_i(y) θ_i / Σ w_i(y), with w_i(y) = 1 / (1 + a‖y_i − y‖²) (§4.2, b = 1).

    Only the nearest basis functions have weight at a point. The centres θ solve one ridge regression,
    min ‖Wθ − X‖² + μ‖θ − X‖². The first term vanishes with μ; the second keeps centres near real inputs where
    W hardly distinguishes samples.

    Theorem 2 divides each weight by σ_i, the local scale of the metric; so does this if `sigmas` are passed.

    Parameters
    ----------
    y : float [N, 2]
        Positions of the samples.
    x : float32 [N, D]
        Their flat inputs.
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
        self._sigmas = (
            np.ones(len(y)) if sigmas is None else np.maximum(sigmas.astype(np.float64), _MIN_SIGMA)
        )
        self._nearest = min(nearest, len(y))
        self._tree = cKDTree(y)
        self._low, self._high = x.min(axis=0), x.max(axis=0)
        self.centres = self._solve(y, x)

    def weights(self, points: NDArray[np.floating]) -> csr_matrix:
        """Return normalised weights [m, N] of the samples at points [m, 2]; rows sum to one."""
        distances, rows = self._tree.query(points, self._nearest)
        distances, rows = distances.reshape(len(points), -1), rows.reshape(len(points), -1)
        w: Floats = 1 / (1 + self.a * distances**2) / self._sigmas[rows]
        w /= w.sum(axis=1, keepdims=True)
        starts = np.arange(0, rows.size + 1, self._nearest)
        return csr_matrix((w.ravel().astype(np.float32), rows.ravel(), starts), (len(points), self._tree.n))

    def __call__(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return inputs [m, D] at points [m, 2], clipped to each value's range over the samples."""
        decoded: NDArray[np.float32] = self.weights(points) @ self.centres
        np.clip(decoded, self._low, self._high, out=decoded)
        return decoded

    def _solve(self, y: NDArray[np.floating], x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Solve for the centres by one factorisation of WᵀW + μI, in blocks of columns."""
        w = self.weights(y).astype(np.float64)
        factors = splu(
            (w.T @ w + _RIDGE * eye_array(len(y))).tocsc(), "MMD_AT_PLUS_A", options={"SymmetricMode": True}
        )
        centres = np.empty_like(x)
        for start in range(0, x.shape[1], _BLOCK_COLUMNS):
            part = slice(start, start + _BLOCK_COLUMNS)
            targets = x[:, part].astype(np.float64)
            centres[:, part] = targets + factors.solve(w.T @ (targets - w @ targets))
        return centres


def typical_gap(y: NDArray[np.floating]) -> float:
    """Return the median distance on the map from a sample to the nearest elsewhere; 1 if there is none."""
    distances = cKDTree(y).query(y, min(len(y), _GAP_CANDIDATES))[0]
    nearest = np.where(distances > 0, distances, np.inf).min(axis=1)
    return float(np.median(nearest[np.isfinite(nearest)])) if np.isfinite(nearest).any() else 1.0
