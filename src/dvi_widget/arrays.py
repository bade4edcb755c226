"""Checks of arguments: arrays, masks, numbers and paths are made plain, or named in the error."""

from __future__ import annotations

import math
import numbers
import reprlib
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK_BYTES = 2**26


def check_whole(name: str, value: object, low: int = 0, high: int | None = None) -> int:
    """Check a whole number and return it as an int. numpy's integers count, bools do not.

    Parameters
    ----------
    name : str
        Name of the argument, for the error, as in all functions of this module.
    value : object
        The value passed.
    low, high : int, int or None
        Its range, both ends included.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If it is not a whole number, or out of range.
    """
    fits = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not fits or int(value) < low or (high is not None and int(value) > high):  # type: ignore[call-overload]
        wanted = f"of {low} or more" if high is None else f"in {low}..{high}"
        raise ValueError(f"{name} must be a whole number {wanted}; got {reprlib.repr(value)}.")
    return int(value)  # type: ignore[call-overload,no-any-return]


def check_number(name: str, value: object, low: float = -math.inf, high: float = math.inf) -> float:
    """Check a finite real number and return it as a float. bools do not count.

    Parameters
    ----------
    name, value
        As for `check_whole`.
    low, high : float
        Its range, both ends included.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If it is not a finite number, or out of range.
    """
    fits = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not fits or not math.isfinite(value) or not low <= value <= high:  # type: ignore[arg-type,operator]
        wanted = "a finite number"
        if math.isfinite(low):
            wanted = (
                f"a number in [{low:g}, {high:g}]" if math.isfinite(high) else f"a number of {low:g} or more"
            )
        raise ValueError(f"{name} must be {wanted}; got {reprlib.repr(value)}.")
    return float(value)  # type: ignore[arg-type]


def check_path(name: str, value: Any) -> Path:
    """Check a path and return it as a Path.

    Raises
    ------
    TypeError
        If it is neither a string nor a path.
    """
    try:
        return Path(value)
    except TypeError:
        raise TypeError(f"{name} must be a path, as a string or a Path; got {reprlib.repr(value)}.") from None


def as_array(name: str, value: Any) -> NDArray[Any]:
    """Turn anything array-like into a numpy array: tensors of any device, pandas', nested lists.

    Floating tensors below single precision become float32. Nothing is copied that need not be.

    Raises
    ------
    ValueError
        If the rows of a nested list have different shapes.
    TypeError
        If it holds Python objects.
    """
    torch = sys.modules.get("torch")  # whoever passes a tensor has imported it
    try:
        if torch is not None and isinstance(value, torch.Tensor):
            tensor = value.detach().cpu()
            small = tensor.is_floating_point() and tensor.element_size() < 4
            array: NDArray[Any] = (tensor.float() if small else tensor).numpy()
        elif hasattr(value, "to_numpy") and not hasattr(value, "__arrow_c_array__"):
            # pandas' nullable columns: numpy itself would make Python objects of them.
            array = np.asarray(value.to_numpy())
        else:
            array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{name} must be an array whose rows have one shape; got {type(value).__name__} ({error})."
        ) from error
    if array.dtype == object:
        raise TypeError(
            f"{name} must be an array of numbers; got {type(value).__name__} that holds Python objects. "
            "Convert them first, as by .astype(float)."
        )
    return array


def as_matrix(name: str, value: Any, columns: int | None = None) -> NDArray[np.float64] | NDArray[np.float32]:
    """Turn anything array-like into a finite floating point matrix [n, h].

    float32 and float64 are kept as they are, float16 becomes float32, integers and bools float64.

    Parameters
    ----------
    name, value
        As for `as_array`.
    columns : int, optional
        The width that x must have.

    Raises
    ------
    ValueError
        If it is not a matrix, has another number of columns, or holds NaN or infinity.
    TypeError
        If it does not hold real numbers.
    """
    array = as_array(name, value)
    if array.ndim != 2 or columns not in (None, array.shape[1]):
        shape = "[n, h]" if columns is None else f"[n, {columns}]"
        raise ValueError(f"{name} must be a matrix {shape}; got shape {array.shape}.")
    if array.dtype not in (np.float32, np.float64):
        if array.dtype.kind not in "fiub":
            raise TypeError(f"{name} must hold real numbers; got dtype {array.dtype}.")
        array = array.astype(np.float32 if array.dtype == np.float16 else np.float64)
    check_finite(name, array)
    return array


def as_rows(name: str, value: Any, n: int) -> NDArray[np.intp]:
    """Turn indices, a mask [n] or None (all rows) into row numbers in 0..n − 1.

    Returns
    -------
    intp [m]
        At least one; in the order given, or ascending for a mask.

    Raises
    ------
    ValueError
        If it names no row or one that is not there, or is a mask of another length.
    """
    if value is None:
        return np.arange(n)
    array = as_array(name, value)
    if array.dtype == bool:
        if array.shape != (n,):
            raise ValueError(f"{name} must have shape ({n},) if it is a mask; got shape {array.shape}.")
        array = np.flatnonzero(array)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must name at least one of {n} rows, by index or by a mask; got {reprlib.repr(value)}."
        )
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= n:
        raise ValueError(f"{name} must lie in 0..{n - 1}; got {low if low < 0 else high}.")
    return array.astype(np.intp)


def as_mask(name: str, value: Any, *sizes: int) -> NDArray[np.bool_]:
    """Turn anything array-like that holds bools into a mask of one of the given sizes.

    Raises
    ------
    TypeError
        If it does not hold bools.
    ValueError
        If it has another shape.
    """
    array = as_array(name, value)
    if array.dtype != np.bool_:
        raise TypeError(f"{name} must be a mask, one bool per sample, not indices; got dtype {array.dtype}.")
    if array.shape not in [(size,) for size in sizes]:
        wanted = " or ".join(f"({size},)" for size in sizes)
        raise ValueError(f"{name} must have shape {wanted}; got shape {array.shape}.")
    return array


def check_finite(name: str, array: NDArray[Any]) -> None:
    """Refuse NaN and infinity, naming the first row that holds one.

    Raises
    ------
    ValueError
        If a floating point array does.
    """
    if array.dtype.kind not in "fc":
        return
    row = 0
    for block in blocks(array):
        finite = np.isfinite(block)
        if not finite.all():
            row += int(np.argmin(finite.reshape(len(block), -1).all(axis=1)))
            raise ValueError(f"{name} must be finite; got NaN or infinity in row {row}.")
        row += len(block)


def blocks(array: NDArray[Any]) -> list[NDArray[Any]]:
    """Cut an array along its first axis into views of at most 64 MB, or of one row."""
    rows = max(1, _BLOCK_BYTES // max(1, array[:1].nbytes))
    return [array[start : start + rows] for start in range(0, len(array), rows)]


def warn(message: str) -> None:
    """Warn (UserWarning) at the line of the user's own code that called this package."""
    package, level = str(Path(__file__).parent), 1
    # Other libraries may stand in between: the caller is whoever called the outermost of our functions.
    for depth, (frame, _) in enumerate(traceback.walk_stack(sys._getframe()), start=1):  # noqa: SLF001
        if frame.f_code.co_filename.startswith(package):
            level = depth
    warnings.warn(message, UserWarning, stacklevel=level + 1)
