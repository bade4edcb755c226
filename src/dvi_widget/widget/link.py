"""A view as a short text, as pages write it: ``epoch=5&filter=wrong&panel="confusion"``, percent-encoded."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from .selections import from_text

_TEXTS = ("color_by", "size_by", "filter")


def read_link(text: str) -> dict[str, Any]:
    """Read a view.

    Parameters
    ----------
    text
        What a page wrote.

    Returns
    -------
    dict
        Values of the explorer's attributes by name: epoch, selection, color_by, size_by, filter, and `_view`
        for the settings of the page. Nothing is checked against the landscapes.

    Raises
    ------
    ValueError
        If the text is no such view.
    """
    attributes: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    for name, value in parse_qsl(text.lstrip("#"), keep_blank_values=True, strict_parsing=True):
        if name == "epoch":
            attributes[name] = int(value)
        elif name == "selection":
            attributes[name] = from_text(value)
        elif name in _TEXTS:
            attributes[name] = value
        else:
            settings[name] = json.loads(value)
    return {**attributes, "_view": settings} if settings else attributes
