"""Neighbours in a row, and where along it the teacher changes its prediction (DeepVID, Fig. 1-b2, Fig. 9)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

__all__ = ["Along", "Crossing", "in_a_row"]

# Independent draws scatter round their main direction, so crossings are those of the mean over a window: the
# row divided by this.
_WINDOWS_PER_ROW = 16


@dataclass(frozen=True)
class Crossing:
    """A place in the row of neighbours where the teacher's leading class changes.

    Attributes
    ----------
    after : int
        The last place before the change.
    before_class, after_class : int
        The leading classes on both sides.
    """

    after: int
    before_class: int
    after_class: int


@dataclass(frozen=True)
class Along:
    """Neighbours in a row, with the teacher's predictions.

    Attributes
    ----------
    order : int [n]
        Neighbours from one end to the other.
    positions : float32 [n]
        Position of each in the row, ascending from 0 to 1.
    probabilities : float32 [n, C]
        The teacher's, in that order.
    predictions : int [n]
        The teacher's classes, in that order.
    crossings : tuple of Crossing
        Where the teacher's leading class changes, counted in that order.
    """

    order: NDArray[np.intp]
    positions: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    predictions: NDArray[np.intp]
    crossings: tuple[Crossing, ...]

    def evenly(self, m: int = 144) -> NDArray[np.intp]:
        """Return the places of m neighbours evenly spread over the row, or all if there are fewer (§6.2)."""
        n = len(self.order)
        return np.arange(n) if m >= n else np.linspace(0, n - 1, m).round().astype(np.intp)


def in_a_row(
    teacher: NDArray[np.float32],
    student: NDArray[np.float32],
    positions: NDArray[np.float32] | None,
    own_class: int,
) -> Along:
    """Put neighbours into a row.

    Neighbours on a line keep its order. Others are ordered along the direction in which the student's centred
    logits vary most, from where the picture's class is likeliest to where it is least likely.

    Parameters
    ----------
    teacher, student : float32 [n, C]
        Their logits of the neighbours.
    positions : float32 [n] or None
        Positions of neighbours on a line.
    own_class : int
        The teacher's class of the picture itself.

    Returns
    -------
    Along
    """
    window = 1
    if positions is None:
        z = student - student.mean(axis=1, keepdims=True)
        z = z - z.mean(axis=0)
        direction = np.linalg.svd(z, full_matrices=False)[2][0]
        score = z @ direction * (-1.0 if direction[own_class] > 0 else 1.0)
        spread = float(np.ptp(score))
        positions = (score - score.min()) / (spread if spread > 0 else 1.0)
        window = max(1, len(score) // _WINDOWS_PER_ROW)
    order = np.argsort(positions, kind="stable")
    probabilities = softmax(teacher.astype(np.float64), axis=1).astype(np.float32)[order]
    leading = _running_mean(probabilities, window).argmax(axis=1)
    return Along(
        order,
        positions[order].astype(np.float32),
        probabilities,
        probabilities.argmax(axis=1),
        _crossings(leading, window),
    )


def _running_mean(rows: NDArray[np.float32], window: int) -> NDArray[np.float64]:
    """Return the mean over a window centred on each row of [n, C], narrower at the ends."""
    sums = np.concatenate([np.zeros((1, rows.shape[1])), rows.cumsum(axis=0)])
    places = np.arange(len(rows))
    first, last = np.maximum(places - window // 2, 0), np.minimum(places + window // 2 + 1, len(rows))
    mean: NDArray[np.float64] = (sums[last] - sums[first]) / (last - first)[:, None]
    return mean


def _crossings(leading: NDArray[np.intp], window: int) -> tuple[Crossing, ...]:
    """Return where the leading class changes, between stretches at least as long as the window."""
    starts = np.concatenate([[0], np.flatnonzero(leading[1:] != leading[:-1]) + 1])
    lengths = np.diff(np.append(starts, len(leading)))
    lasting = [int(start) for start, length in zip(starts, lengths, strict=True) if length >= window]
    return tuple(
        Crossing(start - 1, int(leading[before]), int(leading[start]))
        for before, start in pairwise(lasting)
        if leading[before] != leading[start]
    )
