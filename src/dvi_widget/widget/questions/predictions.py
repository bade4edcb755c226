"""Questions about one prediction: neighbours of its picture, and a linear student of the model (DeepVID)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from dvi_widget.deepvid import VAE, LinearStudent, Neighborhood, Neighbors
from dvi_widget.deepvid.search import search as search_settings
from dvi_widget.deepvid.solvers import OPTIMIZERS
from dvi_widget.widget.arguments import Epoch, Sample, Samples, is_whole
from dvi_widget.widget.outlines import AutoencoderOutline, Field, FieldKind
from dvi_widget.widget.request import Check, Context, refusal, request
from dvi_widget.widget.scene import Scene
from dvi_widget.widget.wire import Answer, Report, RequestError, quoted

from .models import Model, refusing

_MAX_PICTURES = 144  # neighbours that are drawn (§6.2)
_MAX_NEIGHBORS = 4096
_MAX_SEARCHED_SAMPLES = 2000  # training samples, else any, among which the nearest pictures are found
_RANKING_SAMPLES = 24  # pictures on which settings are ranked
_WINDOWS = 16  # into which a row of neighbours is divided to smooth it


def _field(
    name: str,
    kind: FieldKind,
    default: str | float | bool,
    description: str,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
) -> Field:
    return {
        "name": name,
        "kind": kind,
        "default": default,
        "description": description,
        "low": low,
        "high": high,
        "choices": list(choices),
    }


#: What a page may set about neighbours and their student.
SETTINGS: list[Field] = [
    _field("band", "float", 0.15, "Width of the band, as a share of each latent range.", 0.01, 1),
    _field("n", "int", 512, "Number of neighbours that the student learns from.", 16, _MAX_NEIGHBORS),
    _field(
        "how",
        "choice",
        "uniform",
        "Independent draws, the paper's line, the nearest real pictures, or half of each.",
        choices=("uniform", "line", "nearest", "hybrid"),
    ),
    _field("anchored", "bool", True, "Whether neighbours carry what the autoencoder misses of the picture."),
    _field(
        "method",
        "choice",
        "ridge",
        "Closed form, or the paper's gradient descent.",
        choices=("ridge", "descent"),
    ),
    _field("regularization", "float", 0.03, "Strength of the ridge penalty.", 1e-6, 100),
    _field("smoothness", "float", 1.0, "Width of the ridge's prior, in pixels.", 0, 10),
    _field("temperature", "float", 10.0, "Softens the teacher's labels for gradient descent.", 0.1, 100),
    _field(
        "initializer",
        "choice",
        "random",
        "Weights that gradient descent starts from.",
        choices=("random", "zeros"),
    ),
    _field("optimizer", "choice", "gd", "Rule of gradient descent.", choices=tuple(OPTIMIZERS)),
    _field("learning_rate", "float", 0.5, "Length of a step of gradient descent.", 1e-5, 100),
    _field("epochs", "int", 10, "Number of epochs of gradient descent.", 1, 1000),
    _field("batch_size", "int", 128, "Neighbours in a step of gradient descent.", 1, _MAX_NEIGHBORS),
    _field("seed", "int", 0, "Seed of all random draws.", 0, 2**31 - 1),
]
_FIELDS = {field["name"]: field for field in SETTINGS}
_COMPARED_INPUTS = 64  # whose values tell the scale of the models' inputs
_NEIGHBOR_SETTINGS = ("band", "n", "how", "anchored", "seed")
_DESCENT_SETTINGS = ("temperature", "initializer", "optimizer", "learning_rate", "epochs", "batch_size")
_STUDENT_SETTINGS = ("method", "regularization", "smoothness", *_DESCENT_SETTINGS, "seed")


def check_vae(scene: Scene) -> None:
    """Bring the scene's autoencoder to the scale of the models' inputs, or refuse it.

    Raises
    ------
    TypeError
        If it is no VAE.
    ValueError
        If it was not trained, or takes other pictures than the models.
    """
    vae = scene.vae
    if not isinstance(vae, VAE):
        raise TypeError(f"vae must be a VAE; got {type(vae).__name__}. Train one: dvi.VAE().fit(images).")
    if not hasattr(vae, "ranges_"):
        raise ValueError("vae must be trained; got one that was not. Call vae.fit(images) first.")
    if scene.models.names:
        inputs = scene.models.inputs(scene.models.spread(_COMPARED_INPUTS))
        least, largest = float(inputs.min()), float(inputs.max())
        # Both scales of the same pictures are common; the network is the same on either.
        if vae.limits_ == (0.0, 255.0) and least >= 0 and largest <= 1:
            scene.vae = vae = vae.on_scale(0, 1)
        elif vae.limits_ == (0.0, 1.0) and least >= 0 and 1 < largest <= 255 and (inputs % 1 == 0).all():
            scene.vae = vae = vae.on_scale(0, 255)
        try:
            vae.check(inputs, "inputs")
        except ValueError as error:
            raise ValueError(f"vae must take the same pictures as the models; {error}") from error


def outline(vae: VAE) -> AutoencoderOutline:
    """Introduce the autoencoder to a page."""
    return {"ranges": [(low, high) for low, high in vae.ranges_.tolist()], "settings": SETTINGS}


def _vae(scene: Scene) -> VAE:
    if not isinstance(scene.vae, VAE):
        raise RequestError(
            "There is no autoencoder to make neighbours with. Train one and pass it: "
            "Explorer(..., vae=dvi.VAE().fit(images))."
        )
    return scene.vae


def _numbers(value: Any, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):  # what is too large becomes infinite
            array = np.asarray(value, np.float32)
    except (TypeError, ValueError, OverflowError):
        array = np.empty(0, np.float32)
    if array.shape != shape or not np.isfinite(array).all():
        raise refusal(name, f"{' × '.join(map(str, shape))} finite numbers", value)
    return array


def _latent(value: Any, name: str, context: Context) -> NDArray[np.float32]:
    return _numbers(value, name, (int(_vae(context.scene).latent_dim),))


def _bounds(value: Any, name: str, context: Context) -> NDArray[np.float32]:
    return _numbers(value, name, (int(_vae(context.scene).latent_dim), 2))


def _settings(value: Any, name: str, _: Context) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise refusal(name, "values by name", value)
    for setting, chosen in value.items():
        field = _FIELDS.get(setting) if isinstance(setting, str) else None
        if field is None:
            raise RequestError(f"{name} must be among {', '.join(_FIELDS)}; got {quoted(setting)}.")
        if not _fits(field, chosen):
            raise refusal(setting, _wanted(field), chosen, field["description"])
    return dict(value)


def _fits(field: Field, value: Any) -> bool:
    if field["kind"] == "choice":
        return isinstance(value, str) and value in field["choices"]
    if field["kind"] == "bool":
        return isinstance(value, bool)
    if not (is_whole(value) or (field["kind"] == "float" and isinstance(value, float))):
        return False
    assert field["low"] is not None
    assert field["high"] is not None
    return bool(field["low"] <= value <= field["high"])


def _wanted(field: Field) -> str:
    """Say what a setting must be."""
    if field["kind"] == "choice":
        return " or ".join(field["choices"])
    if field["kind"] == "bool":
        return "true or false"
    return (
        f"{'a whole number' if field['kind'] == 'int' else 'a number'} from {field['low']} to {field['high']}"
    )


#: A latent vector, float32 [d].
Latent = Annotated[NDArray[np.float32], Check(_latent, list[float])]
#: Lowest and highest value of each latent dimension, float32 [d, 2].
Bounds = Annotated[NDArray[np.float32], Check(_bounds, list[tuple[float, float]])]
#: Settings of `SETTINGS` by name.
Settings = Annotated[dict[str, Any], Check(_settings, dict[str, Any])]


@dataclass(frozen=True)
class LatentVector(Answer):
    """A sample's latent vector, float32 [d], and what it decodes to, uint8 [1, h, w, C]."""

    latent: NDArray[np.float32]
    pixels: NDArray[np.uint8]


