"""Pictures of samples for people: always uint8 [n, C, H, W], from arrays of several kinds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from .arrays import as_array, blocks, check_finite, warn

if TYPE_CHECKING:
    from torch import Tensor


def as_pictures(array: ArrayLike | Tensor, name: str = "images") -> NDArray[np.uint8]:
    """Convert an array to pictures.

    uint8 values are kept, floats in [0, 1] are multiplied by 255, other floats are rescaled by the minimum
    and maximum of the whole array.

    Parameters
    ----------
    array : uint8 or float [n, C, H, W] or [n, H, W]
        C is 1 or 3.
    name
        Name of the argument, for the error.

    Returns
    -------
    uint8 [n, C, H, W]
        C is 1 for ``[n, H, W]``. No copy if nothing had to be converted.

    Raises
    ------
    ValueError, TypeError
        If the array has another shape or type, or holds NaN or infinity.

    Warns
    -----
    UserWarning
        If floats lie outside [0, 1], so that they are rescaled.
    """
    plain = as_array(name, array)
    check_pictures(plain, name)
    low, high = value_range([plain], name)
    converted = [show(block, low, high) for block in blocks(plain)]
    return converted[0] if len(converted) == 1 else np.concatenate(converted)


def like_pictures(array: NDArray[Any]) -> bool:
    """Tell whether an array has a dtype and a shape that pictures have."""
    kind = array.dtype == np.uint8 or np.issubdtype(array.dtype, np.floating)
    shape = array.ndim == 3 or (array.ndim == 4 and array.shape[1] in (1, 3))
    return kind and shape and min(array.shape) > 0


def check_pictures(array: NDArray[Any], name: str) -> None:
    """Refuse an array that does not hold pictures.

    Raises
    ------
    ValueError
        If it has another dtype or shape, or holds NaN or infinity.
    """
    if not like_pictures(array):
        last = array.ndim == 4 and array.shape[3] in (1, 3)
        hint = f" Channels come first: {name}.transpose(0, 3, 1, 2)." if last else ""
        raise ValueError(
            f"{name} must be uint8 or floats, [n, C, H, W] with C of 1 or 3, or [n, H, W]; got {array.dtype} "
            f"{array.shape}.{hint}"
        )
    check_finite(name, array)


def value_range(parts: Sequence[NDArray[Any]], name: str) -> tuple[float, float]:
    """Choose which values are shown as 0 and as 255: the dtype's or [0, 1], else minimum and maximum.

    Warns
    -----
    UserWarning
        If it is minimum and maximum.
    """
    if parts[0].dtype == np.uint8:
        return 0.0, 255.0
    low = min(float(block.min()) for part in parts for block in blocks(part))
    high = max(float(block.max()) for part in parts for block in blocks(part))
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    warn(
        f"{name}: values lie in [{low:.3g}, {high:.3g}], not in [0, 1]; they are shown rescaled by this "
        "minimum and maximum of the whole set. Pass images=<uint8 pictures> to choose what is shown."
    )
    return low, high if high > low else low + 1


def show(block: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Scale some pictures [m, H, W] or [m, C, H, W] from [low, high] to uint8 [m, C, H, W]."""
    pictures = block[:, None] if block.ndim == 3 else block
    if pictures.dtype != np.uint8:
        pictures = np.rint((pictures.astype(np.float64) - low) * (255 / (high - low))).astype(np.uint8)
    return pictures


def shrunk(pictures: NDArray[np.uint8], side: int | None) -> NDArray[np.uint8]:
    """Shrink pictures [m, C, H, W] by area averages until neither side is longer; None keeps their size."""
    height, width = pictures.shape[2:]
    if side is None or max(height, width) <= side:
        return pictures
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    channels = [
        [np.asarray(Image.fromarray(channel).resize(size, Image.Resampling.BOX)) for channel in picture]
        for picture in pictures
    ]
    return np.array(channels, np.uint8)


@dataclass(frozen=True)
class Lines:
    """How inputs of a network and pictures of the same samples relate: one straight line per channel.

    Networks may take other values than people see, such as pixels that were centred and divided.

    Attributes
    ----------
    slopes, offsets : float64 [C, 1, 1]
        picture = slope · input + offset.
    residual : float
        Largest root mean squared error of a channel, in grey levels.
    """

    slopes: NDArray[np.float64]
    offsets: NDArray[np.float64]
    residual: float

    @classmethod
    def between(cls, inputs: NDArray[Any], pictures: NDArray[np.uint8]) -> Lines:
        """Fit the lines by least squares to inputs and pictures of the same samples, both [n, C, H, W]."""
        lines = [
            _line(inputs[:, c].ravel().astype(np.float64), pictures[:, c].ravel().astype(np.float64))
            for c in range(pictures.shape[1])
        ]
        slopes, offsets, errors = np.array(lines).T
        return cls(slopes[:, None, None], offsets[:, None, None], float(errors.max()))

    def pictures(self, inputs: NDArray[Any]) -> NDArray[np.uint8]:
        """Return pictures uint8 [m, C, H, W] of inputs."""
        values = inputs * self.slopes + self.offsets
        return np.rint(np.clip(values, 0, 255)).astype(np.uint8)

    def inputs(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return inputs float32 [m, C, H, W] of pictures; 0 for a channel that never varied."""
        slopes = np.where(self.slopes == 0, np.inf, self.slopes)
        return ((pictures - self.offsets) / slopes).astype(np.float32)


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return slope, offset and error of the least-squares line through pairs; flat if x does not vary."""
    spread = x.var()
    slope = float(((x - x.mean()) * (y - y.mean())).mean() / spread) if spread > 0 else 0.0
    offset = float(y.mean() - slope * x.mean())
    return slope, offset, float(np.sqrt(np.square(slope * x + offset - y).mean()))
