"""The inverse map: a radial-basis network from the map to inputs, centres in closed form (Theorem 2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_matrix, eye_array
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from .metric import Floats

BASES = 256  # samples whose basis functions reach over the whole map, by default
_NEAREST = 10  # further basis functions with weight at a point
# Pull of each centre towards its own sample. Centres then reach 1.0 to 1.7 times the largest input on
# digits, a Gaussian mixture and a forest, and up to 3.4 times on 2,000 MNIST pictures.
_RIDGE = 0.1
_REACH_GAPS = 4.0  # where the correction by the nearest samples has faded to half
_MIN_SIGMA = 1e-12
_BLOCK_COLUMNS = 256  # input values solved for at once
_BLOCK_POINTS = 1 << 12
_GAP_CANDIDATES = 8  # neighbours among which the nearest at another place is looked for


class InverseMap:
    """Inverse projection π⁻¹(y) = Σ w_i(y) θ_i / Σ w_i(y), with w_i(y) = 1 / (1 + a‖y_i − y‖²) (§4.2, b = 1).

    The sum runs over all samples, as in the paper. Cut off after some nearest ones, it would leap wherever
    the set of the nearest changes, most of all in the empty space between clusters. The centres θ solve one
    ridge regression, min ‖Wθ − X‖² + μ‖θ − X‖². The first term vanishes with μ; the second keeps centres near
    real inputs, so that what is decoded between samples lies between inputs.

    A sum over thousands of samples costs too much for every pixel. Beyond `bases` samples, it runs over so
    many that are spread over the map, and the ten nearest samples correct it. Their weights fade to zero
    before they are cut off, and away from all samples.

    Theorem 2 divides each weight by σ_i, the local scale of the metric; so does this if `sigmas` are passed.
    More basis functions follow the samples more closely and take longer: `bases` of them at least as many as
    there are samples is Theorem 2 as it stands.

    Parameters
    ----------
    y : float [N, 2]
        Positions of the samples.
    x : float32 or float64 [N, D]
        Their flat inputs; what is decoded is float32.
    a : float
        How fast a sample's influence fades, per squared unit of the map.
    sigmas : float [N], optional
        Local scales.
    bases : int
        Basis functions that reach over the whole map, at most.

    Attributes
    ----------
    centres : float32 [min(N, bases), D]
        θ of the samples that the sum runs over.
    """

    def __init__(
        self,
        y: NDArray[np.floating],
        x: NDArray[np.floating],
        a: float,
        *,
        sigmas: NDArray[np.floating] | None = None,
        bases: int = BASES,
    ) -> None:
        self.a = a
        x = x.astype(np.float32, copy=False)
        self._low, self._high = x.min(axis=0), x.max(axis=0)
        spread = np.ones(len(y)) if sigmas is None else np.maximum(sigmas.astype(np.float64), _MIN_SIGMA)
        rows = np.arange(len(y)) if len(y) <= bases else _spread_out(y, bases)
        self._places, self._sigmas = y[rows].astype(np.float64), spread[rows]
        # Fewer basis functions are farther apart: the same a in units of the gap.
        self._broad_a = a * (typical_gap(y) / typical_gap(y[rows])) ** 2
        w = self._broad_weights(y)
        system = cho_factor(w.T @ w + _RIDGE * np.eye(len(rows)))
        self.centres = np.empty((len(rows), x.shape[1]), np.float32)
        for part in _blocks(x.shape[1], _BLOCK_COLUMNS):
            targets = x[:, part].astype(np.float64)
            own = targets[rows]
            self.centres[:, part] = own + cho_solve(system, w.T @ (targets - w @ own))
        self._near: _Correction | None = None
        if len(rows) < len(y):
            self._near = _Correction(y, x - w.astype(np.float32) @ self.centres, a)

    def __call__(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return inputs [m, D] at points [m, 2], clipped to each value's range over the samples."""
        decoded = np.empty((len(points), self.centres.shape[1]), np.float32)
        for part in _blocks(len(points), _BLOCK_POINTS):
            decoded[part] = self._broad_weights(points[part]).astype(np.float32) @ self.centres
            if self._near is not None:
                decoded[part] += self._near(points[part])
        np.clip(decoded, self._low, self._high, out=decoded)
        return decoded

    def _broad_weights(self, points: NDArray[np.floating]) -> Floats:
        """Return normalised weights at points [m, 2]; rows sum to one."""
        w: Floats = 1 / (1 + self._broad_a * cdist(points, self._places, "sqeuclidean")) / self._sigmas
        w /= w.sum(axis=1, keepdims=True)
        return w


class _Correction:
    """What the nearest samples add to the sum over those spread over the map.

    Parameters
    ----------
    y : float [N, 2]
    left : float32 [N, D]
        What that sum leaves of each input.
    a : float
    """

    def __init__(self, y: NDArray[np.floating], left: NDArray[np.float32], a: float) -> None:
        self._a, self._tree = a, cKDTree(y)
        self._floor = 1 / (1 + a * (_REACH_GAPS * typical_gap(y)) ** 2)
        w = self._weights(y).astype(np.float64)
        system = (w.T @ w + _RIDGE * eye_array(len(y))).tocsc()
        factors = splu(system, "MMD_AT_PLUS_A", options={"SymmetricMode": True})
        self._centres = np.empty_like(left)
        for part in _blocks(left.shape[1], _BLOCK_COLUMNS):
            targets = left[:, part].astype(np.float64)
            self._centres[:, part] = targets + factors.solve(w.T @ (targets - w @ targets))

    def __call__(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the correction [m, D] at points [m, 2]."""
        correction: NDArray[np.float32] = self._weights(points) @ self._centres
        return correction

    def _weights(self, points: NDArray[np.floating]) -> csr_matrix:
        """Return weights [m, N]; rows sum to at most one, and to less the farther all samples are."""
        distances, rows = self._tree.query(points, _NEAREST + 1)
        w = 1 / (1 + self._a * distances**2)
        w, rows = w[:, :-1] - w[:, -1:], rows[:, :-1]  # the first sample left out has weight zero
        w /= w.sum(axis=1, keepdims=True) + self._floor
        starts = np.arange(0, rows.size + 1, _NEAREST)
        return csr_matrix((w.ravel().astype(np.float32), rows.ravel(), starts), (len(points), self._tree.n))


def _blocks(size: int, step: int) -> list[slice]:
    return [slice(start, start + step) for start in range(0, size, step)]


def _spread_out(y: NDArray[np.floating], count: int) -> NDArray[np.intp]:
    """Return samples spread over the map: each the farthest from those before it (Gonzalez, 1985)."""
    chosen = np.empty(count, np.intp)
    chosen[0] = np.square(y - y.mean(axis=0)).sum(axis=1).argmin()
    nearest = np.full(len(y), np.inf)
    for i in range(1, count):
        nearest = np.minimum(nearest, np.square(y - y[chosen[i - 1]]).sum(axis=1))
        chosen[i] = nearest.argmax()
    return chosen


def typical_gap(y: NDArray[np.floating]) -> float:
    """Return the median distance on the map from a sample to the nearest elsewhere; 1 if there is none."""
    distances = cKDTree(y).query(y, min(len(y), _GAP_CANDIDATES))[0]
    nearest = np.where(distances > 0, distances, np.inf).min(axis=1)
    return float(np.median(nearest[np.isfinite(nearest)])) if np.isfinite(nearest).any() else 1.0
