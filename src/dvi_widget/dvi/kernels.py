"""The compiled inner loops of the layout. They import numba, so import this module only where they run.

They let other threads run, and write only to the rows they are given.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]
# One number per dimension l. The compiler knows the length of a tuple, and unrolls loops over it.
Strides = tuple[int, ...]

_GAIN_STEP, _GAIN_FACTOR, _MIN_GAIN = 0.2, 0.8, 0.05  # delta-bar-delta, as in t-SNE
_MAX_GAIN = 4.0  # a gain that grew without end would fling a point that turns far out of the cloud


@njit(cache=True, fastmath=True, nogil=True)
def _splines(at: float, weights: Floats, slopes: Floats) -> int:
    """Write the cubic B-splines of the four nodes around `at` and their slopes; return the first node."""
    node = int(at)
    t = at - node
    u = 1 - t
    weights[0] = u * u * u / 6
    weights[1] = (3 * t * t * t - 6 * t * t + 4) / 6
    weights[2] = (3 * u * u * u - 6 * u * u + 4) / 6
    weights[3] = t * t * t / 6
    slopes[0] = -u * u / 2
    slopes[1] = (3 * t * t - 4 * t) / 2
    slopes[2] = (4 * u - 3 * u * u) / 2
    slopes[3] = t * t / 2
    return node - 1


@njit(cache=True, fastmath=True, nogil=True)
def _row(row: int, first: int, strides: Strides, weights: Floats) -> tuple[int, float]:
    """Return the first of four nodes along the last axis, and their common weight from the other axes.

    The digits of a row's number in base 4 are its places on the other axes.
    """
    node, share = first, 1.0
    for c in range(len(strides) - 1):
        k = row >> 2 * c & 3
        node += k * strides[c]
        share *= weights[c, k]
    return node, share


@njit(cache=True, fastmath=True, nogil=True)
def spread(y: Floats, origin: Floats, spacing: float, strides: Strides, mesh: Floats) -> None:
    """Add a unit mass per point [n, l] to the nodes of a flat mesh."""
    last = len(strides) - 1
    weights, slopes = np.empty((last + 1, 4)), np.empty((last + 1, 4))
    for i in range(len(y)):
        first = 0
        for c in range(last + 1):
            first += _splines((y[i, c] - origin[c]) / spacing, weights[c], slopes[c]) * strides[c]
        for row in range(4**last):
            node, share = _row(row, first, strides, weights)
            for k in range(4):
                mesh[node + k] += share * weights[last, k]


@njit(cache=True, fastmath=True, nogil=True)
def gather(
    y: Floats,
    origin: Floats,
    spacing: float,
    size: int,
    strides: Strides,
    mesh: Floats,
    value: Floats,
    slope: Floats,
) -> None:
    """Interpolate the value [n] and gradient [n, l] of a flat mesh at points; those outside see its rim."""
    last = len(strides) - 1
    weights, slopes = np.empty((last + 1, 4)), np.empty((last + 1, 4))
    for i in range(len(y)):
        first = 0
        for c in range(last + 1):
            at = min(max((y[i, c] - origin[c]) / spacing, 1.0), size - 3.0)
            first += _splines(at, weights[c], slopes[c]) * strides[c]
            slope[i, c] = 0
        value[i] = 0
        for row in range(4**last):
            node, share = _row(row, first, strides, weights)
            along, across = 0.0, 0.0
            for k in range(4):
                along += weights[last, k] * mesh[node + k]
                across += slopes[last, k] * mesh[node + k]
            value[i] += share * along
            slope[i, last] += share * across / spacing
            for c in range(last):
                steep = along / spacing
                for other in range(last):
                    k = row >> 2 * other & 3
                    steep *= slopes[c, k] if other == c else weights[other, k]
                slope[i, c] += steep


@njit(cache=True, fastmath=True, nogil=True)
def attract(
    q: Floats, y: Floats, indptr: Ints, indices: Ints, weights: Floats, axes: Strides, force: Floats
) -> None:
    """Sum p_ij (q_i − y_j) / (1 + |q_i − y_j|²) over the edges of each row, into force [m, l]."""
    for i in range(len(q)):
        for c in range(len(axes)):
            force[i, c] = 0
        for e in range(indptr[i], indptr[i + 1]):
            j = indices[e]
            square = 1.0
            for c in range(len(axes)):
                square += (q[i, c] - y[j, c]) ** 2
            pull = weights[e] / square
            for c in range(len(axes)):
                force[i, c] += pull * (q[i, c] - y[j, c])


@njit(cache=True, fastmath=True, nogil=True)
def weigh(
    ranked: Floats, crossing: NDArray[np.bool_], roots: Floats, own: Floats, near: Ints, weights: Floats
) -> None:
    """Weigh rows of edges by rank, those between predictions also by the roots of both ends' factors.

    `own` are the roots of the rows' own factors. Each row of weights [m, k] sums to 1.
    """
    m, k = near.shape
    for i in range(m):
        total = 0.0
        for j in range(k):
            weight = ranked[j]
            if crossing[i, j]:
                weight *= own[i] * roots[near[i, j]]
            weights[i, j] = weight
            total += weight
        for j in range(k):
            weights[i, j] /= total


@njit(cache=True, fastmath=True, nogil=True)
def share_out(directed: Floats, order: Ints, total: float, weights: Floats) -> None:
    """Order weights [d] as the edges of both directions are stored [E], and divide them by their sum."""
    d = len(directed)
    for e in range(len(order)):
        weights[e] = directed[order[e] % d] / total


@njit(cache=True, nogil=True)
def sort_by_end(ends: Ints, starts: Ints, order: Ints) -> None:
    """List edges by their ends, stably; `starts` holds where each end's edges begin, and is changed."""
    for e in range(len(ends)):
        order[starts[ends[e]]] = e
        starts[ends[e]] += 1