@request("latent", pace="soon", cached=True)
def latent(scene: Scene, index: Sample) -> LatentVector:
    """Encode the picture of a sample, and decode it again."""
    vae = _vae(scene)
    z = vae.encode(scene.models.inputs(np.array([index])))
    return LatentVector(z[0], pixels_of(vae, vae.decode(z)))


@dataclass(frozen=True)
class Unfolded(Answer):
    """A decoded picture, uint8 [1, h, w, C]."""

    pixels: NDArray[np.uint8]


@request("unfold", pace="soon", cached=True)
def unfold(scene: Scene, latent: Latent) -> Unfolded:
    """Decode a latent vector."""
    vae = _vae(scene)
    return Unfolded(pixels_of(vae, vae.decode(latent[None])))


@dataclass(frozen=True)
class Student(Answer):
    """A picture's neighbours, the model's predictions for them, and the linear student that learns these.

    Attributes
    ----------
    verdict : str
        How far the student can be believed, and what of its neighbours cannot be drawn, in sentences.
    trustworthy, agrees : bool
    kl, r2, total_variation : float or None
        Fidelity of the student.
    window : int
        Number of places in the row of neighbours to average over.
    crossings : list of (place in the row, class before, class after)
    pixels : uint8 [m, h, w, C]
        At most 144 of the neighbours, along their row.
    classes : int16 [m]
        Classes that the model predicts for them.
    latents : float32 [m, d]
    positions : float32 [n]
        Of all neighbours, along the row.
    probabilities : float32 [n, classes]
    bounds : float32 [d, 2]
        Range of each latent dimension in which the neighbours were drawn.
    weights, weighted : float32 [classes, h, w]
        The student's weights, and their product with the picture, summed over channels; NaN where no
        neighbour varies the picture.
    teacher, student : float32 [classes]
        Probabilities of both for the picture.
    course : float32 [epochs]
        Loss of gradient descent, epoch by epoch (see `LinearStudent.course_`); empty for the closed form.
    ends : float32 [2, d] or None
        On the way to another picture, the latent vectors of both.
    weighted_other : float32 [classes, h, w] or None
        Then also the product of the weights with the other picture.
    """

    verdict: str
    trustworthy: bool
    agrees: bool
    kl: float | None
    r2: float | None
    total_variation: float | None
    window: int
    crossings: list[tuple[int, int, int]]
    pixels: NDArray[np.uint8]
    classes: NDArray[np.int16]
    latents: NDArray[np.float32]
    positions: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    bounds: NDArray[np.float32]
    weights: NDArray[np.float32]
    weighted: NDArray[np.float32]
    teacher: NDArray[np.float32]
    student: NDArray[np.float32]
    course: NDArray[np.float32]
    ends: NDArray[np.float32] | None = None
    weighted_other: NDArray[np.float32] | None = None


