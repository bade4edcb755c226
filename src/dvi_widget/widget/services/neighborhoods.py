"""What the page may ask about one prediction: its picture's neighbours, and a linear student of the model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dvi_widget.deepvid import VAE, LinearStudent, Neighborhood, Neighbors
from dvi_widget.deepvid.search import search
from dvi_widget.widget import door
from dvi_widget.widget.answers import Answers
from dvi_widget.widget.request import Operation
from dvi_widget.widget.wire import Answer, Report, RequestError

from .models import Models, refusing
from .requests import long_question, model_of, one_sample, soon_question

_SHOWN = 144  # neighbours seen (§6.2)
_MOST = 4096  # neighbours learnt from
_REAL = 2000  # training samples among which the nearest are looked for
_SEARCHED = 24  # pictures that settings are tried on

#: What the page may set, as fields of a form: name, kind, default, range or choices, one sentence.
SETTINGS: list[dict[str, Any]] = [
    {
        "name": name, "kind": kind, "default": default, "description": text,
        "low": low, "high": high, "choices": choices,
    }
    for name, kind, default, low, high, choices, text in (
        ("band", "float", 0.15, 0.01, 1, [], "Width of the band, as a share of each latent range."),
        ("n", "int", 512, 16, _MOST, [], "How many neighbours the student learns from."),
        ("how", "choice", "uniform", None, None, ["uniform", "line", "nearest", "hybrid"],
         "Independent draws, the paper's line, the nearest real pictures, or half of each."),
        ("anchored", "bool", True, None, None, [],
         "Whether neighbours carry what the autoencoder misses of the picture."),
        ("method", "choice", "ridge", None, None, ["ridge", "descent"],
         "Closed form, or the paper's gradient descent."),
        ("regularization", "float", 0.03, 1e-6, 100, [], "Of the ridge."),
        ("smoothness", "float", 1.0, 0, 10, [], "Of the ridge: width of its prior, in pixels."),
        ("temperature", "float", 10.0, 0.1, 100, [], "Of the descent: softens the teacher's labels."),
        ("epochs", "int", 10, 1, 1000, [], "Of the descent."),
        ("seed", "int", 0, 0, 2**31 - 1, [], "Of all draws."),
    )
]  # fmt: skip


class Neighborhoods:
    """Explains single predictions of some models by neighbours that an autoencoder makes (DeepVID).

    Parameters
    ----------
    models
        The teachers, and what they take of the samples.
    vae
        Trained on pictures of the same size and scale.

    Raises
    ------
    TypeError
        If vae is none.
    ValueError
        If it is not trained, or takes other pictures than the models.
    """

    def __init__(self, models: Models, vae: VAE) -> None:
        if not isinstance(vae, VAE):
            raise TypeError(f"vae must be a VAE, not {type(vae).__name__}; train one: dvi.VAE().fit(images).")
        if not hasattr(vae, "ranges_"):
            raise ValueError("vae has not been trained: call vae.fit(images) first.")
        self._models = models
        self._vae = vae
        if models.names:
            try:
                vae.check(models.inputs(np.arange(1)), "inputs")
            except ValueError as error:
                raise ValueError(f"vae does not fit what the models take: {error}") from error

    def described(self) -> dict[str, Any]:
        """Latent ranges, and what can be set."""
        return {"ranges": self._vae.ranges_.tolist(), "settings": SETTINGS}

    def latent(self, index: int) -> Answer:
        """A sample's latent vector.

        Returns
        -------
        Answer
            Arrays: latent float32 ``[d]``, pixels uint8 ``[1, h, w, C]``: decoded again.
        """
        z = self._vae.encode(self._models.inputs(np.array([index])))
        return Answer({}, {"latent": z[0], "pixels": self._pixels(self._vae.decode(z))})

    def unfold(self, latent: NDArray[np.float32]) -> Answer:
        """What a latent vector decodes to.

        Returns
        -------
        Answer
            Array: pixels uint8 ``[1, h, w, C]``.
        """
        return Answer({}, {"pixels": self._pixels(self._vae.decode(latent[None]))})

    def student(
        self,
        model: int,
        epoch: int,
        index: int,
        other: int | None,
        latent: NDArray[np.float32] | None,
        bounds: NDArray[np.float32] | None,
        settings: Mapping[str, Any],
        report: Report,
    ) -> Answer:
        """A picture's neighbours, what the model says of them, and the student that learns it.

        Returns
        -------
        Answer
            Arrays: pixels uint8 ``[m, h, w, C]``, 144 neighbours at most along their row, classes int16
            ``[m]``, latents float32 ``[m, d]``; positions float32 ``[n]`` and probabilities float32
            ``[n, classes]`` of all; bounds float32 ``[d, 2]``; weights and weighted float32 ``[classes, h,
            w]``, summed over channels; teacher and student float32 ``[classes]``. Result: verdict,
            trustworthy, agrees, kl, r2, total_variation, window (places in the row to average over),
            crossings ([place in the row, class before, class after]).
        """
        name, teacher = self._models.asked(model, epoch)
        report(0.0, "Making neighbours")
        with refusing(name):
            around = self._neighborhood(index, other, latent, bounds, settings)
            report(0.4, f"Asking {name}")
            found = self._student(settings).fit(around, teacher)
            report(0.9, "Measuring the student")
            along, fidelity = found.along(), found.fidelity(classes=self._models.classes)
        shown = along.order[along.evenly(_SHOWN)]
        result = {
            "verdict": fidelity.verdict,
            "trustworthy": bool(fidelity.trustworthy),
            "agrees": bool(fidelity.agrees),
            "kl": _number(fidelity.kl),
            "r2": _number(fidelity.r2),
            "total_variation": _number(fidelity.total_variation),
            # Neighbours that do not lie on a line stand off their row's direction by chance.
            "window": 1 if around.positions is not None else max(1, len(around) // 16),
            "crossings": [[int(c.after), int(c.before_class), int(c.after_class)] for c in along.crossings],
        }
        return Answer(
            result,
            {
                "pixels": self._pixels(around.pictures[shown]),
                "classes": found.logits_[shown].argmax(1).astype(np.int16),
                "latents": around.latents[shown].astype(np.float32),
                "positions": along.positions,
                "probabilities": along.probabilities.astype(np.float32),
                "bounds": around.bounds.astype(np.float32),
                "weights": found.weights().sum(1),
                "weighted": found.weighted().sum(1),
                "teacher": fidelity.teacher,
                "student": fidelity.student,
            },
        )

    def search(self, model: int, epoch: int, indices: NDArray[np.int64], report: Report) -> Answer:
        """Settings ranked by how far their students can be believed on some pictures.

        Returns
        -------
        Answer
            Result: rows, best first, with band, regularization, believed, agreement, kl and r2.
        """
        name, teacher = self._models.asked(model, epoch)
        pictures = self._models.inputs(indices[:_SEARCHED])
        with refusing(name):
            table = search(
                self._vae,
                pictures,
                teacher,
                report=lambda share: report(share, "Trying bands and regularisations"),
            )
        return Answer({"rows": table.drop(columns="vae").to_dict("records")}, {})

    def _neighborhood(
        self,
        index: int,
        other: int | None,
        latent: NDArray[np.float32] | None,
        bounds: NDArray[np.float32] | None,
        settings: Mapping[str, Any],
    ) -> Neighborhood:
        given = {
            name: settings[name] for name in ("band", "n", "how", "anchored", "seed") if name in settings
        }
        if given.get("how") in ("nearest", "hybrid"):
            given["pictures"] = self._models.inputs(self._models.some_samples(_REAL, train=True))
        neighbors = Neighbors(self._vae, **given)
        picture = self._models.inputs(np.array([index]))[0]
        if other is not None:
            return neighbors.morph(picture, self._models.inputs(np.array([other]))[0])
        return neighbors.sample(picture, latent=latent, bounds=bounds)

    @staticmethod
    def _student(settings: Mapping[str, Any]) -> LinearStudent:
        names = ("method", "regularization", "smoothness", "temperature", "epochs", "seed")
        return LinearStudent(**{name: settings[name] for name in names if name in settings})

    def _pixels(self, pictures: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
        low, high = self._vae.limits_
        unit = np.clip((pictures - low) / (high - low), 0, 1)
        return np.ascontiguousarray(np.rint(unit * 255).astype(np.uint8).transpose(0, 2, 3, 1))

    @property
    def latent_dim(self) -> int:
        """Dimensions of the latent space."""
        return int(self._vae.latent_dim)


def _number(value: float) -> float | None:
    """A number that JSON has, or None."""
    return float(value) if math.isfinite(value) else None


def _of(answers: Answers) -> Neighborhoods:
    if not isinstance(answers.neighborhoods, Neighborhoods):
        raise RequestError(
            "There is no autoencoder to make neighbours with. Train one and pass it: "
            "Explorer(..., vae=dvi.VAE().fit(images))."
        )
    return answers.neighborhoods


def _numbers(value: object, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """An array of finite numbers of that shape."""
    try:
        array = np.asarray(value, np.float32)
    except (TypeError, ValueError, OverflowError):
        array = np.empty(0, np.float32)
    if array.shape != shape or not np.isfinite(array).all():
        raise RequestError(f"{name} must be {' × '.join(map(str, shape))} finite numbers.")
    return array


def _settings(value: object) -> dict[str, Any]:
    """Checked against the table: unknown names and values out of range get a sentence."""
    if not isinstance(value, Mapping):
        raise RequestError(f"settings must be values by name, not {type(value).__name__}.")
    known = {field["name"]: field for field in SETTINGS}
    for name, given in value.items():
        field = known.get(name) if isinstance(name, str) else None
        if field is None:
            raise RequestError(f"There is no setting {door.quoted(name)}; there is {', '.join(known)}.")
        if field["kind"] == "choice":
            fits = isinstance(given, str) and given in field["choices"]
        elif field["kind"] == "bool":
            fits = isinstance(given, bool)
        else:
            whole = isinstance(given, int) and not isinstance(given, bool)
            number = whole or (field["kind"] == "float" and isinstance(given, float))
            fits = number and field["low"] <= given <= field["high"]
        if not fits:
            raise RequestError(f"{name} cannot be {door.quoted(given)}. {field['description']}")
    return dict(value)


def _latent(answers: Answers, args: object) -> tuple[Any, ...]:
    (index,) = door.named(args, "index")
    return _of(answers), one_sample(answers, index)


def _unfold(answers: Answers, args: object) -> tuple[Any, ...]:
    (latent,) = door.named(args, "latent")
    return _of(answers), _numbers(latent, "latent", (_of(answers).latent_dim,))


def _student(answers: Answers, args: object) -> tuple[Any, ...]:
    names = ("model", "epoch", "index", "other", "latent", "bounds", "settings")
    place, epoch, index, other, latent, bounds, settings = door.named(args, *names)
    own = _of(answers)
    _, model, number = model_of(answers, place, epoch)
    return (
        own,
        model,
        number,
        one_sample(answers, index),
        None if other is None else one_sample(answers, other),
        None if latent is None else _numbers(latent, "latent", (own.latent_dim,)),
        None if bounds is None else _numbers(bounds, "bounds", (own.latent_dim, 2)),
        _settings(settings),
    )


def _search(answers: Answers, args: object) -> tuple[Any, ...]:
    place, epoch, indices = door.named(args, "model", "epoch", "indices")
    _, model, number = model_of(answers, place, epoch)
    rows = door.samples(indices, len(answers.samples), 4096)
    if not len(rows):
        raise RequestError("Select the pictures that settings are to be tried on.")
    return _of(answers), model, number, rows


OPERATIONS: dict[str, Operation] = {
    "latent": soon_question(_latent, "latent"),
    "unfold": soon_question(_unfold, "unfold"),
    "student": long_question(_student, "student"),
    "search": long_question(_search, "search"),
}
