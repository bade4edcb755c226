"""Texts from outside: what can be shown and sent, and what only looks like a name."""

from __future__ import annotations

import html
import unicodedata

_FIGURE_CHARACTERS = 40  # of a name, beside which there is room for what it names


def is_blank(text: str) -> bool:
    """Whether nothing of a text is seen: white space, control characters, marks of direction or joining."""
    return all(sign.isspace() or unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Cn") for sign in text)


def is_sendable(text: str) -> bool:
    """Whether a text can be encoded. One with a lone surrogate cannot: it would reach no page and no file."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def sendable(text: str) -> str:
    """Write out what of a text cannot be encoded: the number of a lone surrogate in its place."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def in_figure(name: str) -> str:
    """Write a name so that plotly shows it unchanged, or shortened where it would take the plot's room."""
    if len(name) > _FIGURE_CHARACTERS:
        half = _FIGURE_CHARACTERS // 2
        name = f"{name[: half - 1]}…{name[-half:]}"
    return for_plotly(name)


def for_plotly(text: str) -> str:
    """Write a text so that plotly shows it unchanged.

    It reads tags, entities, and TeX between dollar signs; of quotation marks it knows no entity.
    """
    return html.escape(text, quote=False).replace("$", "&#36;")
