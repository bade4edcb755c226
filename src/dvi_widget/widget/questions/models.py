"""Questions about the models: their attributions, their layers, and comparisons of several models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict, cast

import numpy as np
from numpy.typing import NDArray

from dvi_widget import saliency
from dvi_widget.saliency.network import Network
from dvi_widget.widget.arguments import Class, Epoch, Sample, Samples, Text, is_whole, whole
from dvi_widget.widget.outlines import Field
from dvi_widget.widget.request import Check, Context, refusal, request
from dvi_widget.widget.scene import Scene
from dvi_widget.widget.wire import Answer, Report, RequestError, in_bytes

from .samples import probabilities_of

_MAX_UNITS = 256  # of a layer, sent at a time
_MAX_CHANNELS = 64  # of a filter
_MAX_SEARCHED_SAMPLES = 5000  # for patches and neighbours
_FULL_COLOR_PERCENTILE = 99.5  # of a map's absolute values
_TOP_CLASSES = 5
_MAX_CLUSTERED = 2000  # samples whose maps are compared
_MAX_PATCHES = 64
_BLOCK_SAMPLES = 1000  # asked of a model at once
_MIN_CONFIDENT = 0.8  # mean probability from which models count as confident


def check_models(models: object) -> None:
    """Refuse what is not a mapping from names to classifiers.

    Raises
    ------
    TypeError, ValueError
        If `models` is something else, or empty, or one of them is no classifier; the message names it.
    """
    if not isinstance(models, Mapping) or not models:
        raise TypeError(
            "models must be a mapping from names to classifiers, such as {'vgg': vgg, 'resnet': resnet}; "
            f"got {'an empty one' if models == {} else type(models).__name__}."
        )
    for name, model in models.items():
        _check_model(name, model)


def _check_model(name: object, model: Any) -> None:
    try:
        Network(model)
    except (TypeError, ValueError) as error:
        raise type(error)(f"models must hold classifiers; {name!r} is none: {error}") from error


def _model(value: Any, name: str, context: Context) -> int:
    names = context.scene.models.names
    if not names:
        raise RequestError(
            "There is no model to ask. Pass models, Explorer(..., models={'mine': model}), or the recorded "
            "architecture, Run(folder, model=model)."
        )
    if not is_whole(value) or not 0 <= value < len(names):
        raise refusal(name, f"the number of a model, from 0 to {len(names) - 1}", value)
    return int(value)


def _method(value: Any, name: str, _: Context) -> str:
    if not isinstance(value, str) or value not in saliency.METHODS:
        raise refusal(name, f"one of {', '.join(saliency.METHODS)}", value)
    return value


def _parameters(value: Any, name: str, _: Context) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(parameter, str) for parameter in value):
        raise refusal(name, "values by name", value)
    # An empty field of a form stands for None.
    return {parameter: None if setting == "" else setting for parameter, setting in value.items()}


#: A model, sent as its place among the names in the introduction.
Model = Annotated[int, Check(_model, int)]
#: The name of an attribution method.
Method = Annotated[str, Check(_method, str)]
#: Parameters of an attribution method, by name; the method itself checks their values.
Parameters = Annotated[dict[str, Any], Check(_parameters, dict[str, Any])]
#: A unit of a layer.
Unit = Annotated[int, whole(0)]
#: A number of patches or neighbours.
PatchCount = Annotated[int, whole(1, _MAX_PATCHES)]


@contextmanager
def refusing(name: str) -> Iterator[None]:
    """Turn an engine's refusal into a RequestError that names the model."""
    try:
        yield
    except RequestError:
        raise
    except (ValueError, TypeError) as error:
        raise RequestError(f"{name}: {error}") from error


class MethodOutline(TypedDict):
    """An attribution method as a model supports it; `unsupported` is the reason against it, or empty."""

    name: str
    label: str
    description: str
    eager: bool
    contrasts: bool
    completeness: str
    parameters: list[Field]
    unsupported: str


class Layer(TypedDict):
    """A layer of a model; `shape` is that of its output for one sample."""

    name: str
    type: str
    shape: list[int]
    units: int
    convolution: bool


@dataclass(frozen=True)
class Inspection(Answer):
    """The layers of a model, and the attribution methods that it supports."""

    methods: list[MethodOutline]
    layers: list[Layer]
    remarks: list[str]
    last_convolution: str | None


