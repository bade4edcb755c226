"""Questions about whole landscapes: introduction, frames, canvases, trust, dynamics, lists and measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvi_widget.landscape import PALETTES
from dvi_widget.landscape.canvas import Canvas as Painted
from dvi_widget.landscape.events import EventKind
from dvi_widget.landscape.source import (
    Classifies,
    KnowsBoundary,
    KnowsFeatures,
    Measurable,
    Places,
    PlacesBoundary,
    RoundTrips,
)
from dvi_widget.landscape.source import Measures as EngineMeasures
from dvi_widget.suggestions import DEFINITIONS, MEASURES, ranked
from dvi_widget.widget import columns
from dvi_widget.widget.arguments import Count, Epoch, Landscape, one_of
from dvi_widget.widget.columns import ColumnOutline
from dvi_widget.widget.outlines import AutoencoderOutline
from dvi_widget.widget.request import refusal, request
from dvi_widget.widget.scene import Accuracy, Scene, engine
from dvi_widget.widget.thumbnails import fitted
from dvi_widget.widget.wire import PROTOCOL, Answer, Report, class_dtype, graded, in_bytes, quantised

_MAX_MEASURED_SAMPLES = 2000  # of each split, over which measures are averaged
_ACCURACY_SCALARS = {"train_accuracy", "test_accuracy"}  # the page shows these as accuracies
_MAX_PAIRS = 50  # of an epoch that merged or parted: all that anybody may look for
_MAX_CONFUSIONS = 4_000_000  # counts in an answer

List = Annotated[str, one_of(lambda _: list(DEFINITIONS))]


class PictureFormat(TypedDict):
    """Size of all pictures."""

    height: int
    width: int
    channels: int


class ModelOutline(TypedDict):
    """A model that can be asked."""

    name: str
    recorded: bool


class ListOutline(TypedDict):
    """A ranked list of samples."""

    name: str
    definition: str


class LandscapeOutline(TypedDict):
    """A landscape as a page first hears of it."""

    name: str
    epochs: list[int]
    extent: tuple[float, float, float, float]
    resolution: int
    accuracy: Accuracy
    scalars: dict[str, list[float | None]]
    services: list[str]
    columns: list[ColumnOutline]


@dataclass(frozen=True)
class Hello(Answer):
    """The introduction that a page needs before it can ask for anything else.

    Attributes
    ----------
    protocol : int
        Must be the page's own.
    n : int
        Number of samples.
    texts : bool
        Whether the samples have texts.
    groups : list of str
    solid : bool
        Whether there is a landscape in three dimensions.
    palettes, colors
        By name of the palette: its own colours, and one colour per class.
    models, vae
        The models, `recorded` if their weights are recorded with the epochs; the autoencoder's settings.
    landscapes : list
        Among them `scalars`, further numbers recorded per epoch, `services`, the engine's abilities, and
        `columns`, what samples can be coloured by besides what the page knows.
    labels : int32 [n]
        Class of each sample; −1 for none.
    split : uint8 [n]
        1 for test samples.
    members : uint8 [groups, n]
        1 where a sample is in a group.
    """

    protocol: int
    n: int
    classes: list[str]
    palettes: dict[str, list[str]]
    colors: dict[str, list[str]]
    images: PictureFormat | None
    texts: bool
    groups: list[str]
    solid: bool
    models: list[ModelOutline]
    vae: AutoencoderOutline | None
    lists: list[ListOutline]
    landscapes: list[LandscapeOutline]
    labels: NDArray[np.int32]
    split: NDArray[np.uint8]
    members: NDArray[np.uint8]


@request("hello")
def hello(scene: Scene) -> Hello:
    """Introduce the samples, the classes and the landscapes."""
    samples = scene.samples
    members = [samples[name].to_numpy(bool) for name in scene.groups]
    return Hello(
        protocol=PROTOCOL,
        n=len(scene),
        classes=[str(name) for name in scene.classes],
        palettes=PALETTES,
        colors={name: scene.landscapes[0].colors(name) for name in PALETTES},
        images=_picture_format(scene),
        texts=scene.describe is not None,
        groups=scene.groups,
        solid=scene.solid is not None,
        models=[{"name": name, "recorded": scene.models.is_recorded(name)} for name in scene.models.names],
        vae=None if scene.vae is None else _autoencoder(scene.vae),
        lists=[{"name": name, "definition": text} for name, text in DEFINITIONS.items()],
        landscapes=[
            _landscape_outline(scene, landscape, name)
            for landscape, name in zip(scene.landscapes, scene.names, strict=True)
        ],
        labels=samples["label"].to_numpy(np.int32),
        split=(samples["split"] == "test").to_numpy().astype(np.uint8),
        members=np.array(members, np.uint8).reshape(len(members), len(scene)),
    )


def _autoencoder(vae: Any) -> AutoencoderOutline:
    from .predictions import outline  # noqa: PLC0415 - loads torch, as a VAE does

    return outline(vae)


def _picture_format(scene: Scene) -> PictureFormat | None:
    if scene.images is None:
        return None
    _, channels, *size = scene.images.shape
    height, width = fitted(size[0], size[1], scene.largest)
    return {"height": height, "width": width, "channels": channels}


def _landscape_outline(scene: Scene, landscape: Landscape, name: str) -> LandscapeOutline:
    x0, x1, y0, y1 = map(float, landscape.extent)
    return {
        "name": name,
        "epochs": [int(epoch) for epoch in landscape.epochs],
        "extent": (x0, x1, y0, y1),
        "resolution": int(landscape.resolution),
        "accuracy": scene.accuracy[landscape],
        "scalars": {
            str(name): [float(value) if np.isfinite(value) else None for value in column]
            for name, column in landscape.scalars.items()
            if name not in _ACCURACY_SCALARS
        },
        "services": [
            *landscape.services,
            *(["dynamics"] if scene.dynamics[landscape].available else []),
            *(["borders"] if _shows_borders(landscape) else []),
            "table",
        ],
        "columns": columns.outlines(scene, landscape),
    }


def _shows_borders(landscape: Landscape) -> bool:
    """Tell whether a landscape can show where its boundary samples lie."""
    source = landscape.source
    return (
        isinstance(source, KnowsBoundary)
        and isinstance(source, Classifies)
        and isinstance(source, (Places, PlacesBoundary))
    )


@dataclass(frozen=True)
class Frame(Answer):
    """All samples at one epoch.

    Attributes
    ----------
    positions : uint16 [n, 2]
        See `quantised`.
    predictions : uint8 or uint16 [n]
        See `class_dtype`.
    confidence : uint16 [n]
        See `graded`.
    """

    positions: NDArray[np.uint16]
    predictions: NDArray[np.uint8] | NDArray[np.uint16]
    confidence: NDArray[np.uint16]


@request("frame")
def frame(scene: Scene, landscape: Landscape, epoch: Epoch) -> Frame:
    """Send the position, prediction and confidence of every sample at an epoch."""
    recorded = landscape.at(epoch)
    predictions: NDArray[Any] = recorded.predictions.astype(class_dtype(len(scene.classes)))
    return Frame(quantised(recorded.positions, landscape.extent), predictions, graded(recorded.confidence))


@dataclass(frozen=True)
class Canvas(Answer):
    """A painted canvas, [R, R] each, as in `Frame.canvas`; without arrays where nothing can paint."""

    classes: NDArray[np.uint8] | NDArray[np.uint16] | None = None
    shade: NDArray[np.uint8] | None = None
    margin: NDArray[np.uint8] | None = None


@request("canvas", pace="long")
def canvas(scene: Scene, report: Report, landscape: Landscape, epoch: Epoch) -> Canvas:
    """Paint the canvas of an epoch, unless it is painted already.

    Engines that paint from coarse to fine have each stage reported as an answer so far.
    """
    del scene
    recorded = landscape.at(epoch)
    if not recorded.paintable:
        return Canvas()
    text = f"Painting the landscape of epoch {epoch}"
    report(0.0, text)
    done = 0.0

    def advance(share: float) -> None:
        nonlocal done
        done = share
        report(share, text)

    def show(painted: Painted) -> None:
        report(done, text, Canvas(*painted))

    return Canvas(*recorded.paint(advance, show))


@dataclass(frozen=True)
class Trust(Answer):
    """The round-trip error of the canvas.

    Attributes
    ----------
    high : float
        The error that 255 stands for, in widths of the canvas.
    trust : uint8 [T, T]
        Error of decoding a pixel and projecting it again; row 0 is the lowest.
    """

    high: float
    trust: NDArray[np.uint8]


@request("trust", pace="long", cached=True)
def trust(scene: Scene, report: Report, landscape: Landscape, epoch: Epoch) -> Trust:
    """Measure the round-trip error of the canvas: decode each pixel, project it, measure how far it moved."""
    del scene
    engine(landscape, RoundTrips, "Measures of trust")
    text = f"Measuring how far the canvas of epoch {epoch} can be trusted"
    report(0.0, text)
    error = landscape.trust(epoch, lambda share: report(share, text))
    x0, x1, *_ = landscape.extent
    # Far from all samples a decoder may give infinite values.
    finite = np.nan_to_num(error / (x1 - x0), nan=1.0, posinf=1.0)
    high = float(finite.max()) or 1.0
    return Trust(high, in_bytes(finite / high))


@dataclass(frozen=True)
class Loss(Answer):
    """Share of its neighbours that each sample loses on the canvas: uint8 [n], 255 stands for 1."""

    loss: NDArray[np.uint8]


@request("loss", pace="long", cached=True)
def loss(scene: Scene, report: Report, landscape: Landscape, epoch: Epoch, k: Count) -> Loss:
    """Measure which share of its k nearest neighbours each sample loses on the canvas."""
    engine(landscape, KnowsFeatures, "Lost neighbours")
    others = (int((scene.samples["split"] == "train").sum()) or len(scene)) - 1
    if k > others:
        raise refusal("k", f"at most {others}, the number of other samples", k)
    text = f"Comparing the neighbours at epoch {epoch}"
    report(0.0, text)
    return Loss(in_bytes(landscape.neighbor_loss(epoch, k, lambda share: report(share, text))))


@dataclass(frozen=True)
class Confusions(Answer):
    """Labels against predictions over the epochs.

    Attributes
    ----------
    counts : int32 [2, E, C, C]
        Labelled training samples, then test samples; row label, column prediction. Without epochs where the
        counts would be too many to send.
    """

    counts: NDArray[np.int32]


@request("confusions", pace="soon", cached=True)
def confusions(scene: Scene, landscape: Landscape) -> Confusions:
    """Count labels against predictions, epoch by epoch."""
    classes, epochs = len(scene.classes), len(landscape)
    if 2 * epochs * classes**2 > _MAX_CONFUSIONS:
        return Confusions(np.empty((2, 0, classes, classes), np.int32))
    label = scene.samples["label"].to_numpy()
    test = (scene.samples["split"] == "test").to_numpy()
    counts = np.zeros((2, epochs, classes, classes), np.int32)
    for place, recorded in enumerate(landscape):
        for split, rows in enumerate((~test & (label >= 0), test & (label >= 0))):
            np.add.at(counts[split, place], (label[rows], recorded.predictions[rows]), 1)
    return Confusions(counts)


class EventRow(TypedDict):
    """What one epoch changed, as in `Landscape.events`."""

    epoch: int
    before: int
    event: EventKind
    classes: list[int]
    change: float
    samples: int


@dataclass(frozen=True)
class Events(Answer):
    """The events of all epochs, in their order; and the only split that was compared, if it was one."""

    rows: list[EventRow]
    split: str | None


@request("events", pace="soon", cached=True)
def events(scene: Scene, landscape: Landscape) -> Events:
    """List what each epoch changed."""
    rows: list[EventRow] = [
        {
            "epoch": int(row["epoch"]),
            "before": int(row["before"]),
            "event": row["event"],
            "classes": list(row["classes"]),
            "change": float(row["change"]),
            "samples": int(row["samples"]),
        }
        for row in landscape.events(_MAX_PAIRS).to_dict("records")
    ]
    samples = scene.samples
    test = (samples["split"] == "test") & (samples["label"] >= 0)
    return Events(rows, "test" if test.any() and not test.all() else None)


@dataclass(frozen=True)
class RankedList(Answer):
    """Samples that deserve a look.

    Attributes
    ----------
    measure : str
        The measure that ranks them.
    indices : int32 [m]
        Best first.
    values : float32 [m]
        The measure of each.
    """

    measure: str
    indices: NDArray[np.int32]
    values: NDArray[np.float32]


@request("list", pace="long")
def ranked_list(scene: Scene, report: Report, landscape: Landscape, name: List) -> RankedList:
    """Rank the samples of a list (see `dvi_widget.suggestions`)."""
    dynamics = scene.dynamics[landscape]
    table = ranked(dynamics.table(report), name)
    values = table[MEASURES[name]].to_numpy(np.float32, na_value=np.nan)
    return RankedList(MEASURES[name], table.index.to_numpy(np.int32), values)


@dataclass(frozen=True)
class DynamicsTable(Answer):
    """Measures of every sample over the epochs.

    Attributes
    ----------
    columns : list of str
        As in `TrainingDynamics.table`.
    values : float32 [columns, n]
        NaN where a measure does not apply.
    """

    columns: list[str]
    values: NDArray[np.float32]


@request("dynamics", pace="long")
def dynamics(scene: Scene, report: Report, landscape: Landscape) -> DynamicsTable:
    """Measure how every sample fared over the epochs."""
    table = scene.dynamics[landscape].table(report).drop(columns=["split", "label"])
    columns = [column.to_numpy(np.float32, na_value=np.nan) for _, column in table.items()]
    return DynamicsTable([str(name) for name in table.columns], np.stack(columns))


class MeasureRow(TypedDict):
    """A figure of merit; null where an entry does not apply."""

    epoch: int | None
    split: str
    measure: str
    k: int | None
    value: float | None
    placebo: float | None


@dataclass(frozen=True)
class Measures(Answer):
    """Figures of merit of a landscape, and over how many samples they were taken."""

    rows: list[MeasureRow]
    samples: int


@request("measures", pace="long", cached=True)
def measures(scene: Scene, report: Report, landscape: Landscape) -> Measures:
    """Take the figures of merit (see `Landscape.measures`), of many samples over a random part of them."""
    del scene
    if not isinstance(landscape.source, EngineMeasures):
        engine(landscape, Measurable, "Measures")
    text = "Taking the measures of the landscape"
    report(0.0, text)
    rows = _drawn(landscape.samples["split"].to_numpy())
    table = landscape.measures(rows=rows, report=lambda share: report(share, text))
    return Measures(
        [
            {
                "epoch": _whole(row["epoch"]),
                "split": str(row["split"]),
                "measure": str(row["measure"]),
                "k": _whole(row["k"]),
                "value": _finite(row["value"]),
                # What a map without information reaches; engines of their own may not know it.
                "placebo": _finite(row.get("placebo")),
            }
            for row in table.to_dict("records")
        ],
        len(rows),
    )


def _drawn(split: NDArray[Any]) -> NDArray[np.intp]:
    """Choose the samples to average over: all, or the same random ones of each split every time."""
    rng = np.random.default_rng(0)
    parts = [
        rng.permutation(np.flatnonzero(split == name))[:_MAX_MEASURED_SAMPLES] for name in ("train", "test")
    ]
    return np.sort(np.concatenate(parts))


def _whole(value: Any) -> int | None:
    """Turn a cell of a table into a whole number of JSON."""
    return None if pd.isna(value) else int(value)


def _finite(value: Any) -> float | None:
    """Turn a cell of a table into a number of JSON, which knows neither NaN nor infinity."""
    return None if pd.isna(value) or not np.isfinite(value) else float(value)
