"""Forces on a layout beside its edges: a guide towards the skeleton, and a hold on places that were kept.

Both act on cells, the samples around one landmark, and not on single samples: these forces decide where a
cell lies, and the edges decide how its samples lie within it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dvi_widget import threads
from dvi_widget.projection import Checkpoint

from .landmarks import landmark_rows

_CELLS = 60
_GUIDE_WEIGHT = 0.3
_GUIDED_SHARE = 0.7  # of the iterations, over which the guide fades out
_HOLD_WEIGHT = 0.03


def cells(checkpoint: Checkpoint) -> NDArray[np.intp]:
    """Number, for each sample, the nearest landmark of its own prediction, or of all if there is none [n]."""
    rows = landmark_rows(checkpoint.x, _CELLS)
    landmarks, predictions = checkpoint.x[rows], checkpoint.predictions
    norms = np.square(landmarks).sum(axis=1)
    nearest = np.empty(len(checkpoint.x), np.intp)

    def fill(part: slice) -> None:
        squares = norms - 2 * (checkpoint.x[part] @ landmarks.T)
        same = predictions[rows] == predictions[part, None]
        nearest[part] = np.where(same | ~same.any(axis=1)[:, None], squares, np.inf).argmin(axis=1)

    threads.each(fill, threads.slices(len(nearest)), products=True)
    return nearest


class Guide:
    """Draws cells to where the outline has them, and fades out.

    The outline is moved and scaled onto the layout by least squares; a guide that did not fade would cost
    neighbours.

    Parameters
    ----------
    outline : float64 [n, l]
        Places of the skeleton.
    cell : int [n]
        Cell of each sample.
    """

    def __init__(self, outline: NDArray[np.float64], cell: NDArray[np.intp]) -> None:
        self._goal = outline - outline.mean(axis=0)
        self._spread = max(float(np.square(self._goal).sum()), 1e-12)
        self._cell = cell

    def __call__(self, y: NDArray[np.float64], done: float) -> NDArray[np.float64]:
        """Return the force on the samples [n, l], to be subtracted, after a share of the iterations."""
        n = len(self._cell)
        weight = _GUIDE_WEIGHT * max(0.0, 1 - done / _GUIDED_SHARE)
        if not weight:
            return np.zeros((0, y.shape[1]))
        centred = y[:n] - y[:n].mean(axis=0)
        scale = max(float((centred * self._goal).sum()) / self._spread, 1e-9)
        radius = float(np.sqrt(np.square(centred).sum(axis=1).mean()))
        away = (centred - scale * self._goal) / max(radius, 1.0)
        return weight * cell_means(away, self._cell)


class Hold:
    """Holds cells at their anchors, as far as their samples kept their neighbours.

    Parameters
    ----------
    anchors : float64 [n, l]
        The places that the samples would have if nothing but the skeleton had moved.
    kept : float64 [n]
        Share of its neighbours that each sample kept.
    cell : int [n]
        Cell of each sample.
    """

    def __init__(
        self, anchors: NDArray[np.float64], kept: NDArray[np.float64], cell: NDArray[np.intp]
    ) -> None:
        self._anchors = anchors
        self._kept = kept
        self._cell = cell

    def __call__(self, y: NDArray[np.float64], done: float) -> NDArray[np.float64]:  # noqa: ARG002
        """Return the force on the samples [n, l], to be subtracted."""
        away = (y[: len(self._cell)] - self._anchors) * self._kept[:, None]
        return _HOLD_WEIGHT * cell_means(away, self._cell)


def cell_means(values: NDArray[np.float64], cell: NDArray[np.intp]) -> NDArray[np.float64]:
    """Replace each row [n, l] by the mean of its cell."""
    counts = np.maximum(np.bincount(cell), 1)
    means = np.stack([np.bincount(cell, column) / counts for column in values.T], axis=1)
    return means[cell]
