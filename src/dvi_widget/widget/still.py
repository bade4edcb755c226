"""The explorer as a still picture: what a viewer without a kernel shows of a saved notebook."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from dvi_widget.landscape import Frame, Landscape, class_colors, colored

_SIDE = {1: 668, 2: 486}  # pixels of a canvas, alone or beside another
_LEGEND = 200  # pixels across
_GAP = 16
_LINE = 24  # pixels from one line of text to the next
_FINE = 2  # drawn so many times larger, then averaged: smooth edges
_TERRITORY = 128  # cells along each side of a canvas that nobody has painted yet
_PATIENCE = 0.4  # seconds for it; without, the points stand alone
_RINGS = 300  # so many selected samples get a ring
_OUTLINED = 5_000  # up to so many points have an outline
_COLORS = 256  # of the file
_INK, _FAINT, _PAPER = "#1f2328", "#6a7077", "#ffffff"
_RIGHT, _WRONG, _UNLABELLED = "#78808c", "#d61c3e", "#80868f"


@dataclass(frozen=True)
class View:
    """What the explorer shows at the moment.

    Attributes
    ----------
    frames : sequence of (Landscape, Frame)
        One, or two beside each other.
    color_by : str
        "label", "prediction" or "correctness".
    selected, shown : bool [N]
        The selection, and what the filter shows.
    palette : str
        A name in `PALETTES`.
    """

    frames: Sequence[tuple[Landscape, Frame]]
    color_by: str
    selected: NDArray[np.bool_]
    shown: NDArray[np.bool_]
    palette: str

    def colors(self) -> list[str]:
        """One per class."""
        return class_colors(len(self.frames[0][0].classes), self.palette)


def draw(view: View) -> bytes:
    """Draw the picture.

    Parameters
    ----------
    view
        What is to be seen.

    Returns
    -------
    bytes
        A PNG, 900 pixels wide (1,220 of two landscapes): territories as far as they are painted, or quickly
        painted; points in the colours of their classes; selected ones ringed, the rest faded; name and epoch;
        what the colours mean.
    """
    side = _SIDE[len(view.frames)]
    width = len(view.frames) * (side + _GAP) + _GAP + _LEGEND
    page = Image.new("RGB", (width, side + 3 * _GAP + _LINE), _PAPER)
    pen = ImageDraw.Draw(page)
    for place, (landscape, frame) in enumerate(view.frames):
        left = _GAP + place * (side + _GAP)
        _write(pen, (left, _GAP), f"{landscape.name or 'Landscape'} · epoch {frame.epoch}", side, 17)
        canvas = _canvas(view, landscape, frame, side * _FINE)
        page.paste(Image.fromarray(canvas).reduce(_FINE), (left, _GAP * 2 + _LINE))
    _legend(pen, view, width - _LEGEND, _GAP, side + _GAP * 2 + _LINE)
    file = io.BytesIO()
    page.quantize(_COLORS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(file, "png")
    return file.getvalue()


def _canvas(view: View, landscape: Landscape, frame: Frame, side: int) -> NDArray[np.uint8]:
    """One landscape [side, side, 3]."""
    pixels = _territory(landscape, frame, side, view.colors())
    x0, x1, y0, y1 = landscape.extent
    x = ((frame.positions[:, 0] - x0) / (x1 - x0) * side).astype(np.int64)
    y = ((y1 - frame.positions[:, 1]) / (y1 - y0) * side).astype(np.int64)
    hues = _hues(view, landscape, frame)
    radius = float(np.clip(130 / np.sqrt(len(x)), 1.0, 4.2)) * _FINE
    strong = view.selected if view.selected.any() else view.shown
    outlined = len(x) <= _OUTLINED
    for rows, strength in ((np.flatnonzero(~strong), 0.3), (np.flatnonzero(strong), 1.0)):
        faded = np.rint(255 + strength * (hues[rows] - 255.0)).astype(np.uint8)
        _stamp(pixels, x[rows], y[rows], faded, radius, _FINE if outlined and strength == 1 else 0)
    ringed = np.flatnonzero(view.selected)
    if len(ringed) <= _RINGS:
        ink = np.tile(_rgb([_INK]), (len(ringed), 1))
        _stamp(pixels, x[ringed], y[ringed], ink, radius + 4 * _FINE, 0, hole=radius + 2 * _FINE)
    return pixels


def _territory(landscape: Landscape, frame: Frame, side: int, hues: Sequence[str]) -> NDArray[np.uint8]:
    """The painted canvas in the size of the picture, or one painted coarsely if that is quick, or paper."""
    painted = frame.canvas if frame.painted else _painted_quickly(landscape, frame)
    if painted is None:
        return np.full((side, side, 3), 255, np.uint8)
    colors = Image.fromarray(colored(*painted, hues)[::-1])
    return np.array(colors.resize((side, side), Image.Resampling.BILINEAR))


def _painted_quickly(
    landscape: Landscape, frame: Frame
) -> tuple[NDArray[np.unsignedinteger], NDArray[np.uint8]] | None:
    """A coarse canvas; None where the engine does not paint, or takes its time."""
    # An engine that paints from coarse to fine says by that that it is slow.
    if "paint" not in landscape.services or "sharpen" in landscape.services:
        return None
    x0, x1, y0, y1 = landscape.extent
    centres = (np.arange(_TERRITORY) + 0.5) / _TERRITORY
    top = np.iinfo(np.uint16).max
    classes = np.empty((_TERRITORY, _TERRITORY), np.uint16)
    shade = np.empty((_TERRITORY, _TERRITORY), np.uint8)
    begun, step = time.perf_counter(), _TERRITORY // 16
    for start in range(0, _TERRITORY, step):
        rows = slice(start, start + step)
        x, y = np.meshgrid(x0 + centres * (x1 - x0), y0 + centres[rows] * (y1 - y0))
        points = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
        try:
            kinds, sure, on_boundary = landscape.source.paint(frame.epoch, points)
        except Exception:  # noqa: BLE001 - the page will say what is wrong; a picture of points is one too
            return None
        classes[rows] = np.where(on_boundary, top, kinds).reshape(step, _TERRITORY)
        shade[rows] = np.rint(np.clip(sure, 0, 1) * 255).reshape(step, _TERRITORY)
        # The first rows may have to read or compile something; by the others it is seen what all will take.
        spent, share = time.perf_counter() - begun, (start + step) / _TERRITORY
        if spent > _PATIENCE or (share > 0.5 and spent > _PATIENCE * share):
            return None
    return classes, shade


def _stamp(
    pixels: NDArray[np.uint8],
    x: NDArray[np.int64],
    y: NDArray[np.int64],
    hues: NDArray[np.uint8],
    radius: float,
    outline: int,
    hole: float = 0.0,
) -> None:
    """Discs (or rings) at [m] places in colours [m, 3], later ones above; outside them a white outline."""
    reach = int(np.ceil(radius + outline))
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    far = np.hypot(dx, dy)
    inside = (far <= radius + outline) & (far >= hole)
    dx, dy, edge = dx[inside], dy[inside], far[inside] > radius
    side = len(pixels)
    packed = np.zeros((side, side), np.uint32)
    # One assignment for all: of points at one place the last stays, outline and all.
    ink = hues.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32) + (1 << 24)
    paper = np.uint32(0x1FFFFFF)
    step = max(1, (1 << 22) // len(dx))
    for start in range(0, len(x), step):
        rows = slice(start, start + step)
        column = np.clip(x[rows, None] + dx, 0, side - 1)
        line = np.clip(y[rows, None] + dy, 0, side - 1)
        packed.reshape(-1)[line * side + column] = np.where(edge, paper, ink[rows, None])
    drawn = packed > 0
    values = packed[drawn]
    pixels[drawn] = np.stack([values >> 16 & 255, values >> 8 & 255, values & 255], axis=1)


def _hues(view: View, landscape: Landscape, frame: Frame) -> NDArray[np.uint8]:
    """The colour of each sample [N, 3]."""
    label = landscape.samples["label"].to_numpy()
    if view.color_by == "correctness":
        which = np.where(label < 0, 2, label == frame.predictions)
        return _rgb([_WRONG, _RIGHT, _UNLABELLED])[which]
    which = np.asarray(label if view.color_by == "label" else frame.predictions)
    return _rgb([*view.colors(), _UNLABELLED])[which]


def _rgb(colors: Sequence[str]) -> NDArray[np.uint8]:
    """Colours "#rrggbb" as numbers [m, 3]."""
    return np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in colors], np.uint8)


def _legend(pen: ImageDraw.ImageDraw, view: View, left: int, top: int, bottom: int) -> None:
    """What the colours mean, and how many samples there are."""
    landscape, _ = view.frames[0]
    label = landscape.samples["label"].to_numpy()
    if view.color_by == "correctness":
        entries = [("right", _RIGHT), ("wrong", _WRONG)]
    else:
        entries = list(zip(landscape.classes, view.colors(), strict=True))
    if view.color_by != "prediction" and (label < 0).any():
        entries.append(("no label", _UNLABELLED))
    facts = [f"{len(label):,} samples"]
    if not view.shown.all():
        facts.append(f"{int(view.shown.sum()):,} shown by the filter")
    if view.selected.any():
        facts.append(f"{int(view.selected.sum()):,} selected")
    facts.append("Run the cell to explore.")
    _write(pen, (left, top), f"Colour: {view.color_by}", _LEGEND - _GAP, 15, _FAINT)
    room = (bottom - top) // _LINE - len(facts) - 2
    kept = entries if len(entries) <= room else entries[: room - 1]
    at = top + _LINE + _GAP // 2
    for name, hue in kept:
        pen.rectangle((left, at + 4, left + 11, at + 15), fill=hue)
        _write(pen, (left + 20, at), name, _LEGEND - _GAP - 20, 15)
        at += _LINE
    if len(kept) < len(entries):
        _write(pen, (left + 20, at), f"and {len(entries) - len(kept):,} more", _LEGEND - 20, 15, _FAINT)
    for line, fact in enumerate(reversed(facts), start=1):
        _write(pen, (left, bottom - line * _LINE), fact, _LEGEND - _GAP, 14, _FAINT)


def _write(
    pen: ImageDraw.ImageDraw, place: tuple[int, int], text: str, room: int, size: int, ink: str = _INK
) -> None:
    """One line of text, cut where it would leave its room."""
    font = ImageFont.load_default(size)
    line = " ".join(text[:200].split())
    if pen.textlength(line, font) > room:
        while line and pen.textlength(line + "…", font) > room:
            line = line[:-1]
        line += "…"
    pen.text(place, line, ink, font)
