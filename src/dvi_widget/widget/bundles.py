"""The built front end: the explorer, and the panels that a page fetches when one of them is first opened."""

from __future__ import annotations

from functools import cache
from pathlib import Path

STATIC = Path(__file__).parent / "static"


@cache
def front_end() -> str:
    """The explorer: one ES module, for anywidget and for exported pages.

    Raises
    ------
    FileNotFoundError
        If the front end was never built.
    """
    return _built("widget.js")


@cache
def panels() -> str:
    """The panels fetched later: an ES module whose function takes what they share with the explorer.

    Raises
    ------
    FileNotFoundError
        If the front end was never built.
    """
    return _built("panels.js")


def _built(name: str) -> str:
    try:
        return (STATIC / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(
            "The explorer's front end is not built. In a checkout of dvi_widget run `make`; "
            "if dvi_widget was installed, the installation is incomplete: install it again."
        ) from None
