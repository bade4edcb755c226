"""Questions about points on the canvas: what they decode to, and where the prediction changes between two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from dvi_widget import measures
from dvi_widget.landscape.source import Classifies, Decodes, KnowsFeatures, Paints, Pictures
from dvi_widget.widget.arguments import Epoch, Landscape, Point, Points
from dvi_widget.widget.request import request
from dvi_widget.widget.scene import Scene, engine
from dvi_widget.widget.wire import Answer

_NEAREST_SAMPLES = 5  # named beside a decoded point
_BLOCK_ROWS = 1 << 15  # representations searched at once: all of them may exceed the memory


@dataclass(frozen=True)
class Decoded(Answer):
    """Decoded points: their probabilities, the samples nearest to them and their pictures.

    Attributes
    ----------
    probabilities : float32 [m, C]
    nearest : int32 [m, 5]
        Recorded samples nearest to the decoded point, nearest first; no columns where the engine does not
        know the representations.
    pixels : uint8 [m, h, w, C] or None
        Pictures, where points decode to pictures.
    """

    probabilities: NDArray[np.float32]
    nearest: NDArray[np.int32]
    pixels: NDArray[np.uint8] | None


@request("decode", pace="soon")
def decode(scene: Scene, landscape: Landscape, epoch: Epoch, points: Points) -> Decoded:
    """Decode points of the canvas, classify them and find the recorded samples nearest to them."""
    del scene
    classifier = engine(landscape, Classifies, "Points of the canvas")
    x = np.asarray(engine(landscape, Decodes, "Points of the canvas").decode(epoch, points), np.float32)
    nearest = np.empty((len(x), 0), np.int32)
    if isinstance(landscape.source, KnowsFeatures):
        nearest = _nearest(landscape.source.features(epoch), x)
    pixels = None
    if isinstance(landscape.source, Pictures):
        pixels = np.ascontiguousarray(landscape.source.pictures(epoch, x).transpose(0, 2, 3, 1))
    return Decoded(np.asarray(classifier.classify(epoch, x), np.float32), nearest, pixels)


class Crossing(TypedDict):
    """A place where the predicted class changes: share of the line, position, class before and after."""

    t: float
    x: float
    y: float
    before: int
    after: int


@dataclass(frozen=True)
class Crossings(Answer):
    """Crossings in their order along the line."""

    crossings: list[Crossing]


@request("crossings", pace="soon")
def crossings(scene: Scene, landscape: Landscape, epoch: Epoch, a: Point, b: Point) -> Crossings:
    """Find where the predicted class changes along the line from a to b."""
    del scene
    engine(landscape, Paints, "Crossings")
    return Crossings(
        [
            {
                "t": float(row["t"]),
                "x": float(row["x"]),
                "y": float(row["y"]),
                "before": int(row["before"]),
                "after": int(row["after"]),
            }
            for row in landscape.crossings(epoch, a, b).to_dict("records")
        ]
    )


def _nearest(x: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.int32]:
    """Find the exact nearest rows of x, a block of rows at a time: int32 [m, `_NEAREST_SAMPLES`]."""
    found, far = [], []
    for start in range(0, len(x), _BLOCK_ROWS):
        block = x[start : start + _BLOCK_ROWS]
        indices, distances = measures.neighbors(block, min(_NEAREST_SAMPLES, len(block)), query=query)
        found.append(indices + start)
        far.append(distances)
    candidates = np.concatenate(found, axis=1)
    order = np.argsort(np.concatenate(far, axis=1), axis=1, kind="stable")[:, :_NEAREST_SAMPLES]
    return np.take_along_axis(candidates, order, axis=1).astype(np.int32)
