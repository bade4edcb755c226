"""Paint the map from coarse to fine: pixels are classified only where their surroundings disagree."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from dvi_widget.landscape.canvas import Canvas

Answer = tuple[NDArray[np.integer], NDArray[np.float32], NDArray[np.float32]]
Painting = tuple[Canvas, float]

_COARSE_PX = 8  # between the points that are classified first
_CHUNK_POINTS = 1 << 13  # classified between two pictures
_MAX_UNFINISHED = 0.99  # share reported before the last level is done


def paint(
    classify: Callable[[NDArray[np.float32]], Answer],
    extent: tuple[float, float, float, float],
    resolution: int,
    classes: int,
    marks: NDArray[np.floating],
    mark_classes: NDArray[np.integer],
) -> Iterator[Painting]:
    """Paint a canvas, ever sharper.

    A lattice of every eighth pixel is classified first. Then its gaps are halved three times. A new point is
    classified where the corners of its cell, or of an adjacent cell, are of different classes, or where the
    cell holds a sample of another class. Elsewhere class, shade and margin are interpolated from the corners.

    Parameters
    ----------
    classify : callable
        From points [m, 2] to class, shade and margin [m], the latter two in [0, 1].
    extent : tuple of float
        x0, x1, y0, y1.
    resolution : int
        Pixels R along each side.
    classes : int
        Number of classes, which decides the dtype of the picture.
    marks : float [N, 2]
        Positions of samples, so that an island round one of them is not missed.
    mark_classes : int [N]
        Their classes.

    Yields
    ------
    Canvas
    share : float
        Share of the work that is done; 1 at the end.
    """
    x0, x1, y0, y1 = extent
    pixel = np.array([(x1 - x0) / resolution, (y1 - y0) / resolution])
    cells = max(1, -(-(resolution - 1) // _COARSE_PX))
    # Samples in lattice coordinates, in pixels; those outside the picture do not matter.
    spots = (marks - np.array([x0, y0])) / pixel - 0.5
    inside = ((spots >= 0) & (spots <= resolution - 1)).all(axis=1)
    spots, own = spots[inside], mark_classes[inside]

    stride = _COARSE_PX
    kind = np.zeros((cells + 1, cells + 1), np.int32)
    scalars = np.zeros((2, cells + 1, cells + 1), np.float32)  # shade and margin
    known = np.zeros_like(kind, bool)
    wanted = ~known
    while True:
        rows, columns = np.nonzero(wanted & ~known)
        points = np.stack([columns, rows], axis=1) * stride + 0.5
        points = (points * pixel + np.array([x0, y0])).astype(np.float32)
        for start in range(0, len(points), _CHUNK_POINTS):
            part = slice(start, start + _CHUNK_POINTS)
            kind[rows[part], columns[part]], *values = classify(points[part])
            scalars[:, rows[part], columns[part]] = values
            levels = np.log2(_COARSE_PX / stride) + min(1.0, part.stop / len(points))
            share = min(levels / (np.log2(_COARSE_PX) + 1), _MAX_UNFINISHED)
            if part.stop < len(points):
                yield _picture(kind, scalars, stride, resolution, classes), share
        if stride == 1:
            yield _picture(kind, scalars, stride, resolution, classes), 1.0
            return
        yield _picture(kind, scalars, stride, resolution, classes), share
        unsettled = _unsettled(kind, spots / stride, own)
        kind, scalars = _halved(kind, scalars)
        classified = np.zeros_like(kind, bool)
        classified[::2, ::2] = known | wanted
        known, wanted = classified, _points(unsettled)
        stride //= 2


def _unsettled(
    kind: NDArray[np.int32], spots: NDArray[np.floating], own: NDArray[np.integer]
) -> NDArray[np.bool_]:
    """Return the cells whose corners or samples disagree, and the cells adjacent to them."""
    corners = np.stack([kind[:-1, :-1], kind[1:, :-1], kind[:-1, 1:], kind[1:, 1:]])
    torn: NDArray[np.bool_] = (corners != corners[0]).any(axis=0)
    column, row = np.minimum(spots.astype(int), len(torn) - 1).T
    torn[row, column] |= own != corners[0][row, column]
    wide = np.pad(torn, 1)
    size = len(torn)
    around = [wide[a : a + size, b : b + size] for a in range(3) for b in range(3)]
    return np.asarray(np.logical_or.reduce(around))


def _halved(
    kind: NDArray[np.int32], scalars: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the lattice with half the gaps, its new points interpolated from the old ones."""
    size = 2 * len(kind) - 1
    finer = np.empty((size, size), np.int32)
    finer[::2, ::2] = kind
    finer[1::2, ::2], finer[::2, 1::2], finer[1::2, 1::2] = kind[:-1], kind[:, :-1], kind[:-1, :-1]
    between = np.empty((len(scalars), size, size), np.float32)
    between[:, ::2, ::2] = scalars
    between[:, 1::2, ::2] = (scalars[:, :-1] + scalars[:, 1:]) / 2
    between[:, :, 1::2] = (between[:, :, :-1:2] + between[:, :, 2::2]) / 2
    return finer, between


def _points(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the points, of the lattice with half the gaps, that lie in or on these cells."""
    size = 2 * len(cells) + 1
    points = np.zeros((size, size), bool)
    for a in range(3):
        for b in range(3):
            points[a : a + size - 2 : 2, b : b + size - 2 : 2] |= cells
    return points


def _picture(
    kind: NDArray[np.int32], scalars: NDArray[np.float32], stride: int, resolution: int, classes: int
) -> Canvas:
    """Return the lattice as pixels, each from the nearest lattice point."""
    nearest = (np.arange(resolution) + stride // 2) // stride
    grid = np.ix_(nearest, nearest)
    shade, margin = scalars
    return Canvas.of(kind[grid], shade[grid], margin[grid], classes)
