"""The compiled inner loops of the layout. Importing them imports numba, so it is done where they run."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]

_GAIN_UP, _GAIN_DOWN, _GAIN_LEAST = 0.2, 0.8, 0.05  # delta-bar-delta, as in t-SNE


@njit(cache=True, fastmath=True)
def _splines(at: float, weights: Floats, slopes: Floats) -> int:
    """Cubic B-splines of the four nodes round `at`, their derivatives, and the first of these nodes."""
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


@njit(cache=True, fastmath=True)
def spread(y: Floats, origin: Floats, spacing: float, strides: Ints, steps: Ints, mesh: Floats) -> None:
    """Add a unit mass per point [n, l] to the nodes of a flat mesh; steps [4^l, l] number a point's nodes."""
    n, dimension = y.shape
    weights, slopes = np.empty((dimension, 4)), np.empty((dimension, 4))
    for i in range(n):
        first = 0
        for c in range(dimension):
            first += _splines((y[i, c] - origin[c]) / spacing, weights[c], slopes[c]) * strides[c]
        for s in range(len(steps)):
            node, share = first, 1.0
            for c in range(dimension):
                node += steps[s, c] * strides[c]
                share *= weights[c, steps[s, c]]
            mesh[node] += share


@njit(cache=True, fastmath=True)
def gather(
    y: Floats,
    origin: Floats,
    spacing: float,
    size: int,
    strides: Ints,
    steps: Ints,
    mesh: Floats,
    value: Floats,
    slope: Floats,
) -> None:
    """Value [n] and gradient [n, l] of a flat mesh at points; those beyond it see its rim."""
    n, dimension = y.shape
    weights, slopes = np.empty((dimension, 4)), np.empty((dimension, 4))
    for i in range(n):
        first = 0
        value[i] = 0
        for c in range(dimension):
            at = min(max((y[i, c] - origin[c]) / spacing, 1.0), size - 3.0)
            first += _splines(at, weights[c], slopes[c]) * strides[c]
            slope[i, c] = 0
        for s in range(len(steps)):
            node = first
            share = 1.0
            for c in range(dimension):
                node += steps[s, c] * strides[c]
                share *= weights[c, steps[s, c]]
            value[i] += share * mesh[node]
            for c in range(dimension):
                along = mesh[node] * slopes[c, steps[s, c]]
                for other in range(dimension):
                    if other != c:
                        along *= weights[other, steps[s, other]]
                slope[i, c] += along / spacing


@njit(cache=True, fastmath=True)
def attract(q: Floats, y: Floats, indptr: Ints, indices: Ints, weights: Floats, force: Floats) -> None:
    """Σ_j p_ij (q_i − y_j) / (1 + |q_i − y_j|²) over the edges of each row, into force [m, l]."""
    m, dimension = q.shape
    for i in range(m):
        for c in range(dimension):
            force[i, c] = 0
        for e in range(indptr[i], indptr[i + 1]):
            j = indices[e]
            square = 1.0
            for c in range(dimension):
                square += (q[i, c] - y[j, c]) ** 2
            for c in range(dimension):
                force[i, c] += weights[e] / square * (q[i, c] - y[j, c])


@njit(cache=True, fastmath=True)
def step(
    y: Floats,
    velocity: Floats,
    gains: Floats,
    gradient: Floats,
    rate: float,
    momentum: float,
    longest: float,
    anchors: Floats,
    caps: Floats,
) -> None:
    """Momentum with a gain per coordinate and a longest step; then back into the ball of radius cap."""
    n, dimension = y.shape
    for i in range(n):
        square = 0.0
        for c in range(dimension):
            turned = gradient[i, c] * velocity[i, c] < 0
            gains[i, c] = gains[i, c] + _GAIN_UP if turned else max(gains[i, c] * _GAIN_DOWN, _GAIN_LEAST)
            velocity[i, c] = momentum * velocity[i, c] - rate * gains[i, c] * gradient[i, c]
            square += velocity[i, c] ** 2
        shorter = longest / np.sqrt(square) if square > longest * longest else 1.0
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
