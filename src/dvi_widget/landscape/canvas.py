"""A painted canvas: classes, shade and margin of every pixel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_MAX_UINT8_CLASSES = 255
_ONE = 255  # the byte that stands for 1


class Canvas(NamedTuple):
    """A painted canvas; row 0 has the lowest y, column 0 the lowest x.

    Attributes
    ----------
    classes : uint8 [R, R] (up to 255 classes) or uint16 [R, R]
        The likeliest class, everywhere.
    shade : uint8 [R, R]
        How sure the engine is there; 255 stands for 1.
    margin : uint8 [R, R]
        255 · √m, m being the margin in [0, 1] between the two likeliest classes: 0 on a border. The root
        keeps small margins apart, between which borders are drawn.
    """

    classes: NDArray[np.unsignedinteger]
    shade: NDArray[np.uint8]
    margin: NDArray[np.uint8]

    @classmethod
    def of(
        cls,
        classes: NDArray[np.integer],
        shade: NDArray[np.floating],
        margin: NDArray[np.floating],
        count: int,
    ) -> Canvas:
        """Quantise classes, shades and margins, the latter two in [0, 1], of `count` classes."""
        return cls(
            classes.astype(np.uint8 if count <= _MAX_UINT8_CLASSES else np.uint16),
            np.rint(np.clip(shade, 0, 1) * _ONE).astype(np.uint8),
            np.rint(np.sqrt(np.clip(margin, 0, 1)) * _ONE).astype(np.uint8),
        )

    def margins(self) -> NDArray[np.float32]:
        """Return the margins [R, R] in [0, 1]."""
        return np.square(self.margin / np.float32(_ONE))
