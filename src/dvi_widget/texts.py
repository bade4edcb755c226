"""Texts from outside: what can be shown and sent, and what only looks like a name."""

from __future__ import annotations

import unicodedata


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
