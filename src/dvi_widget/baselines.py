"""Classical projections behind the same estimator shape, for comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .estimator import Checkpoint, Map, Method, Projection


class PCA(Projection):
    """Each epoch on its own two principal components; decodes by the transposed projection.

    The sign of a component, which PCA leaves open, is chosen so that its largest loading is positive.
    """

    def __repr__(self) -> str:
        return "PCA()"

    def _method(self) -> Method:
        return _Components()


class _Components:
    """PCA as a method: no epoch knows of another."""

    def key(self) -> Mapping[str, Any]:
        return {"method": "pca", "version": 1}

    def fit(
        self,
        checkpoint: Checkpoint,
        previous: tuple[Checkpoint, Map] | None,  # noqa: ARG002
        seed: int,  # noqa: ARG002
        report: Callable[[float], object],
    ) -> _LinearMap:
        centre = checkpoint.x.mean(axis=0, dtype=np.float64)
        x = checkpoint.x.astype(np.float64) - centre
        axes: NDArray[np.float64] = np.linalg.eigh(x.T @ x)[1][:, :-3:-1].T  # [2, h]
        axes = axes * np.sign(axes[np.arange(2), np.abs(axes).argmax(axis=1)])[:, None]
        report(1.0)
        fitted = _LinearMap(centre.astype(np.float32), axes.astype(np.float32))
        fitted.positions = fitted.transform(checkpoint.x)
        return fitted

    def load(
        self,
        arrays: Mapping[str, NDArray[Any]],
        positions: NDArray[np.float32],
        reopen: Callable[[], Checkpoint],  # noqa: ARG002
    ) -> _LinearMap:
        return _LinearMap(arrays["centre"], arrays["axes"], positions)


class _LinearMap:
    """Onto a plane through the centre, and back."""

    def __init__(
        self,
        centre: NDArray[np.float32],
        axes: NDArray[np.float32],
        positions: NDArray[np.float32] | None = None,
    ) -> None:
        self._centre = centre
        self._axes = axes
        self.positions = np.empty((0, len(axes)), np.float32) if positions is None else positions

    def transform(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        return ((x - self._centre) @ self._axes.T).astype(np.float32)

    def inverse_transform(self, y: NDArray[np.float32]) -> NDArray[np.float32]:
        return (y @ self._axes + self._centre).astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"centre": self._centre, "axes": self._axes}
