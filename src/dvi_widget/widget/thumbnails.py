"""Small pictures of samples: area-averaged, never enlarged, in the layout the front end draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .rendering import Pictures

_BLOCK_VALUES = 1 << 24  # float32 values averaged at a time: 64 MiB


def fitted(height: int, width: int, size: int | None) -> tuple[int, int]:
    """Fit a picture inside a square, keeping its aspect.

    Parameters
    ----------
    height, width
        Size of the picture in pixels, at least 1.
    size
        Side of the square in pixels, at least 1; None keeps the size.

    Returns
    -------
    tuple of int
        ``(height, width)``, each at least 1 and never larger than before.
    """
    if size is None or max(height, width) <= size:
        return height, width
    scale = size / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def thumbnails(
    images: Pictures, indices: Sequence[int] | NDArray[np.integer[Any]], size: int | None
) -> NDArray[np.uint8]:
    """Fit the pictures of some samples inside a square.

    Parameters
    ----------
    images
        uint8 ``[N, C, H, W]``: an array, a memory map or `RenderedPictures`; only the rows of `indices` are
        read.
    indices
        Samples ``[m]``, each in ``0..N−1``.
    size
        Side of the square in pixels; None keeps the size.

    Returns
    -------
    ndarray
        uint8 ``[m, h, w, C]``, C-contiguous. Each pixel of a smaller picture is the exact average of the area
        it covers.
    """
    rows = np.asarray(indices, dtype=np.int64)
    height, width = images.shape[2:]
    h, w = fitted(height, width, size)
    if (h, w) == (height, width):
        return np.ascontiguousarray(images[rows].transpose(0, 2, 3, 1))
    down, across = _coverage(height, h), _coverage(width, w)
    small = np.empty((len(rows), h, w, images.shape[1]), np.uint8)
    step = max(1, _BLOCK_VALUES // (images.shape[1] * height * width))
    for start in range(0, len(rows), step):
        block = images[rows[start : start + step]].astype(np.float32)
        small[start : start + step] = np.rint(down @ block @ across.T).transpose(0, 2, 3, 1)
    return small


def _coverage(source: int, target: int) -> NDArray[np.float32]:
    """Compute the share of each target pixel that each source pixel covers: [target, source]."""
    edges = np.arange(target + 1) * (source / target)
    pixels = np.arange(source)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    shares: NDArray[np.float32] = (np.clip(overlap, 0, None) * (target / source)).astype(np.float32)
    return shares
