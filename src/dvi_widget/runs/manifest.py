"""What the JSON files of a run may hold, checked field by field when they are read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dvi_widget.files import DamagedFileError
from dvi_widget.texts import is_blank

_MAX_COUNT = 1 << 40  # samples, features, pixels
_MAX_CLASSES = 1 << 20
_OUTPUTS = ("logits", "probabilities", "sigmoid")
_HEADS = ("linear", "log_softmax", "network", "given")

Rule = tuple[Callable[[Any], bool], str]  # whether a value will do, and what it must be


def is_count(value: Any) -> bool:
    """Whether a value is a whole number from 0, and no bool."""
    return type(value) is int and 0 <= value < _MAX_COUNT


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_classes(value: Any) -> bool:
    return (
        isinstance(value, list)
        and 2 <= len(value) < _MAX_CLASSES
        and all(isinstance(name, str) and not is_blank(name) for name in value)
        and len(set(value)) == len(value)
    )


def _is_input(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("shape"), list):
        return False
    try:
        kind = np.dtype(value.get("dtype")).kind
    except (TypeError, ValueError, SyntaxError):
        return False
    return isinstance(value["dtype"], str) and kind in "fiub" and all(map(is_count, value["shape"]))


def _are_inputs(value: Any) -> bool:
    if value is None or _is_input(value):
        return True
    parts = value.get("parts") if isinstance(value, dict) else None
    return (
        isinstance(parts, list)
        and bool(parts)
        and value.get("by") in ("name", "place")
        and all(_is_input(part) and _is_text(part.get("name")) for part in parts)
        and len({part["name"] for part in parts}) == len(parts)
    )


def _are_representations(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and is_count(value.get("size"))
        and value["size"] > 0
        and value.get("dtype") in ("float32", "float16")
    )


def _is_label(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(is_count, value)) and value[0] < value[1]


_RUN: dict[str, Rule] = {
    "classes": (_are_classes, "a list of two or more different names"),
    "n_train": (lambda value: is_count(value) and value > 0, "a number of samples"),
    "n_test": (is_count, "a number of samples"),
    "representations": (_are_representations, "a size and a dtype"),
    "layer": (_is_text, "a name"),
    "head": (lambda value: value in _HEADS, f"one of {', '.join(_HEADS)}"),
    "outputs": (lambda value: value in _OUTPUTS, f"one of {', '.join(_OUTPUTS)}"),
    "digest": (_is_text, "a digest"),
    "images": (lambda value: value in (None, "inputs", "images"), "null, inputs or images"),
    "inputs": (_are_inputs, "null, or shapes and dtypes"),
}
_EPOCH: dict[str, Rule] = {
    "digest": (_is_text, "a digest"),
    "scalars": (
        lambda value: isinstance(value, dict) and all(map(_is_number, value.values())),
        "finite numbers by name",
    ),
}


def _is_number(value: Any) -> bool:
    if type(value) not in (int, float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def check_run(path: Path, content: Mapping[str, Any]) -> None:
    """Refuse a ``run.json`` of which a field is missing or makes no sense.

    Raises
    ------
    DamagedFileError
        The message names the file and the field.
    """
    _check(path, content, _RUN)
    if "label" in content and not _is_label(content["label"]):
        raise DamagedFileError(f"{path} is damaged: label must be a column and their number.")


def check_epoch(path: Path, content: Mapping[str, Any]) -> None:
    """Refuse an ``epoch.json`` of which a field is missing or makes no sense; errors as for `check_run`."""
    _check(path, content, _EPOCH)
    if content.get("head") not in (None, "linear", "nearest"):
        raise DamagedFileError(f"{path} is damaged: head must be linear or nearest.")


def _check(path: Path, content: Mapping[str, Any], rules: Mapping[str, Rule]) -> None:
    for name, (fits, wanted) in rules.items():
        if name not in content or not fits(content[name]):
            raise DamagedFileError(f"{path} is damaged: {name} must be {wanted}.")
