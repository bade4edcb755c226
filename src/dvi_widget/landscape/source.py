"""The contract between a landscape and its engine: one small protocol per ability.

A landscape has a source, any object; each protocol below that it satisfies is an ability of the landscape. A
loaded or exported landscape may have a source with few abilities, or none. `epoch` is always the recorded
number, and a canvas point is a position [l] in units of `Landscape.extent`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from .canvas import Canvas


@runtime_checkable
class Paints(Protocol):
    """Decodes and classifies any canvas point."""

    def paint(
        self, epoch: int, points: NDArray[np.float32]
    ) -> tuple[NDArray[np.integer], NDArray[np.float32], NDArray[np.float32]]:
        """Classify points [m, l]: class, shade, margin between the two likeliest; both in [0, 1] [m]."""
        ...


@runtime_checkable
class Sharpens(Protocol):
    """Paints whole canvases from coarse to fine; for engines that are slow at `paint`."""

    def sharpen(
        self, epoch: int, extent: tuple[float, float, float, float], resolution: int
    ) -> Iterator[tuple[Canvas, float]]:
        """Yield the canvas, ever finer, and the share of the work done."""
        ...


@runtime_checkable
class Decodes(Protocol):
    """Inverts the projection."""

    def decode(self, epoch: int, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """ψ: canvas points [m, l] to representations [m, h]."""
        ...


@runtime_checkable
class Places(Protocol):
    """Projects new samples."""

    def place(self, epoch: int, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """φ: representations [m, h] to positions [m, l]."""
        ...


@runtime_checkable
class PlacesBoundary(Protocol):
    """Projects points on the δ-boundary otherwise than samples."""

    def place_boundary(self, epoch: int, b: NDArray[np.float32]) -> NDArray[np.float32]:
        """φ of δ-boundary points [m, h]: positions [m, l]."""
        ...


@runtime_checkable
class FindsNeighbors(Protocol):
    """Searches the neighbours of recorded samples."""

    def neighbors(
        self, epoch: int, indices: ArrayLike, k: int, mask: ArrayLike | None = None
    ) -> NDArray[np.int32]:
        """Search the k samples nearest in representation space [m, k], among those that mask [N] allows."""
        ...


@runtime_checkable
class RecallsNeighbors(Protocol):
    """Still has the neighbours that were searched while fitting."""

    def searched(self, epoch: int) -> Mapping[str, NDArray[np.int32]]:
        """Return "neighbors" and "boundary_neighbors" of the training samples [n_train, k], if searched."""
        ...


@runtime_checkable
class KnowsLogits(Protocol):
    """Has the classifier's outputs."""

    def logits(self, epoch: int) -> NDArray[np.float32]:
        """Return the logits of all samples [N, C]."""
        ...


@runtime_checkable
class KnowsFeatures(Protocol):
    """Has the representations."""

    def features(self, epoch: int) -> NDArray[np.float32]:
        """Return the representations of all samples [N, h]."""
        ...


@runtime_checkable
class KnowsBoundary(Protocol):
    """Has points on the δ-boundary."""

    def boundary(self, epoch: int, split: str) -> NDArray[np.float32]:
        """Return the representations [b, h] of the boundary set fitted ("train") or held back ("test")."""
        ...


@runtime_checkable
class KnowsInputs(Protocol):
    """Has the classifier's inputs."""

    def inputs(self, indices: ArrayLike) -> NDArray[Any]:
        """Return samples as the classifier takes them [m, ...]."""
        ...


@runtime_checkable
class Represents(Protocol):
    """Turns new inputs into what `place` and `classify` take."""

    def represent(self, epoch: int, inputs: ArrayLike) -> NDArray[np.float32]:
        """Return the representations [m, h] of inputs [m, ...] as the classifier takes them."""
        ...


@runtime_checkable
class HasSubject(Protocol):
    """Has the classifier itself."""

    def subject(self, epoch: int) -> Any:
        """Return the classifier as it was at that epoch."""
        ...


@runtime_checkable
class Recorded(Protocol):
    """Knows the folder its run was recorded in."""

    @property
    def folder(self) -> Path:
        """The folder."""
        ...


@runtime_checkable
class Classifies(Protocol):
    """Classifies what `decode` returns."""

    def classify(self, epoch: int, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probabilities [m, C] of representations [m, h]."""
        ...


@runtime_checkable
class Examines(Protocol):
    """Decodes to inputs of the classifier."""

    def examine(
        self, epoch: int, points: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.integer], NDArray[np.float32]]:
        """Return inputs [m, ...], classes [m] and certainty in [0, 1] [m] of canvas points [m, l]."""
        ...


@runtime_checkable
class Pictures(Protocol):
    """Shows what `decode` returns."""

    def pictures(self, epoch: int, x: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return pictures of representations [m, h]: uint8 [m, C, H, W]."""
        ...


@runtime_checkable
class Measures(Protocol):
    """Has figures of merit of its own, in place of the four properties."""

    def measures(self) -> pd.DataFrame:
        """Return them as `Landscape.measures` does."""
        ...


class RoundTrips(Decodes, Places, Protocol):
    """Projects and inverts."""


class Measurable(Places, KnowsFeatures, KnowsBoundary, Protocol):
    """Has what the four properties (DeepVisualInsight, §4) are measured on."""


# By the name of its method, which is also what the page calls it.
ABILITIES: dict[str, type] = {
    "paint": Paints,
    "decode": Decodes,
    "place": Places,
    "neighbors": FindsNeighbors,
    "logits": KnowsLogits,
    "features": KnowsFeatures,
    "boundary": KnowsBoundary,
    "sharpen": Sharpens,
    "classify": Classifies,
    "examine": Examines,
    "pictures": Pictures,
    "inputs": KnowsInputs,
    "represent": Represents,
    "subject": HasSubject,
    "measures": Measures,
    "place_boundary": PlacesBoundary,
    "searched": RecallsNeighbors,
}