@request("inspect", pace="soon", cached=True)
def inspect(scene: Scene, model: Model, epoch: Epoch) -> Inspection:
    """List the layers of a model and the attribution methods it supports."""
    name, network = scene.models.at(model, epoch)
    with refusing(name):
        inspection = saliency.inspect_model(network, scene.models.inputs(np.arange(1)))
    layers: list[Layer] = [
        {
            "name": str(row["name"]),
            "type": str(row["type"]),
            "shape": [int(side) for side in row["shape"]],
            "units": int(row["units"]),
            "convolution": bool(row["convolution"]),
        }
        for row in inspection.layers.to_dict("records")
    ]
    methods = cast("list[MethodOutline]", inspection.table())
    return Inspection(methods, layers, list(inspection.remarks), inspection.last_convolution)


@dataclass(frozen=True)
class Attribution(Answer):
    """The pixels of a picture that speak for a class.

    Attributes
    ----------
    full : float
        The value that is drawn in full colour.
    target, prediction : int
    top : list of (class, probability)
        The likeliest classes, and last the target where it is none of them.
    error : float or None
        Share of the effect that the map misses.
    flagged : bool
        Whether the error is too large to believe the map.
    completeness : str
        The sum that the map must have.
    likeness : float or None
        Cosine to the map of the runner-up class.
    values : float32 [H, W]
        Positive where the picture speaks for the class.
    """

    full: float
    target: int
    prediction: int
    top: list[tuple[int, float]]
    error: float | None
    flagged: bool
    completeness: str
    likeness: float | None
    values: NDArray[np.float32]


@request("attribute", pace="long", cached=True)
def attribute(
    scene: Scene,
    report: Report,
    model: Model,
    epoch: Epoch,
    index: Sample,
    method: Method,
    parameters: Parameters,
    target: Class | None,
    against: Class | None,
) -> Attribution:
    """Attribute a class, by default the predicted one, to the pixels of a picture.

    `against` another class, the difference between their logits is attributed, and no likeness told.
    """
    name, network = scene.models.at(model, epoch)
    entry = saliency.METHODS[method]
    with refusing(name):
        maps = saliency.attribute(
            network,
            scene.models.inputs(np.array([index])),
            target,
            method,
            against=against,
            likeness=entry.eager and against is None,  # a second map costs as much again
            report=lambda share: report(share, f"{entry.label} of {name}"),
            **parameters,
        )
    values, p = maps.values[0], probabilities_of(maps.logits)[0]
    explained = int(maps.target[0])
    top = np.argsort(-p, kind="stable")[:_TOP_CLASSES].tolist()
    if explained not in top:
        top.append(explained)
    return Attribution(
        full=float(np.percentile(np.abs(values), _FULL_COLOR_PERCENTILE)),
        target=explained,
        prediction=int(p.argmax()),
        top=[(c, float(p[c])) for c in top],
        error=_first(maps.error),
        flagged=bool(maps.flagged[0]),
        completeness=entry.completeness if against is None else entry.completeness_against,
        likeness=_first(maps.likeness),
        values=values,
    )


@request("glance", pace="soon", cached=True)
def glance(
    scene: Scene,
    report: Report,
    model: Model,
    epoch: Epoch,
    index: Sample,
    method: Method,
    parameters: Parameters,
    target: Class | None,
    against: Class | None,
) -> Attribution:
    """Answer as `attribute`, soon: for methods that are quick enough to follow the pointer."""
    if not saliency.METHODS[method].eager:
        raise refusal("method", "one that is quick enough to follow the pointer", method, "Use attribute.")
    return attribute(scene, report, model, epoch, index, method, parameters, target, against)


def _first(values: NDArray[np.float32] | None) -> float | None:
    """Return the first value if it is a number of JSON."""
    return None if values is None or not np.isfinite(values[0]) else float(values[0])


@dataclass(frozen=True)
class Filters(Answer):
    """Filters of a convolution as tiles.

    Attributes
    ----------
    units, channels : int
    whole : bool
        Whether a filter is one tile.
    pixels : uint8
        ``[units, h, w, channels]`` for filters of one or three channels, else ``[units, channels, h, w]``, at
        most 256 units and 64 channels.
    """

    units: int
    channels: int
    whole: bool
    pixels: NDArray[np.uint8]


@request("filters", pace="soon", cached=True)
def filters(scene: Scene, model: Model, epoch: Epoch, layer: Text) -> Filters:
    """Send the filters of a convolution."""
    name, network = scene.models.at(model, epoch)
    with refusing(name):
        found = saliency.filters(network, layer)
    units, channels = found.weights.shape[:2]
    tiles = found.tiles[:_MAX_UNITS]
    if channels == 1:
        tiles = tiles[:, 0, :, :, None]
    elif channels != 3:
        tiles = tiles[:, :_MAX_CHANNELS]
    return Filters(int(units), int(channels), channels in (1, 3), np.ascontiguousarray(tiles))


