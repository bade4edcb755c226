"""The skeleton of a run: one arrangement of all epochs in the plane, coarse, that moves what moves.

Some samples serve as landmarks. Their distances in representation space, epoch by epoch, are scaled onto the
plane by stress majorisation (SMACOF, de Leeuw 1977; Borg & Groenen 2005, ch. 8), all epochs together, under a
price on every landmark's way. All other samples follow from their distances to the landmarks.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dvi_widget import threads
from dvi_widget.progress import Progress

from .landmarks import landmark_rows

Floats = NDArray[np.float64]

_LANDMARKS = 400
_LANDMARK_PRICE = 0.04  # τ of a landmark's way
_SAMPLE_PRICE = 0.02  # τ of any other sample's
_DEAD_ZONE = 0.03  # change of place, in root mean square distances, within which a sample stays
_SMOOTHED_WAY = 0.02  # below it the price of a way is quadratic
_LANDMARK_STEPS, _SAMPLE_STEPS, _ALIGNMENT_STEPS = 40, 10, 15
_START_LANDMARKS = 5  # nearest ones that a sample's first guess is taken from
_BLOCK_ENTRIES = 1 << 21  # distances to landmarks held at once
_MIN_STD = 1e-4  # of the first axis; rounding varies less
_FILLED_STD = 0.1  # of the first axis


def outlines(epochs: Sequence[NDArray[np.float32]], dimension: int, report: Progress) -> list[Floats]:
    """Arrange all epochs together.

    With landmark positions s_i^t and their distances d_ij^t, L landmarks minimise

        Σ_t Σ_{i<j} ½ (|s_i^t − s_j^t| − d_ij^t)² + L τ Σ_t Σ_i |s_i^t − s_i^{t−1}|.

    The length of a way is not squared, so that a landmark either stays or goes all the way (total variation).
    Every other sample minimises the same sum over its own distances to the landmarks. What then changes by
    less than a dead zone is not moved at all, so that only what adds up is seen.

    Parameters
    ----------
    epochs : sequence of float32 [n, h]
        Representations of the same samples, epoch by epoch. They may lie in files; a block of rows is read at
        a time.
    dimension : int
        l.
    report : callable
        Told the share of the work that is done.

    Returns
    -------
    list of float64 [n, l]
        Per epoch, a place for every sample, in units of the first epoch's root mean square distance.
    """
    n = len(epochs[0])
    rows = landmark_rows(epochs[0], _LANDMARKS)
    among = [np.asarray(x[rows]) for x in epochs]
    matrices, scales = _scaled([_matrix(x) for x in among])
    own = [_scale_alone(d, dimension) for d in matrices]
    report(0.2)
    landmarks = _scale_all(matrices, own)
    report(0.4)
    places = np.empty((n, len(epochs), dimension))
    step = max(1, _BLOCK_ENTRIES // (len(rows) * len(epochs)))

    def fill(first: int) -> None:
        block = slice(first, first + step)
        distances = [
            _distances(np.asarray(x[block]), own_rows) / scale
            for x, own_rows, scale in zip(epochs, among, scales, strict=True)
        ]
        places[block] = _place(distances, landmarks)

    threads.each(fill, range(0, n, step), products=True, report=lambda share: report(0.4 + 0.6 * share))
    return _steady(places)


def next_outline(x: NDArray[np.float32], before: NDArray[np.float32], outline: Floats) -> Floats:
    """Arrange one epoch after another that is arranged already, knowing nothing of later ones.

    The sums of `outlines`, over the epoch x [n, h] alone; ways lead from `outline`, the places [n, l] of the
    epoch `before` [n, h].
    """
    n, l = outline.shape
    rows = landmark_rows(before, _LANDMARKS)
    pinned = outline[rows]
    old, among = _matrix(before[rows]), x[rows]
    (_, d), (_, scale) = _scaled([old, _matrix(among)], _fit_scale(old, pinned))
    candidates = [_aligned(pinned, _scale_alone(d, l)), pinned]
    solved = [_scale_together([d], [start], pinned) for start in candidates]
    costs = [_cost(d, places[:, 0], pinned) for places in solved]
    landmarks = solved[int(np.argmin(costs))]
    places = np.empty((n, 1, l))
    step = max(1, _BLOCK_ENTRIES // len(rows))

    def fill(first: int) -> None:
        block = slice(first, first + step)
        distances = _distances(x[block], among) / scale
        places[block] = _place([distances], landmarks, outline[block])

    threads.each(fill, range(0, n, step), products=True)
    return _steady(np.stack([outline, places[:, 0]], axis=1))[1]


def first_outline(x: NDArray[np.float32], dimension: int) -> Floats:
    """Arrange one epoch x [n, h] by itself (see `outlines`)."""
    return outlines([x], dimension, lambda _: None)[0]


def _steady(places: Floats) -> list[Floats]:
    """Hold every sample where it is until its place [n, t, l] has moved out of the dead zone."""
    held = [places[:, 0]]
    for t in range(1, places.shape[1]):
        change = places[:, t] - held[-1]
        size = np.linalg.norm(change, axis=1)
        beyond = np.maximum(0, 1 - _DEAD_ZONE / np.maximum(size, 1e-12))
        held.append(held[-1] + beyond[:, None] * change)
    return held


def _matrix(x: NDArray[np.float32]) -> Floats:
    """Measure the distances between landmarks x [L, h]: [L, L]."""
    distances = _distances(x, x)
    np.fill_diagonal(distances, 0)
    return distances


def _distances(x: NDArray[np.float32], landmarks: NDArray[np.float32]) -> Floats:
    """Measure the distances of samples [m, h] to landmarks [L, h]: [m, L]."""
    centre = landmarks.mean(axis=0, dtype=np.float64)
    a, b = x - centre, landmarks - centre
    squares = np.einsum("mh,mh->m", a, a)[:, None] + np.einsum("lh,lh->l", b, b) - 2 * (a @ b.T)
    distances: Floats = np.sqrt(np.maximum(squares, 0))
    return distances


def _scaled(matrices: Sequence[Floats], scale: float | None = None) -> tuple[list[Floats], list[float]]:
    """Divide each epoch's distances by one number, so that most of them stay as they were.

    The first is divided by `scale`, or its root mean square. From epoch to epoch the number grows by the
    median ratio of the distances: a few samples that go far change nothing for the others.
    """
    upper = np.triu_indices(len(matrices[0]), 1)
    scales: list[float] = []
    before = None
    for d in matrices:
        pairs = d[upper]
        if before is None:
            scales.append(scale or float(np.sqrt(np.square(pairs).mean())) or 1.0)
        else:
            apart = (before > 1e-9 * before.max()) & (pairs > 0)
            ratio = float(np.median(pairs[apart] / before[apart])) if apart.any() else 1.0
            scales.append(scales[-1] * ratio)
        before = pairs
    return [d / scale for d, scale in zip(matrices, scales, strict=True)], scales


def _fit_scale(d: Floats, places: Floats) -> float:
    """Find the number by which distances [L, L] are divided to fit those of places [L, l] best."""
    on_plane = np.linalg.norm(places[:, None] - places, axis=2)
    return float((d * d).sum() / max((d * on_plane).sum(), 1e-12)) or 1.0


def _scale_alone(d: Floats, dimension: int) -> Floats:
    """Scale one epoch's distances [L, L] onto the plane, from classical scaling (Torgerson 1952)."""
    gram = -0.5 * np.square(d)
    gram -= gram.mean(axis=0)
    gram -= gram.mean(axis=1, keepdims=True)
    # On several threads, matrices of this size take longer, and the last bits depend on their number.
    with threadpool_limits(1, user_api="blas"):
        values, vectors = np.linalg.eigh(gram)
    kept = min(dimension, len(d))
    start = np.zeros((len(d), dimension))
    start[:, :kept] = (vectors[:, ::-1] * np.sqrt(np.maximum(values[::-1], 0)))[:, :kept]
    # An axis has no sign of its own: the longer tail is the positive one.
    start *= np.where((start**3).sum(axis=0) < 0, -1, 1)
    fill_directions(start)
    return _scale_together([d], [start])[:, 0]


