"""Selections on the wire: a bitmask in base64, so that a million samples travel as a short text."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np


def to_text(indices: Sequence[int]) -> str:
    """Write a selection as a text.

    A text needs no buffers, which some hosts lose when a widget is opened; it survives in saved widget state,
    and equal selections are equal texts, so that the browser can link them.

    Parameters
    ----------
    indices
        Samples by their indices, each 0 or more.

    Returns
    -------
    str
        Base64 of a bitmask: bit i % 8 of byte i // 8, the lowest bit being 0, is set where sample i is
        selected. Trailing zero bytes are cut; an empty selection is the empty text.
    """
    mask = np.zeros(max(indices, default=-1) + 1, np.uint8)
    mask[np.asarray(indices, np.int64)] = 1
    return base64.b64encode(np.packbits(mask, bitorder="little").tobytes()).decode("ascii")


def from_text(text: object) -> list[int]:
    """Read a selection.

    Parameters
    ----------
    text
        As `to_text` writes it.

    Returns
    -------
    list of int
        Indices, ascending.

    Raises
    ------
    ValueError
        If the text is no bitmask in base64.
    """
    if not isinstance(text, str):
        raise ValueError(f"text must be a bitmask in base64; got {type(text).__name__}.")  # noqa: TRY004
    packed = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
    indices: list[int] = np.flatnonzero(np.unpackbits(packed, bitorder="little")).tolist()
    return indices
