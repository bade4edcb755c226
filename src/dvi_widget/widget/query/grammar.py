r"""The grammar of filters: how a text is cut into conditions, and what these may name.

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
- A double quotation mark begins a quoted piece, the next one ends it. Inside, white space, commas and signs
  are plain characters; ``\"`` and ``\\`` stand for ``"`` and ``\``, any other ``\`` for itself. Unquoted
  characters may stand next to it: ``label:"red fox",dog``. A quoted piece never counts as a sign, a field, an
  operator, a comma, a number or a reserved word: ``"correct"`` is a group of that name, ``label:"4"`` the
  class of that name.
- Fields and reserved words may be written in either case, and "prediction" and "confidence" in full. The
  field of a condition is the longest run of unquoted letters a to z at its beginning that an operator
  follows; a condition without a field is a word, and a word that begins with an unquoted ``#`` names samples.
- **class** is looked for first among the names as they are, then among the names regardless of case (if just
  one fits), then, unquoted, ``none`` means samples without a label (label alone), and a number counts classes
  from 0.
- **group** is looked for in the same two ways among the groups' names.
- **correct** and **wrong** compare prediction and label; neither holds for a sample without a label.
- **changed:a-b** holds if the prediction at epoch b is not that at epoch a; both must be recorded and differ.
- **number** after ``#`` must be a sample's; a span may be written in either direction.

Predictions and confidence are those of the epoch shown, except for changed.

A condition that is not understood is left out and reported: its first character and the one after its last,
counted in Unicode code points from 0, and a sentence. A condition yields at most one problem, the first from
left to right; a class that is named twice is kept once. No text makes the parser raise.

The sentence for an unknown field, class or word asks for the name that was probably meant: the first of those
with the fewest edits (insert, delete or replace a character, or swap two neighbours; regardless of case), at
most one edit for each three characters written (one for up to five), and fewer edits than characters. Without
such a name, where a name differs in case only, and for texts of more than 40 characters, it lists all names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

#: Names that a field may be written by, and the field each stands for.
FIELDS = {"prediction": "pred", "confidence": "conf"} | {
    name: name for name in ("label", "pred", "conf", "split", "group", "changed")
}
_SPACE = " \t\n\r\u00a0"
_QUOTED = "\0"  # replaces quoted characters in the plain text, so that none counts as a sign


@dataclass(frozen=True)
class Condition:
    """One condition of a filter.

    Attributes
    ----------
    kind : str
        "label", "pred", "conf", "split", "group", "changed", "index", "correct" or "wrong".
    negated : bool
        Whether the condition must not hold.
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
        The problem, for people.
    """

    start: int
    end: int
    sentence: str


@dataclass(frozen=True)
class Query:
    """A parsed filter: the conditions that were understood, and the problems with the rest."""

    conditions: tuple[Condition, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Vocabulary:
    """The names that a filter may use.

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
class Piece:
    """Part of a condition.

    Attributes
    ----------
    text : str
        Its characters, without quotation marks.
    plain : str
        The same with a stand-in for each quoted character.
    """

    text: str
    plain: str

    def __getitem__(self, part: slice) -> Piece:
        return Piece(self.text[part], self.plain[part])

    @property
    def quoted(self) -> bool:
        """Whether any character is quoted."""
        return _QUOTED in self.plain

    def split(self) -> list[Piece]:
        """Split at the commas that are not quoted."""
        commas = [i for i, sign in enumerate(self.plain) if sign == ","]
        starts, ends = [0, *(i + 1 for i in commas)], [*commas, len(self.text)]
        return [self[start:end] for start, end in zip(starts, ends, strict=True)]


def pieces(text: str) -> list[tuple[int, int, Piece | None]]:
    """Cut a filter into its conditions.

    Returns
    -------
    list of (start, end, piece)
        Start and end of each condition, in code points; its piece is None if a quotation mark is never
        closed.
    """
    found: list[tuple[int, int, Piece | None]] = []
    at = 0
    while at < len(text):
        if text[at] in _SPACE:
            at += 1
            continue
        start, written, plain, quoted = at, "", "", False
        while at < len(text) and (quoted or text[at] not in _SPACE):
            sign = text[at]
            if sign == '"':
                quoted = not quoted
            else:
                if quoted and sign == "\\" and text[at + 1 : at + 2] in {'"', "\\"}:
                    at += 1
                    sign = text[at]
                written += sign
                plain += _QUOTED if quoted else sign.replace(_QUOTED, "\ufffd")
            at += 1
        found.append((start, at, None if quoted else Piece(written, plain)))
    return found
