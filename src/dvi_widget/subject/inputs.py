"""What a model takes: one array of samples, or several, by name or in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from torch import Tensor

from dvi_widget.arrays import as_array


def as_inputs(name: str, value: Any) -> Any:
    """Return samples as an array or tensor, or a dict or tuple of these.

    Parameters
    ----------
    name : str
        What errors call them.
    value
        An array or tensor ``[n, ...]``; a mapping of these, for a model that takes them by name; a tuple of
        these, for a model that takes them in order.

    Raises
    ------
    ValueError
        If there are no samples, or not equally many of each.
    TypeError
        If they hold Python objects.
    """
    if isinstance(value, Mapping):
        inputs: Any = {str(key): _plain(f"{name}[{key!r}]", part) for key, part in value.items()}
    elif (
        isinstance(value, tuple) and value and all(np.ndim(part) and hasattr(part, "shape") for part in value)
    ):
        inputs = tuple(_plain(f"{name}[{i}]", part) for i, part in enumerate(value))
    else:
        inputs = _plain(name, value)
    sizes = {key: len(part) for key, part in parts(inputs).items()}
    if not sizes or not all(sizes.values()):
        raise ValueError(f"{name} must hold at least one sample; got none.")
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{size} of {key!r}" for key, size in sizes.items())
        raise ValueError(f"{name} must hold as many samples of each kind; got {listed}.")
    return inputs


def _plain(name: str, value: Any) -> Any:
    array = value if isinstance(value, Tensor) else as_array(name, value)
    if array.ndim == 0 or len(array) == 0:
        raise ValueError(f"{name} must be [n, ...] with n of 1 or more; got shape {tuple(array.shape)}.")
    return array


def parts(inputs: Any) -> dict[Any, Any]:
    """Return the arrays of inputs by name, by place, or a single one as ``None``."""
    if isinstance(inputs, Mapping):
        return dict(inputs)
    if isinstance(inputs, tuple):
        return dict(enumerate(inputs))
    return {None: inputs}


def count(inputs: Any) -> int:
    """Return the number of samples."""
    return len(next(iter(parts(inputs).values())))


def each(change: Callable[[Any], Any], inputs: Any) -> Any:
    """Return the inputs with each of their arrays changed."""
    if isinstance(inputs, Mapping):
        return {key: change(part) for key, part in inputs.items()}
    if isinstance(inputs, tuple):
        return tuple(change(part) for part in inputs)
    return change(inputs)


def arguments(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments, in order and by name, with which a model is called on inputs."""
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    return (inputs if isinstance(inputs, tuple) else (inputs,)), {}
