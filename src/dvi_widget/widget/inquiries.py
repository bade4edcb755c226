"""What is asked about a few samples or points: probabilities, history, neighbours, what is decoded."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dvi_widget import measures
from dvi_widget.landscape import Landscape

from .answers import Answers, engine
from .wire import Answer, RequestError

_NEAREST = 5  # recorded samples named beside a decoded point
_ROWS = 1 << 15  # representations searched at a time


def probabilities(answers: Answers, landscape: Landscape, epoch: int, indices: NDArray[np.int64]) -> Answer:
    """How likely each class is for some samples.

    Returns
    -------
    Answer
        Arrays: probabilities float32 ``[m, C]``, rows in the order of the indices.

    Raises
    ------
    RequestError
        If no engine behind the landscape knows the logits.
    """
    engine(landscape, "logits", what="Probabilities")
    return Answer({}, {"probabilities": softmax(answers.logits(landscape, epoch)[indices])})


def history(answers: Answers, landscape: Landscape, indices: NDArray[np.int64]) -> Answer:
    """What some samples were taken for, epoch by epoch.

    Only the rows of these samples are read of each epoch's logits.

    Returns
    -------
    Answer
        Arrays, one column per epoch: predictions int16 ``[m, E]``, confidence float32 ``[m, E]`` (probability
        of the prediction), own float32 ``[m, E]`` (probability of the label; NaN where there is no label, or
        where the prediction is another class and no engine knows the logits).
    """
    frames = list(landscape)
    predictions = np.stack([np.asarray(frame.predictions)[indices] for frame in frames], axis=1)
    confidence = np.stack([frame.confidence[indices] for frame in frames], axis=1).astype(np.float32)
    given = answers.samples["label"].to_numpy(np.int32)[indices]
    own = np.where(predictions == given[:, None], confidence, np.float32(np.nan))
    if "logits" in landscape.services:
        each = np.arange(len(indices))
        for column, frame in enumerate(frames):
            own[:, column] = softmax(answers.logits(landscape, frame.epoch)[indices])[each, given]
        own[given < 0] = np.nan
    return Answer({}, {"predictions": predictions.astype(np.int16), "confidence": confidence, "own": own})


def neighbors(
    answers: Answers,
    landscape: Landscape,
    epoch: int,
    indices: NDArray[np.int64],
    k: int,
    group: str | None,
) -> Answer:
    """The samples nearest to some samples in representation space.

    Returns
    -------
    Answer
        Arrays: neighbors int32 ``[m, k]``, nearest first, never the sample itself; fewer columns where the
        group is smaller.

    Raises
    ------
    RequestError
        If no engine behind the landscape knows neighbours, or the group has no other sample.
    """
    source = engine(landscape, "neighbors", what="Neighbours")
    mask = np.ones(len(answers.samples), bool)
    if group in ("train", "test"):
        mask = (answers.samples["split"] == group).to_numpy()
    elif group is not None:
        mask = answers.samples[group].to_numpy(bool)
    others = int(mask.sum()) - bool(mask[indices].any())
    if others < 1:
        raise RequestError("There is no other sample in that group.")
    if not len(indices):
        return Answer({}, {"neighbors": np.empty((0, min(k, others)), np.int32)})
    found = source.neighbors(epoch, indices, min(k, others), None if group is None else mask)
    return Answer({}, {"neighbors": np.asarray(found, np.int32)})


def decode(landscape: Landscape, epoch: int, points: NDArray[np.float32]) -> Answer:
    """What lies at some points of the canvas.

    Parameters
    ----------
    landscape, epoch
        Where to look.
    points
        float32 ``[m, 2]``, in units of `Landscape.extent`.

    Returns
    -------
    Answer
        Arrays: probabilities float32 ``[m, C]``; nearest int32 ``[m, 5]``, the recorded samples that are
        nearest to the decoded point, nearest first (fewer columns of fewer samples; none where the engine
        does not know the representations); pixels uint8 ``[m, h, w, C]`` where points decode to pictures.

    Raises
    ------
    RequestError
        If no engine behind the landscape decodes points.
    """
    source = engine(landscape, "decode", "classify", what="Points of the canvas")
    x = np.asarray(source.decode(epoch, points), np.float32)
    arrays: dict[str, NDArray[Any]] = {"probabilities": np.asarray(source.classify(epoch, x), np.float32)}
    arrays["nearest"] = np.empty((len(x), 0), np.int32)
    if "features" in landscape.services:
        known = source.features(epoch)
        arrays["nearest"] = _nearest(known, x, min(_NEAREST, len(known)))
    if "pictures" in landscape.services:
        arrays["pixels"] = np.ascontiguousarray(source.pictures(epoch, x).transpose(0, 2, 3, 1))
    return Answer({}, arrays)


def crossings(landscape: Landscape, epoch: int, a: NDArray[np.float32], b: NDArray[np.float32]) -> Answer:
    """Where the predicted class changes on the way between two points (see `Landscape.crossings`).

    Returns
    -------
    Answer
        Result: crossings, in order, each with t (share of the way), x, y, before and after (classes).

    Raises
    ------
    RequestError
        If no engine behind the landscape decodes points.
    """
    engine(landscape, "paint", what="Crossings")
    return Answer({"crossings": landscape.crossings(epoch, a, b).to_dict("records")}, {})


def softmax(z: NDArray[np.floating]) -> NDArray[np.float32]:
    """Probabilities [m, C] of logits."""
    shares = np.exp(z - z.max(axis=1, keepdims=True).astype(np.float64))
    p: NDArray[np.float32] = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
    return p


def _nearest(x: NDArray[np.float32], query: NDArray[np.float32], k: int) -> NDArray[np.int32]:
    """Exact nearest rows [m, k], some rows at a time: representations may be larger than the memory."""
    found, far = [], []
    for start in range(0, len(x), _ROWS):
        block = x[start : start + _ROWS]
        indices, distances = measures.neighbors(block, min(k, len(block)), query=query)
        found.append(indices + start)
        far.append(distances)
    every = np.concatenate(found, axis=1)
    order = np.argsort(np.concatenate(far, axis=1), axis=1, kind="stable")[:, :k]
    return np.take_along_axis(every, order, axis=1).astype(np.int32)
