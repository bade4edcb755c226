"""What the package says of itself: it declares every package that it imports, and carries one version."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distributions, requires, version
from pathlib import Path

import dvi_widget

ROOT = Path(__file__).parents[2]


def declared(extra: str | None = None) -> set[str]:
    """Return the distributions that pyproject.toml declares, of all users or of an extra."""
    found = set()
    for line in requires("dvi-widget"):
        name, _, marker = line.partition(";")
        if re.findall(r"extra == ['\"](\w+)['\"]", marker) == ([extra] if extra else []):
            found.add(normalized(re.match(r"[\w.-]+", name)[0]))
    return found


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(folder: Path) -> set[str]:
    """Return the distributions of others that files import, apart from those that only types need."""
    ours = {
        path.parent.name if path.stem == "__init__" else path.stem
        for room in ("tests", "notebooks", "benchmarks", "js")
        for path in (ROOT / room).rglob("*.py")
    }
    ours |= {"dvi_widget", *sys.stdlib_module_names}
    modules = set()
    for path in folder.rglob("*.py"):
        modules.update(_modules(ast.parse(path.read_text(encoding="utf-8"))))
    return {normalized(providers().get(module, module)) for module in modules - ours}


@cache
def providers() -> dict[str, str]:
    """Return the distribution that each installed module belongs to; not all say so in top_level.txt."""
    found: dict[str, str] = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        for file in distribution.files or ():
            found.setdefault(file.parts[0].removesuffix(".py"), name)
    return found


def _modules(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from (alias.name.split(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level:
        yield node.module.split(".")[0]
    for child in ast.iter_child_nodes(node):
        yield from _modules(child)


def test_the_package_declares_what_it_imports_and_nothing_else():
    assert imported(ROOT / "src") == declared() | declared("video")


def test_the_tests_declare_what_they_import():
    assert imported(ROOT / "tests") <= declared() | declared("test")


def test_the_installed_version_is_the_one_in_the_source():
    assert dvi_widget.__version__ == version("dvi-widget")


def test_the_changes_begin_with_this_version():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+)", changes, re.MULTILINE)[1]
    assert dvi_widget.__version__.startswith(newest)
