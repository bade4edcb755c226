"""Painting a canvas: the centre of every pixel decoded and classified, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dvi_widget.progress import Progress

from .canvas import Canvas
from .source import Paints

# Classified at once: pixels, and the logits of pixels, of which there are as many as classes.
_BLOCK_PIXELS = 1 << 15
_BLOCK_LOGITS = 1 << 22


def pixel_centres(
    extent: tuple[float, float, float, float], resolution: int, block_rows: int
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Yield the centres of a canvas' pixels, some rows at a time.

    Parameters
    ----------
    extent : tuple of float
        x0, x1, y0, y1 of the canvas.
    resolution : int
        Pixels R along each side.
    block_rows : int
        Rows at a time; the last block may have fewer.

    Yields
    ------
    rows : slice
        Row 0 has the lowest y.
    points : float32 [g · R, 2]
        Their centres, row by row.
    """
    x0, x1, y0, y1 = extent
    centres = (np.arange(resolution) + 0.5) / resolution
    x, y = x0 + centres * (x1 - x0), y0 + centres * (y1 - y0)
    for start in range(0, resolution, block_rows):
        rows = slice(start, min(start + block_rows, resolution))
        points = np.stack(np.broadcast_arrays(x[None], y[rows, None]), axis=-1).reshape(-1, 2)
        yield rows, points.astype(np.float32)


def paint(
    source: Paints,
    epoch: int,
    extent: tuple[float, float, float, float],
    resolution: int,
    classes: int,
    progress: Progress | None = None,
    min_blocks: int = 1,
) -> Canvas:
    """Paint a canvas from its lowest row up.

    Parameters
    ----------
    source
        The engine that classifies points.
    epoch : int
        Recorded number.
    extent, resolution
        As for `pixel_centres`.
    classes : int
        Number of classes, which decides the dtype of the canvas and how much is classified at once.
    progress : callable, optional
        Called with the share of the rows that is painted, after each block of rows.
    min_blocks : int
        Blocks of rows at least.

    Returns
    -------
    Canvas
    """
    block_pixels = min(_BLOCK_PIXELS, _BLOCK_LOGITS // max(classes, 1), resolution**2 // min_blocks)
    block_rows = max(1, block_pixels // resolution)
    nothing = np.zeros((resolution, resolution))
    canvas = Canvas.of(nothing.astype(int), nothing, nothing, classes)
    for rows, points in pixel_centres(extent, resolution, block_rows):
        kinds, shade, margin = source.paint(epoch, points)
        painted = Canvas.of(kinds, shade, margin, classes)
        for part, values in zip(canvas, painted, strict=True):
            part[rows] = values.reshape(-1, resolution)
        if progress is not None:
            progress(rows.stop / resolution)
    return canvas
