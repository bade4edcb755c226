"""Colours of classes and of painted canvases."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .canvas import Canvas

# The first palette is the default: it keeps ten classes apart under all three kinds of colour blindness.
# fmt: off
PALETTES: dict[str, list[str]] = {
    "safe": [
        "#0467d5", "#dfb931", "#c53b80", "#2adbba", "#913b0b",
        "#b5b1fd", "#7d811b", "#74359b", "#ef7d77", "#09a3cb",
    ],
    "vivid": [
        "#2f6fde", "#f08c1e", "#2fa84f", "#d8343c", "#8d55c8",
        "#8f5a3c", "#e267b4", "#7d7d86", "#b5b21c", "#1fb5c9",
    ],
}
# fmt: on

# Margin up to which land is shown as undecided. Definition 2 of DeepVisualInsight has .1 for the synthesis of
# boundary samples; on a map that would leave a fifth to a half of the land within reach of samples without a
# class.
DELTA = 0.02
_TERRITORY_STRENGTH = (0.12, 0.40)  # of a class colour over white, at shade 0 and at shade 1


def class_colors(n: int, palette: str = "safe") -> list[str]:
    """Choose colours for n classes.

    Parameters
    ----------
    n : int
        Number of classes.
    palette : str
        A name in `PALETTES`. Classes beyond its length get further hues, evenly spread.

    Returns
    -------
    list of str
        "#rrggbb", one per class; class i has the same colour for every n.

    Raises
    ------
    ValueError
        If there is no such palette.
    """
    if palette not in PALETTES:
        raise ValueError(f"palette must be one of {sorted(PALETTES)}; got {palette!r}.")
    colors = PALETTES[palette][:n]
    for step in range(n - len(colors)):
        # The golden ratio never repeats a hue and keeps each new one far from the last.
        red, green, blue = colorsys.hls_to_rgb((0.04 + 0.618034 * step) % 1, (0.42, 0.6, 0.32)[step % 3], 0.6)
        colors.append(f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}")
    return colors


def colored(
    canvas: Canvas,
    colors: Sequence[str],
    delta: float = DELTA,
    known: NDArray[np.floating] | None = None,
) -> NDArray[np.uint8]:
    """Colour a painted canvas: pale, paler where the engine is less sure, paling to white on borders.

    Parameters
    ----------
    canvas : Canvas
        As `Frame.canvas`.
    colors : sequence of str
        "#rrggbb" per class.
    delta : float
        Margin between the two likeliest classes up to which land is undecided.
    known : float [R, R], optional
        How well samples support the land, 0 to 1 (`support.support`): invented land fades. All of it is drawn
        by default.

    Returns
    -------
    uint8 [R, R, 3]
        Row 0 holds the lowest y.
    """
    table = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in colors], float)
    low, high = _TERRITORY_STRENGTH
    decided = np.clip(canvas.margins() / max(delta, 1e-6) - 0.5, 0, 1)
    strength = (decided * (low + (high - low) * (canvas.shade / 255)))[..., None]
    if known is not None:
        strength = strength * known[..., None]
    mixed = 255 + strength * (table[canvas.classes] - 255)
    pixels: NDArray[np.uint8] = np.rint(mixed).astype(np.uint8)
    return pixels
