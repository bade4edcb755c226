"""Sentences for the parts of a filter that are not understood: what there is, and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .grammar import FIELDS, Piece, Vocabulary

_MAX_NAMES = 5  # listed in a sentence
_MAX_COMPARED = 40  # characters of a word that is compared with names


def instead_of_equality(name: str, value: Piece, *, differ: bool) -> str:
    """Say what to write instead of ``=``, ``==`` or ``!=`` after a field."""
    while value.plain[:1] == "=":
        value = value[1:]
    if name in {"label", "pred"} and FIELDS.get(value.plain.lower()) in {"label", "pred"}:
        word, relation = ("wrong", "differ") if differ else ("correct", "agree")
        return f"Write {word} for samples whose label and prediction {relation}."
    text = value.text or "…"
    if value.quoted:
        text = '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'
    return f"Write “-{name}:{text}”; the sign before it means not." if differ else f"Write “{name}:{text}”."


def list_classes(names: Sequence[str]) -> str:
    """List the classes."""
    return list_names("classes", names)


def list_groups(vocabulary: Vocabulary) -> str:
    """List the groups, or say that there are none."""
    return list_names("groups", vocabulary.groups) if vocabulary.groups else "the samples have no groups."


def list_names(what: str, names: Iterable[str]) -> str:
    """List the first few names."""
    named = list(names)
    more = f" and {len(named) - _MAX_NAMES} more" if len(named) > _MAX_NAMES else ""
    return f"{what} are {', '.join(named[:_MAX_NAMES])}{more}."


def did_you_mean(text: str, names: Iterable[str]) -> str:
    """Ask for the name that was probably meant; empty if none is near."""
    written = text.lower()
    best, fewest = "", min(max(1, len(text) // 3), len(text) - 1)
    if len(text) > _MAX_COMPARED:
        return ""
    for name in names:
        if abs(len(name) - len(text)) <= fewest:
            needed = _edits(written, name.lower())
            if needed < fewest + (not best):
                best, fewest = name, needed
    return f"did you mean “{best}”?" if fewest and best else ""


def _edits(a: str, b: str) -> int:
    """Count the insertions, deletions, replacements and swaps of neighbours that turn a into b, at least."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, sign in enumerate(a, 1):
        earlier, before, row = before, row, [i]
        for j, other in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (sign != other)))
            if i > 1 and j > 1 and sign == b[j - 2] and other == a[i - 2]:
                row[-1] = min(row[-1], earlier[j - 2] + 1)
    return row[-1]
