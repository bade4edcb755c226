"""Questions about points on the canvas: what they decode to, and where the prediction changes between two."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from dvi_widget import measures
from dvi_widget.landscape.source import (
    Classifies,
    Decodes,
    KnowsFeatures,
    KnowsInputs,
    Paints,
    Pictures,
    Places,
    Represents,
)
from dvi_widget.pictures import Lines
from dvi_widget.widget.arguments import Epoch, Landscape, Point, Points, whole
from dvi_widget.widget.request import Check, Context, refusal, request
from dvi_widget.widget.scene import Scene, engine
from dvi_widget.widget.wire import Answer, RequestError, quantised

from .imagined import imagined

_NEAREST_SAMPLES = 5  # named beside a decoded point
_BLOCK_ROWS = 1 << 15  # representations searched at once: all of them may exceed the memory
_MAX_GIVEN_PX = 512  # along each side of a picture that a page sends
_COMPARED_SAMPLES = 500  # from which the scale of the network's inputs is told
_MAX_RESIDUAL = 8.0  # grey levels by which pictures may differ from what the network sees


@dataclass(frozen=True)
class Decoded(Answer):
    """Decoded points: their probabilities, the samples nearest to them and their pictures.

    Attributes
    ----------
    probabilities : float32 [m, C]
    nearest : int32 [m, 5]
        Recorded samples nearest to the decoded point, nearest first; no columns where the engine does not
        know the representations.
    imagined : bool
        Whether the pictures are an autoencoder's, by regression from the representations.
    pixels : uint8 [m, h, w, C] or None
        Pictures, where points decode to pictures, or an autoencoder was passed.
    """

    imagined: bool
    probabilities: NDArray[np.float32]
    nearest: NDArray[np.int32]
    pixels: NDArray[np.uint8] | None


@request("decode", pace="soon", cached=True)
def decode(scene: Scene, landscape: Landscape, epoch: Epoch, points: Points) -> Decoded:
    """Decode points of the canvas, classify them and find the recorded samples nearest to them."""
    classifier = engine(landscape, Classifies, "Points of the canvas")
    x = np.asarray(engine(landscape, Decodes, "Points of the canvas").decode(epoch, points), np.float32)
    nearest = np.empty((len(x), 0), np.int32)
    if isinstance(landscape.source, KnowsFeatures):
        nearest = _nearest(landscape.source.features(epoch), x)
    pixels: NDArray[np.uint8] | None
    if isinstance(landscape.source, Pictures):
        pixels = np.ascontiguousarray(landscape.source.pictures(epoch, x).transpose(0, 2, 3, 1))
        guess = False
    else:
        pixels = imagined(scene, landscape, epoch, x)
        guess = pixels is not None
    probabilities = np.asarray(classifier.classify(epoch, x), np.float32)
    return Decoded(guess, probabilities, nearest, pixels)


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


@request("crossings", pace="soon", cached=True)
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


def _given_pixels(value: Any, name: str, context: Context) -> NDArray[np.uint8]:
    """Read the bytes of a picture in base64, RGB by rows: uint8 [height, width, 3]."""
    height, width = context.earlier["height"], context.earlier["width"]
    wanted = f"{height} × {width} pixels of three bytes in base64"
    try:
        data = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except (binascii.Error, ValueError):
        data = b""
    if len(data) != height * width * 3:
        got = f"{len(value)} characters" if isinstance(value, str) else value
        raise refusal(name, wanted, got)
    return np.frombuffer(data, np.uint8).reshape(height, width, 3)


#: The side of a picture that a page sends.
GivenSide = Annotated[int, whole(1, _MAX_GIVEN_PX)]
#: Its pixels, uint8 [height, width, 3].
GivenPixels = Annotated[NDArray[np.uint8], Check(_given_pixels, str)]


@dataclass(frozen=True)
class PlacedPicture(Answer):
    """Where a picture lies that was not recorded, what the network takes it for, and what lies near it.

    Attributes
    ----------
    position : uint16 [1, 2]
        See `quantised`.
    probabilities : float32 [1, C]
    nearest : int32 [1, 5]
        Recorded samples nearest to it, nearest first; no columns where representations are not known.
    pixels : uint8 [1, h, w, C]
        The picture as the network sees it.
    """

    position: NDArray[np.uint16]
    probabilities: NDArray[np.float32]
    nearest: NDArray[np.int32]
    pixels: NDArray[np.uint8]


@request("place_picture", pace="soon")
def place_picture(
    scene: Scene,
    landscape: Landscape,
    epoch: Epoch,
    height: GivenSide,
    width: GivenSide,
    pixels: GivenPixels,
) -> PlacedPicture:
    """Place a picture of the person's own on the map, at an epoch."""
    del height, width
    asked = "New pictures"
    x, seen = _as_input(scene, landscape, pixels)
    represented = engine(landscape, Represents, asked).represent(epoch, x)
    position = engine(landscape, Places, asked).place(epoch, represented)
    probabilities = engine(landscape, Classifies, asked).classify(epoch, represented)
    nearest = np.empty((1, 0), np.int32)
    if isinstance(landscape.source, KnowsFeatures):
        nearest = _nearest(landscape.source.features(epoch), represented)
    return PlacedPicture(
        quantised(position, landscape.extent),
        np.asarray(probabilities, np.float32),
        nearest,
        np.ascontiguousarray(seen.transpose(0, 2, 3, 1)),
    )


def _as_input(
    scene: Scene, landscape: Landscape, pixels: NDArray[np.uint8]
) -> tuple[NDArray[np.generic], NDArray[np.uint8]]:
    """Bring a picture [h, w, 3] to size, channels and scale of the inputs: both [1, C, H, W]."""
    source = engine(landscape, KnowsInputs, "New pictures")
    if scene.images is None:
        raise RequestError("New pictures need samples that are pictures; these are none.")
    rows = np.arange(0, len(scene), max(1, len(scene) // _COMPARED_SAMPLES))
    inputs, shown = source.inputs(rows), scene.images[rows]
    if inputs.shape[1:] not in (shown.shape[1:], shown.shape[2:]):
        raise RequestError(
            f"The pictures shown are {shown.shape[1:]} and the network's inputs {inputs.shape[1:]}, so it is "
            "not known how to make an input of a picture. Place inputs in Python: model.transform(inputs=x)."
        )
    lines = Lines.between(inputs.reshape(shown.shape), shown)
    if lines.residual > _MAX_RESIDUAL:
        raise RequestError(
            "The pictures shown are no linear function of the network's inputs, so it is not known how to "
            "make an input of a picture. Place inputs in Python: model.transform(inputs=x)."
        )
    _, channels, height, width = shown.shape
    picture = Image.fromarray(pixels).convert("L" if channels == 1 else "RGB")
    shrinks = picture.width >= width and picture.height >= height
    how = Image.Resampling.BOX if shrinks else Image.Resampling.BICUBIC
    fitted = np.atleast_3d(np.asarray(ImageOps.fit(picture, (width, height), how)))
    seen = fitted.transpose(2, 0, 1)[None]
    return lines.inputs(seen).astype(inputs.dtype).reshape(1, *inputs.shape[1:]), seen
