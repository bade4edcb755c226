"""What travels between kernel and page: answers as JSON and little-endian buffers, numbers in few bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

PROTOCOL = 1
_LEVELS = np.arange(30_001) / 30_000  # as the page divides; of confidence
MAX_ANSWER_BYTES = 1 << 26  # of one answer about chosen samples: 64 MiB


class RequestError(ValueError):
    """A request that cannot be answered; its text is a sentence for the person at the page."""


class Answer(NamedTuple):
    """What an operation gives back: a JSON-able result, and arrays by name, in the order they are sent."""

    result: dict[str, Any]
    arrays: dict[str, NDArray[Any]]

    def described(self) -> list[dict[str, Any]]:
        """Name, dtype and shape of each array, as the front end needs them to build typed arrays."""
        return [
            {"name": name, "dtype": array.dtype.name, "shape": list(array.shape)}
            for name, array in self.arrays.items()
        ]

    @property
    def size(self) -> int:
        """Bytes of its arrays."""
        return sum(array.nbytes for array in self.arrays.values())

    def buffers(self) -> list[bytes]:
        """The arrays' values, little-endian and in C order."""
        return [packed(array) for array in self.arrays.values()]


class Report(Protocol):
    """Tells the page how far a long operation is; raises where the page no longer wants its answer."""

    def __call__(self, fraction: float, text: str, so_far: Answer | None = None) -> None:
        """Take a share in [0, 1], a sentence, and the part of the answer that is there already."""
        ...


def silence(fraction: float, text: str, so_far: Answer | None = None) -> None:
    """Tell nobody."""
    del fraction, text, so_far


def key(op: str, args: Mapping[str, Any]) -> str:
    """The name of a recorded answer: the request as the front end would write it."""
    return f"{op} {json.dumps(args, separators=(',', ':'), ensure_ascii=False)}"


def packed(array: NDArray[Any]) -> bytes:
    """The values of an array as bytes: little-endian, C order."""
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


def class_dtype(n_classes: int) -> type[np.uint8 | np.uint16]:
    """The dtype of class indices on the wire: its top value is free to mean "on the boundary"."""
    return np.uint8 if n_classes <= 254 else np.uint16


def quantised(positions: NDArray[Any], extent: Sequence[float]) -> NDArray[np.uint16]:
    """Positions in 4 bytes a sample: the extent cut into 65,536 steps along each axis.

    Parameters
    ----------
    positions
        ``[n, 2]``, x and y.
    extent
        ``(x0, x1, y0, y1)``.

    Returns
    -------
    ndarray
        uint16 ``[n, 2]``; 0 is the low edge of the extent, 65,535 the high one.
    """
    x0, x1, y0, y1 = extent
    unit = (np.asarray(positions, np.float64) - (x0, y0)) / (x1 - x0, y1 - y0)
    return np.rint(np.clip(unit, 0, 1) * 65535).astype(np.uint16)


def graded(confidence: NDArray[Any]) -> NDArray[np.uint16]:
    """Confidence in 2 bytes a sample, on the side of every level of four digits where it lies.

    Of the levels k/30000, a value that equals one is told as 2k, and one between two of them as the odd
    number between theirs. So what the page compares with a level such as 0.6, or rounds to a tenth of a
    percent, comes out as it does here; 60,000 stands for 1.

    Parameters
    ----------
    confidence
        ``[n]``, in [0, 1].

    Returns
    -------
    ndarray
        uint16 ``[n]``; as a share of 60,000, off by less than 1/60,000.
    """
    share = np.clip(np.asarray(confidence, np.float64), 0, 1)
    below = np.searchsorted(_LEVELS, share, side="right") - 1
    return (2 * below + (share > _LEVELS[below])).astype(np.uint16)


def in_bytes(shares: NDArray[Any]) -> NDArray[np.uint8]:
    """Numbers in [0, 1] in a byte each; 255 stands for 1."""
    return np.asarray(np.rint(np.clip(shares, 0, 1) * 255), np.uint8)


def listed(numbers: Sequence[int], most: int = 12) -> str:
    """Numbers for a sentence: all of them, or the first ones and the last."""
    if len(numbers) <= most:
        return ", ".join(map(str, numbers))
    return f"{', '.join(map(str, numbers[: most - 1]))}, … {numbers[-1]}"
