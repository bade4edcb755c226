"""The source of a fitted projection's landscape (see `dvi_widget.landscape.source`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from dvi_widget import threads
from dvi_widget.arrays import as_rows, check_whole
from dvi_widget.boundary import margins
from dvi_widget.nearest import neighbors
from dvi_widget.runs import Run

from .added import Added
from .cache import FittedEpoch
from .checkpoint import head_logits
from .fits import Fits
from .method import ClassifyingMap, InvertibleMap, place_boundary


class ProjectionSource:
    """Source of a fitted projection's landscape.

    An epoch that was recorded again after it was fitted is refused.

    Parameters
    ----------
    run : Run
        The run that was fitted.
    fits : Fits
        Its fitted epochs; the estimator may add further ones.
    added : Added, optional
        Samples beside those of the run; their rows come last.
    """

    def __init__(self, run: Run, fits: Fits, added: Added | None = None) -> None:
        self._run = run
        self._fits = fits
        self._added = added
        if run.knows_network:
            self.subject = run.subject
            self.represent = self._represent
        if run.has_inputs or run.left_inputs:  # whoever asks is told that there are none
            self.inputs = self._recorded_inputs

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return self._run.folder

    def _fit(self, epoch: int) -> FittedEpoch:
        """Return the fit of an epoch, after checking that its data are still those that were fitted."""
        self._fits.check_unchanged(epoch)
        return self._fits[epoch]

    def classify(self, epoch: int, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probabilities [m, C] that the head gives representations [m, h]."""
        self._fits.check_unchanged(epoch)
        probabilities: NDArray[np.float32] = softmax(head_logits(self._run.head(epoch), x), axis=1)
        return probabilities

    def place(self, epoch: int, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """φ: representations [m, h] to positions [m, l]."""
        return self._fit(epoch).map.transform(x)

    def place_boundary(self, epoch: int, b: NDArray[np.float32]) -> NDArray[np.float32]:
        """φ of δ-boundary points [m, h]: positions [m, l]."""
        return place_boundary(self._fit(epoch).map, b)

    def neighbors(
        self, epoch: int, indices: ArrayLike, k: int, mask: ArrayLike | None = None
    ) -> NDArray[np.int32]:
        """Search the nearest samples among those allowed; no sample finds itself."""
        x = self.features(epoch)
        queries = as_rows("indices", indices, len(x))
        allowed = as_rows("mask", mask, len(x))
        check_whole("k", k, 1, len(allowed) - int(np.isin(queries, allowed).any()))
        # One more than k, because a sample may find itself.
        near = allowed[neighbors(x[allowed], min(k + 1, len(allowed)), query=x[queries])[0]]
        others = np.argsort(near == queries[:, None], axis=1, kind="stable")[:, :k]
        return np.take_along_axis(near, others, axis=1).astype(np.int32)

    def searched(self, epoch: int) -> Mapping[str, NDArray[np.int32]]:
        """Return the neighbours found while fitting (see `Checkpoint.searched`)."""
        return self._fits[epoch].searched

    def logits(self, epoch: int) -> NDArray[np.float32]:
        """Return the logits of all samples [N, C]."""
        self._fits.check_unchanged(epoch)
        z = self._run.logits(epoch, "all")
        return z if self._added is None else np.concatenate([z, self._added.answers(epoch)[1]])

    def features(self, epoch: int) -> NDArray[np.float32]:
        """Return the representations of all samples [N, h]."""
        self._fits.check_unchanged(epoch)
        x = self._run.features(epoch, "all")
        return x if self._added is None else np.concatenate([x, self._added.answers(epoch)[0]])

    def _represent(self, epoch: int, inputs: ArrayLike) -> NDArray[np.float32]:
        """Return the representations [m, h] of inputs, by the network of an epoch."""
        self._fits.check_unchanged(epoch)
        return self._run.subject(epoch).features(inputs)

    def _recorded_inputs(self, indices: ArrayLike) -> NDArray[Any]:
        """Return samples as the network takes them [m, ...]."""
        rows, n = np.asarray(indices), self._run.n_train + self._run.n_test
        if self._added is None:
            return np.asarray(self._run.inputs("all")[rows])
        recorded = np.asarray(self._run.inputs("all")[np.minimum(rows, n - 1)])
        late = np.expand_dims(rows >= n, tuple(range(1, recorded.ndim)))
        return np.where(late, self._added.inputs[np.maximum(rows - n, 0)], recorded)

    def boundary(self, epoch: int, split: str) -> NDArray[np.float32]:
        """Return the boundary set [b, h] that was fitted ("train") or held back ("test")."""
        self._fits.check_unchanged(epoch)
        return self._run.boundary(epoch, "test" if split == "test" else "train")


class DecodingSource(ProjectionSource):
    """Source of a projection whose maps can be inverted: it paints and decodes too."""

    def paint(
        self, epoch: int, points: NDArray[np.float32]
    ) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.float32]]:
        """Classify points [m, l]: class, its probability, margin between the two likeliest (Def. 2)."""
        fitted = self._fit(epoch).map
        linear = self._run.linear_head(epoch)
        likeliest, confidence = np.empty(len(points), np.intp), np.empty(len(points), np.float32)
        margin = np.empty(len(points), np.float32)

        def rate(rows: slice) -> None:
            part = z[rows]
            likeliest[rows], margin[rows] = part.argmax(axis=1), margins(part)
            # The greatest probability alone: at a thousand classes all of them would take most of the time.
            confidence[rows] = 1 / np.exp(part - part.max(axis=1, keepdims=True)).sum(axis=1)

        with threads.team():
            if linear is not None and isinstance(fitted, ClassifyingMap):
                z = fitted.logits(points, *linear)
            else:
                z = head_logits(self._run.head(epoch), self.decode(epoch, points))
            threads.each(rate, threads.slices(len(points)))
        return likeliest, confidence, margin

    def decode(self, epoch: int, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """ψ: points [m, l] to representations [m, h]."""
        fitted = self._fit(epoch).map
        assert isinstance(fitted, InvertibleMap)
        return fitted.inverse_transform(points)
