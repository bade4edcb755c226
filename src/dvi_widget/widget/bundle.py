"""The built front end, one ES module, for notebooks and for exported pages."""

from __future__ import annotations

from functools import cache
from pathlib import Path

STATIC = Path(__file__).parent / "static"


@cache
def front_end() -> str:
    """Read the built front end.

    Raises
    ------
    FileNotFoundError
        If the front end was never built.
    """
    try:
        return (STATIC / "widget.js").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(
            "The explorer's front end was never built. In a checkout of dvi_widget run `make`; if dvi_widget "
            "was installed, the installation is incomplete. Install it again."
        ) from None
