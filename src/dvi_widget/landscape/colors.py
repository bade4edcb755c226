"""Colours of classes and of painted canvases."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

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

# From linear sRGB to the response of cones, and from its cube root to OKLab.
_TO_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)

# Margin up to which land is shown as undecided. Definition 2 of DeepVisualInsight has .1 for the synthesis of
# boundary samples; on a map that would leave a fifth to a half of the land within reach of samples without a
# class.
DELTA = 0.02
_MIN_SQUARED_DISTANCE = 1e-3  # in OKLab: colours nearer than .03 count as equally hard to tell apart
_MAX_EXCHANGES = 300
_MIN_GAIN = 1e-6  # of a class' own cost: less than that may be rounding
_TERRITORY_STRENGTH = (0.12, 0.40)  # of a class colour over white, at shade 0 and at shade 1


def class_colors(n: int, palette: str = "safe", mistaken: NDArray[np.floating] | None = None) -> list[str]:
    """Choose colours for n classes.

    Parameters
    ----------
    n : int
        Number of classes.
    palette : str
        A name in `PALETTES`. Classes beyond its length get further hues, evenly spread.
    mistaken : float [n, n], optional
        How often class i is mistaken for class j. Where the palette is too short for all classes, those that
        are mistaken for each other then get colours far apart.

    Returns
    -------
    list of str
        "#rrggbb", one per class. Without mistakes, or with no more classes than the palette has colours,
        class i has the same colour for every n.

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
    if mistaken is None or n <= len(PALETTES[palette]):
        return colors
    mutual = mistaken + mistaken.T
    np.fill_diagonal(mutual, 0)
    return [colors[which] for which in _apart(oklab(colors), mutual)]


def mistakes(
    label: NDArray[np.integer], predictions: Sequence[NDArray[np.integer]], n: int
) -> NDArray[np.float64]:
    """Count the mistakes beyond those of predictions drawn at random.

    Parameters
    ----------
    label : int [N]
        Class of each sample; −1 for none.
    predictions : sequence of int arrays [N]
        Per epoch, the predicted classes.
    n : int
        Number of classes.

    Returns
    -------
    float [n, n]
        Row label, column prediction, summed over the epochs.
    """
    known = label >= 0
    total = np.zeros((n, n))
    for predicted in predictions:
        pairs = n * label[known].astype(np.int64) + predicted[known]
        counts = np.bincount(pairs, minlength=n * n).reshape(n, n)
        by_chance = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / max(1, counts.sum())
        total += np.maximum(0, counts - by_chance)
    np.fill_diagonal(total, 0)
    return total


def _apart(lab: NDArray[np.float64], mutual: NDArray[np.floating]) -> list[int]:
    """Give each class one of as many colours, so that classes mistaken for each other lie far apart.

    Lowers the sum of mistakes over squared distances: those with the most mistakes choose first, then the
    worst placed ones exchange colours as long as that helps, up to a bound.
    """
    n = len(lab)
    squared = ((lab[:, None] - lab[None]) ** 2).sum(axis=2)
    alike = 1 / (squared + _MIN_SQUARED_DISTANCE)  # [colour, colour]
    chosen = np.full(n, -1)
    free = np.arange(n)
    for kind in np.argsort(-mutual.sum(axis=1), kind="stable"):
        rivals = np.flatnonzero((mutual[kind] > 0) & (chosen >= 0))
        best = int((mutual[kind, rivals] @ alike[chosen[rivals]][:, free]).argmin())
        chosen[kind] = free[best]
        free = np.delete(free, best)
    cost = (mutual * alike[chosen][:, chosen]).sum(axis=1)
    tried = np.zeros(n, bool)
    for _ in range(_MAX_EXCHANGES):
        one = int(np.where(tried, -1, cost).argmax())
        own, to_own = chosen[one], alike[chosen[one], chosen]
        by_color = np.empty(n)
        by_color[chosen] = mutual[one]
        # What each class costs with the other's colour; between the two of them nothing changes.
        there = (alike @ by_color)[chosen] + mutual[one] * (to_own - 1 / _MIN_SQUARED_DISTANCE)
        here = mutual @ to_own + mutual[one] * (to_own - 1 / _MIN_SQUARED_DISTANCE)
        gain = cost[one] + cost - there - here
        other = int(gain.argmax())
        tried[one] = True
        if gain[other] > _MIN_GAIN * cost[one]:
            to_other = alike[chosen[other], chosen]
            cost += (mutual[other] - mutual[one]) * (to_own - to_other)
            chosen[one], chosen[other] = chosen[other], own
            for kind in (one, other):
                cost[kind] = mutual[kind] @ alike[chosen[kind], chosen]
            tried[:] = False
        elif tried.all():
            break
    return chosen.tolist()


