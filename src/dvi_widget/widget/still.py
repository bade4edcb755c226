"""The explorer as a still picture, for viewers of a saved notebook that have no kernel."""

from __future__ import annotations

import html
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from dvi_widget.landscape import Frame, Landscape, class_colors
from dvi_widget.landscape.canvas import Canvas
from dvi_widget.landscape.lettering import lettered
from dvi_widget.landscape.paint import paint
from dvi_widget.landscape.picture import (
    FAINT,
    PAPER,
    UNLABELLED,
    Points,
    draw_map,
    land,
    rgb,
    write,
    write_names,
)
from dvi_widget.landscape.source import Paints, Sharpens

from .columns import Values

_CANVAS_PX = {1: 668, 2: 486}  # along each side of a canvas, alone or beside another
_LEGEND_PX = 200  # width
_GAP_PX = 16
_LINE_PX = 24  # from one line of text to the next
_COARSE_CELLS = 128  # along each side of a canvas that is painted for this picture
_PAINT_BLOCKS = 16  # after each of which it is asked how long it takes
_PAINT_BUDGET_S = 0.4  # for such a canvas; beyond it, the points are drawn alone
# As on the page: viridis, from its light end.
_RAMP = ["#fde725", "#addc30", "#5ec962", "#28ae80", "#21918c", "#2c728e", "#3b528b", "#472d7b", "#440154"]
_RIGHT, _WRONG = "#78808c", "#d61c3e"


@dataclass(frozen=True)
class View:
    """State of the explorer to draw.

    Attributes
    ----------
    frames : sequence of (Landscape, Frame)
        One, or two to draw side by side.
    color_by : str
        "label", "prediction", "correctness", or a name of `column`.
    column : Values or None
        What samples are coloured by, where it is none of these three.
    selected : bool [N]
        The selection.
    visible : bool [N]
        The samples that the filter shows.
    palette : str
        A name in `PALETTES`.
    """

    frames: Sequence[tuple[Landscape, Frame]]
    color_by: str
    selected: NDArray[np.bool_]
    visible: NDArray[np.bool_]
    palette: str
    column: Values | None = None

    def colors(self) -> list[str]:
        """Return one colour per class."""
        return self.frames[0][0].colors(self.palette)


def draw(view: View) -> bytes:
    """Draw the explorer.

    Parameters
    ----------
    view
        The state to draw.

    Returns
    -------
    bytes
        A PNG, 900 pixels wide (1,220 with two landscapes): territories if they are painted or can be painted
        quickly, with the names of their classes, points in the colours of their classes, rings around
        selected ones while the rest fades, name and epoch, and a legend.
    """
    side = _CANVAS_PX[len(view.frames)]
    width = len(view.frames) * (side + _GAP_PX) + _GAP_PX + _LEGEND_PX
    page = Image.new("RGB", (width, side + 3 * _GAP_PX + _LINE_PX), PAPER)
    pen = ImageDraw.Draw(page)
    any_painted = False
    for place, (landscape, frame) in enumerate(view.frames):
        left = _GAP_PX + place * (side + _GAP_PX)
        write(pen, (left, _GAP_PX), f"{landscape.name or 'Landscape'} · epoch {frame.epoch}", side, 17)
        painted = frame.canvas if frame.painted else _painted_quickly(landscape, frame)
        canvas = _canvas(view, landscape, frame, painted, side)
        top = _GAP_PX * 2 + _LINE_PX
        page.paste(canvas, (left, top))
        if painted is not None:
            any_painted = True
            write_names(pen, landscape, frame, painted, (left, top, side))
    _legend(pen, view, width - _LEGEND_PX, _GAP_PX, side + _GAP_PX * 2 + _LINE_PX, any_painted)
    file = io.BytesIO()
    page.save(file, "png")  # in all its colours: a palette would draw bands into the fade of the land
    return file.getvalue()


def _canvas(view: View, landscape: Landscape, frame: Frame, painted: Canvas | None, side: int) -> Image.Image:
    """Draw one landscape."""
    ground = land(landscape, frame, painted, side, view.colors())
    strong = view.selected if view.selected.any() else view.visible
    points = Points(frame.positions, _hues(view, landscape, frame), strong, view.selected)
    return draw_map(landscape, ground, points)


def _painted_quickly(landscape: Landscape, frame: Frame) -> Canvas | None:
    """Paint a coarse canvas; None if the engine does not paint or is slow."""
    # Engines that paint from coarse to fine do so because they are slow.
    if not isinstance(landscape.source, Paints) or isinstance(landscape.source, Sharpens):
        return None
    start_s = time.perf_counter()

    def stop_if_slow(share: float) -> None:
        # The first rows may include reading and compiling, so the total is estimated from the later ones.
        spent_s = time.perf_counter() - start_s
        if spent_s > _PAINT_BUDGET_S or (share > 0.5 and spent_s > _PAINT_BUDGET_S * share):
            raise TimeoutError

    try:
        return paint(
            landscape.source,
            frame.epoch,
            landscape.extent,
            _COARSE_CELLS,
            len(landscape.classes),
            stop_if_slow,
            min_blocks=_PAINT_BLOCKS,
        )
    except Exception:  # noqa: BLE001 - the page will say what is wrong; here the points must do
        return None


