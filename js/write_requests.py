"""Writes the front end's types of requests out of the kernel's: `python js/write_requests.py`."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Union

from dvi_widget.widget import questions  # noqa: F401 - importing it registers every request
from dvi_widget.widget.request import REQUESTS, Argument, Request
from dvi_widget.widget.wire import PROTOCOL

TARGET = Path(__file__).resolve().parent / "src" / "protocol" / "requests.ts"

_LINE_LENGTH = 100  # as in biome.json

_HEAD = f"""\
// What a page may ask of the kernel, and what is answered: written by `python js/write_requests.py`.

/** The version of requests and answers; the kernel must speak the same. */
export const PROTOCOL = {PROTOCOL};
"""
_SIMPLE = {int: "number", float: "number", str: "string", bool: "boolean", type(None): "null", Any: "unknown"}
_ARRAYS = {
    "uint8": "Uint8Array",
    "uint16": "Uint16Array",
    "int16": "Int16Array",
    "int32": "Int32Array",
    "float32": "Float32Array",
}


def written() -> str:
    """Write all requests as one module of TypeScript."""
    requests = sorted(REQUESTS.values(), key=lambda request: request.name)
    dicts: dict[str, Any] = {}
    for request in requests:
        for hint in _result(request).values():
            _collect(hint, dicts)
    interfaces = [_interface(dicts[name]) for name in sorted(dicts)]
    entries = "\n".join(_entry(request) for request in requests)
    table = f"/** Every request by its name. */\nexport interface Requests {{\n{entries}\n}}\n"
    return "\n".join([_HEAD, *interfaces, table, "export type Op = keyof Requests;\n"])


def _entry(request: Request) -> str:
    """Write one request: arguments, result and arrays."""
    arguments = {name: _argument(argument) for name, argument in request.arguments.items()}
    result = {name: _type(hint) for name, hint in _result(request).items()}
    hints = typing.get_type_hints(request.answer)
    arrays = {
        f"{name}?" if type(None) in typing.get_args(hints[name]) else name: " | ".join(
            _ARRAYS[dtype] for dtype in dtypes
        )
        for name, dtypes in request.answer.array_fields().items()
    }
    return "\n".join(
        [
            f"  /** {_first_line(request.function)} */",
            f"  {request.name}: {{",
            *_object("args", arguments),
            *_object("result", result),
            *_object("arrays", arrays),
            "  };",
        ]
    )


def _object(name: str, fields: dict[str, str]) -> list[str]:
    """Write an object type on one line if it fits, else on a line per field."""
    if not fields:
        return [f"    {name}: Record<never, never>;"]
    line = f"    {name}: {{ {'; '.join(f'{field}: {type_}' for field, type_ in fields.items())} }};"
    if len(line) <= _LINE_LENGTH:
        return [line]
    return [f"    {name}: {{", *(f"      {field}: {type_};" for field, type_ in fields.items()), "    };"]


def _result(request: Request) -> dict[str, Any]:
    """List the fields of an answer that travel as JSON."""
    arrays = request.answer.array_fields()
    hints = typing.get_type_hints(request.answer)
    return {name: hint for name, hint in hints.items() if name not in arrays}


def _argument(argument: Argument) -> str:
    type_ = _type(argument.check.wire, readonly=True)
    return f"{type_} | null" if argument.optional else type_


def _interface(hint: Any) -> str:
    """Write a dictionary with known keys."""
    fields = "\n".join(f"  {name}: {_type(field)};" for name, field in typing.get_type_hints(hint).items())
    return f"/** {_first_line(hint)} */\nexport interface {hint.__name__} {{\n{fields}\n}}\n"


def _collect(hint: Any, dicts: dict[str, Any]) -> None:
    """Find the dictionaries with known keys in a type."""
    if typing.is_typeddict(hint):
        assert dicts.setdefault(hint.__name__, hint) is hint, f"two types are called {hint.__name__}"
        parts: Iterable[Any] = typing.get_type_hints(hint).values()
    else:
        parts = typing.get_args(hint)
    for part in parts:
        _collect(part, dicts)


def _type(hint: Any, *, readonly: bool = False) -> str:
    """Translate a type of Python; `readonly` for what the page sends."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    before = "readonly " if readonly else ""
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    if typing.is_typeddict(hint):
        return str(hint.__name__)
    if origin in (Union, types.UnionType):
        # int and float are one type to the page.
        return " | ".join(dict.fromkeys(_type(part, readonly=readonly) for part in parts))
    if origin is Literal:
        return " | ".join(f'"{value}"' for value in parts)
    if origin is list:
        entry = _type(parts[0], readonly=readonly)
        return f"{before}({entry})[]" if " " in entry and entry[0] != "[" else f"{before}{entry}[]"
    if origin is tuple:
        return f"{before}[{', '.join(_type(part, readonly=readonly) for part in parts)}]"
    if origin is dict and parts[0] is str:
        record = f"Record<string, {_type(parts[1], readonly=readonly)}>"
        return f"Readonly<{record}>" if readonly else record
    raise TypeError(f"{hint} must be a type that JSON and TypeScript have; see _type in {__file__}.")


def _first_line(documented: Any) -> str:
    return (inspect.getdoc(documented) or "").splitlines()[0].replace("*/", "")


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(written(), encoding="utf-8")
