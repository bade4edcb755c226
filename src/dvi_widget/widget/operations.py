"""The table of operations: how arguments are checked, how a request is answered, how long it takes."""

from __future__ import annotations

from typing import Any

from dvi_widget.suggestions import DEFINITIONS

from . import bundles, door, inquiries, overviews, services
from .answers import Answers
from .request import Operation
from .wire import Answer, Report, RequestError, silence


def operation(op: object) -> Operation:
    """The table's entry for an operation, or a RequestError."""
    if not isinstance(op, str) or op not in OPERATIONS:
        raise RequestError(f"The kernel does not know the request {door.quoted(op)}.")
    return OPERATIONS[op]


def ask(answers: Answers, op: object, args: object, report: Report = silence) -> Answer:
    """Answer one request here and now.

    Parameters
    ----------
    answers
        Of what is asked.
    op, args
        As the front end sends them; nothing about them is taken for granted.
    report
        Told while a long operation runs; may raise to stop it.

    Raises
    ------
    RequestError
        If the request makes no sense; the text says why.
    """
    entry = operation(op)
    return entry.answer(answers, entry.check(answers, args), report)


def _frame(answers: Answers, args: object) -> tuple[Any, ...]:
    place, epoch = door.named(args, "landscape", "epoch")
    shown = door.landscape(place, answers.landscapes)
    return shown, shown.at(door.epoch(epoch, shown))


def _thumbnails(answers: Answers, args: object) -> tuple[Any, ...]:
    indices, size = door.named(args, "indices", "size")
    checked = door.samples(indices, len(answers.samples), 1)
    shape = (1, 1, 1) if answers.images is None else answers.images.shape[1:]
    return checked, door.size(size, shape, len(checked))


def _describe(answers: Answers, args: object) -> tuple[Any, ...]:
    (indices,) = door.named(args, "indices")
    return (door.samples(indices, len(answers.samples), 1 << 13),)


def _probabilities(answers: Answers, args: object) -> tuple[Any, ...]:
    place, epoch, indices = door.named(args, "landscape", "epoch", "indices")
    shown = door.landscape(place, answers.landscapes)
    checked = door.samples(indices, len(answers.samples), 4 * len(answers.classes))
    return answers, shown, door.epoch(epoch, shown), checked


def _history(answers: Answers, args: object) -> tuple[Any, ...]:
    place, indices = door.named(args, "landscape", "indices")
    shown = door.landscape(place, answers.landscapes)
    # A row of logits per epoch is read of each.
    bytes_each = 4 * len(answers.classes) * len(shown)
    return answers, shown, door.samples(indices, len(answers.samples), bytes_each)


def _neighbors(answers: Answers, args: object) -> tuple[Any, ...]:
    place, epoch, indices, k, group = door.named(args, "landscape", "epoch", "indices", "k", "group")
    shown = door.landscape(place, answers.landscapes)
    number = door.epoch(epoch, shown)
    checked = door.samples(indices, len(answers.samples), door.MAX_NEIGHBORS << 10)
    name = None if group is None else door.name(group, "group", ["train", "test", *answers.groups])
    return answers, shown, number, checked, door.neighbors(k), name


def _decode(answers: Answers, args: object) -> tuple[Any, ...]:
    place, epoch, points = door.named(args, "landscape", "epoch", "points")
    shown = door.landscape(place, answers.landscapes)
    return shown, door.epoch(epoch, shown), door.points(points, shown.extent)


def _crossings(answers: Answers, args: object) -> tuple[Any, ...]:
    place, epoch, a, b = door.named(args, "landscape", "epoch", "a", "b")
    shown = door.landscape(place, answers.landscapes)
    return shown, door.epoch(epoch, shown), *door.points([a, b], shown.extent)


def _trust(answers: Answers, args: object) -> tuple[Any, ...]:
    place, epoch = door.named(args, "landscape", "epoch")
    return place, door.epoch(epoch, door.landscape(place, answers.landscapes))


def _loss(answers: Answers, args: object) -> tuple[Any, ...]:
    place, epoch, k = door.named(args, "landscape", "epoch", "k")
    shown = door.landscape(place, answers.landscapes)
    others = int((answers.samples["split"] == "train").sum()) or len(answers.samples)
    return place, door.epoch(epoch, shown), door.neighbors(k, others - 1)


def _list(answers: Answers, args: object) -> tuple[Any, ...]:
    place, name = door.named(args, "landscape", "name")
    door.landscape(place, answers.landscapes)
    return place, door.name(name, "list", list(DEFINITIONS))


def _whole(answers: Answers, args: object) -> tuple[Any, ...]:
    (place,) = door.named(args, "landscape")
    door.landscape(place, answers.landscapes)
    return (place,)


OPERATIONS: dict[str, Operation] = {
    "hello": Operation(lambda _, args: door.named(args), lambda answers, *_: answers.hello()),
    "module": Operation(lambda _, args: door.named(args), lambda *_: Answer({"code": bundles.panels()}, {})),
    "frame": Operation(_frame, lambda answers, args, _: answers.frame(args[1], args[0])),
    "canvas": Operation(_frame, lambda answers, args, report: answers.canvas(args[1], report), "long"),
    "thumbnails": Operation(_thumbnails, lambda answers, args, _: answers.thumbnails(*args)),
    "describe": Operation(_describe, lambda answers, args, _: answers.describe(*args), "soon"),
    "probabilities": Operation(_probabilities, lambda _, args, __: inquiries.probabilities(*args)),
    "history": Operation(_history, lambda _, args, __: inquiries.history(*args)),
    "neighbors": Operation(_neighbors, lambda _, args, __: inquiries.neighbors(*args), "soon"),
    "decode": Operation(_decode, lambda _, args, __: inquiries.decode(*args), "soon"),
    "crossings": Operation(_crossings, lambda _, args, __: inquiries.crossings(*args), "soon"),
    "trust": Operation(_trust, lambda answers, args, report: overviews.trust(answers, report, *args), "long"),
    "loss": Operation(_loss, lambda answers, args, report: overviews.loss(answers, report, *args), "long"),
    "list": Operation(
        _list, lambda answers, args, report: overviews.ranked_list(answers, report, *args), "long"
    ),
    "dynamics": Operation(
        _whole, lambda answers, args, report: overviews.dynamics(answers, report, *args), "long"
    ),
    "measures": Operation(
        _whole, lambda answers, args, report: overviews.figures_of_merit(answers, report, *args), "long"
    ),
    **services.OPERATIONS,
}
