"""What a fitted DeepView answers about its landscape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from . import canvas

if TYPE_CHECKING:
    from .estimator import DeepView

_STEPS = 256  # points classified along a line
_HALVINGS = 8  # by which a crossing is then narrowed down


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

    def examine(
        self, epoch: int, points: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.integer], NDArray[np.float32]]:
        """Inputs [m, ...] as the classifier takes them, their classes [m] and how likely these are [m]."""
        x = self.decode(epoch, points)
        p = self._view.classify_(x)
        return x.reshape(len(x), *self._view.shape_), p.argmax(axis=1), p.max(axis=1)

    def crossings(self, epoch: int, a: ArrayLike, b: ArrayLike) -> pd.DataFrame:
        """Class changes on the straight way between two points of the map.

        Parameters
        ----------
        epoch : int
            Not used.
        a, b : array [2]
            Where the way begins and ends.

        Returns
        -------
        DataFrame
            One row per change, in order: `t` in (0, 1) (share of the way), `x`, `y` (the point), `before`,
            `after` (class indices).
        """
        del epoch
        start, end = np.asarray(a, np.float64), np.asarray(b, np.float64)

        def classes(t: NDArray[np.floating]) -> NDArray[np.integer]:
            return self._ask((start + t[:, None] * (end - start)).astype(np.float32))[0]

        t = np.linspace(0, 1, _STEPS)
        along = classes(t)
        changes = np.flatnonzero(along[1:] != along[:-1])
        low, high = t[changes], t[changes + 1]
        before, after = along[changes], along[changes + 1]
        for _ in range(_HALVINGS if len(changes) else 0):
            middle = (low + high) / 2
            kind = classes(middle)
            still = kind == before
            low, high = np.where(still, middle, low), np.where(still, high, middle)
            after = np.where(still, after, kind)
        middle = (low + high) / 2
        at = start + middle[:, None] * (end - start)
        return pd.DataFrame({"t": middle, "x": at[:, 0], "y": at[:, 1], "before": before, "after": after})

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

    def measures(self) -> pd.DataFrame:
        """Figures of merit of the map; see `DeepView.measures`."""
        return self._view.measures()

    def _ask(self, points: NDArray[np.float32]) -> tuple[NDArray[np.integer], NDArray[np.float32]]:
        """Class and 1 − normalised entropy at points [m, 2]."""
        p = self._view.classify_(self._view.inverse_(points)).astype(np.float64)
        entropy = -(p * np.log(np.maximum(p, 1e-300))).sum(axis=1)
        return p.argmax(axis=1), (1 - entropy / np.log(p.shape[1])).astype(np.float32)
