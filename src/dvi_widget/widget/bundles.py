"""The built front end: one ES module, read once."""

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
    try:
        return (STATIC / "widget.js").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(
            "The explorer's front end is not built. In a checkout of dvi_widget run `make`; "
            "if dvi_widget was installed, the installation is incomplete: install it again."
        ) from None
