"""Principal components of an epoch's representations, as many as hold nearly all of their variance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_KEPT = 0.995  # of the variance
_SAMPLED = 20_000  # rows that determine the components


class Axes:
    """Coordinates of representations on few orthogonal axes.

    Parameters
    ----------
    centre : float32 [h]
        Mean of the representations.
    components : float32 [r, h]
        Orthonormal; largest variance first.
    """

    def __init__(self, centre: NDArray[np.float32], components: NDArray[np.float32]) -> None:
        self.centre = centre
        self.components = components

    @classmethod
    def fit(cls, x: NDArray[np.float32], least: int = 2, kept: float = _KEPT) -> Axes:
        """As many components of representations [n, h] as hold `kept` of their variance, `least` at least.

        There are no more than n or h of them.
        The sign of a component is chosen so that its largest loading is positive.
        """
        centre = x.mean(axis=0, dtype=np.float64).astype(np.float32)
        sampled = x[:: -(-len(x) // _SAMPLED)] - centre
        # Of few rows and many columns the products of rows have the same variances, and are fewer.
        few = len(sampled) < x.shape[1]
        variances, vectors = np.linalg.eigh(
            (sampled @ sampled.T if few else sampled.T @ sampled).astype(np.float64)
        )
        variances, vectors = np.maximum(variances[::-1], 0), vectors[:, ::-1]
        beyond = np.cumsum(variances) < kept * variances.sum()
        rank = min(max(int(beyond.sum()) + 1, least), len(variances))
        vectors = vectors[:, :rank]
        components = (np.linalg.qr(sampled.T @ vectors)[0] if few else vectors).T
        components = (
            components * np.sign(components[np.arange(rank), np.abs(components).argmax(axis=1)])[:, None]
        )
        return cls(centre, np.ascontiguousarray(components, np.float32))

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.components)

    def reduce(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Coordinates [m, r] of representations [m, h]."""
        return np.asarray((x - self.centre) @ self.components.T, np.float32)

    def restore(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        """Representations [m, h] from coordinates [m, r]."""
        return np.asarray(z @ self.components + self.centre, np.float32)
