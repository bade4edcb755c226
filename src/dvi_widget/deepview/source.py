"""The source of a DeepView landscape: paint, decode, place and measure on a fitted map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dvi_widget.landscape.canvas import Canvas
from dvi_widget.pictures import Lines

from . import canvas

if TYPE_CHECKING:
    from .estimator import DeepView

_COMPARED_SAMPLES = 500  # from which the scale between inputs and pictures is estimated


class DeepViewSource:
    """Source of the single frame of one fitted map; `epoch` is always 0.

    Parameters
    ----------
    view : DeepView
        The fitted estimator.
    """

    def __init__(self, view: DeepView) -> None:
        self._view = view

    def paint(
        self, epoch: int, points: NDArray[np.float32]
    ) -> tuple[NDArray[np.integer], NDArray[np.float32], NDArray[np.float32]]:
        """Return class, 1 − normalised entropy and margin of the two likeliest at points [m, 2] (§3.1)."""
        del epoch
        return self._classify_at(points)

    def sharpen(
        self, epoch: int, extent: tuple[float, float, float, float], resolution: int
    ) -> Iterator[tuple[Canvas, float]]:
        """Yield the canvas from coarse to fine; see `canvas.paint`."""
        del epoch
        view = self._view
        return canvas.paint(
            self._classify_at,
            extent,
            resolution,
            view.probabilities_.shape[1],
            view.embedding_,
            view.predictions_,
        )

    def decode(self, epoch: int, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return flat inputs [m, D] at points [m, 2]."""
        del epoch
        return self._view.inverse_(points)

    def classify(self, epoch: int, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return probabilities [m, C] of flat inputs [m, D]."""
        del epoch
        return self._view.classify_(x)

    def examine(
        self, epoch: int, points: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.integer], NDArray[np.float32]]:
        """Return inputs [m, ...] at points [m, 2], their classes [m] and the probabilities of these [m]."""
        x = self.decode(epoch, points)
        p = self._view.classify_(x)
        return x.reshape(len(x), *self._view.shape_), p.argmax(axis=1), p.max(axis=1)

    def place(self, epoch: int, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return positions [m, 2] of inputs [m, ...], flat or not."""
        del epoch
        return self._view.transform(x.reshape(len(x), *self._view.shape_))

    def represent(self, epoch: int, inputs: ArrayLike) -> NDArray[np.float32]:
        """Return inputs [m, ...] flat: DeepView maps inputs, not representations."""
        del epoch
        x = np.asarray(inputs, np.float32)
        return x.reshape(len(x), -1)

    def neighbors(
        self, epoch: int, indices: ArrayLike, k: int, mask: ArrayLike | None = None
    ) -> NDArray[np.int32]:
        """Return the k samples nearest in the metric, among those of mask [N]: [m, k]."""
        del epoch
        return self._view.nearest(indices, k, mask)

    def logits(self, epoch: int) -> NDArray[np.float32]:
        """Return the log-probabilities of all samples: [N, C]."""
        del epoch
        logits: NDArray[np.float32] = np.log(np.maximum(self._view.probabilities_, np.finfo(np.float32).tiny))
        return logits

    def features(self, epoch: int) -> NDArray[np.float32]:
        """Return the flat inputs of all samples: [N, D]. DeepView maps inputs, not representations."""
        del epoch
        return self._view.flat_.astype(np.float32, copy=False)

    def inputs(self, indices: ArrayLike) -> NDArray[np.float32]:
        """Return samples as the classifier takes them: [m, ...]."""
        x = self._view.flat_[np.asarray(indices)].astype(np.float32, copy=False)
        inputs: NDArray[np.float32] = x.reshape(len(x), *self._view.shape_)
        return inputs

    def subject(self, epoch: int) -> Any:
        """Return the classifier."""
        del epoch
        return self._view.model

    def measures(self) -> pd.DataFrame:
        """Return the figures of merit; see `DeepView.measures`."""
        return self._view.measures()

    def _classify_at(
        self, points: NDArray[np.float32]
    ) -> tuple[NDArray[np.integer], NDArray[np.float32], NDArray[np.float32]]:
        """Return class, 1 − normalised entropy and difference of the two likeliest at points [m, 2]."""
        p = self._view.classify_(self._view.inverse_(points)).astype(np.float64)
        entropy = -(p * np.log(np.maximum(p, 1e-300))).sum(axis=1)
        second, first = np.partition(p, -2, axis=1)[:, -2:].T
        sure = 1 - entropy / np.log(p.shape[1])
        return p.argmax(axis=1), sure.astype(np.float32), (first - second).astype(np.float32)


class PictureSource(DeepViewSource):
    """Source of a map whose inputs are pictures: decoded inputs can be shown.

    The classifier may take other values than people see, such as pixels that were centred and divided. So
    each channel is shown by the straight line that fits the samples' pictures to their inputs best.

    Parameters
    ----------
    view : DeepView
        The fitted estimator.
    pictures : uint8 [N, C, H, W]
        Pictures of the fitted samples, in the size of the inputs.
    """

    def __init__(self, view: DeepView, pictures: NDArray[np.uint8]) -> None:
        super().__init__(view)
        rows = slice(0, None, max(1, len(pictures) // _COMPARED_SAMPLES))
        self._size = pictures.shape[1:]
        self._lines = Lines.between(view.flat_[rows].reshape(-1, *self._size), pictures[rows])

    def pictures(self, epoch: int, x: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return pictures of flat inputs [m, D]: uint8 [m, C, H, W]."""
        del epoch
        return self._lines.pictures(x.reshape(len(x), *self._size))
