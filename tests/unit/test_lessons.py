"""The lessons: right answers of any kind pass the checks, blanks and wrong ones are refused."""

from __future__ import annotations

import json

import pytest

import dvi_widget as dvi
from dvi_widget.lessons import making
from dvi_widget.lessons.checks import NotYetError

LESSONS = making.numbers()


def lesson_parts(n):
    return making.parts(making.source(n).read_text(encoding="utf-8"))


@pytest.mark.feature("F16")
@pytest.mark.parametrize("n", LESSONS)
def test_a_lesson_runs_and_its_checks_tell_right_from_wrong(n, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    parts = lesson_parts(n)
    for place, part in enumerate(parts):
        if part.kind == "python":
            exec(compile(part.content, f"lesson {n}", "exec"), names)
        if part.kind != "check":
            continue
        exercise = next(p for p in reversed(parts[:place]) if p.kind == "exercise")
        exec(exercise.content, names)
        with pytest.raises(NotYetError, match="still blank"):
            exec(part.content, names)
        exec(exercise.solution, names)
        exec(part.content, names)
        for other in parts[place + 1 :]:
            if other.kind in {"text", "notes"}:
                continue
            if other.kind not in {"also", "wrong"}:
                break
            exec(other.content, names)
            if other.kind == "also":
                exec(part.content, names)
            else:
                with pytest.raises(NotYetError):
                    exec(part.content, names)
            exec(exercise.solution, names)


@pytest.mark.parametrize("n", LESSONS)
def test_a_lesson_has_aims_guesses_exercises_and_notes_with_timings(n):
    parts = lesson_parts(n)
    kinds = [part.kind for part in parts]
    assert kinds.count("exercise") == kinds.count("check") >= 4
    assert kinds.count("wrong") >= 3
    assert kinds.count("also") >= 2  # right answers of another kind
    assert "**Aims.**" in parts[0].content
    assert any("**Guess first.**" in part.content for part in parts)
    assert "Timings:" in next(part.content for part in parts if part.kind == "notes")
    for part in parts:
        if part.kind == "exercise":
            assert "..." in part.content
            assert "..." not in part.solution


def code(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n".join(cell["source"] for cell in cells if cell["cell_type"] == "code"), cells


@pytest.mark.parametrize("n", LESSONS)
def test_the_sheet_has_blanks_and_neither_solutions_nor_notes(n, tmp_path):
    sheet, cells = code(dvi.lesson(n, tmp_path))
    solved, solved_cells = code(dvi.lesson(n, tmp_path, solutions=True))
    for part in lesson_parts(n):
        if part.kind == "exercise":
            assert part.content in sheet
            assert part.solution not in sheet
            assert part.solution in solved
        if part.kind in {"also", "wrong"}:
            assert len(part.content) < 20 or part.content not in sheet
    assert "For teachers" not in str(cells)
    assert "For teachers" in str(solved_cells)
    compile(sheet, "sheet", "exec")
    compile(solved, "solutions", "exec")


def test_a_lesson_is_a_notebook_that_others_can_read(tmp_path):
    nbformat = pytest.importorskip("nbformat")
    for n in LESSONS:
        nbformat.validate(nbformat.read(dvi.lesson(n, tmp_path), as_version=4))


def test_answers_are_not_written_over_and_there_is_no_other_lesson(tmp_path):
    path = dvi.lesson(LESSONS[0], tmp_path)
    path.write_text("my answers")
    with pytest.raises(FileExistsError):
        dvi.lesson(LESSONS[0], tmp_path)
    assert path.read_text() == "my answers"
    with pytest.raises(ValueError, match="n must be the number of a lesson"):
        dvi.lesson(99, tmp_path)
    with pytest.raises(FileNotFoundError):
        dvi.lesson(LESSONS[0], tmp_path / "none")
