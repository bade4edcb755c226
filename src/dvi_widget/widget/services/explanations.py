"""Requests about models: which there are, how their arguments are checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dvi_widget.widget import door
from dvi_widget.widget.answers import Answers
from dvi_widget.widget.request import Operation
from dvi_widget.widget.wire import RequestError

from .requests import long_question, model_of, models_of, one_sample, soon_question

_MOST_SHOWN = 64  # patches and neighbours asked for at once
_LONG_TEXT = 200


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or len(value) > _LONG_TEXT:
        raise RequestError(f"{name} must be a name, not {door.quoted(value)}.")
    return value


def _unit(value: object) -> int:
    number = door.integer(value, "unit")
    if number < 0:
        raise RequestError(f"unit must be 0 or more, not {door.quoted(value)}.")
    return number


def _shown(value: object) -> int:
    k = door.integer(value, "k")
    if not 1 <= k <= _MOST_SHOWN:
        raise RequestError(f"k must be from 1 to {_MOST_SHOWN}, not {door.quoted(value)}.")
    return k


def _parameters(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise RequestError(f"parameters must be values by name, not {type(value).__name__}.")
    return {name: None if given == "" else given for name, given in value.items()}


def _inspect(answers: Answers, args: object) -> tuple[Any, ...]:
    return model_of(answers, *door.named(args, "model", "epoch"))


def _attribute(answers: Answers, args: object) -> tuple[Any, ...]:
    names = ("model", "epoch", "index", "method", "parameters", "target")
    place, epoch, index, method, parameters, target = door.named(args, *names)
    models, model, number = model_of(answers, place, epoch)
    chosen = None if target is None else door.integer(target, "target")
    if chosen is not None and not 0 <= chosen < len(answers.classes):
        raise RequestError(f"There is no class {door.quoted(target)}; there are {len(answers.classes)}.")
    checked = models.method(method), _parameters(parameters), chosen
    return models, model, number, one_sample(answers, index), *checked


def _glance(answers: Answers, args: object) -> tuple[Any, ...]:
    checked = _attribute(answers, args)
    if not checked[0].eager(checked[4]):
        raise RequestError(f"{checked[4]} takes time: ask for it as attribute.")
    return checked


def _filters(answers: Answers, args: object) -> tuple[Any, ...]:
    place, epoch, layer = door.named(args, "model", "epoch", "layer")
    return *model_of(answers, place, epoch), _text(layer, "layer")


def _activations(answers: Answers, args: object) -> tuple[Any, ...]:
    place, epoch, layer, index = door.named(args, "model", "epoch", "layer", "index")
    return *model_of(answers, place, epoch), _text(layer, "layer"), one_sample(answers, index)


def _patches(answers: Answers, args: object) -> tuple[Any, ...]:
    place, epoch, layer, unit, k = door.named(args, "model", "epoch", "layer", "unit", "k")
    return *model_of(answers, place, epoch), _text(layer, "layer"), _unit(unit), _shown(k)


def _alike(answers: Answers, args: object) -> tuple[Any, ...]:
    place, epoch, layer, index, k = door.named(args, "model", "epoch", "layer", "index", "k")
    checked = _text(layer, "layer"), one_sample(answers, index), _shown(k)
    return *model_of(answers, place, epoch), *checked


def _histogram(answers: Answers, args: object) -> tuple[Any, ...]:
    place, epoch, layer, unit = door.named(args, "model", "epoch", "layer", "unit")
    named = None if layer is None else _text(layer, "layer")
    return *model_of(answers, place, epoch), named, None if unit is None else _unit(unit)


def _agreement(answers: Answers, args: object) -> tuple[Any, ...]:
    (epoch,) = door.named(args, "epoch")
    return models_of(answers), door.epoch(epoch, answers.landscapes[0])


def _clusters(answers: Answers, args: object) -> tuple[Any, ...]:
    names = ("model", "epoch", "indices", "method", "parameters")
    place, epoch, indices, method, parameters = door.named(args, *names)
    models, model, number = model_of(answers, place, epoch)
    rows = np.unique(door.samples(indices, len(answers.samples), 4096))
    return models, model, number, rows, models.method(method), _parameters(parameters)


OPERATIONS: dict[str, Operation] = {
    "inspect": soon_question(_inspect, "inspect"),
    "glance": long_question(_glance, "attribute", "soon"),
    "attribute": long_question(_attribute, "attribute"),
    "filters": soon_question(_filters, "filters"),
    "activations": soon_question(_activations, "activations"),
    "patches": long_question(_patches, "patches"),
    "alike": long_question(_alike, "alike"),
    "histogram": long_question(_histogram, "histogram"),
    "agreement": long_question(_agreement, "agreement"),
    "clusters": long_question(_clusters, "clusters"),
}
