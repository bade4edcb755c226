"""Questions about the landscape in three dimensions: plotly's figure of an epoch, and plotly itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dvi_widget.widget.arguments import Epoch
from dvi_widget.widget.request import request
from dvi_widget.widget.scene import Scene
from dvi_widget.widget.together import frame_at
from dvi_widget.widget.wire import Answer, RequestError

_LAYOUT = {
    "autosize": True,
    "width": None,
    "height": None,
    "title": None,
    "showlegend": False,
    "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
    "paper_bgcolor": "rgba(0,0,0,0)",
    "uirevision": "the same at every epoch",  # so that the camera stays
}


@dataclass(frozen=True)
class Solid(Answer):
    """A figure as plotly.js takes it, JSON; each point's customdata begins with the index of its sample."""

    figure: str


@request("solid", pace="soon")
def solid(scene: Scene, epoch: Epoch) -> Solid:
    """Draw the landscape in three dimensions at an epoch, or at its last one before."""
    if scene.solid is None:
        raise RequestError(
            "No landscape has three dimensions. Pass one: Explorer(flat, solid), made by DVI(dimension=3)."
        )
    figure = scene.solid.figure(frame_at(scene.solid, epoch).epoch)
    return Solid(figure.update_layout(_LAYOUT).to_json())


@dataclass(frozen=True)
class Script(Answer):
    """The source text of plotly.js, UTF-8."""

    script: NDArray[np.uint8]


@request("plotly", pace="soon")
def script(scene: Scene) -> Script:
    """Send plotly.js as this Python's plotly has it: only pages that show a figure need it."""
    import plotly  # noqa: PLC0415 - a landscape in the plane is shown without it

    del scene
    return Script(np.frombuffer(plotly.offline.get_plotlyjs().encode(), np.uint8))
