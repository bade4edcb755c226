"""The contract of projection methods: a method fits one epoch after the other, and each fit is a map."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from dvi_widget.progress import Progress

from .checkpoint import Checkpoint


class Map(Protocol):
    """A fitted projection of one epoch."""

    @property
    def positions(self) -> NDArray[np.float32]:
        """Positions of the training samples [n, l]."""
        ...

    def transform(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """φ: representations [m, h] to positions [m, l]."""
        ...

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that `Method.load` needs, apart from the positions."""
        ...


@runtime_checkable
class InvertibleMap(Map, Protocol):
    """A map that can be inverted."""

    def inverse_transform(self, y: NDArray[np.float32]) -> NDArray[np.float32]:
        """ψ: positions [m, l] to representations [m, h]."""
        ...


@runtime_checkable
class BoundaryMap(Map, Protocol):
    """A map that places points on the δ-boundary otherwise than samples."""

    def transform_boundary(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """φ of δ-boundary points: representations [m, h] to positions [m, l]."""
        ...


@runtime_checkable
class ClassifyingMap(Map, Protocol):
    """A map that is quicker at classifying positions than by decoding them."""

    def logits(
        self, y: NDArray[np.float32], weight: NDArray[np.float32], bias: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return the logits [m, C] of decoded positions [m, l] under a linear head [C, h], [C]."""
        ...


class Method(Protocol):
    """Fits one epoch, given the one before."""

    def key(self) -> Mapping[str, Any]:
        """Return the name ("method"), version and settings: all that changes a fitted map, as JSON."""
        ...

    def fit(
        self, checkpoint: Checkpoint, previous: tuple[Checkpoint, Map] | None, seed: int, report: Progress
    ) -> Map:
        """Fit one epoch."""
        ...

    def load(
        self,
        arrays: Mapping[str, NDArray[Any]],
        positions: NDArray[np.float32],
        reopen: Callable[[], Checkpoint],
    ) -> Map:
        """Rebuild a map from `Map.arrays`; `reopen` returns the checkpoint it was fitted to, if needed."""
        ...


@runtime_checkable
class JointMethod(Method, Protocol):
    """A method that looks at all epochs together before it fits one after the other."""

    @property
    def joint(self) -> bool:
        """Whether these settings have it look at all epochs together."""
        ...

    def prepare(self, representations: Mapping[int, NDArray[np.float32]], report: Progress) -> Method:
        """Look at the training samples [n, h] of each epoch, in order; return the method that fits them."""
        ...


def place_boundary(fitted: Map, b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Place points on the δ-boundary [m, h] as the map does."""
    return fitted.transform_boundary(b) if isinstance(fitted, BoundaryMap) else fitted.transform(b)
