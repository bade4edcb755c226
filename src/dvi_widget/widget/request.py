"""`@request`: what a page may ask is one typed function; its annotations say how arguments are checked."""

from __future__ import annotations

import json
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar

from .scene import Scene
from .wire import Answer, Report, RequestError, members, quoted

#: "now": answered before the next message is read. "soon": takes a moment, on another thread. "long": takes
#: longer and reports its progress; requests that are answered soon pass it. Both of these can be cancelled.
Pace = Literal["now", "soon", "long"]

F = TypeVar("F", bound=Callable[..., Answer])


class Context(NamedTuple):
    """The scene and the earlier arguments, against which an argument is checked.

    Attributes
    ----------
    scene : Scene
        Everything the explorer presents.
    earlier : mapping
        The arguments before this one, checked, by name.
    """

    scene: Scene
    earlier: Mapping[str, Any]


@dataclass(frozen=True)
class Check:
    """How an argument is checked, as the metadata of its annotation: ``Annotated[int, Check(read, int)]``.

    Attributes
    ----------
    read : callable
        Takes the value that a page sent, the argument's name and the context; returns the value that the
        function takes, or raises a RequestError.
    wire : type
        The type that a page sends, in Python's words: the page's own types are made from it.
    """

    read: Callable[[Any, str, Context], Any]
    wire: Any


@dataclass(frozen=True)
class Argument:
    """One argument of a request.

    Attributes
    ----------
    check : Check
    optional : bool
        Whether a page may send null for it.
    """

    check: Check
    optional: bool


@dataclass(frozen=True)
class Request:
    """A question that a page may ask.

    Attributes
    ----------
    name : str
        The name a page asks by.
    function : callable
        Takes the scene, the checked arguments by name and, if it wants one, a Report as `report`.
    pace : Pace
    cached : bool
        Whether an answer is cached: the same request gets it again, and an exported page takes it along.
    arguments : mapping of str to Argument
    reports : bool
        Whether the function takes a Report.
    answer : type
        The dataclass that the function returns.
    """

    name: str
    function: Callable[..., Answer]
    pace: Pace
    cached: bool
    arguments: Mapping[str, Argument]
    reports: bool
    answer: type[Answer]

    def check(self, scene: Scene, args: object) -> dict[str, Any]:
        """Check the arguments as a page sent them; nothing about them is taken for granted.

        Raises
        ------
        RequestError
            If an argument is missing, unknown or makes no sense; the message says what it must be.
        """
        if not isinstance(args, Mapping) or set(args) != set(self.arguments):
            wanted = ", ".join(self.arguments) or "no arguments"
            raise RequestError(f"{self.name} must come with {wanted}; got {_named(args)}.")
        checked: dict[str, Any] = {}
        for name, argument in self.arguments.items():
            value = args[name]
            if value is None and argument.optional:
                checked[name] = None
            else:
                checked[name] = argument.check.read(value, name, Context(scene, checked))
        return checked

    def prepare(self, scene: Scene, args: object) -> Callable[[Report], Answer]:
        """Check the arguments, and return the function that answers.

        Raises
        ------
        RequestError
            As `check`.
        """
        checked = self.check(scene, args)
        request = key(self.name, typing.cast("Mapping[str, Any]", args))

        def answer(report: Report) -> Answer:
            known = scene.answers.get(request) if self.cached else None
            if known is not None:
                return known
            if self.reports:
                new = self.function(scene, report=report, **checked)
            else:
                new = self.function(scene, **checked)
            if self.cached:
                scene.answers.put(request, new)
            return new

        return answer


#: Every request by its name; complete once `questions` is imported.
REQUESTS: dict[str, Request] = {}


def request(name: str, *, pace: Pace = "now", cached: bool = False) -> Callable[[F], F]:
    """Make a function answer a request.

    Parameters
    ----------
    name
        The name a page asks by.
    pace
        How long the answer takes, see `Pace`.
    cached
        Whether answers are cached, see `Request`.

    Returns
    -------
    callable
        The decorator. The function takes the scene and the arguments under the names that a page uses, each
        annotated with a type of `arguments` (or one of its own: ``Annotated[..., Check(...)]``), perhaps
        ``| None``, and perhaps ``report: Report``. It returns an `Answer` and raises a RequestError where it
        has none.
    """

    def register(function: F) -> F:
        hints = typing.get_type_hints(function, include_extras=True)
        answer = hints.pop("return")
        del hints["scene"]
        reports = hints.pop("report", None) is not None
        assert name not in REQUESTS, f"two functions answer {name}"
        arguments = {argument: _argument(hint) for argument, hint in hints.items()}
        REQUESTS[name] = Request(name, function, pace, cached, arguments, reports, answer)
        return function

    return register


def _argument(hint: Any) -> Argument:
    """Read an annotation: ``Annotated[..., Check(...)]``, perhaps ``| None``."""
    alternatives = members(hint)
    (annotated,) = [member for member in alternatives if member is not type(None)]
    (check,) = [data for data in annotated.__metadata__ if isinstance(data, Check)]
    return Argument(check, optional=len(alternatives) > 1)


def key(name: str, args: Mapping[str, Any]) -> str:
    """Write a request as the front end does: the name under which its answer is cached."""
    return f"{name} {json.dumps(args, separators=(',', ':'), ensure_ascii=False)}"


def refusal(name: str, wanted: str, value: object, advice: str = "") -> RequestError:
    """Say what an argument must be and what came instead."""
    return RequestError(f"{name} must be {wanted}; got {quoted(value)}.{' ' if advice else ''}{advice}")


def _named(args: object) -> str:
    """Name what came instead of the arguments."""
    if not isinstance(args, Mapping):
        return "none" if args is None else type(args).__name__
    return ", ".join(quoted(str(name))[1:-1] for name in list(args)[:8]) or "none"
