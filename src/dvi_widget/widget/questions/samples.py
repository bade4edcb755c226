"""Questions about some samples: their pictures and texts, probabilities, history and neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from dvi_widget.landscape.source import FindsNeighbors, KnowsLogits
from dvi_widget.widget.arguments import (
    MAX_NEIGHBORS,
    Count,
    Epoch,
    Group,
    Landscape,
    Pixels,
    Sample,
    Samples,
    check_size,
)
from dvi_widget.widget.rendering import texts
from dvi_widget.widget.request import request
from dvi_widget.widget.scene import Scene, engine, logits
from dvi_widget.widget.thumbnails import fitted
from dvi_widget.widget.thumbnails import thumbnails as pictures_of
from dvi_widget.widget.wire import Answer, RequestError

_TEXT_BYTES = 1 << 13  # of a sample's text in an answer
_COMPARED_BYTES = 1 << 25  # of pictures at a time
_NEIGHBORS_BYTES = MAX_NEIGHBORS << 10  # taken while a sample's neighbours are searched


@dataclass(frozen=True)
class Thumbnails(Answer):
    """Pictures, uint8 [m, h, w, C], in the order of the indices."""

    pixels: NDArray[np.uint8]


@request("thumbnails")
def thumbnails(scene: Scene, indices: Samples, size: Pixels | None) -> Thumbnails:
    """Send pictures of samples, fitted inside size × size pixels; null asks for their own size."""
    if scene.images is None:
        raise RequestError("The samples have no pictures. Pass them: Explorer(..., images=...).")
    side = min((side for side in (size, scene.largest) if side is not None), default=None)
    _, channels, height, width = scene.images.shape
    h, w = fitted(height, width, side)
    check_size(len(indices), channels * h * w)
    return Thumbnails(pictures_of(scene.images, indices, side))


@dataclass(frozen=True)
class Texts(Answer):
    """Texts in the order of the indices."""

    texts: list[str]


@request("describe", pace="soon")
def describe(scene: Scene, indices: Samples) -> Texts:
    """Send the texts of samples."""
    if scene.describe is None:
        raise RequestError("The samples have no texts. Pass a function: Explorer(..., render=...).")
    check_size(len(indices), _TEXT_BYTES)
    return Texts(texts(scene.describe, indices))


@dataclass(frozen=True)
class Probabilities(Answer):
    """Probability of each class, float32 [m, C], rows in the order of the indices."""

    probabilities: NDArray[np.float32]


@request("probabilities")
def probabilities(scene: Scene, landscape: Landscape, epoch: Epoch, indices: Samples) -> Probabilities:
    """Send how likely each class is for samples at an epoch."""
    check_size(len(indices), 4 * len(scene.classes))
    engine(landscape, KnowsLogits, "Probabilities")
    return Probabilities(probabilities_of(logits(landscape, epoch)[indices]))


@dataclass(frozen=True)
class History(Answer):
    """The predicted classes of samples, one column per epoch.

    Attributes
    ----------
    predictions : int16 [m, E]
    confidence : float32 [m, E]
        Probability of the prediction.
    own : float32 [m, E]
        Probability of the label; NaN without a label, and where the prediction differs from it and the engine
        does not know the logits.
    """

    predictions: NDArray[np.int16]
    confidence: NDArray[np.float32]
    own: NDArray[np.float32]


@request("history")
def history(scene: Scene, landscape: Landscape, indices: Samples) -> History:
    """Send the predicted classes of samples, epoch by epoch; only their rows of the logits are read."""
    check_size(len(indices), 4 * len(scene.classes) * len(landscape))
    frames = list(landscape)
    predictions = np.stack([np.asarray(frame.predictions)[indices] for frame in frames], axis=1)
    confidence = np.stack([frame.confidence[indices] for frame in frames], axis=1).astype(np.float32)
    labels = scene.samples["label"].to_numpy(np.int32)[indices]
    own = np.where(predictions == labels[:, None], confidence, np.float32(np.nan))
    if isinstance(landscape.source, KnowsLogits):
        rows = np.arange(len(indices))
        for column, frame in enumerate(frames):
            p = probabilities_of(logits(landscape, frame.epoch)[indices])
            own[:, column] = p[rows, labels]
        own[labels < 0] = np.nan
    return History(predictions.astype(np.int16), confidence, own)


@dataclass(frozen=True)
class Neighbors(Answer):
    """Neighbours, int32 [m, k], nearest first, never the sample itself; fewer columns in small groups."""

    neighbors: NDArray[np.int32]


@request("neighbors", pace="soon")
def neighbors(
    scene: Scene, landscape: Landscape, epoch: Epoch, indices: Samples, k: Count, group: Group | None
) -> Neighbors:
    """Find the samples of a group that are nearest to some samples in representation space."""
    check_size(len(indices), _NEIGHBORS_BYTES)
    source = engine(landscape, FindsNeighbors, "Neighbours")
    mask = _members(scene, group)
    others = int(mask.sum()) - bool(mask[indices].any())
    if others < 1:
        raise RequestError("group must be one with other samples; it holds none. Choose another group.")
    if not len(indices):
        return Neighbors(np.empty((0, min(k, others)), np.int32))
    found = source.neighbors(epoch, indices, min(k, others), None if group is None else mask)
    return Neighbors(np.asarray(found, np.int32))


@dataclass(frozen=True)
class Lookalikes(Answer):
    """Samples whose pictures are nearest to that of one sample, int32 [k], nearest first, without itself."""

    indices: NDArray[np.int32]


@request("lookalikes", pace="soon")
def lookalikes(scene: Scene, index: Sample, k: Count) -> Lookalikes:
    """Find the samples whose pictures are nearest to that of one sample, by the distance of their pixels."""
    images = scene.images
    if not isinstance(images, np.ndarray):
        raise RequestError("The samples have no pictures to compare. Pass them: Explorer(..., images=...).")
    own = images[index].astype(np.float32)
    rows = max(1, _COMPARED_BYTES // (4 * own.size))
    far = np.empty(len(scene))
    for start in range(0, len(scene), rows):
        difference = images[start : start + rows].astype(np.float32) - own
        far[start : start + rows] = np.square(difference).sum(axis=(1, 2, 3), dtype=np.float64)
    far[index] = np.inf
    return Lookalikes(np.argsort(far, kind="stable")[: min(k, len(scene) - 1)].astype(np.int32))


def _members(scene: Scene, group: str | None) -> NDArray[np.bool_]:
    """Mark the samples of a split or group; all of them without one."""
    if group is None:
        return np.ones(len(scene), bool)
    if group in ("train", "test"):
        return (scene.samples["split"] == group).to_numpy()
    return scene.samples[group].to_numpy(bool)


def probabilities_of(z: NDArray[np.floating]) -> NDArray[np.float32]:
    """Turn logits [m, C] into probabilities."""
    p: NDArray[np.float32] = softmax(z.astype(np.float64), axis=1).astype(np.float32)
    return p
