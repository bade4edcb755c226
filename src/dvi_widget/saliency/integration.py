"""Gradients integrated along the way from a baseline to a picture, in steps as small as the way needs."""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .gradients import Attributions, Report, filled, part_of
from .network import Network, Target

__all__ = ["integrated_gradients"]

_POINTS = 16  # of a stretch of the way
_MAX_MISSED = 0.05  # share of the effect that all stretches of the way may miss together
# Share of a map's largest value that the maps of both halves of the points may be off from their mean.
_MAX_APART = 0.05
_NEGLIGIBLE = 1e-4  # share of the logits below which an effect is rounding
_TINY = 1e-30  # keeps denominators away from zero
_BATCH_ROWS = 64  # pictures per forward and backward pass


class _Stretch(NamedTuple):
    """A part of a picture's way, from α = low to high."""

    picture: int
    low: float
    high: float


class _Rule(NamedTuple):
    """A quadrature rule on [0, 1].

    Attributes
    ----------
    points, weights : tensor [k]
    contrast : tensor [k]
        Weights of half the difference between two rules: of the first, third, … point, and of all others.
    """

    points: Tensor
    weights: Tensor
    contrast: Tensor


def _gauss(points: int, like: Tensor) -> _Rule:
    """Return Gauss' rule, and half of the difference of the rules that take every other one of its points."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    contrast = np.zeros(points)
    for first, sign in ((0, 1), (1, -1)) if points > 1 else ():
        chosen = nodes[first::2]
        moments = np.zeros(len(chosen))
        moments[0] = 2
        contrast[first::2] = sign * np.linalg.solve(
            np.polynomial.legendre.legvander(chosen, len(chosen) - 1).T, moments
        )
    return _Rule(*(like.new_tensor(v) for v in ((nodes + 1) / 2, weights / 2, contrast / 4)))


def integrated_gradients(
    net: Network, x: Tensor, target: Target, report: Report, *, steps: int, max_steps: int, baseline: Any
) -> Attributions:
    """Return ∫ (x − x′) · ∂z_t(x′ + α(x − x′))/∂x dα (Sundararajan et al. 2017, Eq. 1).

    Complete: a map sums to z_t(x) − z_t(x′). So does each stretch of the way, to the difference between its
    ends. Pixels can be off in opposite directions, which no sum shows; so a stretch's map must also be the
    same from either half of its points. The stretches furthest off are halved, until all together are off by
    little or `max_steps` points are used.
    """
    # In the memory format of the pictures, which convolutions are quick on.
    way = _Way(net, x, torch.empty_like(x).copy_(filled(x, baseline)), target)
    rule = _gauss(min(steps, _POINTS), x)
    cuts = np.linspace(0, 1, -(-steps // _POINTS) + 1).tolist()
    pending = [_Stretch(i, a, b) for i in range(len(x)) for a, b in itertools.pairwise(cuts)]
    used = [len(rule.points) * (len(cuts) - 1)] * len(x)  # points per picture, pending ones included
    values = x.new_zeros(len(x), *x.shape[2:])
    left = [1.0] * len(x)  # how far off a picture's other stretches may be, in units of the limits
    done = begun = 0.0
    while pending:
        begin, begun = begun, (begun + 1) / 2
        maps, missed, apart = way.measured(pending, rule, part_of(report, begin, begun - begin, 1))
        pictures = torch.tensor([stretch.picture for stretch in pending], device=x.device)
        sizes = values.index_add(0, pictures, maps).abs().amax((1, 2)).tolist()
        off = []
        for (i, *_), miss, gap in zip(pending, missed, apart, strict=True):
            effect, size = max(abs(way.totals[i]), way.least[i]), max(sizes[i], way.least[i])
            off.append(max(miss / (_MAX_MISSED * effect), gap / (_MAX_APART * size)) if miss or gap else 0)
        halved = _worst(pending, off, left, used, 2 * len(rule.points), max_steps)
        kept = [k for k in range(len(pending)) if k not in halved]
        values.index_add_(0, pictures[kept], maps[kept])
        done += sum(pending[k].high - pending[k].low for k in kept) / len(x)
        begun = max(begun, done)
        pending = [half for k in halved for half in _halves(pending[k])]
    report(1)
    exceeded = x.new_tensor([(1 - rest) * _MAX_MISSED if rest < 0 else 0 for rest in left])
    return Attributions(values, way.total, exceeded * way.total.abs())


def _halves(stretch: _Stretch) -> tuple[_Stretch, _Stretch]:
    middle = (stretch.low + stretch.high) / 2
    return stretch._replace(high=middle), stretch._replace(low=middle)


def _worst(
    pending: list[_Stretch], off: list[float], left: list[float], used: list[int], cost: int, most: int
) -> set[int]:
    """Choose the stretches to halve, and take what the others are off from what is left for their pictures.

    All others together may be off by half of what is left, or by all of it where nothing is halved.
    """
    halved = set()
    by_picture = defaultdict(list)
    for k, stretch in enumerate(pending):
        by_picture[stretch.picture].append(k)
    for i, stretches in by_picture.items():
        limit = left[i] if sum(off[k] for k in stretches) <= left[i] else left[i] / 2
        accepted = 0.0
        for k in sorted(stretches, key=off.__getitem__):
            accepted += off[k]
            if accepted > limit and used[i] + cost <= most:
                used[i] += cost
                halved.add(k)
            else:
                left[i] -= off[k]
    return halved


class _Way:
    """The straight ways from baselines to pictures, and the target's logit along them."""

    def __init__(self, net: Network, x: Tensor, reference: Tensor, target: Target) -> None:
        self._net, self._x, self._reference, self._target = net, x, reference, target
        self._fast = x.is_contiguous(memory_format=torch.channels_last)
        assert target.logits is not None  # of the pictures
        ends = [target.score(z) for z in (net.logits(reference), target.logits)]
        self._scores = {(i, float(a)): z for a in (0, 1) for i, z in enumerate(ends[a].tolist())}
        self.total = ends[1] - ends[0]
        self._first = net.gradient(reference, target.of(slice(None)))
        self.totals = self.total.tolist()
        self.least = [max(z, _TINY) for z in (_NEGLIGIBLE * (ends[0].abs() + ends[1].abs())).tolist()]

    def at(self, pictures: Tensor, alpha: Tensor) -> Tensor:
        """Return points of the ways, [k, C, H, W]."""
        points = self._reference[pictures] + alpha[:, None, None, None] * (
            self._x[pictures] - self._reference[pictures]
        )
        return points.contiguous(memory_format=torch.channels_last) if self._fast else points

    def measured(
        self, stretches: list[_Stretch], rule: _Rule, report: Report
    ) -> tuple[Tensor, list[float], list[float]]:
        """Return the stretches' maps [s, H, W], what each misses, and how far halves are apart."""
        self._score(stretches)
        maps, apart = [], []
        each = max(1, _BATCH_ROWS // len(rule.points))
        for begin in range(0, len(stretches), each):
            part = stretches[begin : begin + each]
            i = torch.tensor([s.picture for s in part], device=self._x.device)
            low, high = (self._x.new_tensor(ends) for ends in ([s.low for s in part], [s.high for s in part]))
            rows = i.repeat_interleave(len(rule.points))
            points = self.at(rows, (low[:, None] + (high - low)[:, None] * rule.points).flatten())
            slopes = self._net.gradient(points, self._target.of(rows))
            slopes = slopes.reshape(len(part), len(rule.points), *self._x.shape[1:])
            steps = (high - low)[:, None, None, None] * (self._x[i] - self._reference[i])
            both = torch.einsum(
                "skchw,rk,schw->srhw", slopes, torch.stack([rule.weights, rule.contrast]), steps
            )
            maps.append(both[:, 0])
            apart += (both[:, 1].abs() + self._before(part, rule, slopes[:, 0], steps)).amax((1, 2)).tolist()
            report(min(1, (begin + each) / len(stretches)))
        joined = torch.cat(maps)
        sums = joined.sum((1, 2)).tolist()
        missed = [
            abs(found - self._scores[s.picture, s.high] + self._scores[s.picture, s.low])
            for s, found in zip(stretches, sums, strict=True)
        ]
        return joined, missed, apart

    def _before(self, stretches: list[_Stretch], rule: _Rule, first: Tensor, steps: Tensor) -> Tensor:
        """Return what may lie between a baseline and the first point behind it, [s, H, W].

        A constant picture has no variance, so that norms change fastest at most baselines, and closer to them
        than any point. Where the gradient only falls from the baseline on, no more than this is missed.
        """
        begin = self._x.new_tensor([s.low == 0 for s in stretches])
        i = torch.tensor([s.picture for s in stretches], device=self._x.device)
        change = ((self._first[i] - first) * steps).sum(1).abs() * rule.points[0]
        return begin[:, None, None] * change.nan_to_num(0, 0, 0)

    def _score(self, stretches: list[_Stretch]) -> None:
        """Compute the target's logit at those ends of stretches where it is not known."""
        ends = {(s.picture, a) for s in stretches for a in (s.low, s.high)} - self._scores.keys()
        if ends:
            i = torch.tensor([i for i, _ in ends], device=self._x.device)
            z = self._net.logits(self.at(i, self._x.new_tensor([a for _, a in ends])))
            self._scores |= zip(ends, self._target.of(i).score(z).tolist(), strict=True)
