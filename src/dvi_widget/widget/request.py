"""One kind of request: how its arguments are checked, how it is answered, how long it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from .answers import Answers
from .wire import Answer, Report


@dataclass(frozen=True)
class Operation:
    """One line of the table.

    Attributes
    ----------
    check : callable
        Makes values of the arguments, or raises a RequestError.
    answer : callable
        Takes the values.
    pace : str
        "now": answered before the next message is read. "soon": takes a moment, on another thread, before
        whatever is "long". Both of these can be cancelled; a long one tells its progress.
    exported : bool
        Whether an exported page takes along the answers given so far.
    """

    check: Callable[[Answers, object], tuple[Any, ...]]
    answer: Callable[[Answers, tuple[Any, ...], Report], Answer]
    pace: Literal["now", "soon", "long"] = "now"
    exported: bool = False
