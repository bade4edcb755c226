"""A landscape as a plotly figure, for reports."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly  # its parts load when they are first used
from numpy.typing import NDArray
from PIL import Image

from dvi_widget.texts import in_figure

from .colors import colored
from .support import SUPPORT_CELLS, support

if TYPE_CHECKING:
    from .frame import Frame
    from .frames import Landscape

_WIDTH_PX, _HEIGHT_PX = 820, 720
_MARGIN_PX = {"l": 10, "r": 10, "t": 50, "b": 10}
_PLAYER_MARGIN_PX = {**_MARGIN_PX, "b": 90}  # with a slider below
_PLAY_FRAME_MS = 600
_NO_LABEL = "#777777"
_MANY_SAMPLES = 2000  # from which on points are drawn smaller


def draw(landscape: Landscape, frames: Sequence[Frame]) -> plotly.graph_objects.Figure:
    """Draw frames of a landscape; several get a slider and a play button (see `Landscape.figure`)."""
    names = [in_figure(name) for name in landscape.classes]
    figure = plotly.graph_objects.Figure(_traces(landscape, frames[0], names))
    x0, x1, y0, y1 = landscape.extent
    figure.update_layout(
        template="plotly_white",
        title=f"epoch {frames[0].epoch}",
        width=_WIDTH_PX,
        height=_HEIGHT_PX,
        legend={"itemsizing": "constant"},
        margin=_MARGIN_PX,
    )
    figure.update_xaxes(range=[x0, x1], visible=False, constrain="domain")
    figure.update_yaxes(range=[y0, y1], visible=False, scaleanchor="x", constrain="domain")
    if frames[0].positions.shape[1] == 3:
        figure.update_layout(scene=_scene(frames))
    if len(frames) > 1:
        figure.frames = [
            plotly.graph_objects.Frame(
                data=_traces(landscape, frame, names),
                name=str(frame.epoch),
                layout={"title": f"epoch {frame.epoch}"},
            )
            for frame in frames
        ]
        figure.update_layout(**_player(frames))
    return figure


def _traces(landscape: Landscape, frame: Frame, names: Sequence[str]) -> list[Any]:
    """Make the traces of one frame: the canvas as a picture, then one set of points per label."""
    colors = landscape.colors()
    flat = frame.positions.shape[1] == 2
    traces = [_painting(landscape, frame, colors)] if flat and frame.paintable else []
    scatter = plotly.graph_objects.Scattergl if flat else plotly.graph_objects.Scatter3d
    axes = "xyz"[: frame.positions.shape[1]]
    label = landscape.samples["label"].to_numpy()
    predicted = np.asarray(names, object)[frame.predictions]
    for value in [*range(len(names)), -1]:
        rows = np.flatnonzero(label == value)
        if value < 0 and not len(rows):
            continue
        traces.append(
            scatter(
                **{axis: frame.positions[rows, c] for c, axis in enumerate(axes)},
                mode="markers",
                name=names[value] if value >= 0 else "no label",
                marker={
                    "size": (4 if len(label) > _MANY_SAMPLES else 6) if flat else 2,
                    "color": colors[value] if value >= 0 else _NO_LABEL,
                    "line": {"width": 0.4, "color": "white"},
                },
                customdata=np.stack(
                    [rows.astype(object), predicted[rows], np.round(frame.confidence[rows], 3)], axis=1
                ),
                hovertemplate="sample %{customdata[0]}<br>predicted %{customdata[1]}"
                " (%{customdata[2]})<extra>%{fullData.name}</extra>",
            )
        )
    return traces


def _painting(landscape: Landscape, frame: Frame, colors: Sequence[str]) -> Any:
    """Make the trace of the canvas."""
    x0, x1, y0, y1 = landscape.extent
    size = landscape.resolution
    return plotly.graph_objects.Image(
        source=_png(
            colored(frame.canvas, colors, known=support(frame.positions, landscape.extent, SUPPORT_CELLS))
        ),
        x0=x0 + (x1 - x0) / size / 2,
        y0=y0 + (y1 - y0) / size / 2,
        dx=(x1 - x0) / size,
        dy=(y1 - y0) / size,
        zsmooth="fast",  # else every cell is a square
        hoverinfo="skip",
    )


def _scene(frames: Sequence[Frame]) -> dict[str, Any]:
    """Set the axes of a three-dimensional figure: the same for all frames, one unit as long on each."""
    low = np.min([frame.positions.min(axis=0) for frame in frames], axis=0)
    high = np.max([frame.positions.max(axis=0) for frame in frames], axis=0)
    ranges = {f"{axis}axis": {"range": [float(a), float(b)], "visible": False}
              for axis, a, b in zip("xyz", low, high, strict=True)}  # fmt: skip
    return {**ranges, "aspectmode": "data"}


def _png(pixels: NDArray[np.uint8]) -> str:
    """Encode a picture [H, W, 3] as a data URI."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _player(frames: Sequence[Frame]) -> dict[str, Any]:
    """Lay out the play button and the epoch slider."""
    move = {"mode": "immediate", "transition": {"duration": 0}}
    playing = {**move, "fromcurrent": True, "frame": {"duration": _PLAY_FRAME_MS, "redraw": True}}
    jumping = {**move, "frame": {"duration": 0, "redraw": True}}
    return {
        "updatemenus": [
            {
                "type": "buttons",
                "showactive": False,
                "x": 0.0,
                "y": -0.02,
                "xanchor": "left",
                "yanchor": "top",
                "buttons": [{"label": "Play", "method": "animate", "args": [None, playing]}],
            }
        ],
        "sliders": [
            {
                "active": 0,
                "currentvalue": {"prefix": "epoch "},
                "x": 0.14,
                "len": 0.86,
                "y": 0.0,
                "steps": [
                    {
                        "label": str(frame.epoch),
                        "method": "animate",
                        "args": [[str(frame.epoch)], jumping],
                    }
                    for frame in frames
                ],
            }
        ],
        "margin": _PLAYER_MARGIN_PX,
    }
