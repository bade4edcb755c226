"""Start and cap of each sample in a later epoch: a sample moves as far as there is evidence that it did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from dvi_widget import threads
from dvi_widget.nearest import overlap
from dvi_widget.projection import Checkpoint

from .landmarks import landmark_rows

_RANK_LANDMARKS = 128
_RADII_PER_RANK = 2.0  # see Movement
_MIN_TURNOVER = 0.02
_FULL_TURNOVER = 0.25  # at and above it, a sample may move all the way to its neighbours
_MAX_RELATIVE_CHANGE = 2.0  # of a sample's ranks, in medians
_CARRIED_SHARE = 0.5  # of its anchor's movement, which each sample may move too
_START_NEIGHBORS = 5  # whose median stands for the place of a sample's neighbours


@dataclass(frozen=True)
class Movement:
    """Anchors, caps and starts of the samples in a later epoch.

    Two kinds of evidence say that a sample moved. Turnover u is the share of its nearest neighbours that were
    replaced (1 − eval_sem, DeepVisualInsight, Eq. 11). Rank change r is how much the order of its distances
    to landmarks changed: mean absolute difference of the ranks over their number. In a plane of even density
    a movement of δ radii changes the ranks by about δ / 2, so that the ranks explain a movement of 2 r R, R
    being the map's radius. A class that travels as a whole keeps its neighbours; the skeleton carries it.

    Attributes
    ----------
    anchors : float64 [n, l]
        Old places, carried along with the skeleton, but not out of the map.
    caps : float64 [n]
        Greatest distance of each sample from its anchor: `cap` · 2 r R · u, plus a share of the distance to
        its neighbours that grows with its turnover and rank change, plus half of its anchor's movement.
    start : float64 [n, l]
        The anchors; of samples with a new prediction, the median of the nearest ones that share it, as near
        as the cap allows.
    kept : float64 [n]
        eval_sem: share of neighbours that were kept.
    """

    anchors: NDArray[np.float64]
    caps: NDArray[np.float64]
    start: NDArray[np.float64]
    kept: NDArray[np.float64]


def movement(
    before: Checkpoint,
    checkpoint: Checkpoint,
    old: NDArray[np.float64],
    outline_before: NDArray[np.float64],
    outline: NDArray[np.float64],
    *,
    k: int,
    cap: float,
) -> Movement:
    """Weigh the evidence (see `Movement`).

    Parameters
    ----------
    before, checkpoint : Checkpoint
        The epoch before and this one.
    old : float64 [n, l]
        Places in the epoch before.
    outline_before, outline : float64 [n, l]
        The skeleton's places in both.
    k : int
        Neighbours that define a sample's semantics.
    cap : float
        Factor on what the ranks explain; infinity leaves every sample free.
    """
    centred = old - old.mean(axis=0)
    skeleton = outline_before - outline_before.mean(axis=0)
    scale = max(float((centred * skeleton).sum() / max(np.square(skeleton).sum(), 1e-12)), 1e-9)
    radius = float(np.sqrt(np.square(centred).sum(axis=1).mean()))
    carried = scale * (outline - outline_before)
    anchors = old.mean(axis=0) + _within(centred + carried, centred, skeleton * scale + carried)

    near = checkpoint.neighbors(k)[0]
    kept = overlap(before.semantic_neighbors(k), near)
    turnover = 1 - kept
    ranks = _rank_change(before.x, checkpoint.x)
    relative = np.minimum(ranks / max(float(np.median(ranks)), 1e-9), _MAX_RELATIVE_CHANGE)
    crowd = np.median(anchors[near[:, :_START_NEIGHBORS]], axis=1)
    misplaced = np.linalg.norm(crowd - anchors, axis=1)
    caps = np.full(len(old), np.inf)
    if np.isfinite(cap):
        explained = cap * _RADII_PER_RANK * radius * ranks * np.maximum(turnover, _MIN_TURNOVER)
        errors = np.minimum(turnover / _FULL_TURNOVER, 1) * np.square(relative) * misplaced
        caps = explained + errors + _CARRIED_SHARE * np.linalg.norm(carried, axis=1)

    start = anchors.copy()
    changed = np.flatnonzero(checkpoint.predictions != before.predictions)
    if len(changed):
        agree = checkpoint.predictions[near[changed]] == checkpoint.predictions[changed, None]
        first = np.argsort(~agree, axis=1, kind="stable")[:, :_START_NEIGHBORS]
        goal = np.median(anchors[np.take_along_axis(near[changed], first, axis=1)], axis=1)
        step = goal - anchors[changed]
        share = np.minimum(1, caps[changed] / np.maximum(np.linalg.norm(step, axis=1), 1e-12))
        start[changed] += share[:, None] * step
    return Movement(anchors, caps, start, kept)


def _within(
    anchors: NDArray[np.float64], old: NDArray[np.float64], skeleton: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Bring anchors [n, l] in to where the sample was or the skeleton has it, whichever is farther out.

    The layout may have a sample elsewhere than the skeleton; carried from there, it could leave the map.
    """
    away, *rims = (np.linalg.norm(places, axis=1) for places in (anchors, old, skeleton))
    inward = np.minimum(1, np.maximum(*rims) / np.maximum(away, 1e-12))
    brought: NDArray[np.float64] = anchors * inward[:, None]
    return brought


def _rank_change(old: NDArray[np.float32], new: NDArray[np.float32]) -> NDArray[np.float64]:
    """Measure each sample's rank change [n] between representations [n, h]."""
    landmarks = landmark_rows(old, _RANK_LANDMARKS)
    change = np.empty(len(old))

    def fill(rows: slice) -> None:
        before, after = (rankdata(_squares(x[rows], x[landmarks]), axis=1) for x in (old, new))
        change[rows] = np.abs(after - before).mean(axis=1) / len(landmarks)

    threads.each(fill, threads.slices(len(old)), products=True)
    return change


def _squares(x: NDArray[np.float32], landmarks: NDArray[np.float32]) -> NDArray[np.float64]:
    """Compute squared distances [n, L], less each row's own norm, which no rank depends on."""
    centre = landmarks.mean(axis=0, dtype=np.float64)
    b = landmarks - centre
    squares: NDArray[np.float64] = np.einsum("lh,lh->l", b, b) - 2 * ((x - centre) @ b.T)
    return squares