@dataclass(frozen=True)
class Activations(Answer):
    """Output of a layer for one sample.

    Attributes
    ----------
    units : int
    maps : uint8 [units, h, w]
        The first 256 units, each scaled so that its highest value is 255 if it is positive; a flat layer's
        maps are one pixel.
    highest : float32 [units]
    """

    units: int
    maps: NDArray[np.uint8]
    highest: NDArray[np.float32]


@request("activations", pace="soon", cached=True)
def activations(scene: Scene, model: Model, epoch: Epoch, layer: Text, index: Sample) -> Activations:
    """Send the output of a layer for one sample."""
    name, network = scene.models.at(model, epoch)
    with refusing(name):
        a = saliency.activations(network, layer, scene.models.inputs(np.array([index])))[0]
    units = a.shape[0]
    maps = a[:_MAX_UNITS].reshape(min(units, _MAX_UNITS), *(a.shape[1:] if a.ndim == 3 else (1, 1)))
    highest = maps.max((1, 2))
    scale = np.maximum(highest, 0)[:, None, None]
    shares = np.divide(maps, scale, out=np.zeros_like(maps), where=scale > 0)
    return Activations(int(units), in_bytes(shares), highest.astype(np.float32))


@dataclass(frozen=True)
class Patches(Answer):
    """Places in pictures that excite a unit most.

    Attributes
    ----------
    searched : int
        Number of samples that were searched.
    indices : int32 [k]
    values : float32 [k]
        The unit's activation there.
    boxes : int32 [k, 4]
        Top, left, bottom, right.
    reconstructions : float32 [k, H, W]
        The pattern that excites the unit there, by deconvolution.
    """

    searched: int
    indices: NDArray[np.int32]
    values: NDArray[np.float32]
    boxes: NDArray[np.int32]
    reconstructions: NDArray[np.float32]


@request("patches", pace="long", cached=True)
def patches(
    scene: Scene, report: Report, model: Model, epoch: Epoch, layer: Text, unit: Unit, k: PatchCount
) -> Patches:
    """Find the places in the pictures that excite a unit most."""
    name, network = scene.models.at(model, epoch)
    rows = scene.models.spread(_MAX_SEARCHED_SAMPLES)
    report(0.0, f"Looking for what excites {layer}, unit {unit}")
    x = scene.models.inputs(rows)
    with refusing(name):
        top = saliency.top_patches(network, layer, x, min(k, len(rows)), [unit])
        report(0.8, "Sending the activations back to the pictures")
        chosen = top.indices[0]
        reconstructions = saliency.reconstruct(network, layer, unit, x[chosen])
    return Patches(
        searched=len(rows),
        indices=rows[chosen].astype(np.int32),
        values=top.values[0],
        boxes=top.boxes[0].astype(np.int32),
        reconstructions=reconstructions.sum(1).astype(np.float32),
    )


@dataclass(frozen=True)
class Alike(Answer):
    """Training samples near one in a layer's space.

    Attributes
    ----------
    searched : int
        Number of samples that were searched.
    indices : int32 [k]
        Nearest first.
    distances : float32 [k]
    """

    searched: int
    indices: NDArray[np.int32]
    distances: NDArray[np.float32]


@request("alike", pace="long", cached=True)
def alike(
    scene: Scene, report: Report, model: Model, epoch: Epoch, layer: Text, index: Sample, k: PatchCount
) -> Alike:
    """Find the training samples that are nearest to one in a layer's space."""
    name, network = scene.models.at(model, epoch)
    rows = scene.models.spread(_MAX_SEARCHED_SAMPLES, train=True)
    rows = rows[rows != index]
    report(0.0, f"Looking for the nearest in {layer}")
    query = scene.models.inputs(np.array([index]))
    with refusing(name):
        nearest, distances = saliency.nearest(
            network, layer, scene.models.inputs(rows), query, min(k, len(rows))
        )
    return Alike(len(rows), rows[nearest[0]].astype(np.int32), distances[0].astype(np.float32))


@dataclass(frozen=True)
class Histogram(Answer):
    """One number per sample, float32 [n], and what it is; NaN where it does not apply."""

    name: str
    values: NDArray[np.float32]