def _scale_together(
    matrices: Sequence[Floats], start: Sequence[Floats], pinned: Floats | None = None
) -> Floats:
    """Minimise the stress of all epochs and the price of the ways between them: places [L, t, l].

    Each round majorises the stress by Guttman's transform, and the price of a way by a parabola.
    """
    from . import kernels  # noqa: PLC0415

    places = np.stack(start, axis=1)
    guttman = np.empty_like(places)
    target = np.empty_like(start[0])
    axes = tuple(range(places.shape[2]))
    for _ in range(_LANDMARK_STEPS):
        for t, d in enumerate(matrices):
            now = np.ascontiguousarray(places[:, t])
            kernels.guttman(d, now, now, axes, target)
            guttman[:, t] = target
        places = _smoothed(guttman, places, _LANDMARK_PRICE, pinned)
    return places


def _scale_all(matrices: Sequence[Floats], own: Sequence[Floats]) -> Floats:
    """Scale all epochs together from two starts, and keep the better result: places [L, t, l].

    One is each epoch's own arrangement, aligned onto the one before; the other is that of the mean distances,
    the same in all epochs. Where no arrangement stands out, the first depends on which samples there are.
    """
    chained = [own[0]]
    for places in own[1:]:
        chained.append(_aligned(chained[-1], places))
    starts = [chained]
    if len(matrices) > 1:
        mean = _scale_alone(np.mean(matrices, axis=0), own[0].shape[1])
        starts.append([mean] * len(matrices))
    solved = [_scale_together(matrices, start) for start in starts]
    return solved[int(np.argmin([_total_cost(matrices, places) for places in solved]))]


