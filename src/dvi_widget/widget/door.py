"""Arguments of a request, checked at the door: what a page sends becomes values, or a sentence about it."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dvi_widget.landscape import Landscape

from .thumbnails import fitted
from .wire import MAX_ANSWER_BYTES, RequestError, listed

MAX_NEIGHBORS = 100
MAX_POINTS = 256  # decoded at a time


def quoted(value: object) -> str:
    """A value for a sentence, cut short: a page may send megabytes."""
    return reprlib.repr(value)


def named(args: object, *names: str) -> tuple[Any, ...]:
    """The arguments by name, all of them and no others."""
    if not isinstance(args, Mapping) or set(args) != set(names):
        wanted = ", ".join(names) or "no arguments"
        found = "none"
        if isinstance(args, Mapping):
            found = ", ".join(quoted(str(key))[1:-1] for key in list(args)[:8]) or found
        elif args is not None:
            found = type(args).__name__
        raise RequestError(f"The request needs {wanted}; it came with {found}.")
    return tuple(args[name] for name in names)


def integer(value: object, name: str) -> int:
    """A whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise RequestError(f"{name} must be a whole number, not {quoted(value)}.")
    return value


def landscape(value: object, landscapes: Sequence[Landscape]) -> Landscape:
    """One of the landscapes, by its place among them."""
    place = integer(value, "landscape")
    if not 0 <= place < len(landscapes):
        raise RequestError(f"There is no landscape {quoted(place)}; there are {len(landscapes)}.")
    return landscapes[place]


def epoch(value: object, shown: Landscape) -> int:
    """A recorded epoch of a landscape."""
    number = integer(value, "epoch")
    if number not in shown.epochs:
        raise RequestError(f"Epoch {quoted(number)} was not recorded; recorded are {listed(shown.epochs)}.")
    return number


def samples(value: object, n: int, bytes_each: int) -> NDArray[np.int64]:
    """Indices of samples, no more of them than one answer may hold."""
    if not isinstance(value, list):
        raise RequestError(f"indices must be a list of whole numbers, not {type(value).__name__}.")
    if len(value) * bytes_each > MAX_ANSWER_BYTES:
        raise RequestError(f"{len(value)} samples are too many for one answer; ask for fewer at a time.")
    for index in value:
        if not 0 <= integer(index, "an index") < n:
            raise RequestError(f"There is no sample {quoted(index)}; samples are numbered 0 to {n - 1}.")
    return np.asarray(value, np.int64)


def points(value: object, extent: Sequence[float]) -> NDArray[np.float32]:
    """Points on the canvas, or beside it by no more than its width: float32 [m, 2]."""
    if not isinstance(value, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        raise RequestError("points must be a list of pairs [x, y].")
    if not 1 <= len(value) <= MAX_POINTS:
        raise RequestError(f"From 1 to {MAX_POINTS} points can be decoded at a time, not {len(value)}.")
    x0, x1, y0, y1 = extent
    width, height = x1 - x0, y1 - y0
    for x, y in value:
        for number in (x, y):
            if isinstance(number, bool) or not isinstance(number, (int, float)):
                raise RequestError(f"points must hold numbers, not {quoted(number)}.")
        # NaN compares as False.
        if not (x0 - width <= x <= x1 + width and y0 - height <= y <= y1 + height):
            raise RequestError(
                f"A point must lie near the canvas: x from {x0:.4g} to {x1:.4g}, y from {y0:.4g} to {y1:.4g}."
            )
    return np.asarray(value, np.float32)


def neighbors(value: object, most: int = MAX_NEIGHBORS) -> int:
    """A number of neighbours."""
    k = integer(value, "k")
    if not 1 <= k <= min(most, MAX_NEIGHBORS):
        raise RequestError(f"k must be from 1 to {min(most, MAX_NEIGHBORS)} neighbours, not {quoted(k)}.")
    return k


def size(value: object, shape: tuple[int, ...], count: int) -> int | None:
    """The side in pixels that pictures [C, H, W] are fitted into; None for their own size."""
    side = None if value is None else integer(value, "size")
    if side is not None and not 1 <= side <= 4096:
        raise RequestError(f"size must be from 1 to 4096 pixels, not {quoted(side)}.")
    channels, height, width = shape
    if count * channels * math.prod(fitted(height, width, side)) > MAX_ANSWER_BYTES:
        raise RequestError(f"{count} pictures of that size are too many for one answer.")
    return side


def name(value: object, what: str, known: Sequence[str]) -> str:
    """One of the names that there are."""
    if not isinstance(value, str) or value not in known:
        there = ", ".join(known) or "none"
        raise RequestError(f"There is no {what} {quoted(value)}; there is {there}.")
    return value
