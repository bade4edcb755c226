"""DeepView's Fisher metric along straight paths, classified point by point (Definition 1, discretised)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dvi_widget.subject import Outputs, as_predictor

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_BATCH_VALUES = 1 << 24  # input values per call of the classifier: 64 MB of float32
_SCALE_PAIRS = 1000
# Jensen–Shannon length below which a classifier counts as constant: its probabilities move by less than 1 %.
_MIN_LENGTH = 5e-3
# scikit-learn's error for arrays where a model was trained on a frame.
_NEEDS_COLUMN_NAMES = "Specifying the columns using strings"


class Classifier:
    """A classifier as a function from flat inputs to probabilities, with its calls counted.

    Parameters
    ----------
    model
        Whatever `as_predictor` takes.
    shape : tuple of int
        Shape of one input, as the model takes it.
    outputs : str, optional
        As for `as_predictor`.

    Attributes
    ----------
    calls : int
        Inputs classified so far.
    """

    def __init__(self, model: Any, shape: tuple[int, ...], *, outputs: Outputs | None = None) -> None:
        self.predictor = as_predictor(model, outputs=outputs)
        self.shape = shape
        self.calls = 0
        self.batch = max(1, _BATCH_VALUES // max(1, int(np.prod(shape))))
        self._classes: int | None = None

    def __call__(self, x: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return probabilities [m, C] of inputs [m, D].

        Raises
        ------
        ValueError
            If a probability is NaN, the model needs named columns, or the number of classes changes between
            calls. All other exceptions of the model pass unchanged.
        """
        parts = [self._batch(x[start : start + self.batch]) for start in range(0, len(x), self.batch)]
        return np.concatenate(parts)

    def _batch(self, x: NDArray[np.floating]) -> NDArray[np.float32]:
        try:
            logits = torch.from_numpy(self.predictor.predict(x.reshape(len(x), *self.shape)))
        except ValueError as error:
            if _NEEDS_COLUMN_NAMES not in str(error):
                raise
            raise ValueError(
                f"model must take plain arrays; it knows its columns by name ({error}). Pass a callable that "
                "rebuilds the frame: lambda x: model.predict_proba(pandas.DataFrame(x, columns=names))."
            ) from error
        self.calls += len(x)
        if self._classes is None:
            self._classes = logits.shape[1]
        if logits.shape[1] != self._classes:
            raise ValueError(
                f"model must return the same columns in every call; got {logits.shape[1]} classes after "
                f"{self._classes}."
            )
        p: NDArray[np.float32] = logits.double().softmax(1).float().numpy()
        if np.isnan(p).any():
            row = int(np.flatnonzero(np.isnan(p).any(axis=1))[0])
            raise ValueError(
                f"model must return finite outputs; got NaN for an input in {x[row].min():.3g}.."
                f"{x[row].max():.3g}. Check that the inputs are scaled as the model expects."
            )
        return p


