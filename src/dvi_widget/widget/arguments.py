"""Types of arguments: how each is checked against the scene, and what a page sends for it."""

from __future__ import annotations

from typing import Annotated, Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

import dvi_widget.landscape

from .request import Check, Context, refusal
from .wire import MAX_ANSWER_BYTES, RequestError, listed, quoted

MAX_NEIGHBORS = 100
MAX_POINTS = 256  # decoded at a time
_MAX_SIDE_PX = 4096  # of a picture
_MAX_TEXT_CHARACTERS = 200


def whole(low: int, high: int | None = None) -> Check:
    """Check a whole number from `low` to `high`, both included."""
    wanted = f"a whole number of {low} or more" if high is None else f"a whole number from {low} to {high}"

    def read(value: Any, name: str, _: Context) -> int:
        if not is_whole(value) or value < low or (high is not None and value > high):
            raise refusal(name, wanted, value)
        return int(value)

    return Check(read, int)


def one_of(names: Any) -> Check:
    """Check one of some names; `names` lists them for a scene."""

    def read(value: Any, name: str, context: Context) -> str:
        known = names(context.scene)
        if not isinstance(value, str) or value not in known:
            raise refusal(name, " or ".join(map(repr, known)) or "absent: there is none", value)
        return value

    return Check(read, str)


def is_whole(value: object) -> TypeGuard[int]:
    """Tell whether a value of JSON is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def check_size(count: int, bytes_each: int) -> None:
    """Refuse to answer about more samples than one answer can hold.

    Raises
    ------
    RequestError
        If the answer would be larger than `MAX_ANSWER_BYTES`.
    """
    if count * bytes_each > MAX_ANSWER_BYTES:
        most = MAX_ANSWER_BYTES // bytes_each
        raise RequestError(f"indices must be at most {most} samples; got {count}. Ask for fewer at a time.")


def _landscape(value: Any, name: str, context: Context) -> dvi_widget.landscape.Landscape:
    landscapes: list[dvi_widget.landscape.Landscape] = context.scene.landscapes
    if not is_whole(value) or not 0 <= value < len(landscapes):
        raise refusal(
            name, f"the number of a landscape, {' or '.join(map(str, range(len(landscapes))))}", value
        )
    return landscapes[value]


def _epoch(value: Any, name: str, context: Context) -> int:
    landscape = context.earlier.get("landscape", context.scene.landscapes[0])
    if not is_whole(value) or value not in landscape.epochs:
        raise refusal(name, f"a recorded epoch, one of {listed(landscape.epochs)}", value)
    return int(value)


def _sample(value: Any, name: str, context: Context) -> int:
    n = len(context.scene)
    if not is_whole(value) or not 0 <= value < n:
        raise refusal(name, f"the number of a sample, from 0 to {n - 1}", value)
    return int(value)


def _samples(value: Any, name: str, context: Context) -> NDArray[np.int64]:
    n = len(context.scene)
    wanted = f"a list of samples' numbers, from 0 to {n - 1}"
    if not isinstance(value, list):
        raise refusal(name, wanted, value)
    check_size(len(value), 1)
    if not all(map(is_whole, value)) or (value and not 0 <= min(value) <= max(value) < n):
        wrong = next(index for index in value if not is_whole(index) or not 0 <= index < n)
        raise RequestError(f"{name} must be {wanted}; got {quoted(wrong)} in it.")
    return np.asarray(value, np.int64)


def _tags(value: Any, name: str, context: Context) -> dict[str, list[int]]:
    if not isinstance(value, dict) or not all(isinstance(tag, str) for tag in value):
        raise refusal(name, "lists of samples' numbers by name", value)
    return {
        tag: _samples(indices, f"{name}[{quoted(tag)}]", context).tolist() for tag, indices in value.items()
    }


def _point(value: Any, name: str, context: Context) -> NDArray[np.float32]:
    if not isinstance(value, list) or len(value) != 2 or not all(map(_is_number, value)):
        raise refusal(name, "a pair of numbers, [x, y]", value)
    x0, x1, y0, y1 = context.earlier["landscape"].extent
    width, height = x1 - x0, y1 - y0
    x, y = value
    # NaN compares as False.
    if not (x0 - width <= x <= x1 + width and y0 - height <= y <= y1 + height):
        raise refusal(
            name,
            f"a point near the canvas, x from {x0:.4g} to {x1:.4g} and y from {y0:.4g} to {y1:.4g}",
            value,
        )
    return np.asarray(value, np.float32)


def _points(value: Any, name: str, context: Context) -> NDArray[np.float32]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_POINTS:
        count = len(value) if isinstance(value, list) else value
        raise refusal(name, f"a list of 1 to {MAX_POINTS} points", count)
    return np.stack([_point(point, f"{name}[{i}]", context) for i, point in enumerate(value)])


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _text(value: Any, name: str, _: Context) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT_CHARACTERS:
        raise refusal(name, f"a text of at most {_MAX_TEXT_CHARACTERS} characters", value)
    return value


def _class(value: Any, name: str, context: Context) -> int:
    n = len(context.scene.classes)
    if not is_whole(value) or not 0 <= value < n:
        raise refusal(name, f"the number of a class, from 0 to {n - 1}", value)
    return int(value)


#: A landscape, sent as its place among them.
Landscape = Annotated[dvi_widget.landscape.Landscape, Check(_landscape, int)]
#: A recorded epoch of the landscape before it, or of the first one.
Epoch = Annotated[int, Check(_epoch, int)]
#: One sample by its index.
Sample = Annotated[int, Check(_sample, int)]
#: Samples by their indices, int64 [m], in the order they are asked for.
Samples = Annotated[NDArray[np.int64], Check(_samples, list[int])]
#: Named selections: samples by their indices.
Tags = Annotated[dict[str, list[int]], Check(_tags, dict[str, list[int]])]
#: A point on the canvas of the landscape before it, or next to the canvas by at most its width: float32 [2].
Point = Annotated[NDArray[np.float32], Check(_point, tuple[float, float])]
#: Up to `MAX_POINTS` such points: float32 [m, 2].
Points = Annotated[NDArray[np.float32], Check(_points, list[tuple[float, float]])]
#: A number of neighbours.
Count = Annotated[int, whole(1, MAX_NEIGHBORS)]
#: The side of a square in pixels.
Pixels = Annotated[int, whole(1, _MAX_SIDE_PX)]
#: A split, or a group of samples.
Group = Annotated[str, one_of(lambda scene: ["train", "test", *scene.groups])]
#: One class by its number.
Class = Annotated[int, Check(_class, int)]
#: A short text, such as the name of a layer.
Text = Annotated[str, Check(_text, str)]
