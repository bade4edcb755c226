"""The page's types of requests: written from the kernel's, and no older than these."""

from __future__ import annotations

import importlib.util
import typing
from pathlib import Path

import pytest

FRONT_END = Path(__file__).parents[2] / "js"


@pytest.fixture(scope="module")
def writer():
    spec = importlib.util.spec_from_file_location("write_requests", FRONT_END / "write_requests.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_types_are_those_of_the_kernel(writer):
    stands = writer.TARGET.read_text(encoding="utf-8")
    assert stands == writer.written(), "a request has changed: run python js/write_requests.py"


class Entry(typing.TypedDict):
    name: str


@pytest.mark.parametrize(
    ("hint", "readonly", "type_"),
    [
        (int | None, False, "number | null"),
        (int | float, False, "number"),
        (list[tuple[int, float]], False, "[number, number][]"),
        (list[tuple[int, float]], True, "readonly (readonly [number, number])[]"),
        (list[str | None], False, "(string | null)[]"),
        (dict[str, list[bool]], True, "Readonly<Record<string, readonly boolean[]>>"),
        (list[Entry], False, "Entry[]"),
        (typing.Literal["a", "b"], False, '"a" | "b"'),
        (dict[str, typing.Any], False, "Record<string, unknown>"),
    ],
)
def test_types_of_python_become_those_of_typescript(writer, hint, readonly, type_):
    assert writer._type(hint, readonly=readonly) == type_


def test_a_type_that_json_does_not_have_is_refused(writer):
    with pytest.raises(TypeError, match="that JSON and TypeScript have"):
        writer._type(dict[int, str])
