"""The parser of filters: turns a text into conditions, and into sentences about the rest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .grammar import FIELDS, Condition, Piece, Problem, Query, Vocabulary, pieces
from .hints import did_you_mean, instead_of_equality, list_classes, list_groups, list_names

_OPERATOR = re.compile(r"([A-Za-z]+)(!=|<=|>=|<|>|:|=)")
_NUMBER = re.compile(r"[0-9]{1,15}")
_SPAN = re.compile(r"([0-9]{1,15})(?:-([0-9]{1,15}))?")
# Each digit has one place in it: of a long number, other patterns would try every way to divide it.
_LEVEL = r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(%?)"
_RANGE = re.compile(f"{_LEVEL}-{_LEVEL}")


class _FilterError(Exception):
    """Carries the sentence about a condition; it never leaves this module."""


def parse(text: str, vocabulary: Vocabulary) -> Query:
    """Read a filter.

    Parameters
    ----------
    text : str
        A text in the language of `grammar`.
    vocabulary : Vocabulary
        The names and numbers that it may use.

    Returns
    -------
    Query
        The conditions that were understood, and the problems with the rest; no text raises.
    """
    outcomes = [(start, end, _read(piece, vocabulary)) for start, end, piece in pieces(text)]
    return Query(
        tuple(outcome for _, _, outcome in outcomes if isinstance(outcome, Condition)),
        tuple(Problem(start, end, outcome) for start, end, outcome in outcomes if isinstance(outcome, str)),
    )


def _read(piece: Piece | None, vocabulary: Vocabulary) -> Condition | str:
    """Read one condition, or say what is wrong with it."""
    if piece is None:
        return "The quotation mark is never closed."
    try:
        return _condition(piece, vocabulary)
    except _FilterError as error:
        return str(error)


def _condition(piece: Piece, vocabulary: Vocabulary) -> Condition:
    """Read one condition with its sign."""
    if piece.plain in {"!=", "=="}:
        raise _FilterError(
            "Write wrong where label and prediction differ, correct where they agree; a condition holds no "
            "spaces: label:4."
        )
    negated = piece.plain[:1] in {"-", "!"}
    if negated:
        piece = piece[1:]
        if not piece.text:
            raise _FilterError("A sign stands right before the condition that must not hold: -correct.")
    kind, values = _kind_and_values(piece, vocabulary)
    return Condition(kind, negated, values)


def _kind_and_values(piece: Piece, vocabulary: Vocabulary) -> tuple[str, tuple[Any, ...]]:
    """Read kind and values of a condition without its sign."""
    if piece.plain.startswith("#"):
        return "index", tuple(_samples(part, vocabulary.n) for part in piece[1:].split())
    found = _OPERATOR.match(piece.plain)
    if found is None:
        return _word(piece, vocabulary)
    name, operator = FIELDS.get(found[1].lower()), found[2]
    value = piece[found.end() :]
    if name is None:
        there = "fields are label, pred, conf, split, group and changed."
        raise _FilterError(f"There is no field “{found[1]}”; {did_you_mean(found[1], FIELDS) or there}")
    if name == "conf":
        return name, _confidence(operator, value.plain)
    if operator == "!=" or (operator in ":=" and value.plain[:1] == "="):
        raise _FilterError(instead_of_equality(name, value, differ=operator == "!="))
    if operator not in ":=":
        raise _FilterError(f"Only conf is compared with {operator}; after {name} comes a colon.")
    if name in {"label", "pred"}:
        classes = [_class(part, vocabulary.classes, name) for part in value.split()]
        return name, tuple(dict.fromkeys(classes))
    if name == "split":
        split = value.plain.lower()
        if split not in {"train", "test"}:
            raise _FilterError("A split is train or test, as in split:test.")
        return name, (split,)
    if name == "group":
        group = _named(value.text, vocabulary.groups)
        if not value.text:
            raise _FilterError(f"After group comes a name; {list_groups(vocabulary)}")
        if group is None:
            near = did_you_mean(value.text, vocabulary.groups)
            raise _FilterError(f"There is no group “{value.text}”; {near or list_groups(vocabulary)}")
        return name, (vocabulary.groups[group],)
    return name, _epochs(value.plain, vocabulary.epochs)


def _word(piece: Piece, vocabulary: Vocabulary) -> tuple[str, tuple[Any, ...]]:
    """Read a reserved word or the name of a group."""
    word = piece.plain.lower()
    if word in {"correct", "wrong"}:
        return word, ()
    group = _named(piece.text, vocabulary.groups)
    if group is not None:
        return "group", (vocabulary.groups[group],)
    if _named(piece.text, vocabulary.classes) is not None:
        raise _FilterError(f"“{piece.text}” is a class; write label: or pred: before it.")
    if word in FIELDS:
        raise _FilterError(f"After {word} comes a sign and a value, without a space: split:test, conf<0.6.")
    near = did_you_mean(piece.text, [*vocabulary.groups, "correct", "wrong", *FIELDS])
    raise _FilterError(
        f"“{piece.text}” is neither correct, wrong nor a group; {near or list_groups(vocabulary)}"
    )


def _named(text: str, names: Sequence[str]) -> int | None:
    """Find the place of a name: as it is written, or regardless of case if just one fits."""
    if text in names:
        return list(names).index(text)
    fitting = [i for i, name in enumerate(names) if name.lower() == text.lower()]
    return fitting[0] if len(fitting) == 1 else None


def _class(piece: Piece, names: Sequence[str], field_name: str) -> int:
    """Read the number of a class; −1 stands for no label."""
    if not piece.text:
        raise _FilterError(f"After {field_name} comes a class; {list_classes(names)}")
    place = _named(piece.text, names)
    if place is not None:
        return place
    if field_name == "label" and piece.plain.lower() == "none":
        return -1
    if _NUMBER.fullmatch(piece.plain) and int(piece.plain) < len(names):
        return int(piece.plain)
    raise _FilterError(
        f"There is no class “{piece.text}”; {did_you_mean(piece.text, names) or list_classes(names)}"
    )


def _confidence(operator: str, plain: str) -> tuple[Any, ...]:
    """Read a relation and one level, or a range of levels."""
    levels: list[tuple[str, str]] = []
    if operator in ":=":
        between = _RANGE.fullmatch(plain)
        if between is not None:
            levels = [(between[1], between[2]), (between[3], between[4])]
    elif operator != "!=":
        one = re.fullmatch(_LEVEL, plain)
        if one is not None:
            levels = [(one[1], one[2])]
    numbers = [float(number) / (100 if percent else 1) for number, percent in levels]
    if not numbers or max(numbers) > 1:
        raise _FilterError("Confidence is compared with numbers in 0 to 1: conf<0.6 or conf:0.2-0.6.")
    return ("in", *sorted(numbers)) if len(numbers) == 2 else (operator, *numbers)


def _epochs(plain: str, recorded: Sequence[int]) -> tuple[int, int]:
    """Read two recorded epochs."""
    span = _SPAN.fullmatch(plain)
    if span is None or span[2] is None or int(span[1]) == int(span[2]):
        raise _FilterError("After changed come two epochs, as in changed:3-7.")
    for epoch in (int(span[1]), int(span[2])):
        if epoch not in recorded:
            raise _FilterError(f"Epoch {epoch} was not recorded; {list_names('epochs', map(str, recorded))}")
    return int(span[1]), int(span[2])


def _samples(piece: Piece, n: int) -> tuple[int, int]:
    """Read the first and last number of a span of samples."""
    span = _SPAN.fullmatch(piece.plain)
    if span is None:
        raise _FilterError("After # comes the number of a sample, as in #17, #17,20 or #17-20.")
    ends = int(span[1]), int(span[2] or span[1])
    for index in ends:
        if index >= n:
            raise _FilterError(f"There is no sample {index}; samples are numbered 0 to {n - 1}.")
    return min(ends), max(ends)
