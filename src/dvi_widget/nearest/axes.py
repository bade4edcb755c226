"""Principal components of an epoch's representations, as many as hold nearly all of their variance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dvi_widget import threads

_VARIANCE = 0.995  # share that the components hold by default
_MAX_ROWS = 20_000  # rows that determine the components


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
    def fit(cls, x: NDArray[np.float32], min_rank: int = 2, variance: float = _VARIANCE) -> Axes:
        """Choose the first components that together hold a share of the variance.

        The sign of a component is such that its largest loading is positive.

        Parameters
        ----------
        x : float32 [n, h]
            Representations. Of more than 20,000 rows, an evenly spaced sample determines the components.
        min_rank : int
            Number of components to choose at least, as far as n and h allow.
        variance : float
            The share, in (0, 1].
        """
        centre = x.mean(axis=0, dtype=np.float64).astype(np.float32)
        sample = x[cls.sample(len(x))] - centre
        # Of few rows and many columns the products of rows have the same variances, and are fewer.
        by_rows = len(sample) < x.shape[1]
        variances, vectors = np.linalg.eigh(
            (sample @ sample.T if by_rows else sample.T @ sample).astype(np.float64)
        )
        variances, vectors = np.maximum(variances[::-1], 0), vectors[:, ::-1]
        below = np.cumsum(variances) < variance * variances.sum()
        rank = min(max(int(below.sum()) + 1, min_rank), len(variances))
        vectors = vectors[:, :rank]
        components = (np.linalg.qr(sample.T @ vectors)[0] if by_rows else vectors).T
        components = (
            components * np.sign(components[np.arange(rank), np.abs(components).argmax(axis=1)])[:, None]
        )
        return cls(centre, np.ascontiguousarray(components, np.float32))

    @staticmethod
    def sample(n: int) -> slice:
        """Choose the rows, of n, that determine the components."""
        return slice(None, None, -(-n // _MAX_ROWS))

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.components)

    def reduce(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Project representations [m, h] to coordinates [m, r]."""
        z = np.empty((len(x), self.rank), np.float32)

        def reduce(rows: slice) -> None:
            z[rows] = (x[rows] - self.centre) @ self.components.T

        threads.each(reduce, threads.slices(len(x)), products=True)
        return z

    def restore(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rebuild representations [m, h] from coordinates [m, r]."""
        return np.asarray(z @ self.components + self.centre, np.float32)