def as_precise_as(model: Any, x: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return samples in the classifier's own precision, or in theirs if that is less.

    Parameters
    ----------
    model
        Whatever `as_predictor` takes.
    x : float32 or float64 [N, D]

    Returns
    -------
    float32 or float64 [N, D]
        float64 stays so for scikit-learn models, their methods, and torch modules in that precision. A plain
        function is called on float32: most hold a network.
    """
    subject = as_predictor(model).model
    if isinstance(subject, nn.Module):
        double = any(weight.dtype == torch.float64 for weight in subject.parameters())
    else:
        owner = getattr(subject, "__self__", subject)
        double = hasattr(owner, "predict_proba") or hasattr(owner, "decision_function")
    return x if double else x.astype(np.float32, copy=False)


def jensen_shannon(p: NDArray[np.floating], q: NDArray[np.floating]) -> Floats:
    """Return the Jensen–Shannon metric between distributions (DeepView, §4.1).

    Parameters
    ----------
    p, q : array [..., C]
        Probabilities; rows sum to one.

    Returns
    -------
    float64 [...]
        √((KL(p‖m) + KL(q‖m)) / 2) with m = (p + q) / 2 and natural logarithms, in [0, √ln 2]. It satisfies
        the triangle inequality.

    Examples
    --------
    >>> squared = jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0])) ** 2
    >>> round(float(squared / np.log(2)), 6)
    1.0
    """
    a, b = p.astype(np.float64), q.astype(np.float64)
    divergence = ((_xlogx(a) + _xlogx(b)) / 2 - _xlogx((a + b) / 2)).sum(axis=-1)
    root: Floats = np.sqrt(np.maximum(divergence, 0))
    return root


def _xlogx(p: Floats) -> Floats:
    """Return p log p, 0 at 0."""
    product: Floats = p * np.log(np.maximum(p, 1e-300))
    return product


@dataclass(frozen=True)
class Scales:
    """Divisors of the two parts of the metric.

    Attributes
    ----------
    js : float
        For the Jensen–Shannon length of a path.
    euclidean : float
        For its Euclidean length.
    """

    js: float = 1.0
    euclidean: float = 1.0


class Paths:
    """Straight paths between samples, whose points are classified on demand.

    A path has n segments of equal length. Until all of its n − 1 inner points are known, the Jensen–Shannon
    length over the known ones is a lower bound of the whole (triangle inequality). Every classified point is
    kept, whatever λ or k it was classified for.

    Parameters
    ----------
    x : float32 or float64 [N, D]
        Flat inputs. Points between them are computed in float64 and rounded once, to the dtype of x: a tree's
        split, which lies between two samples, is hit exactly or not at all.
    p : float32 [N, C]
        Their probabilities.
    classify : callable
        Inputs [m, D] to probabilities [m, C].
    n : int
        Segments per path.
    """

    def __init__(
        self,
        x: NDArray[np.floating],
        p: NDArray[np.float32],
        classify: Callable[[NDArray[np.floating]], NDArray[np.float32]],
        n: int,
    ) -> None:
        self.x, self.p, self.n = x, p, n
        self._classify = classify
        self._keys = np.empty(0, np.int64)  # of the pairs, ascending
        self._rows = np.empty(0, np.int32)  # path of each key
        self.first = np.empty(0, np.int32)
        self.second = np.empty(0, np.int32)
        self.euclidean = np.empty(0, np.float64)
        self.segments = np.empty(
            (0, n), np.float64
        )  # length of the segment that ends at point t + 1, 0 if unknown
        self._slots = np.empty((0, n - 1), np.int32)  # row in _points of each inner point, −1 if unknown
        self._points = np.empty((0, p.shape[1]), np.float32)
        self._used = 0

    def __len__(self) -> int:
        return len(self.first)

    @property
    def done(self) -> NDArray[np.bool_]:
        """Whether each path is known in full: bool [P]."""
        return np.asarray((self._slots >= 0).all(axis=1))

    @property
    def nbytes(self) -> int:
        """Memory in use beside the samples, in bytes."""
        arrays = (self._keys, self._rows, self.first, self.second, self.euclidean, self.segments, self._slots)
        return sum(array.nbytes for array in arrays) + self._points.nbytes

    def lengths(self, lam: float, scales: Scales) -> Floats:
        """Return the length of every path, or the lower bound from its known points: [P]."""
        js: Floats = self.segments.sum(axis=1)
        return (1 - lam) / scales.js * js + lam / scales.euclidean * self.euclidean

    def grow(self, x: NDArray[np.floating], p: NDArray[np.float32]) -> None:
        """Append samples; paths between the old ones stay."""
        self.x, self.p = np.concatenate([self.x, x]), np.concatenate([self.p, p])

    def shrink(self, size: int) -> None:
        """Drop all samples from `size` on, and their paths."""
        self.x, self.p = self.x[:size], self.p[:size]
        keep = self.second < size
        self.first, self.second, self.euclidean = self.first[keep], self.second[keep], self.euclidean[keep]
        self.segments, self._slots = self.segments[keep], self._slots[keep]
        keys = _keys(self.first, self.second)
        self._rows = np.argsort(keys).astype(np.int32)
        self._keys = keys[self._rows]

    def find(self, i: NDArray[np.integer], j: NDArray[np.integer]) -> NDArray[np.int32]:
        """Return the path of each pair, −1 where none was begun."""
        keys = _keys(i, j)
        if not len(self._keys):
            return np.full(keys.shape, -1, np.int32)
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[place] == keys, self._rows[place], -1).astype(np.int32)

    def begin(self, i: NDArray[np.integer], j: NDArray[np.integer]) -> NDArray[np.int32]:
        """Return the path of each pair, beginning those that are new; this costs no classifier calls."""
        keys = np.unique(_keys(i, j))
        keys = keys[~np.isin(keys, self._keys, assume_unique=True)]
        if len(keys):
            first, second = (keys >> 32).astype(np.int32), (keys & 0xFFFFFFFF).astype(np.int32)
            rows = np.arange(len(self), len(self) + len(keys), dtype=np.int32)
            segments = np.zeros((len(keys), self.n))
            segments[:, -1] = jensen_shannon(self.p[first], self.p[second])
            self.euclidean = np.concatenate([self.euclidean, self._straight(first, second)])
            self.segments = np.concatenate([self.segments, segments])
            self._slots = np.concatenate([self._slots, np.full((len(keys), self.n - 1), -1, np.int32)])
            self.first = np.concatenate([self.first, first])
            self.second = np.concatenate([self.second, second])
            place = np.searchsorted(self._keys, keys)
            self._rows = np.insert(self._rows, place, rows)
            self._keys = np.insert(self._keys, place, keys)
        return self.find(i, j)

    def _straight(self, first: NDArray[np.int32], second: NDArray[np.int32]) -> Floats:
        """Return Euclidean lengths, computed in blocks of pairs."""
        lengths = np.empty(len(first))
        step = max(1, _BATCH_VALUES // self.x.shape[1])
        for start in range(0, len(first), step):
            part = slice(start, start + step)
            difference = self.x[first[part]] - self.x[second[part]]
            lengths[part] = np.sqrt(np.einsum("mh,mh->m", difference, difference, dtype=np.float64))
        return lengths

    def reveal(self, rows: NDArray[np.integer]) -> None:
        """Classify one more point of each of these paths, none of which is done.

        The point is the middle of the longest stretch between known points, where the bound is likeliest to
        rise. Points classified before the classifier fails, or is interrupted, are kept.
        """
        step = max(1, _BATCH_VALUES // self.x.shape[1])
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            left, middle, right = self._next(part)
            i, j = self.first[part], self.second[part]
            t = (middle / self.n)[:, None]
            between = (1 - t) * self.x[i] + t * self.x[j]
            revealed = self._classify(between.astype(self.x.dtype, copy=False))
            slots = np.arange(self._used, self._used + len(part), dtype=np.int32)
            self._keep(revealed)
            self._slots[part, middle - 1] = slots
            self.segments[part, middle - 1] = jensen_shannon(self._at(part, left), revealed)
            self.segments[part, right - 1] = jensen_shannon(revealed, self._at(part, right))

    def complete(self, rows: NDArray[np.integer], report: Callable[[int], object] | None = None) -> None:
        """Classify all points of these paths; call `report` with the number of each batch."""
        rows = np.unique(rows)
        while len(rows := rows[(self._slots[rows] < 0).any(axis=1)]):
            self.reveal(rows)
            if report is not None:
                report(len(rows))

    def _next(self, rows: NDArray[np.integer]) -> tuple[Indices, Indices, Indices]:
        """Return the unknown point to classify on each path, between the known ones on both sides."""
        points = np.arange(self.n + 1)
        ends = np.ones((len(rows), 1), bool)
        known = np.concatenate([ends, self._slots[rows] >= 0, ends], axis=1)  # [m, n + 1]
        left = np.maximum.accumulate(np.where(known, points, 0), axis=1)
        right = np.minimum.accumulate(np.where(known, points, self.n)[:, ::-1], axis=1)[:, ::-1]
        length = np.take_along_axis(self.segments[rows], np.maximum(right - 1, 0), axis=1)
        # Among stretches without length the widest, whose middle is farthest from known points.
        length = np.where(known, -1.0, length + 1e-9 * (right - left))
        chosen = length.argmax(axis=1)[:, None]
        before = np.take_along_axis(left, chosen, axis=1)[:, 0]
        after = np.take_along_axis(right, chosen, axis=1)[:, 0]
        return before, (before + after) // 2, after

    def _at(self, rows: NDArray[np.integer], points: Indices) -> NDArray[np.float32]:
        """Return probabilities at known points of paths: [m, C]."""
        inner = np.clip(points - 1, 0, max(self.n - 2, 0))
        p = self._points[self._slots[rows, inner]]
        p = np.where((points == 0)[:, None], self.p[self.first[rows]], p)
        at_end: NDArray[np.float32] = np.where((points == self.n)[:, None], self.p[self.second[rows]], p)
        return at_end

    def _keep(self, p: NDArray[np.float32]) -> None:
        """Append probabilities to an array that doubles when it is full."""
        needed = self._used + len(p)
        if needed > len(self._points):
            larger = np.empty((max(needed, 2 * len(self._points)), p.shape[1]), np.float32)
            larger[: self._used] = self._points[: self._used]
            self._points = larger
        self._points[self._used : needed] = p
        self._used = needed


def _keys(i: NDArray[np.integer], j: NDArray[np.integer]) -> Indices:
    """Return one number per unordered pair."""
    i, j = i.astype(np.int64), j.astype(np.int64)
    keys: Indices = (np.minimum(i, j) << 32) | np.maximum(i, j)
    return keys


def estimate_scales(paths: Paths, seed: int) -> Scales:
    """Return the largest length of each part over 1,000 random pairs, or over all pairs if there are fewer.

    Parameters
    ----------
    paths : Paths
        The pairs' points are classified and kept in it.
    seed : int
        Seed of the draw.

    Returns
    -------
    Scales

    Raises
    ------
    ValueError
        If the classifier or all samples are constant.
    """
    size = len(paths.x)
    pairs = size * (size - 1) // 2
    rng = np.random.default_rng(seed)
    if pairs <= _SCALE_PAIRS:
        i, j = np.triu_indices(size, 1)
    else:
        # Ordered pairs i ≠ j: a pair drawn twice costs nothing.
        i = rng.integers(size, size=_SCALE_PAIRS)
        j = (i + rng.integers(1, size, size=_SCALE_PAIRS)) % size
    rows = np.unique(paths.begin(i, j))
    if not paths.euclidean[rows].max() > 0:
        raise ValueError("x must have samples that differ; got equal ones.")
    paths.complete(rows)
    js = float(paths.segments[rows].sum(axis=1).max())
    if js < _MIN_LENGTH:
        raise ValueError(
            "model must have a decision function to map; got probabilities that are the same, to within a "
            "percent, everywhere between the samples: there is nothing to see. Check that the inputs are "
            "scaled as it expects."
        )
    return Scales(js, float(paths.euclidean[rows].max()))