@njit(cache=True, fastmath=True, nogil=True)
def multiply(indptr: Ints, indices: Ints, data: Floats, x: Floats, product: Floats) -> None:
    """Multiply rows of a sparse matrix [m, n] by x [n, r]."""
    for i in range(len(product)):
        product[i] = 0
        for e in range(indptr[i], indptr[i + 1]):
            for c in range(x.shape[1]):
                product[i, c] += data[e] * x[indices[e], c]


@njit(cache=True, fastmath=True, nogil=True)
def guttman(d: Floats, y: Floats, s: Floats, axes: Strides, target: Floats) -> None:
    """Average over landmarks s [L, l] the places from which points y [m, l] would have distances d [m, L]."""
    count = len(s)
    for i in range(len(y)):
        for c in range(len(axes)):
            target[i, c] = 0
        for j in range(count):
            square = 0.0
            for c in range(len(axes)):
                square += (y[i, c] - s[j, c]) ** 2
            stretch = d[i, j] / np.sqrt(square) if square > 1e-18 else 0.0
            for c in range(len(axes)):
                target[i, c] += s[j, c] + stretch * (y[i, c] - s[j, c])
        for c in range(len(axes)):
            target[i, c] /= count


@njit(cache=True, fastmath=True, nogil=True)
def step(
    y: Floats,
    velocity: Floats,
    gains: Floats,
    gradient: Floats,
    rate: float,
    momentum: float,
    max_step_norm: float,
    anchors: Floats,
    caps: Floats,
) -> None:
    """Step with momentum, a gain per coordinate and a maximal norm; then go back into the ball of a cap."""
    n, dimension = y.shape
    for i in range(n):
        square = 0.0
        for c in range(dimension):
            turned = gradient[i, c] * velocity[i, c] < 0
            gain = gains[i, c] + _GAIN_STEP if turned else gains[i, c] * _GAIN_FACTOR
            gains[i, c] = min(max(gain, _MIN_GAIN), _MAX_GAIN)
            velocity[i, c] = momentum * velocity[i, c] - rate * gains[i, c] * gradient[i, c]
            square += velocity[i, c] ** 2
        shorter = max_step_norm / np.sqrt(square) if square > max_step_norm * max_step_norm else 1.0
        for c in range(dimension):
            velocity[i, c] *= shorter
            y[i, c] += velocity[i, c]
        if i < len(caps):
            square = 0.0
            for c in range(dimension):
                square += (y[i, c] - anchors[i, c]) ** 2
            if square > caps[i] * caps[i]:
                shorter = caps[i] / np.sqrt(square)
                for c in range(dimension):
                    y[i, c] = anchors[i, c] + shorter * (y[i, c] - anchors[i, c])
                    velocity[i, c] *= 0.5
