"""What a fitted DeepView answers about its landscape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from . import canvas

if TYPE_CHECKING:
    from .estimator import DeepView

_SHOWN = 500  # samples by which pictures and inputs are compared


class DeepViewSource:
    """Answers of one fitted map; its single epoch is 0 whatever is asked.

    Parameters
    ----------
    view : DeepView
        The fitted estimator.
    """

    def __init__(self, view: DeepView) -> None:
        self._view = view

    def paint(
        self, epoch: int, points: NDArray[np.float32]
    ) -> tuple[NDArray[np.integer], NDArray[np.float32], NDArray[np.bool_]]:
        """Class, 1 − normalised entropy and False at points [m, 2]: DeepView draws no δ-boundary (§3.1)."""
        del epoch
        kind, sure = self._ask(points)
        return kind, sure, np.zeros(len(points), bool)

    def sharpen(
        self, epoch: int, extent: tuple[float, float, float, float], resolution: int
    ) -> Iterator[canvas.Painting]:
        """Canvas from coarse to fine; see `canvas.paint`."""
        del epoch
        view = self._view
        return canvas.paint(
            self._ask, extent, resolution, view.probabilities_.shape[1], view.embedding_, view.predictions_
        )

    def decode(self, epoch: int, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Flat inputs [m, D] at points [m, 2]."""
        del epoch
        return self._view.inverse_(points)

    def classify(self, epoch: int, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities [m, C] of flat inputs [m, D]."""
        del epoch
        return self._view.classify_(x)

    def examine(
        self, epoch: int, points: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.integer], NDArray[np.float32]]:
        """Inputs [m, ...] as the classifier takes them, their classes [m] and how likely these are [m]."""
        x = self.decode(epoch, points)
        p = self._view.classify_(x)
        return x.reshape(len(x), *self._view.shape_), p.argmax(axis=1), p.max(axis=1)

    def place(self, epoch: int, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Positions of inputs [m, ...]."""
        del epoch
        return self._view.transform(x)

    def neighbors(
        self, epoch: int, indices: ArrayLike, k: int, mask: ArrayLike | None = None
    ) -> NDArray[np.int32]:
        """The k samples nearest in the metric [m, k], among those that mask [N] allows."""
        del epoch
        return self._view.nearest(indices, k, mask)

    def logits(self, epoch: int) -> NDArray[np.float32]:
        """Logarithms of all samples' probabilities [N, C]."""
        del epoch
        logits: NDArray[np.float32] = np.log(np.maximum(self._view.probabilities_, np.finfo(np.float32).tiny))
        return logits

    def features(self, epoch: int) -> NDArray[np.float32]:
        """Flat inputs of all samples [N, D]: DeepView maps inputs, not representations."""
        del epoch
        return self._view.flat_

    def inputs(self, indices: ArrayLike) -> NDArray[np.float32]:
        """Samples as the classifier takes them [m, ...]."""
        x = self._view.flat_[np.asarray(indices)]
        inputs: NDArray[np.float32] = x.reshape(len(x), *self._view.shape_)
        return inputs

    def subject(self, epoch: int) -> Any:
        """The classifier."""
        del epoch
        return self._view.model

    def measures(self) -> pd.DataFrame:
        """Figures of merit of the map; see `DeepView.measures`."""
        return self._view.measures()

    def _ask(self, points: NDArray[np.float32]) -> tuple[NDArray[np.integer], NDArray[np.float32]]:
        """Class and 1 − normalised entropy at points [m, 2]."""
        p = self._view.classify_(self._view.inverse_(points)).astype(np.float64)
        entropy = -(p * np.log(np.maximum(p, 1e-300))).sum(axis=1)
        return p.argmax(axis=1), (1 - entropy / np.log(p.shape[1])).astype(np.float32)


class PictureSource(DeepViewSource):
    """The same where inputs are pictures: what is decoded can be shown.

    People may see other values than the classifier: pixels that were centred and divided, say. So each
    channel is shown by the straight line that leads best from its inputs to the samples' pictures.

    Parameters
    ----------
    view : DeepView
        The fitted estimator.
    pictures : uint8 [N, C, H, W]
        What people see of the fitted samples, in the size of the inputs.
    """

    def __init__(self, view: DeepView, pictures: NDArray[np.uint8]) -> None:
        super().__init__(view)
        channels = pictures.shape[1]
        rows = slice(0, None, max(1, len(pictures) // _SHOWN))
        x = view.flat_[rows].reshape(-1, channels, view.flat_.shape[1] // channels)
        y = pictures[rows].reshape(x.shape)
        lines = [_line(x[:, c].ravel(), y[:, c].ravel()) for c in range(channels)]
        self._slopes, self._offsets = np.array(lines, np.float32).T.reshape(2, 1, channels, 1, 1)
        self._size = pictures.shape[1:]

    def pictures(self, epoch: int, x: NDArray[np.float32]) -> NDArray[np.uint8]:
        """What people see of flat inputs [m, D]: uint8 [m, C, H, W]."""
        del epoch
        shown = x.reshape(len(x), *self._size) * self._slopes + self._offsets
        pictures: NDArray[np.uint8] = np.rint(np.clip(shown, 0, 255)).astype(np.uint8)
        return pictures


def _line(x: NDArray[np.float32], y: NDArray[np.uint8]) -> tuple[float, float]:
    """Slope and offset of the least-squares line through pairs; flat where x does not vary."""
    u, v = x.astype(np.float64), y.astype(np.float64)
    spread = u.var()
    slope = float(((u - u.mean()) * (v - v.mean())).mean() / spread) if spread > 0 else 0.0
    return slope, float(v.mean() - slope * u.mean())
