"""Arguments that are checked in many places: refused by name, with what was found and what is needed."""

from __future__ import annotations

import math
import numbers
import reprlib
from pathlib import Path
from typing import Any


def check_whole(name: str, value: object, least: int = 0, most: int | None = None) -> int:
    """A whole number within its range, as an int; numpy's count, bools do not.

    Raises
    ------
    ValueError
        If it is something else, or out of range.
    """
    fits = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not fits or int(value) < least or (most is not None and int(value) > most):  # type: ignore[call-overload]
        wanted = f"of {least} or more" if most is None else f"in {least}..{most}"
        raise ValueError(f"{name}: must be a whole number {wanted}; found {reprlib.repr(value)}")
    return int(value)  # type: ignore[call-overload,no-any-return]


def check_number(name: str, value: object, low: float = -math.inf, high: float = math.inf) -> float:
    """A finite number within its range, both ends included, as a float; bools do not count.

    Raises
    ------
    ValueError
        If it is something else, or out of range.
    """
    fits = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not fits or not math.isfinite(value) or not low <= value <= high:  # type: ignore[arg-type,operator]
        wanted = "a finite number"
        if math.isfinite(low):
            wanted = f"a number in [{low:g}, {high:g}]" if math.isfinite(high) else f"{low:g} or more"
        raise ValueError(f"{name}: must be {wanted}; found {reprlib.repr(value)}")
    return float(value)  # type: ignore[arg-type]


def check_path(name: str, value: Any) -> Path:
    """A path.

    Raises
    ------
    TypeError
        If it is neither a string nor a path.
    """
    try:
        return Path(value)
    except TypeError:
        raise TypeError(
            f"{name}: must be a path, as a string or a Path; found {reprlib.repr(value)}"
        ) from None
