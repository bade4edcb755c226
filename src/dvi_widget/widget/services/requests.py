"""What the questions about models have in common: which model, which sample, how long an answer takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from dvi_widget.widget import door
from dvi_widget.widget.answers import Answers
from dvi_widget.widget.request import Operation
from dvi_widget.widget.wire import RequestError

from .models import Models

Check = Callable[[Answers, object], tuple[Any, ...]]


def models_of(answers: Answers) -> Models:
    """The models that can be asked, or a RequestError."""
    if not isinstance(answers.models, Models) or not answers.models.names:
        raise RequestError(
            "There is no model to ask. Pass the models, Explorer(..., models={'mine': model}), or the "
            "recorded architecture, Run(folder, model=model)."
        )
    return answers.models


def model_of(answers: Answers, place: object, epoch: object) -> tuple[Models, int, int]:
    """The models, the place of one among them, and a recorded epoch."""
    models = models_of(answers)
    number = door.integer(place, "model")
    if not 0 <= number < len(models.names):
        raise RequestError(f"There is no model {door.quoted(place)}; there are {len(models.names)}.")
    return models, number, door.epoch(epoch, answers.landscapes[0])


def one_sample(answers: Answers, value: object) -> int:
    """The index of a sample."""
    return int(door.samples([value], len(answers.samples), 1)[0])


def soon_question(check: Check, method: str) -> Operation:
    """A question of a moment to a method: the first of what is checked is its object."""
    return Operation(check, lambda _, args, __: getattr(args[0], method)(*args[1:]), "soon", exported=True)


def long_question(check: Check, method: str, pace: Literal["soon", "long"] = "long") -> Operation:
    """A question to a method that tells how far it is."""
    return Operation(
        check, lambda _, args, report: getattr(args[0], method)(*args[1:], report), pace, exported=True
    )
