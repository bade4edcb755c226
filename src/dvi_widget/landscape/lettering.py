"""Fonts for pictures: one that has every sign of a text, of those that are there."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from PIL import ImageFont

# Files that systems have, by how much they cover. Pillow looks for them in the system's folders.
_FILES = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansArabic-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "FreeSans.ttf",
    "wqy-microhei.ttc",
    "Arial Unicode.ttf",
    "arial.ttf",
    "segoeui.ttf",
    "msyh.ttc",
    "malgun.ttf",
    "Hiragino Sans GB.ttc",
    "AppleGothic.ttf",
)
_PROBE_PX = 24  # at which glyphs are compared
_MISSING = "\U0010ffff"  # no character, so no font has it

Font = ImageFont.FreeTypeFont


def font_for(text: str, size: int) -> Font | None:
    """Return a font of a size in pixels that has every sign of a text, or None if none is there."""
    for file in ("", *_FILES):
        if _load(file, size) is not None and all(_has(file, sign) for sign in set(text)):
            return _load(file, size)
    return None


def lettered(text: str, size: int, otherwise: str = "") -> tuple[str, Font]:
    """Return a text with a font that has it; else another text, or the text without the signs that lack."""
    font = font_for(text, size)
    if font is not None:
        return text, font
    plain = otherwise or "".join(sign if _has("", sign) else "·" for sign in text)
    font = _load("", size)
    assert font is not None
    return plain, font


@lru_cache(maxsize=64)
def _load(file: str, size: int) -> Font | None:
    """Load a font by its file, or Pillow's own; None if it is not there."""
    if not file:
        default = ImageFont.load_default(size)
        assert isinstance(default, Font)  # as Pillow was built with FreeType
        return default
    try:
        return ImageFont.truetype(file, size)
    except OSError:
        return None


@lru_cache(maxsize=4096)
def _has(file: str, sign: str) -> bool:
    """Whether a font has a glyph for a sign: what it lacks looks like what no font has."""
    if sign.isspace() or unicodedata.category(sign) == "Cf":
        return True
    shapes = list(_shapes(file, sign))
    return bool(shapes) and shapes[0] != shapes[1]


def _shapes(file: str, sign: str) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Draw a sign, and one that is in no font."""
    font = _load(file, _PROBE_PX)
    if font is not None:
        for drawn in (sign, _MISSING):
            mask = font.getmask(drawn)
            yield mask.size, bytes(mask)
