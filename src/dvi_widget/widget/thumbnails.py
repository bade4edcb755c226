"""Small pictures of samples: area-averaged, never enlarged, in the layout the front end draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .rendering import Pictures

_CHUNK_VALUES = 1 << 24  # float32 values in memory at once while averaging: 64 MiB


def fitted(height: int, width: int, size: int | None) -> tuple[int, int]:
    """Height and width of a picture fitted inside a square, keeping its aspect.

    Parameters
    ----------
    height, width
        Of the picture, in pixels, at least 1.
    size
        Side of the square in pixels, at least 1; None leaves the picture as it is.

    Returns
    -------
    tuple of int
        ``(height, width)``, never larger than what came in, each at least 1.
    """
    if size is None or max(height, width) <= size:
        return height, width
    scale = size / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def thumbnails(
    images: Pictures, indices: Sequence[int] | NDArray[np.integer[Any]], size: int | None
) -> NDArray[np.uint8]:
    """Pictures of some samples, fitted inside a square.

    Parameters
    ----------
    images
        uint8 ``[N, C, H, W]``, an array, a memory map or a renderer; only the rows asked for are read.
    indices
        ``[m]``, which samples, each in ``0 .. N - 1``.
    size
        Side of the square in pixels; None gives the native size.

    Returns
    -------
    ndarray
        uint8 ``[m, h, w, C]``, C-contiguous. A smaller picture is the exact average of the area
        that each of its pixels covers.
    """
    rows = np.asarray(indices, dtype=np.int64)
    height, width = images.shape[2:]
    h, w = fitted(height, width, size)
    if (h, w) == (height, width):
        return np.ascontiguousarray(images[rows].transpose(0, 2, 3, 1))
    down, across = _coverage(height, h), _coverage(width, w)
    small = np.empty((len(rows), h, w, images.shape[1]), np.uint8)
    step = max(1, _CHUNK_VALUES // (images.shape[1] * height * width))
    for start in range(0, len(rows), step):
        chunk = images[rows[start : start + step]].astype(np.float32)
        small[start : start + step] = np.rint(down @ chunk @ across.T).transpose(0, 2, 3, 1)
    return small


def _coverage(source: int, target: int) -> NDArray[np.float32]:
    """Which share of each target pixel every source pixel covers, [target, source], rows sum to one."""
    edges = np.arange(target + 1) * (source / target)
    pixels = np.arange(source)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    shares: NDArray[np.float32] = (np.clip(overlap, 0, None) * (target / source)).astype(np.float32)
    return shares
