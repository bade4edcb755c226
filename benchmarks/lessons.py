"""What the lessons cost a machine: `python benchmarks/lessons.py` runs each with its solutions.

Prints the seconds of CPU time of each lesson's cells on one thread, and the longest cell's, as a table.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TQDM_DISABLE", "1")
from dvi_widget.lessons import making


def seconds(n: int) -> list[float]:
    """Run a lesson's cells, exercises solved; return the CPU time of each."""
    names: dict[str, Any] = {}
    taken = []
    for part in making.parts(making.source(n).read_text(encoding="utf-8")):
        if part.kind in {"python", "exercise", "check"}:
            start = time.process_time()
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(part.solution or part.content, f"lesson {n}", "exec"), names)
            taken.append(time.process_time() - start)
    return taken


def main() -> None:
    """Run all lessons, each in a folder of its own."""
    print("| lesson | exercises | CPU s, all cells | longest cell |\n| --- | --- | --- | --- |")
    for n in making.numbers():
        parts = making.parts(making.source(n).read_text(encoding="utf-8"))
        exercises = sum(part.kind == "exercise" for part in parts)
        before = Path.cwd()
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                taken = seconds(n)
            finally:
                os.chdir(before)
        print(f"| {making.source(n).stem} | {exercises} | {sum(taken):.0f} | {max(taken):.0f} |", flush=True)


if __name__ == "__main__":
    main()