def oklab(colors: Sequence[str]) -> NDArray[np.float64]:
    """Coordinates in which distances are as seen (Ottosson 2020): float [m, 3]."""
    channels = _table(colors) / 255
    light = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    lab: NDArray[np.float64] = np.cbrt(light @ np.transpose(_TO_CONES)) @ np.transpose(_TO_LAB)
    return lab


def _table(colors: Sequence[str]) -> NDArray[np.float64]:
    """Turn colours "#rrggbb" into channels in [0, 255]: float [m, 3]."""
    return np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in colors], float)


def colored(
    canvas: Canvas,
    colors: Sequence[str],
    delta: float = DELTA,
    known: NDArray[np.floating] | None = None,
    side: int | None = None,
) -> NDArray[np.uint8]:
    """Colour a painted canvas: pale, paler where the engine is less sure, paling to white on borders.

    As on the page (js/src/canvas/gl/shaders/territory.frag.glsl), a class' margin counts as positive in its
    own cells and as negative in all others: its zero is the border, a smooth line in a picture of any size.

    Parameters
    ----------
    canvas : Canvas
        As `Frame.canvas`.
    colors : sequence of str
        "#rrggbb" per class.
    delta : float
        Margin between the two likeliest classes up to which land is undecided.
    known : float [K, K], optional
        How well samples support the land, 0 to 1 (`support.support`): invented land fades. All of it is drawn
        by default.
    side : int, optional
        Pixels along each side of the picture; one per cell of the canvas by default.

    Returns
    -------
    uint8 [side, side, 3]
        Row 0 holds the lowest y.
    """
    side = len(canvas.classes) if side is None else side
    kind, margin = _nearest_class(canvas, side)
    width = np.maximum(sum(np.abs(slope) for slope in np.gradient(margin)), 1e-5)  # from a pixel to the next
    decided = _smoothstep((delta - width) / 2, (3 * delta + width) / 2, margin)
    low, high = _TERRITORY_STRENGTH
    strength = decided * (low + (high - low) * _enlarged(canvas.shade / np.float32(255), side))
    if known is not None:
        strength *= _enlarged(known, side)
    mixed = 255 + strength[..., None] * (_table(colors)[kind] - 255)
    pixels: NDArray[np.uint8] = np.rint(mixed).astype(np.uint8)
    return pixels


def _nearest_class(canvas: Canvas, side: int) -> tuple[NDArray[np.unsignedinteger], NDArray[np.float32]]:
    """Return the class of each pixel [side, side], and its margin between the four cells around."""
    cells = len(canvas.classes)
    place = (np.arange(side) + 0.5) * (cells / side) - 0.5
    first = np.floor(place).astype(int)
    share = (place - first).astype(np.float32)
    lines = [(np.clip(first + k, 0, cells - 1), share if k else 1 - share) for k in (0, 1)]
    margins = canvas.margins()
    kinds, weights = [], []
    for row, beside_row in lines:
        for column, beside_column in lines:
            at = np.ix_(row, column)
            kinds.append(canvas.classes[at])
            weights.append(beside_row[:, None] * beside_column * margins[at])
    best, most = kinds[0], np.full((side, side), -np.inf, np.float32)
    for kind in kinds:
        total = sum(
            np.where(other == kind, weight, -weight) for other, weight in zip(kinds, weights, strict=True)
        )
        better = total > most
        best, most = np.where(better, kind, best), np.where(better, total, most)
    return best, most


def _enlarged(values: NDArray[np.floating], side: int) -> NDArray[np.float32]:
    """Interpolate values [K, K] between the middles of their cells: [side, side]."""
    picture = Image.fromarray(np.asarray(values, np.float32))
    return np.asarray(picture.resize((side, side), Image.Resampling.BILINEAR))


def _smoothstep(
    low: NDArray[np.floating], high: NDArray[np.floating], value: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Rise smoothly from 0 at `low` to 1 at `high`."""
    share = np.clip((value - low) / (high - low), 0, 1)
    return share**2 * (3 - 2 * share)
