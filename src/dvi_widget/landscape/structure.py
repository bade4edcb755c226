"""Measures of a frame, each beside what a placebo gets: neighbourhoods, arrangement, borders, motion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dvi_widget import measures
from dvi_widget.nearest import neighbors

from .canvas import Canvas
from .placebo import sectors, steps

_SEED = 0
_RANKED_SAMPLES = 300  # whose neighbours are ranked among all, and compared with those before
_MOVED_SAMPLES = 1_000  # whose ranks of landmarks are compared
_REACH = 0.01  # on a drawn border: so near to it, in shares of the canvas' side
_SUPPORTED = 0.05  # so near to a sample, in the same unit, does a border say something
_PLACEBO_EXTENT = (-1.5, 1.5, -1.5, 1.5)  # of the canvas its discs lie on

Figure = tuple[str, "int | None", float, float]  # measure, k, value, placebo


def neighborhoods(
    x: NDArray[np.float32],
    maps: tuple[NDArray[np.float32], NDArray[np.float32]],
    looking: NDArray[np.intp],
    sizes: Sequence[int],
    near: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]],
    predictions: NDArray[np.integer],
    labels: NDArray[np.integer],
) -> Iterator[Figure]:
    """Measure trustworthiness, continuity, purity, and how many mixed samples look pure.

    `maps` holds the positions and the placebo's; `near` the neighbours in the representation and on each map,
    of the rows `looking`. All others are of every sample that is searched.
    """
    drawn = _drawn(len(looking), _RANKED_SAMPLES)
    rows = looking[drawn]
    intruders = [measures.distance_ranks(x, on_map[drawn], rows) for on_map in near[1:]]
    missing = [measures.distance_ranks(y, near[0][drawn], rows) for y in maps]
    known = labels[looking] >= 0
    for size in sizes:
        if size <= (len(x) - 1) // 2:
            for name, ranks in (("trustworthiness", intruders), ("continuity", missing)):
                value, placebo = (measures.trust_of_ranks(of[:, :size], len(x)) for of in ranks)
                yield name, size, value, placebo
        of_predictions = [measures.purity_of(of[:, :size], predictions, predictions[looking]) for of in near]
        true, value, placebo = (float(shares.mean()) for shares in of_predictions)
        yield "purity", size, value, placebo
        yield "purity_of_representation", size, true, true
        value, placebo = (measures.looks_pure(of_predictions[0], shares) for shares in of_predictions[1:])
        yield "looks_pure", size, value, placebo
        if known.any():
            true, value, placebo = (
                float(measures.purity_of(of[known, :size], labels, labels[looking][known]).mean())
                for of in near
            )
            yield "label_hit", size, value, placebo
            yield "label_hit_of_representation", size, true, true


def arrangement(
    x: NDArray[np.float32],
    maps: tuple[NDArray[np.float32], NDArray[np.float32]],
    labels: NDArray[np.integer],
) -> Iterator[Figure]:
    """Measure the correlation of class distances and the agreement of triplets."""
    value, placebo = (measures.class_distance_correlation(x, y, labels) for y in maps)
    yield "class_distance", None, value, placebo
    if len(x) > 2:
        value, placebo = (measures.triplet_agreement(x, y) for y in maps)
        yield "triplets", None, value, placebo


def borders(
    canvas: Canvas,
    extent: tuple[float, float, float, float],
    maps: tuple[NDArray[np.float32], NDArray[np.float32]],
    predictions: NDArray[np.integer],
    logits: NDArray[np.float32] | None,
    boundary: NDArray[np.float32],
) -> Iterator[Figure]:
    """Measure whether samples keep their distance to the drawn border, and boundary samples lie on it.

    `maps` holds the positions [n, 2] and the placebo's, `boundary` the positions [m, 2] of δ-boundary
    samples. Only borders that run near samples count. The placebo of the boundary samples are as many samples
    drawn at random.
    """
    y, discs = maps
    if logits is not None:
        margins = measures.log_odds(logits)
        _, of = np.unique(predictions, return_inverse=True)
        painted = sectors(int(of.max()) + 1, _PLACEBO_EXTENT, len(canvas.classes))
        value, placebo = (
            measures.margin_correlation(measures.border_distance(places, classes, within), margins)
            for places, classes, within in (
                (y, canvas.classes, extent),
                (discs, painted, _PLACEBO_EXTENT),
            )
        )
        yield "margin", None, value, placebo
    if len(boundary):
        side = extent[1] - extent[0]
        pixels = measures.border_pixels(canvas.classes, extent)
        if len(pixels):
            pixels = pixels[neighbors(y, 1, query=pixels)[1][:, 0] <= _SUPPORTED * side]
        chance = y[np.random.default_rng(_SEED).integers(len(y), size=len(boundary))]
        reach = _REACH * side
        value, placebo = (measures.coverage(points, pixels, reach) for points in (boundary, chance))
        yield "delta_recall", None, value, placebo
        value, placebo = (measures.coverage(pixels, points, reach) for points in (boundary, chance))
        yield "delta_precision", None, value, placebo


def motion(
    x: tuple[NDArray[np.float32], NDArray[np.float32]],
    y: tuple[NDArray[np.float32], NDArray[np.float32]],
    discs: tuple[NDArray[np.float32], NDArray[np.float32]],
    looking: NDArray[np.intp],
    near: tuple[NDArray[np.int32], NDArray[np.int32]],
    shared: Mapping[int, NDArray[np.float64]],
) -> Iterator[Figure]:
    """Correlate how far samples moved with the change of their distance ranks, and of their neighbours.

    Pairs hold the epoch before and this one; `near` are the neighbours of the rows `looking`. The placebo
    steps 1 / overlap − 1 in a random direction: it knows the neighbours that were lost, and gets the
    second by construction. That of the sign agreement draws every position anew.
    """
    moved = np.linalg.norm((y[1][looking] - y[0][looking]).astype(np.float64), axis=1)
    rows, few = _drawn(len(moved), _MOVED_SAMPLES), _drawn(len(moved), _RANKED_SAMPLES)
    change = measures.rank_change(x[0][looking[rows]], x[1][looking[rows]])
    largest = max(shared)
    placebo = steps(shared[largest], largest)
    value, by_chance = (measures.spearman(way[rows], change) for way in (moved, placebo))
    yield "move_change", None, value, by_chance
    for size, shares in shared.items():
        value, by_chance = (measures.spearman(way, 1 - shares) for way in (moved, steps(shares, size)))
        yield "move_neighbors", size, value, by_chance
        pairs = np.concatenate([of[few, :size] for of in near], axis=1)
        value, by_chance = (measures.sign_agreement(x, places, pairs, looking[few]) for places in (y, discs))
        yield "sign_agreement", size, value, by_chance


def _drawn(n: int, count: int) -> NDArray[np.intp]:
    """Draw so many of n rows, or all of them, in ascending order."""
    return np.sort(np.random.default_rng(_SEED).permutation(n)[:count])
