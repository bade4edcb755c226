"""The wire between kernel and page: answers as JSON and little-endian buffers, numbers in few bytes."""

from __future__ import annotations

import functools
import reprlib
import types
import typing
from collections.abc import Sequence
from typing import Any, Protocol, Union

import numpy as np
from numpy.typing import NDArray

#: Version of requests and answers; a page that speaks another one says so instead of drawing nonsense.
PROTOCOL = 3
#: Most bytes that one answer about chosen samples may hold: 64 MiB.
MAX_ANSWER_BYTES = 1 << 26

# Confidences that are exact on the wire, computed by the division that the page uses.
_CONFIDENCE_LEVELS = np.arange(30_001) / 30_000


class RequestError(ValueError):
    """A request that cannot be answered; its message is a sentence for the person at the page."""


class Answer:
    """Base of the dataclasses that answer requests.

    A field annotated as an array, such as ``NDArray[np.int32]``, travels as a binary buffer, any other field
    as JSON. An array that may be None is left out while it is.
    """

    @classmethod
    @functools.cache
    def array_fields(cls) -> dict[str, tuple[str, ...]]:
        """List the fields that hold arrays, each with the names of the dtypes it may have."""
        fields = {}
        for name, hint in typing.get_type_hints(cls).items():
            arrays = [member for member in members(hint) if typing.get_origin(member) is np.ndarray]
            if arrays:
                # NDArray[np.int32] is np.ndarray[shape, np.dtype[np.int32]].
                scalars = [typing.get_args(typing.get_args(array)[1])[0] for array in arrays]
                fields[name] = tuple(np.dtype(scalar).name for scalar in scalars)
        return fields

    @property
    def result(self) -> dict[str, Any]:
        """The fields that travel as JSON, by name."""
        arrays = self.array_fields()
        return {name: value for name, value in vars(self).items() if name not in arrays}

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays by name, in the order in which they are sent.

        Raises
        ------
        TypeError
            If an array has a dtype that the page does not expect.
        """
        arrays: dict[str, NDArray[Any]] = {}
        for name, dtypes in self.array_fields().items():
            array = getattr(self, name)
            if array is None:
                continue
            if array.dtype.name not in dtypes:
                raise TypeError(f"{name} must be {' or '.join(dtypes)}; got {array.dtype}.")
            arrays[name] = array
        return arrays

    @property
    def headers(self) -> list[dict[str, Any]]:
        """Name, dtype and shape of each array; the page builds typed arrays from them."""
        return [
            {"name": name, "dtype": array.dtype.name, "shape": list(array.shape)}
            for name, array in self.arrays.items()
        ]

    @property
    def buffers(self) -> list[bytes]:
        """The values of each array, packed."""
        return [packed(array) for array in self.arrays.values()]


def members(hint: Any) -> tuple[Any, ...]:
    """List the members of a union, or the one type that is none."""
    union = typing.get_origin(hint) in (Union, types.UnionType)
    return tuple(map(_unaliased, typing.get_args(hint) if union else (hint,)))


def _unaliased(hint: Any) -> Any:
    """Return the type that an alias stands for: NumPy 2.5 makes NDArray one from Python 3.12 on."""
    value = getattr(typing.get_origin(hint), "__value__", None)
    return hint if value is None else value[typing.get_args(hint)]


class Report(Protocol):
    """Tells the page how far a request is; raises an exception if the page no longer wants the answer."""

    def __call__(self, fraction: float, text: str, so_far: Answer | None = None) -> None:
        """Take the share done, in [0, 1], a phrase for people, and the answer as far as it is known."""
        ...


def silence(fraction: float, text: str, so_far: Answer | None = None) -> None:
    """Report to nobody."""
    del fraction, text, so_far


def packed(array: NDArray[Any]) -> bytes:
    """Pack the values of an array: little-endian, C order."""
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


def class_dtype(n_classes: int) -> type[np.uint8 | np.uint16]:
    """Choose the dtype of class indices on the wire; its highest value stands for the δ-boundary."""
    return np.uint8 if n_classes <= 254 else np.uint16


def quantised(positions: NDArray[Any], extent: Sequence[float]) -> NDArray[np.uint16]:
    """Store positions in 4 bytes per sample: each axis of the extent is cut into 65,535 steps.

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
    """Store confidences in 2 bytes per sample, on the right side of every level with four digits.

    A value equal to k/30000 is stored as 2k, a value between two such levels as the odd number between
    theirs. So a comparison with a level such as 0.6, or rounding to a tenth of a percent, gives the same
    result on the page as here. 60,000 stands for 1.

    Parameters
    ----------
    confidence
        ``[n]``, in [0, 1].

    Returns
    -------
    ndarray
        uint16 ``[n]``; divided by 60,000 it is off by less than 1/60,000.
    """
    share = np.clip(np.asarray(confidence, np.float64), 0, 1)
    below = np.searchsorted(_CONFIDENCE_LEVELS, share, side="right") - 1
    return (2 * below + (share > _CONFIDENCE_LEVELS[below])).astype(np.uint16)


def in_bytes(shares: NDArray[Any]) -> NDArray[np.uint8]:
    """Store numbers in [0, 1] in a byte each; 255 stands for 1."""
    return np.asarray(np.rint(np.clip(shares, 0, 1) * 255), np.uint8)


def quoted(value: object) -> str:
    """Write a value for a sentence, cut short: a page may send megabytes."""
    return reprlib.repr(value)


def listed(numbers: Sequence[int], most: int = 12) -> str:
    """Write numbers out for a sentence: all of them, or the first ones and the last."""
    if len(numbers) <= most:
        return ", ".join(map(str, numbers))
    return f"{', '.join(map(str, numbers[: most - 1]))}, … {numbers[-1]}"
