"""Every notebook runs from its first cell to its last, and says nothing on the error stream but progress."""

import re
import sys
from pathlib import Path

import pytest
from features import FEATURES, asserts

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
sys.path.insert(0, str(NOTEBOOKS))
from execute import execute  # noqa: E402 - a script beside the notebooks, not a package


def marked(path: Path):
    """A notebook that asserts shows the features that name it."""
    shown = [
        key for key, feature in FEATURES.items() if path.stem in feature.notebooks and asserts(path.stem)
    ]
    return pytest.param(path, id=path.stem, marks=[pytest.mark.feature(*shown)] if shown else [])


@pytest.mark.parametrize("notebook", [marked(path) for path in sorted(NOTEBOOKS.glob("*.ipynb"))])
def test_a_notebook_runs_start_to_end(notebook: Path, tmp_path: Path) -> None:
    executed = execute(notebook, tmp_path)
    outputs = [output for cell in executed.cells for output in cell.get("outputs", ())]
    assert outputs, "a notebook shows something"
    said = "".join(output.text for output in outputs if output.get("name") == "stderr")
    assert not re.search(r"Warning|Error", said), said


def test_notebooks_are_kept_without_outputs() -> None:
    import nbformat

    for path in NOTEBOOKS.glob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            assert not cell.get("outputs"), f"{path.name}: clear the outputs before keeping it"
