"""The training as a moving picture: a GIF by Pillow, or an MP4 by ffmpeg."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from dvi_widget.arrays import check_path, check_whole
from dvi_widget.files import write_aside
from dvi_widget.progress import progress_bar

from .picture import FAINT, PAPER, UNLABELLED, Points, draw_map, land, rgb, write, write_names

if TYPE_CHECKING:
    from .frame import Frame
    from .frames import Landscape

MAX_PICTURES = 400  # of an animation, so that its file stays a few megabytes
_BETWEEN = 7  # pictures between two epochs, if there is room for so many
_STILL_MS, _MOVING_MS = 500, 40  # how long a picture of an epoch, and one between two, is shown
_LEGEND_PX = 180  # width
_GAP_PX = 12
_LINE_PX = 24  # from one line of text to the next
_MIN_SIZE_PX, _MAX_SIZE_PX = 120, 1600
_COLORS = 256  # of a GIF
_MOSAIC_PICTURES = 6  # from which the colours of a GIF are chosen


def save(landscape: Landscape, path: str | os.PathLike[str], epochs: Sequence[int] | None, size: int) -> Path:
    """Write an animation of a landscape (see `Landscape.save`)."""
    target = check_path("path", path)
    writers: dict[str, Callable[[Path, Sequence[int], Callable[[int], Image.Image]], None]] = {
        ".gif": _write_gif,
        ".mp4": _write_mp4,
    }
    if target.suffix.lower() not in writers:
        raise ValueError(f"path must end in .dvi, .gif or .mp4; got {str(path)!r}.")
    size = check_whole("size", size, _MIN_SIZE_PX, _MAX_SIZE_PX)
    landscape.require_plane()
    frames = [landscape.at(epoch) for epoch in (landscape.epochs if epochs is None else epochs)]
    if not 1 <= len(frames) <= MAX_PICTURES:
        raise ValueError(
            f"epochs must be 1 to {MAX_PICTURES} of the landscape's; got {len(frames)}. Choose some, such as "
            "landscape.epochs[::2]."
        )
    between = min(_BETWEEN, (MAX_PICTURES - len(frames)) // max(len(frames) - 1, 1))
    steps = [(i, step) for i in range(len(frames) - 1) for step in range(between + 1)] + [
        (len(frames) - 1, 0)
    ]
    durations_ms = [_MOVING_MS if step else _STILL_MS for _, step in steps]
    painter = _Painter(landscape, frames, size)

    def picture(n: int) -> Image.Image:
        i, step = steps[n]
        return painter(i, step / (between + 1))

    with write_aside(target) as aside:
        writers[target.suffix.lower()](aside, durations_ms, picture)
    return target


class _Painter:
    """Draws the map at an epoch, or a part of the way from one epoch to the next."""

    def __init__(self, landscape: Landscape, frames: Sequence[Frame], size: int) -> None:
        self._landscape = landscape
        self._frames = frames
        self._size = size
        self._colors = landscape.colors()
        label = landscape.samples["label"].to_numpy()
        self._hues = rgb([*self._colors, UNLABELLED])[label]
        self._grounds: dict[int, NDArray[np.uint8]] = {}

    def __call__(self, i: int, share: float) -> Image.Image:
        """Draw the map a share of the way from frame i to the next, in [0, 1)."""
        frame, size = self._frames[i], self._size
        ground, positions = self._ground(i), frame.positions
        if share > 0:
            eased = share**2 * (3 - 2 * share)
            positions = (1 - eased) * positions + eased * self._frames[i + 1].positions
            ground = np.rint((1 - eased) * ground + eased * self._ground(i + 1)).astype(np.uint8)
        everybody = np.ones(len(positions), bool)
        page = Image.new("RGB", (size + 3 * _GAP_PX + _LEGEND_PX, size + 3 * _GAP_PX + _LINE_PX), PAPER)
        pen = ImageDraw.Draw(page)
        shown = self._frames[i + (share > 0.5)]
        title = " · ".join(part for part in (self._landscape.name, f"epoch {shown.epoch}") if part)
        write(pen, (_GAP_PX, _GAP_PX), title, size, 17)
        top = 2 * _GAP_PX + _LINE_PX
        page.paste(
            draw_map(self._landscape, ground, Points(positions, self._hues, everybody, ~everybody)),
            (_GAP_PX, top),
        )
        if shown.paintable:
            write_names(pen, self._landscape, shown, shown.canvas, (_GAP_PX, top, size))
        self._legend(pen, size + 2 * _GAP_PX, top)
        return page

    def _ground(self, i: int) -> NDArray[np.uint8]:
        """Colour the land of a frame; that of two frames is kept."""
        if i not in self._grounds:
            frame = self._frames[i]
            self._grounds = {j: ground for j, ground in self._grounds.items() if j >= i - 1}
            painted = frame.canvas if frame.paintable else None
            self._grounds[i] = land(self._landscape, frame, painted, self._size, self._colors)
        return self._grounds[i]

    def _legend(self, pen: ImageDraw.ImageDraw, left: int, top: int) -> None:
        """Write the names of the classes beside their colours, as many as there is room for."""
        names = self._landscape.classes
        room = self._size // _LINE_PX
        listed = names if len(names) <= room else names[: room - 1]
        for line, (name, color) in enumerate(zip(listed, self._colors, strict=False)):
            at = top + line * _LINE_PX
            pen.rectangle((left, at + 4, left + 11, at + 15), fill=color)
            write(pen, (left + 20, at), name, _LEGEND_PX - 20, 15, otherwise=f"class {line}")
        if len(listed) < len(names):
            at = top + len(listed) * _LINE_PX
            write(pen, (left + 20, at), f"and {len(names) - len(listed):,} more", _LEGEND_PX - 20, 15, FAINT)


def _write_gif(path: Path, durations_ms: Sequence[int], picture: Callable[[int], Image.Image]) -> None:
    """Write an endless GIF; all its pictures share one palette, so that still land does not flicker."""
    n = len(durations_ms)
    some = [picture(i) for i in range(0, n, max(1, n // _MOSAIC_PICTURES))]
    width, height = some[0].size
    mosaic = Image.new("RGB", (width, height * len(some)))
    for i, part in enumerate(some):
        mosaic.paste(part, (0, i * height))
    palette = mosaic.quantize(_COLORS)
    flat = [
        picture(i).quantize(palette=palette, dither=Image.Dither.NONE)
        for i in progress_bar(range(n), desc="drawing")
    ]
    flat[0].save(path, "gif", save_all=True, append_images=flat[1:], duration=list(durations_ms), loop=0)


def _write_mp4(path: Path, durations_ms: Sequence[int], picture: Callable[[int], Image.Image]) -> None:
    """Write an H.264 film; the picture of an epoch is repeated for as long as it is shown."""
    try:
        import imageio_ffmpeg  # noqa: PLC0415 - an extra, and heavy
    except ImportError as error:
        raise ImportError(
            "An MP4 needs imageio-ffmpeg, which is not installed. Install it, pip install dvi-widget[video], "
            "or save a .gif."
        ) from error
    width, height = (side // 2 * 2 for side in picture(0).size)  # H.264 halves the resolution of colours
    film = imageio_ffmpeg.write_frames(
        path,
        (width, height),
        fps=1000 / _MOVING_MS,
        macro_block_size=2,
        ffmpeg_log_level="error",
        output_params=["-f", "mp4"],
    )
    film.send(None)
    try:
        for i in progress_bar(range(len(durations_ms)), desc="drawing"):
            pixels = picture(i).crop((0, 0, width, height)).tobytes()
            for _ in range(round(durations_ms[i] / _MOVING_MS)):
                film.send(pixels)
    finally:
        film.close()