@request("histogram", pace="long", cached=True)
def histogram(
    scene: Scene, report: Report, model: Model, epoch: Epoch, layer: Text | None, unit: Unit | None
) -> Histogram:
    """Send a layer's activation for every sample; without a layer, prediction − label."""
    name, network = scene.models.at(model, epoch)
    labels = scene.samples["label"].to_numpy()
    values = np.full(len(labels), np.nan, np.float32)
    measure = ""
    rows = np.arange(len(labels)) if layer is not None else np.flatnonzero(labels >= 0)
    if not len(rows):
        raise RequestError("Prediction − label needs samples with a label; these have none. Choose a layer.")
    for block in _blocks(rows):
        x = scene.models.inputs(block)
        with refusing(name):
            part = (
                saliency.error_histogram(network, x, labels[block])
                if layer is None
                else saliency.activation_histogram(network, x, layer, unit)
            )
        values[block], measure = part.values, part.name
        report(float(block[-1] + 1) / len(labels), f"Asking {name}")
    return Histogram(measure, values)


def _blocks(rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Split rows into blocks that a model is asked about at once."""
    return np.array_split(rows, -(-len(rows) // _BLOCK_SAMPLES))


@dataclass(frozen=True)
class Agreement(Answer):
    """The predictions of all models for all samples.

    Attributes
    ----------
    quadrants, models : list of str
        Their names.
    score : float32 [n]
        Mean over the models of the probability of their own prediction.
    classes : uint16 [n]
        How many different classes they predict.
    spread : float32 [n]
        Offset at which a point is drawn beside that whole number.
    quadrant : uint8 [n]
    predictions : int16 [M, n]
    """

    quadrants: list[str]
    models: list[str]
    score: NDArray[np.float32]
    classes: NDArray[np.uint16]
    spread: NDArray[np.float32]
    quadrant: NDArray[np.uint8]
    predictions: NDArray[np.int16]


@request("agreement", pace="long", cached=True)
def agreement(scene: Scene, report: Report, epoch: Epoch) -> Agreement:
    """Compare the predictions of all models for all samples."""
    names = scene.models.names
    if len(names) < 2:
        raise RequestError(
            f"Models are compared if there are at least two; there {'is one' if names else 'is none'}. Pass "
            "more: Explorer(..., models={'a': a, 'b': b})."
        )
    labels = scene.samples["label"].to_numpy()
    models = {name: scene.models.at(number, epoch).model for number, name in enumerate(names)}
    blocks, parts = _blocks(np.arange(len(labels))), []
    for done, block in enumerate(blocks, start=1):
        with refusing("models"):
            parts.append(saliency.compare_models(models, scene.models.inputs(block)).probabilities)
        report(done / len(blocks), "Asking the models")
    compared = saliency.ModelComparison(names, np.concatenate(parts, axis=1), labels, _MIN_CONFIDENT)
    return Agreement(
        quadrants=list(saliency.QUADRANTS),
        models=names,
        score=np.asarray(compared.mean_score, np.float32),
        classes=compared.n_classes.astype(np.uint16),
        spread=compared.table()["spread"].to_numpy(np.float32),
        quadrant=np.array([saliency.QUADRANTS.index(name) for name in compared.quadrants], np.uint8),
        predictions=compared.predictions.astype(np.int16),
    )


@dataclass(frozen=True)
class Clusters(Answer):
    """Samples grouped by their attribution maps.

    Attributes
    ----------
    indices : int32 [m]
    cluster : uint8 [m]
    positions : float32 [m, 2]
    prototypes : float32 [clusters, H, W]
    """

    indices: NDArray[np.int32]
    cluster: NDArray[np.uint8]
    positions: NDArray[np.float32]
    prototypes: NDArray[np.float32]


@request("clusters", pace="long", cached=True)
def clusters(
    scene: Scene,
    report: Report,
    model: Model,
    epoch: Epoch,
    indices: Samples,
    method: Method,
    parameters: Parameters,
) -> Clusters:
    """Group samples that are explained alike."""
    rows = np.unique(indices)
    if not 4 <= len(rows) <= _MAX_CLUSTERED:
        raise RequestError(
            f"indices must be 4 to {_MAX_CLUSTERED} samples; got {len(rows)}. Select more or fewer."
        )
    name, network = scene.models.at(model, epoch)
    label = saliency.METHODS[method].label
    with refusing(name):
        maps = saliency.attribute(
            network,
            scene.models.inputs(rows),
            None,
            method,
            report=lambda share: report(0.9 * share, f"{label} of {name}"),
            **parameters,
        )
        grouped = saliency.cluster_maps(maps)
    return Clusters(
        rows.astype(np.int32),
        grouped.labels.astype(np.uint8),
        grouped.positions,
        grouped.prototypes.astype(np.float32),
    )
