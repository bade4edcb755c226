"""Maps drawn with Pillow: land, points and names, for still pictures and animations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .canvas import Canvas
from .colors import colored
from .lettering import lettered
from .names import name_places
from .support import SUPPORT_CELLS, support

if TYPE_CHECKING:
    from .frame import Frame
    from .frames import Landscape

INK, FAINT, PAPER = "#1f2328", "#6a7077", "#ffffff"
UNLABELLED = "#80868f"
_OVERSAMPLING = 2  # drawn so many times larger and averaged, which smooths edges
_MAX_RINGED = 300  # selected samples
_MAX_OUTLINED = 5_000  # points
_NAME_PX = 15
_NAME_ROOM_PX = 3  # around a name
_MAX_NAME_SIGNS = 22  # longer names lose their middle
_RIM = 0.62  # share of ink in the rim of a point, as on the page


@dataclass(frozen=True)
class Points:
    """How the samples of a map are drawn.

    Attributes
    ----------
    positions : float [N, 2]
        Their places, in units of the landscape.
    hues : uint8 [N, 3]
        Their colours.
    strong : bool [N]
        Those that do not fade.
    ringed : bool [N]
        Those with a ring around them, if they are not too many.
    """

    positions: NDArray[np.floating]
    hues: NDArray[np.uint8]
    strong: NDArray[np.bool_]
    ringed: NDArray[np.bool_]


def land(
    landscape: Landscape, frame: Frame, painted: Canvas | None, side: int, colors: Sequence[str]
) -> NDArray[np.uint8]:
    """Colour a painted canvas, if there is one: uint8 [side, side, 3], highest row first."""
    if painted is None:
        return np.full((side, side, 3), 255, np.uint8)
    known = support(frame.positions, landscape.extent, SUPPORT_CELLS)
    return colored(painted, colors, known=known, side=side)[::-1]


def draw_map(landscape: Landscape, ground: NDArray[np.uint8], points: Points) -> Image.Image:
    """Draw points on land.

    Parameters
    ----------
    landscape
        Whose extent the land fills.
    ground : uint8 [side, side, 3]
        The land, as `land` colours it.
    points
        The samples.

    Returns
    -------
    Image
        As large as the land.
    """
    # Its borders are smooth before they are averaged.
    pixels = ground.repeat(_OVERSAMPLING, axis=0).repeat(_OVERSAMPLING, axis=1)
    side = len(pixels)
    x0, x1, y0, y1 = landscape.extent
    x = ((points.positions[:, 0] - x0) / (x1 - x0) * side).astype(np.int64)
    y = ((y1 - points.positions[:, 1]) / (y1 - y0) * side).astype(np.int64)
    radius = float(np.clip(130 / np.sqrt(len(x)), 1.0, 4.2)) * _OVERSAMPLING
    outlined = len(x) <= _MAX_OUTLINED
    for rows, strength in ((np.flatnonzero(~points.strong), 0.3), (np.flatnonzero(points.strong), 1.0)):
        faded = np.rint(255 + strength * (points.hues[rows] - 255.0)).astype(np.uint8)
        _stamp(pixels, x[rows], y[rows], faded, radius, _OVERSAMPLING if outlined and strength == 1 else 0)
    ringed = np.flatnonzero(points.ringed)
    if len(ringed) <= _MAX_RINGED:
        ink = np.tile(rgb([INK]), (len(ringed), 1))
        hole = radius + 2 * _OVERSAMPLING
        _stamp(pixels, x[ringed], y[ringed], ink, radius + 4 * _OVERSAMPLING, 0, hole=hole)
    return Image.fromarray(pixels).reduce(_OVERSAMPLING)


def write_names(
    pen: ImageDraw.ImageDraw,
    landscape: Landscape,
    frame: Frame,
    painted: Canvas,
    square: tuple[int, int, int],
) -> None:
    """Write the names of the classes on their land; `square` is left, top and side of the map."""
    left, top, side = square
    cells = len(painted.classes)
    names = [lettered(_cut(name), _NAME_PX, f"class {kind}") for kind, name in enumerate(landscape.classes)]

    def needed(pixels: float) -> int:
        return int(np.ceil((pixels + 2 * _NAME_ROOM_PX) * cells / side))

    sizes = [(needed(pen.textlength(text, font)), needed(_NAME_PX)) for text, font in names]
    x0, x1, y0, y1 = landscape.extent
    crowd, _, _ = np.histogram2d(frame.positions[:, 1], frame.positions[:, 0], cells, ((y0, y1), (x0, x1)))
    known = support(frame.positions, landscape.extent, cells)
    for kind, (column, row) in name_places(painted.classes, known, crowd.astype(int), sizes).items():
        place = left + column / cells * side, top + (1 - row / cells) * side
        text, font = names[kind]
        pen.text(place, text, INK, font, anchor="mm", stroke_width=2, stroke_fill=PAPER)


def _cut(name: str) -> str:
    """Return as much of a name as the land carries."""
    line = " ".join(name.split())
    half = (_MAX_NAME_SIGNS - 1) // 2
    # Names often differ at the end.
    return line if len(line) <= _MAX_NAME_SIGNS else f"{line[: half + 1].rstrip()}…{line[-half:].lstrip()}"


def _stamp(
    pixels: NDArray[np.uint8],
    x: NDArray[np.int64],
    y: NDArray[np.int64],
    hues: NDArray[np.uint8],
    radius: float,
    outline: int,
    hole: float = 0.0,
) -> None:
    """Draw discs (or rings) at [m] places in colours [m, 3], later ones on top, each with a dark rim."""
    reach = int(np.ceil(radius + outline))
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    far = np.hypot(dx, dy)
    inside = (far <= radius + outline) & (far >= hole)
    dx, dy, edge = dx[inside], dy[inside], far[inside] > radius
    side = len(pixels)
    packed = np.zeros((side, side), np.uint32)
    # One assignment draws all: where points overlap, the last one stays with its outline.
    rims = np.rint(hues + _RIM * (rgb([INK]) - hues.astype(float)))

    def packed_of(colors: NDArray[Any]) -> NDArray[np.uint32]:
        return colors.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32) + np.uint32(1 << 24)

    ink, rim = packed_of(hues), packed_of(rims)
    step = max(1, (1 << 22) // len(dx))
    for start in range(0, len(x), step):
        rows = slice(start, start + step)
        column = np.clip(x[rows, None] + dx, 0, side - 1)
        line = np.clip(y[rows, None] + dy, 0, side - 1)
        packed.reshape(-1)[line * side + column] = np.where(edge, rim[rows, None], ink[rows, None])
    drawn = packed > 0
    values = packed[drawn]
    pixels[drawn] = np.stack([values >> 16 & 255, values >> 8 & 255, values & 255], axis=1)


def rgb(colors: Sequence[str]) -> NDArray[np.uint8]:
    """Turn colours "#rrggbb" into uint8 [m, 3]."""
    return np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in colors], np.uint8)


def write(
    pen: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    room: int,
    size: int,
    ink: str = INK,
    otherwise: str = "",
) -> None:
    """Write one line of text, cut to fit; or another one where no font has its signs."""
    line, font = lettered(" ".join(text[:200].split()), size, otherwise)
    if pen.textlength(line, font) > room:
        while line and pen.textlength(line + "…", font) > room:
            line = line[:-1]
        line += "…"
    pen.text(place, line, ink, font)
