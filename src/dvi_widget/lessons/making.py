"""Makes a lesson's notebooks out of its one source: the sheet with blanks, and the solutions with notes.

A source is Markdown. Its fenced blocks are cells of code: ``python`` for everybody; ``exercise``, whose
part above the line ``---`` is the blank and below it the solution; ``check``, which follows an exercise. A
``notes`` block is for the teacher. ``also`` and ``wrong`` hold further answers that the check must accept and
refuse; they are for the tests.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvi_widget.arrays import check_path, check_whole
from dvi_widget.files import write_aside

_SOURCES = Path(__file__).parent
_FENCE = re.compile(r"^```(python|exercise|check|notes|also|wrong)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PARTING = "---\n"


@dataclass(frozen=True)
class Part:
    """A part of a lesson: "text", or the kind of its block; an exercise has a solution beside its blank."""

    kind: str
    content: str
    solution: str = ""


def numbers() -> list[int]:
    """Return the numbers of the lessons there are."""
    return sorted(int(path.stem.split("_")[0]) for path in _SOURCES.glob("*_*.md"))


def source(n: int) -> Path:
    """Return the file of a lesson."""
    (path,) = _SOURCES.glob(f"{n}_*.md")
    return path


def parts(text: str) -> list[Part]:
    """Read a source, part by part."""
    found: list[Part] = []
    end = 0
    for match in _FENCE.finditer(text):
        found.append(Part("text", text[end : match.start()].strip()))
        kind, content = match.groups()
        blank, _, solution = content.partition(_PARTING) if kind == "exercise" else (content, "", "")
        found.append(Part(kind, blank.rstrip("\n"), solution.rstrip("\n")))
        end = match.end()
    found.append(Part("text", text[end:].strip()))
    return [part for part in found if part.content]


def lesson(n: int, folder: str | Path = ".", *, solutions: bool = False) -> Path:
    """Copy a lesson into a folder, as a notebook to work in.

    Parameters
    ----------
    n
        Its number. `dvi_widget.lessons.making.numbers` lists those there are.
    folder
        A folder that exists.
    solutions
        The notebook with the solutions and the notes for teachers, instead of the one with blanks.

    Returns
    -------
    Path
        The notebook.

    Raises
    ------
    ValueError
        If there is no such lesson.
    FileNotFoundError
        If the folder does not exist.
    FileExistsError
        If the notebook is there already: somebody's answers may be in it.

    Examples
    --------
    >>> import dvi_widget as dvi
    >>> dvi.lesson(4).name
    '4_landscape_of_a_training.ipynb'
    """
    n = check_whole("n", n)
    if n not in numbers():
        raise ValueError(f"n must be the number of a lesson, one of {numbers()}; got {n}.")
    target = check_path("folder", folder).expanduser()
    if not target.is_dir():
        raise FileNotFoundError(f"folder must exist; there is no {target}. Create it first.")
    path = target / f"{source(n).stem}{'_solutions' if solutions else ''}.ipynb"
    if path.exists():
        raise FileExistsError(f"{path} is there already. Move it, or name another folder.")
    cells = [
        cell for part in parts(source(n).read_text(encoding="utf-8")) for cell in _cells(part, solutions)
    ]
    with write_aside(path) as aside:
        aside.write_text(json.dumps(_notebook(cells), indent=1, ensure_ascii=False), encoding="utf-8")
    return path


def _cells(part: Part, solutions: bool) -> list[dict[str, Any]]:
    """Make the cells of a part, if it belongs into the notebook."""
    if part.kind == "text":
        return [_cell("markdown", part.content)]
    if part.kind == "notes":
        return [_cell("markdown", f"**For teachers.** {part.content}")] if solutions else []
    if part.kind in {"also", "wrong"}:
        return []
    return [_cell("code", part.solution if solutions and part.solution else part.content)]


def _cell(kind: str, content: str) -> dict[str, Any]:
    code: dict[str, Any] = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": content, **code}


def _notebook(cells: list[dict[str, Any]]) -> dict[str, Any]:
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    named = [{"id": f"cell-{number}", **cell} for number, cell in enumerate(cells)]
    return {"cells": named, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
