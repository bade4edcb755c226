"""Whether what the kernel answers is what it declares: the page's types are made from the declarations."""

from __future__ import annotations

import json
import typing
from typing import Any, Literal

import numpy as np

from dvi_widget.widget import questions, wire


def ask(scene, op, args, report=questions.silence):
    """Ask, and check the answer against its declaration."""
    answer = questions.ask(scene, op, args, report)
    check_answer(answer)
    return answer


def check_answer(answer):
    """Fail if a field of an answer is not of its declared type, or not JSON where it must be."""
    json.dumps(answer.result, allow_nan=False)
    for name, hint in typing.get_type_hints(type(answer)).items():
        value = getattr(answer, name)
        assert conforms(value, hint), f"{type(answer).__name__}.{name} is no {hint}: {value!r}"


def conforms(value: Any, hint: Any) -> bool:
    members = wire.members(hint)
    if len(members) > 1:
        return any(conforms(value, member) for member in members)
    (hint,) = members
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin is Literal:
        return value in parts
    if origin is np.ndarray:
        return isinstance(value, np.ndarray) and value.dtype == typing.get_args(parts[1])[0]
    if origin is list:
        return type(value) is list and all(conforms(entry, parts[0]) for entry in value)
    if origin is tuple:
        fits = type(value) is tuple and len(value) == len(parts)
        return fits and all(conforms(entry, part) for entry, part in zip(value, parts, strict=True))
    if origin is dict:
        return type(value) is dict and all(
            type(key) is str and conforms(entry, parts[1]) for key, entry in value.items()
        )
    if typing.is_typeddict(hint):
        fields = typing.get_type_hints(hint)
        return (
            type(value) is dict
            and value.keys() == fields.keys()
            and all(conforms(value[name], field) for name, field in fields.items())
        )
    # A whole number is a number to the page.
    return (
        type(value) is hint
        or (hint is float and type(value) is int)
        or (value is None and hint is type(None))
    )