def _hues(view: View, landscape: Landscape, frame: Frame) -> NDArray[np.uint8]:
    """Return the colour of each sample: uint8 [N, 3]."""
    label = landscape.samples["label"].to_numpy()
    if view.color_by == "correctness":
        which = np.where(label < 0, 2, label == frame.predictions)
        return rgb([_WRONG, _RIGHT, UNLABELLED])[which]
    if view.column is not None:
        return _of_column(view.column, view.palette)
    which = np.asarray(label if view.color_by == "label" else frame.predictions)
    return rgb([*view.colors(), UNLABELLED])[which]


def _of_column(column: Values, palette: str) -> NDArray[np.uint8]:
    """Return the colour of each sample by a column: uint8 [N, 3]."""
    missing = np.isnan(column.values)
    if column.names:
        colors = rgb([*class_colors(len(column.names), palette), UNLABELLED])
        which = np.where(missing, len(column.names), column.values).astype(int)
        return np.asarray(colors[which])
    span = max(column.high - column.low, 1e-12)
    hues = _along(np.clip((np.nan_to_num(column.values) - column.low) / span, 0, 1))
    hues[missing] = rgb([UNLABELLED])
    return hues


def _along(shares: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return the colours at shares [m] of the scale: uint8 [m, 3]."""
    stops = rgb(_RAMP)
    places = np.arange(len(stops))
    channels = [np.interp(shares * (len(stops) - 1), places, stops[:, c]) for c in range(3)]
    hues: NDArray[np.uint8] = np.rint(np.stack(channels, axis=1)).astype(np.uint8)
    return hues


def _legend(pen: ImageDraw.ImageDraw, view: View, left: int, top: int, bottom: int, painted: bool) -> None:
    """Write what the colours mean, and how many samples there are."""
    landscape, _ = view.frames[0]
    label = landscape.samples["label"].to_numpy()
    number = view.column is not None and not view.column.names
    if view.column is not None and view.column.names:
        hues = class_colors(len(view.column.names), view.palette)
        entries = list(zip(view.column.names, hues, strict=True))
    elif number:
        entries = []
    elif view.color_by == "correctness":
        entries = [("right", _RIGHT), ("wrong", _WRONG)]
    else:
        entries = list(zip(landscape.classes, view.colors(), strict=True))
    if view.column is None and view.color_by != "prediction" and (label < 0).any():
        entries.append(("no label", UNLABELLED))
    facts = [f"{len(label):,} samples"]
    if not view.visible.all():
        facts.append(f"{int(view.visible.sum()):,} shown by the filter")
    if view.selected.any():
        facts.append(f"{int(view.selected.sum()):,} selected")
    facts.append("Run the cell to explore.")
    write(pen, (left, top), f"Colour: {view.color_by}", _LEGEND_PX - _GAP_PX, 15, FAINT)
    room = (bottom - top) // _LINE_PX - len(facts) - 2 - painted
    listed = entries if len(entries) <= room else entries[: room - 1]
    at = top + _LINE_PX + _GAP_PX // 2
    if number and view.column is not None:
        _scale(pen, view.column, (left, at))
        at += 2 * _LINE_PX
    for kind, (name, hue) in enumerate(listed):
        pen.rectangle((left, at + 4, left + 11, at + 15), fill=hue)
        write(pen, (left + 20, at), name, _LEGEND_PX - _GAP_PX - 20, 15, otherwise=f"class {kind}")
        at += _LINE_PX
    if len(listed) < len(entries):
        write(pen, (left + 20, at), f"and {len(entries) - len(listed):,} more", _LEGEND_PX - 20, 15, FAINT)
        at += _LINE_PX
    if painted:
        pen.rectangle((left, at + 4, left + 11, at + 15), PAPER, FAINT)
        write(pen, (left + 20, at), "undecided", _LEGEND_PX - _GAP_PX - 20, 15)
    for line, fact in enumerate(reversed(facts), start=1):
        write(pen, (left, bottom - line * _LINE_PX), fact, _LEGEND_PX - _GAP_PX, 14, FAINT)


def _scale(pen: ImageDraw.ImageDraw, column: Values, place: tuple[int, int]) -> None:
    """Draw the bar of a scale of numbers over its two ends."""
    left, top = place
    width = _LEGEND_PX - _GAP_PX
    shares = np.linspace(0, 1, width)
    for x, hue in enumerate(_along(shares)):
        pen.line((left + x, top + 4, left + x, top + 15), tuple(map(int, hue)))
    high = f"{column.high:.3g}"
    write(pen, (left, top + _LINE_PX), f"{column.low:.3g}", width // 2, 14, FAINT)
    _, font = lettered(high, 14)
    write(pen, (left + width - int(pen.textlength(high, font)), top + _LINE_PX), high, width // 2, 14, FAINT)


def still_page(name: str, png: str, words: str) -> str:
    """Write the HTML of a still picture that stands after the output of its widget.

    Parameters
    ----------
    name
        A name of letters and digits; the page of the widget hides the element ``dvi-still-NAME``.
    png
        The picture in base64.
    words
        What it shows.

    Returns
    -------
    str
        A figure, and a style by which JupyterLab hides the output before it while that holds nothing but the
        words that no widget was found.
    """
    output = ".jp-OutputArea-child"
    before = f"{output}:has(+ {output} #dvi-still-{name})"
    return (
        f"<style>{before}:not(:has(.jp-OutputArea-output > *)) {{ display: none }}</style>"
        f'<figure id="dvi-still-{name}" style="margin: 0">'
        f'<img alt="{html.escape(words)}" src="data:image/png;base64,{png}" style="max-width: 100%">'
        "<figcaption>A still picture of the explorer: run this cell to walk through it.</figcaption></figure>"
    )
