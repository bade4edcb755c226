"""The examples in docstrings: each runs as it is written, in a folder that holds a small recorded run."""

from __future__ import annotations

import ast
import doctest
import importlib
import shutil
from pathlib import Path

import pytest
import recorded
from readers import readers_own

SOURCE = Path(__file__).parents[2] / "src"
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


def docstrings() -> dict[str, tuple[str, str]]:
    """Return module and docstring of each class, function and module whose docstring holds an example."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        module = ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            text = ast.get_docstring(node) if isinstance(node, DOCUMENTED) else None
            if text and ">>>" in text:
                found[f"{module}:{getattr(node, 'name', '')}"] = module, text
    return found


EXAMPLES = docstrings()


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples") / "runs" / "digits"
    recorded.record(folder)
    return folder


@pytest.mark.feature("F16")
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_does_what_it_says(name, run_folder, tmp_path, monkeypatch):
    shutil.copytree(run_folder, tmp_path / "runs" / "digits")
    monkeypatch.chdir(tmp_path)
    module, text = EXAMPLES[name]
    assert "+SKIP" not in text
    names = {**vars(importlib.import_module(module)), **readers_own()}
    test = doctest.DocTestParser().get_doctest(text, names, name, None, 0)
    said = []
    outcome = doctest.DocTestRunner().run(test, out=said.append)
    assert outcome.failed == 0, "".join(said)
    assert outcome.attempted == len(test.examples) > 0