@request("student", pace="long", cached=True)
def student(
    scene: Scene,
    report: Report,
    model: Model,
    epoch: Epoch,
    index: Sample,
    other: Sample | None,
    latent: Latent | None,
    bounds: Bounds | None,
    settings: Settings,
) -> Student:
    """Explain a prediction by a linear student that learns from neighbours of the picture.

    The neighbours lie around the picture, around `latent` instead of its own latent vector, inside `bounds`,
    or on the way to the picture of the sample `other`.
    """
    vae = _vae(scene)
    name, teacher = scene.models.at(model, epoch)
    report(0.0, "Making neighbours")
    with refusing(name):
        around = _neighborhood(scene, index, other, latent, bounds, settings)
        report(0.4, f"Asking {name}")
        fitted = LinearStudent(**_chosen(settings, _STUDENT_SETTINGS)).fit(around, teacher)
        report(0.9, "Measuring the student")
        along, fidelity = fitted.along(), fitted.fidelity(classes=scene.classes)
    moves = fitted.varied_.any(axis=0)
    drawn = along.order[along.evenly(_MAX_PICTURES)]
    ends = weighted_other = None
    if other is not None:
        pair = scene.models.inputs(np.array([index, other]))
        ends = vae.encode(pair)
        weighted_other = np.where(moves, fitted.weighted(pair[1]).sum(1), np.float32(np.nan))
    return Student(
        verdict=fidelity.verdict + _outside(vae, around.pictures[drawn]),
        trustworthy=bool(fidelity.trustworthy),
        agrees=bool(fidelity.agrees),
        kl=_finite(fidelity.kl),
        r2=_finite(fidelity.r2),
        total_variation=_finite(fidelity.total_variation),
        # Neighbours that do not lie on a line scatter about their row by chance.
        window=1 if around.positions is not None else max(1, len(around) // _WINDOWS),
        crossings=[(int(c.after), int(c.before_class), int(c.after_class)) for c in along.crossings],
        pixels=pixels_of(vae, around.pictures[drawn]),
        classes=fitted.logits_[drawn].argmax(1).astype(np.int16),
        latents=around.latents[drawn].astype(np.float32),
        positions=along.positions.astype(np.float32),
        probabilities=along.probabilities.astype(np.float32),
        bounds=around.bounds.astype(np.float32),
        weights=np.where(moves, fitted.weights().sum(1), np.float32(np.nan)),
        weighted=np.where(moves, fitted.weighted().sum(1), np.float32(np.nan)),
        teacher=fidelity.teacher,
        student=fidelity.student,
        course=fitted.course_,
        ends=ends,
        weighted_other=weighted_other,
    )


class Setting(TypedDict):
    """A setting and the fidelity of its students, over the pictures it was tried on."""

    latent_dim: int
    band: float
    method: str
    regularization: float | None
    temperature: float | None
    believed: float
    agreement: float
    kl: float
    r2: float | None


@dataclass(frozen=True)
class RankedSettings(Answer):
    """Settings, best first."""

    rows: list[Setting]


@request("search", pace="long", cached=True)
def search(scene: Scene, report: Report, model: Model, epoch: Epoch, indices: Samples) -> RankedSettings:
    """Rank settings by how far their students can be believed on some pictures."""
    if not len(indices):
        raise RequestError("indices must be samples to try settings on; got none. Select some pictures.")
    vae = _vae(scene)
    name, teacher = scene.models.at(model, epoch)
    pictures = scene.models.inputs(indices[:_RANKING_SAMPLES])
    with refusing(name):
        table = search_settings(
            vae,
            pictures,
            teacher,
            pictures=_neighbors(scene, {}).pictures,
            report=lambda share: report(share, "Trying bands, regularisations and temperatures"),
        )
    return RankedSettings(
        [
            {
                "latent_dim": int(row["latent_dim"]),
                "band": float(row["band"]),
                "method": str(row["method"]),
                "regularization": _finite(row["regularization"]),
                "temperature": _finite(row["temperature"]),
                "believed": float(row["believed"]),
                "agreement": float(row["agreement"]),
                "kl": float(row["kl"]),
                "r2": _finite(row["r2"]),
            }
            for row in table.to_dict("records")
        ]
    )


def _neighborhood(
    scene: Scene,
    index: int,
    other: int | None,
    latent: NDArray[np.float32] | None,
    bounds: NDArray[np.float32] | None,
    settings: Mapping[str, Any],
) -> Neighborhood:
    neighbors = _neighbors(scene, settings)
    picture = scene.models.inputs(np.array([index]))[0]
    if other is not None:
        return neighbors.morph(picture, scene.models.inputs(np.array([other]))[0])
    return neighbors.sample(picture, latent=latent, bounds=bounds)


def _neighbors(scene: Scene, settings: Mapping[str, Any]) -> Neighbors:
    """Return the scene's neighbours with these settings; its real pictures are encoded once."""
    vae = _vae(scene)
    if scene.neighbors is None or scene.neighbors.vae is not vae:
        models = scene.models
        rows = models.spread(_MAX_SEARCHED_SAMPLES, train=True)
        real = models.inputs(rows if len(rows) else models.spread(_MAX_SEARCHED_SAMPLES))
        scene.neighbors = Neighbors(vae, pictures=real)
    defaults = {name: _FIELDS[name]["default"] for name in _NEIGHBOR_SETTINGS}
    neighbors: Neighbors = scene.neighbors.set_params(**defaults | _chosen(settings, _NEIGHBOR_SETTINGS))
    return neighbors


def _chosen(settings: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: settings[name] for name in names if name in settings}


def pixels_of(vae: VAE, pictures: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Turn pictures [m, C, h, w] in the autoencoder's range into uint8 [m, h, w, C]."""
    low, high = vae.limits_
    shares = np.clip((pictures - low) / (high - low), 0, 1)
    return np.ascontiguousarray(np.rint(shares * 255).astype(np.uint8).transpose(0, 2, 3, 1))


def _outside(vae: VAE, pictures: NDArray[np.floating[Any]]) -> str:
    """Say how many values of pictures are drawn as black or white because they lie beyond."""
    low, high = vae.limits_
    step = (high - low) / 255
    share = float(((pictures < low - step) | (pictures > high + step)).mean())
    if not share:
        return ""
    return (
        f" {max(share, 0.001):.1%} of the neighbours' values lie outside {low:g} to {high:g}, as the "
        "picture's do, and are drawn as if at the ends."
    )


def _finite(value: float) -> float | None:
    """Return a number if JSON has it."""
    return float(value) if math.isfinite(value) else None
