"""Questions about the samples on the classifier's own boundary: where they are drawn, and what was mixed."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dvi_widget.boundary import synthesize
from dvi_widget.landscape.source import (
    Classifies,
    HasSubject,
    KnowsBoundary,
    KnowsInputs,
    Places,
    PlacesBoundary,
)
from dvi_widget.widget.arguments import Epoch, Landscape
from dvi_widget.widget.request import request
from dvi_widget.widget.scene import Scene, engine
from dvi_widget.widget.wire import Answer, Report, RequestError, quantised

_WHAT = "Boundary samples"
_MAX_ERROR = 0.01  # of a representation's length: recorded ones may be half precision


@dataclass(frozen=True)
class BoundarySamples(Answer):
    """Samples on the boundary, as they were fitted.

    Attributes
    ----------
    positions : uint16 [b, 2]
        See `quantised`.
    classes : int16 [b, 2]
        The two likeliest classes of each.
    """

    positions: NDArray[np.uint16]
    classes: NDArray[np.int16]


@request("boundary", pace="soon")
def boundary(scene: Scene, landscape: Landscape, epoch: Epoch) -> BoundarySamples:
    """Place the samples that were synthesised on the classifier's boundary at an epoch."""
    del scene
    x = engine(landscape, KnowsBoundary, _WHAT).boundary(epoch, "train")
    if not len(x):
        return BoundarySamples(np.empty((0, 2), np.uint16), np.empty((0, 2), np.int16))
    source = landscape.source
    if isinstance(source, PlacesBoundary):
        positions = source.place_boundary(epoch, x)
    else:
        positions = engine(landscape, Places, _WHAT).place(epoch, x)
    p = engine(landscape, Classifies, _WHAT).classify(epoch, x)
    return BoundarySamples(
        quantised(positions, landscape.extent), np.argsort(-p, axis=1, kind="stable")[:, :2].astype(np.int16)
    )


@dataclass(frozen=True)
class Mixtures(Answer):
    """The two samples that each boundary sample is a mixture of.

    Attributes
    ----------
    parents : int32 [b, 2]
        The one of greater weight first.
    weights : float32 [b]
        Weight of the second.
    """

    parents: NDArray[np.int32]
    weights: NDArray[np.float32]


@request("mixtures", pace="long")
def mixtures(scene: Scene, report: Report, landscape: Landscape, epoch: Epoch) -> Mixtures:
    """Find again which samples the boundary samples of an epoch were mixed from.

    A run keeps their representations alone. They are synthesised once more with the recorded network, and
    taken only if they are the recorded ones.
    """
    recorded = engine(landscape, KnowsBoundary, _WHAT).boundary(epoch, "train")
    source = landscape.source
    if not (isinstance(source, HasSubject) and isinstance(source, KnowsInputs)):
        raise RequestError(
            "The pictures that were mixed are found with the network itself. Open the run with its "
            "architecture: Run(folder, model=network)."
        )
    report(0.0, f"Mixing the boundary samples of epoch {epoch} again")
    train = np.flatnonzero((scene.samples["split"] == "train").to_numpy())
    inputs = np.asarray(source.inputs(train))
    logits = np.asarray(landscape.source.logits(epoch))[train]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it was said while they were recorded
        found = synthesize(source.subject(epoch), inputs, logits, len(recorded), seed=(0, epoch, 0))
    same = found.features.shape == recorded.shape
    error = np.linalg.norm(found.features - recorded, axis=1) if same else np.array([np.inf])
    if not (error <= _MAX_ERROR * np.linalg.norm(found.features, axis=1)).all():
        raise RequestError(
            "The boundary samples came out otherwise than they were recorded: by another seed, or on another "
            "kind of processor. So it is not known which pictures were mixed."
        )
    return Mixtures(train[found.parents].astype(np.int32), found.weights.astype(np.float32))