def _total_cost(matrices: Sequence[Floats], places: Floats) -> float:
    """Sum up the stress of all epochs and the price of the ways between them."""
    cost = len(places) * _LANDMARK_PRICE * np.linalg.norm(np.diff(places, axis=1), axis=2).sum()
    return float(cost + sum(_stress(d, places[:, t]) for t, d in enumerate(matrices)))


def _place(distances: Sequence[Floats], landmarks: Floats, pinned: Floats | None = None) -> Floats:
    """Place samples by their distances to the landmarks, per epoch [m, L]: places [m, t, l]."""
    from . import kernels  # noqa: PLC0415

    axes = tuple(range(landmarks.shape[2]))
    fixed = [np.ascontiguousarray(landmarks[:, t]) for t in range(landmarks.shape[1])]
    places = np.stack([_first_guess(d, s) for d, s in zip(distances, fixed, strict=True)], axis=1)
    guttman = np.empty_like(places)
    target = np.empty((len(places), landmarks.shape[2]))
    for _ in range(_SAMPLE_STEPS):
        for t, (d, s) in enumerate(zip(distances, fixed, strict=True)):
            kernels.guttman(d, np.ascontiguousarray(places[:, t]), s, axes, target)
            guttman[:, t] = target
        places = _smoothed(guttman, places, _SAMPLE_PRICE, pinned)
    return places


def _first_guess(d: Floats, landmarks: Floats) -> Floats:
    """Average the nearest landmarks' places, each by its inverse squared distance."""
    count = min(_START_LANDMARKS, d.shape[1])
    near = np.argpartition(d, count - 1, axis=1)[:, :count]
    weights = 1 / np.square(np.maximum(np.take_along_axis(d, near, axis=1), 1e-9))
    weights /= weights.sum(axis=1, keepdims=True)
    guess: Floats = np.einsum("mk,mkl->ml", weights, landmarks[near])
    return guess


