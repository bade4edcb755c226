r"""The filter language: which samples to show, as one line of text.

The front end understands the same language; ``tests/query_cases.json`` holds both to it.

Grammar
-------
A filter is a sequence of conditions between white space; a sample is shown if all of them hold. The empty
filter shows every sample. ::

    filter    = { space } [ condition { space { space } condition } { space } ]
    condition = [ "-" | "!" ] ( field | "#" numbers | word )      -, ! : the condition must not hold
    field     = ( "label" | "pred" ) ( ":" | "=" ) class { "," class }
              | "conf" ( "<" | "<=" | ">" | ">=" ) level
              | "conf" ( ":" | "=" ) level "-" level              both ends belong to the range
              | "split" ( ":" | "=" ) ( "train" | "test" )
              | "group" ( ":" | "=" ) group
              | "changed" ( ":" | "=" ) number "-" number
    word      = "correct" | "wrong" | group
    numbers   = span { "," span }
    span      = number [ "-" number ]                             both ends belong to the span
    level     = ( digits [ "." { digit } ] | "." digits ) [ "%" ] in 0 .. 1; with % it is divided by 100
    number    = 1 to 15 digits, 0 to 9

- **space** is one of U+0020, U+0009, U+000A, U+000D, U+00A0.
- A double quotation mark begins a quoted piece, the next one ends it. In it white space, commas and signs are
  plain characters; ``\"`` and ``\\`` stand for ``"`` and ``\``, any other ``\`` for itself. What is not
  quoted may be written beside it: ``label:"red fox",dog``. A quoted piece never counts as a sign, a field, an
  operator, a comma, a number or a reserved word: ``"correct"`` is a group of that name, ``label:"4"`` the
  class of that name.
- Fields and reserved words may be written in either case, and "prediction" and "confidence" in full. Of a
  condition's text, the longest run of unquoted letters a to z at its beginning that an operator follows is
  its field; without one it is a word, and a word that begins with an unquoted ``#`` names samples.
- **class** is looked for first among the names as they are, then among the names regardless of case (if just
  one fits), then, unquoted, ``none`` means samples without a label (label alone), and a number counts classes
  from 0.
- **group** is looked for in the same two ways among the groups' names.
- **correct** and **wrong** compare prediction and label; neither holds for a sample without a label.
- **changed:a-b** holds if the prediction at epoch b is not that at epoch a; both must be recorded and differ.
- **number** after ``#`` must be a sample's; a span may be written in either direction.

Everything that speaks of predictions or confidence means the epoch shown, apart from changed.

What is not understood is left out and told: the condition's first character and the one after its last,
counted in Unicode code points from 0, and a sentence. Each condition yields one problem at most, the first
found from left to right; a class named twice is kept once. The parser raises for no text.

The sentence for an unknown field, class or word asks for the name that was probably meant: the first of those
with the fewest edits (insert, delete or replace a character, or swap two neighbours; regardless of case), at
most one edit for each three characters written (one for up to five), and fewer edits than characters. Without
one, where a name differs in case only, and for texts of more than 40 characters, it lists what there is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_SPACE = " \t\n\r\u00a0"
_OPERATOR = re.compile(r"([A-Za-z]+)(!=|<=|>=|<|>|:|=)")
_NUMBER = re.compile(r"[0-9]{1,15}")
_SPAN = re.compile(r"([0-9]{1,15})(?:-([0-9]{1,15}))?")
_LEVEL = r"([0-9]+\.?[0-9]*|\.[0-9]+)(%?)"
_RANGE = re.compile(f"{_LEVEL}-{_LEVEL}")
_FIELDS = {"prediction": "pred", "confidence": "conf"} | {
    name: name for name in ("label", "pred", "conf", "split", "group", "changed")
}
_QUOTED = "\0"  # stands in the plain text for a quoted character, which is then no sign
_LISTED = 5  # names in a sentence
_WRITTEN = 40  # characters of a word that is compared with names


@dataclass(frozen=True)
class Condition:
    """One condition of a filter.

    Attributes
    ----------
    kind : str
        "label", "pred", "conf", "split", "group", "changed", "index", "correct" or "wrong".
    negated : bool
        Whether it must not hold.
    values : tuple
        label, pred: class numbers (−1: no label). conf: one of "<", "<=", ">", ">=" and a level, or "in" and
        two levels, ascending. split: "train" or "test". group: its name. changed: two epochs. index: pairs
        (first, last). correct, wrong: nothing.
    """

    kind: str
    negated: bool
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Problem:
    """A part of a filter that was not understood.

    Attributes
    ----------
    start, end : int
        First character and the one after the last, in code points.
    sentence : str
        What is wrong, for people.
    """

    start: int
    end: int
    sentence: str


@dataclass(frozen=True)
class Query:
    """A filter that was read: the conditions that were understood, and what was not."""

    conditions: tuple[Condition, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Vocabulary:
    """What a filter may name.

    Parameters
    ----------
    n : int
        Number of samples.
    classes, groups : sequence of str
        Their names.
    epochs : sequence of int
        Recorded numbers, ascending.
    """

    n: int
    classes: Sequence[str] = ()
    groups: Sequence[str] = ()
    epochs: Sequence[int] = ()


@dataclass(frozen=True)
class Samples:
    """What is known of the samples at the epoch shown.

    Parameters
    ----------
    labels, predictions : int [N]
        Classes; −1: no label.
    confidence : float [N]
        In [0, 1].
    test : bool [N]
        Whether a sample is of the test split.
    groups : mapping of str to bool [N]
        Members of each group.
    predictions_at : callable
        Predictions [N] at a recorded epoch.
    """

    labels: ArrayLike
    predictions: ArrayLike
    confidence: ArrayLike
    test: ArrayLike
    groups: Mapping[str, ArrayLike]
    predictions_at: Callable[[int], ArrayLike]


class _NotUnderstood(Exception):  # noqa: N818 - it never leaves this module
    """Carries the sentence."""


@dataclass(frozen=True)
class _Piece:
    """Characters of a condition: what they say, and the same with a stand-in for each quoted one."""

    text: str
    plain: str

    def __getitem__(self, part: slice) -> _Piece:
        return _Piece(self.text[part], self.plain[part])

    @property
    def quoted(self) -> bool:
        return _QUOTED in self.plain

    def split(self) -> list[_Piece]:
        """At the commas."""
        commas = [i for i, sign in enumerate(self.plain) if sign == ","]
        starts, ends = [0, *(i + 1 for i in commas)], [*commas, len(self.text)]
        return [self[start:end] for start, end in zip(starts, ends, strict=True)]


def parse(text: str, vocabulary: Vocabulary) -> Query:
    """Read a filter.

    Parameters
    ----------
    text : str
        In the language of this module.
    vocabulary : Vocabulary
        The names and numbers that it may use.

    Returns
    -------
    Query
        What was understood and what was not; no text raises.
    """
    read = [(start, end, _read(piece, vocabulary)) for start, end, piece in _pieces(text)]
    return Query(
        tuple(found for _, _, found in read if isinstance(found, Condition)),
        tuple(Problem(start, end, found) for start, end, found in read if isinstance(found, str)),
    )


def holds(query: Query, samples: Samples) -> NDArray[np.bool_]:
    """Which samples a filter shows.

    Parameters
    ----------
    query : Query
        Problems are passed over.
    samples : Samples
        Has the groups and epochs that the conditions name.

    Returns
    -------
    bool [N]
    """
    shown = np.ones(len(np.asarray(samples.labels)), bool)
    for condition in query.conditions:
        shown &= _holds(condition, samples) != condition.negated
    return shown


def _holds(condition: Condition, samples: Samples) -> NDArray[np.bool_]:
    """Where one condition holds, its negation apart."""
    labels, predictions = np.asarray(samples.labels), np.asarray(samples.predictions)
    kind, values = condition.kind, condition.values
    mask: Any
    if kind in {"label", "pred"}:
        mask = np.isin(labels if kind == "label" else predictions, values)
    elif kind == "conf":
        confidence, (relation, *levels) = np.asarray(samples.confidence, np.float64), values
        mask = {
            "<": lambda: confidence < levels[0],
            "<=": lambda: confidence <= levels[0],
            ">": lambda: confidence > levels[0],
            ">=": lambda: confidence >= levels[0],
            "in": lambda: (confidence >= levels[0]) & (confidence <= levels[1]),
        }[relation]()
    elif kind == "split":
        mask = np.asarray(samples.test, bool) == (values[0] == "test")
    elif kind == "group":
        mask = np.asarray(samples.groups[values[0]], bool)
    elif kind == "changed":
        before, after = (np.asarray(samples.predictions_at(epoch)) for epoch in values)
        mask = before != after
    elif kind == "index":
        mask = np.zeros(len(labels), bool)
        for first, last in values:
            mask[first : last + 1] = True
    else:
        mask = (labels >= 0) & ((labels == predictions) == (kind == "correct"))
    result: NDArray[np.bool_] = np.asarray(mask, bool)
    return result


def _pieces(text: str) -> list[tuple[int, int, _Piece | None]]:
    """The conditions with their places; None for one whose quotation mark is never closed."""
    found: list[tuple[int, int, _Piece | None]] = []
    at = 0
    while at < len(text):
        if text[at] in _SPACE:
            at += 1
            continue
        start, said, plain, quoted = at, "", "", False
        while at < len(text) and (quoted or text[at] not in _SPACE):
            sign = text[at]
            if sign == '"':
                quoted = not quoted
            else:
                if quoted and sign == "\\" and text[at + 1 : at + 2] in {'"', "\\"}:
                    at += 1
                    sign = text[at]
                said += sign
                plain += _QUOTED if quoted else sign.replace(_QUOTED, "\ufffd")
            at += 1
        found.append((start, at, None if quoted else _Piece(said, plain)))
    return found


def _read(piece: _Piece | None, vocabulary: Vocabulary) -> Condition | str:
    """One condition, or what is wrong with it."""
    if piece is None:
        return "The quotation mark is never closed."
    try:
        return _condition(piece, vocabulary)
    except _NotUnderstood as error:
        return str(error)


def _condition(piece: _Piece, vocabulary: Vocabulary) -> Condition:
    """One condition, its sign included."""
    if piece.plain in {"!=", "=="}:
        raise _NotUnderstood(
            "Write wrong where label and prediction differ, correct where they agree; a condition holds no "
            "spaces: label:4."
        )
    negated = piece.plain[:1] in {"-", "!"}
    if negated:
        piece = piece[1:]
        if not piece.text:
            raise _NotUnderstood("A sign stands right before the condition that must not hold: -correct.")
    kind, values = _meaning(piece, vocabulary)
    return Condition(kind, negated, values)


def _meaning(piece: _Piece, vocabulary: Vocabulary) -> tuple[str, tuple[Any, ...]]:
    """Kind and values of a condition without its sign."""
    if piece.plain.startswith("#"):
        return "index", tuple(_samples(part, vocabulary.n) for part in piece[1:].split())
    found = _OPERATOR.match(piece.plain)
    if found is None:
        return _word(piece, vocabulary)
    name, operator = _FIELDS.get(found[1].lower()), found[2]
    value = piece[found.end() :]
    if name is None:
        there = "fields are label, pred, conf, split, group and changed."
        raise _NotUnderstood(f"There is no field “{found[1]}”; {_meant(found[1], _FIELDS) or there}")
    if name == "conf":
        return name, _confidence(operator, value.plain)
    if operator == "!=" or (operator in ":=" and value.plain[:1] == "="):
        raise _NotUnderstood(_equality(name, operator == "!=", value))
    if operator not in ":=":
        raise _NotUnderstood(f"Only conf is compared with {operator}; after {name} comes a colon.")
    if name in {"label", "pred"}:
        classes = [_class(part, vocabulary.classes, name) for part in value.split()]
        return name, tuple(dict.fromkeys(classes))
    if name == "split":
        split = value.plain.lower()
        if split not in {"train", "test"}:
            raise _NotUnderstood("A split is train or test, as in split:test.")
        return name, (split,)
    if name == "group":
        group = _named(value.text, vocabulary.groups)
        if not value.text:
            raise _NotUnderstood(f"After group comes a name; {_groups(vocabulary)}")
        if group is None:
            near = _meant(value.text, vocabulary.groups)
            raise _NotUnderstood(f"There is no group “{value.text}”; {near or _groups(vocabulary)}")
        return name, (vocabulary.groups[group],)
    return name, _epochs(value.plain, vocabulary.epochs)


def _word(piece: _Piece, vocabulary: Vocabulary) -> tuple[str, tuple[Any, ...]]:
    """A reserved word, or a group."""
    word = piece.plain.lower()
    if word in {"correct", "wrong"}:
        return word, ()
    group = _named(piece.text, vocabulary.groups)
    if group is not None:
        return "group", (vocabulary.groups[group],)
    if _named(piece.text, vocabulary.classes) is not None:
        raise _NotUnderstood(f"“{piece.text}” is a class; write label: or pred: before it.")
    if word in _FIELDS:
        raise _NotUnderstood(f"After {word} comes a sign and a value, without a space: split:test, conf<0.6.")
    near = _meant(piece.text, [*vocabulary.groups, "correct", "wrong", *_FIELDS])
    raise _NotUnderstood(
        f"“{piece.text}” is neither correct, wrong nor a group; {near or _groups(vocabulary)}"
    )


def _equality(name: str, differ: bool, value: _Piece) -> str:
    """What to write where somebody compares as programs do."""
    while value.plain[:1] == "=":
        value = value[1:]
    if name in {"label", "pred"} and _FIELDS.get(value.plain.lower()) in {"label", "pred"}:
        word, relation = ("wrong", "differ") if differ else ("correct", "agree")
        return f"Write {word} for samples whose label and prediction {relation}."
    said = value.text or "…"
    if value.quoted:
        said = '"' + said.replace("\\", r"\\").replace('"', r"\"") + '"'
    return f"Write “-{name}:{said}”; the sign before it means not." if differ else f"Write “{name}:{said}”."


def _named(text: str, names: Sequence[str]) -> int | None:
    """Place of a name: as it is, or regardless of case if just one fits."""
    if text in names:
        return list(names).index(text)
    fitting = [i for i, name in enumerate(names) if name.lower() == text.lower()]
    return fitting[0] if len(fitting) == 1 else None


def _class(piece: _Piece, names: Sequence[str], field_name: str) -> int:
    """Number of a class; −1 for none."""
    if not piece.text:
        raise _NotUnderstood(f"After {field_name} comes a class; {_classes(names)}")
    place = _named(piece.text, names)
    if place is not None:
        return place
    if field_name == "label" and piece.plain.lower() == "none":
        return -1
    if _NUMBER.fullmatch(piece.plain) and int(piece.plain) < len(names):
        return int(piece.plain)
    raise _NotUnderstood(f"There is no class “{piece.text}”; {_meant(piece.text, names) or _classes(names)}")


def _confidence(operator: str, plain: str) -> tuple[Any, ...]:
    """Relation and levels."""
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
        raise _NotUnderstood("Confidence is compared with numbers in 0 to 1: conf<0.6 or conf:0.2-0.6.")
    return ("in", *sorted(numbers)) if len(numbers) == 2 else (operator, *numbers)


def _epochs(plain: str, recorded: Sequence[int]) -> tuple[int, int]:
    """Two recorded epochs."""
    span = _SPAN.fullmatch(plain)
    if span is None or span[2] is None or int(span[1]) == int(span[2]):
        raise _NotUnderstood("After changed come two epochs, as in changed:3-7.")
    for epoch in (int(span[1]), int(span[2])):
        if epoch not in recorded:
            raise _NotUnderstood(f"Epoch {epoch} was not recorded; {_all('epochs', map(str, recorded))}")
    return int(span[1]), int(span[2])


def _samples(piece: _Piece, n: int) -> tuple[int, int]:
    """First and last number of a span of samples."""
    span = _SPAN.fullmatch(piece.plain)
    if span is None:
        raise _NotUnderstood("After # comes the number of a sample, as in #17, #17,20 or #17-20.")
    ends = int(span[1]), int(span[2] or span[1])
    for index in ends:
        if index >= n:
            raise _NotUnderstood(f"There is no sample {index}; samples are numbered 0 to {n - 1}.")
    return min(ends), max(ends)


def _classes(names: Sequence[str]) -> str:
    return _all("classes", names)


def _groups(vocabulary: Vocabulary) -> str:
    return _all("groups", vocabulary.groups) if vocabulary.groups else "the samples have no groups."


def _all(what: str, names: Iterable[str]) -> str:
    """What there is, in words; the first few of many."""
    named = list(names)
    more = f" and {len(named) - _LISTED} more" if len(named) > _LISTED else ""
    return f"{what} are {', '.join(named[:_LISTED])}{more}."


def _meant(text: str, names: Iterable[str]) -> str:
    """A question for the name that was probably meant; nothing if none is near."""
    written = text.lower()
    best, fewest = "", min(max(1, len(text) // 3), len(text) - 1)
    if len(text) > _WRITTEN:
        return ""
    for name in names:
        if abs(len(name) - len(text)) <= fewest:
            needed = _edits(written, name.lower())
            if needed < fewest + (not best):
                best, fewest = name, needed
    return f"did you mean “{best}”?" if fewest and best else ""


def _edits(a: str, b: str) -> int:
    """Fewest insertions, deletions, replacements and swaps of neighbours that make b of a."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, sign in enumerate(a, 1):
        earlier, before, row = before, row, [i]
        for j, other in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (sign != other)))
            if i > 1 and j > 1 and sign == b[j - 2] and other == a[i - 2]:
                row[-1] = min(row[-1], earlier[j - 2] + 1)
    return row[-1]