def _smoothed(guttman: Floats, places: Floats, price: float, pinned: Floats | None) -> Floats:
    """Minimise ½ Σ_t |z_t − g_t|² + price · Σ_t |z_t − z_{t−1}| per row, one step from the ways of `places`.

    The length of a way is majorised by a parabola that touches it at its present length, which leaves one
    tridiagonal system per row. `pinned` [m, l] is a place before the first epoch that does not move.
    """
    m, epochs, _ = guttman.shape
    if epochs == 1 and pinned is None:
        return guttman.copy()
    ways = np.linalg.norm(np.diff(places, axis=1), axis=2)
    springs = price / np.maximum(ways, _SMOOTHED_WAY)  # [m, t − 1]
    diagonal = np.ones((m, epochs))
    diagonal[:, :-1] += springs
    diagonal[:, 1:] += springs
    z = guttman.copy()
    if pinned is not None:
        first = price / np.maximum(np.linalg.norm(places[:, 0] - pinned, axis=1), _SMOOTHED_WAY)
        diagonal[:, 0] += first
        z[:, 0] += first[:, None] * pinned
    for t in range(1, epochs):  # Thomas' algorithm, all rows side by side
        share = springs[:, t - 1] / diagonal[:, t - 1]
        diagonal[:, t] -= share * springs[:, t - 1]
        z[:, t] += share[:, None] * z[:, t - 1]
    z[:, -1] /= diagonal[:, -1:]
    for t in range(epochs - 2, -1, -1):
        z[:, t] = (z[:, t] + springs[:, t, None] * z[:, t + 1]) / diagonal[:, t, None]
    return z


def _cost(d: Floats, places: Floats, pinned: Floats) -> float:
    """Sum up the stress of one epoch and the price of the ways from `pinned`."""
    return float(
        _stress(d, places) + len(d) * _LANDMARK_PRICE * np.linalg.norm(places - pinned, axis=1).sum()
    )


def _stress(d: Floats, places: Floats) -> float:
    """Sum up half the squared errors of the distances of all pairs."""
    return float(np.square(np.linalg.norm(places[:, None] - places, axis=2) - d).sum() / 4)


def _aligned(fixed: Floats, places: Floats) -> Floats:
    """Turn places [L, l], mirrored if need be, so that the sum of their distances from fixed ones is least.

    Not the sum of squares: of two arrangements in which two classes changed places, it is the one that moves
    these two and no others. Reweighted least squares from every way of laying axes on axes.
    """
    l = places.shape[1]
    best, least = places, np.inf
    for order, signs in product(permutations(range(l)), product((1.0, -1.0), repeat=l)):
        turn = np.eye(l)[list(order)] * np.array(signs)
        handedness = np.linalg.det(turn)
        here, there = np.median(places, axis=0), np.median(fixed, axis=0)
        for _ in range(_ALIGNMENT_STEPS):
            away = np.linalg.norm(fixed - there - (places - here) @ turn, axis=1)
            weights = 1 / np.maximum(away, _SMOOTHED_WAY)
            weights /= weights.sum()
            here, there = weights @ places, weights @ fixed
            u, _, v = np.linalg.svd((weights[:, None] * (places - here)).T @ (fixed - there))
            if np.linalg.det(u @ v) * handedness < 0:
                u[:, -1] *= -1
            turn = u @ v
        turned = (places - here) @ turn + there
        cost = float(np.linalg.norm(fixed - turned, axis=1).sum())
        if cost < least * (1 - 1e-9):
            best, least = turned, cost
    return best


def fill_directions(y: Floats) -> None:
    """Put powers of the first axis in place of axes without variance.

    Otherwise rounding would break the symmetry, and decide how a layout folds.

    Parameters
    ----------
    y : float64 [n, l]
        Coordinates, the axis of largest variance first. Changed in place; where all points lie at one or two
        places, axes stay without variance.
    """
    width = float(y[:, 0].std())
    if width == 0:
        return
    t = (y[:, 0] - y[:, 0].mean()) / width
    basis = [np.ones(len(y)), t]
    for axis in range(1, y.shape[1]):
        if y[:, axis].std() < _MIN_STD * width:
            lower = np.stack(basis, axis=1)
            power = t ** len(basis)
            power -= lower @ np.linalg.lstsq(lower, power, rcond=None)[0]
            basis.append(power)
            if power.std() > _MIN_STD:
                y[:, axis] = power * (_FILLED_STD * width / power.std())
