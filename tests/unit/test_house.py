"""What the source tree promises: who imports whom, a purpose in every first line, nothing unpickled."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dvi_widget

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "dvi_widget"

# Room → the rooms of ours that it may import, beside the leaves. Data flows one way.
LEAVES = {
    "arrays": set(),
    "files": {"arrays"},
    "pictures": {"arrays"},
    "progress": set(),
    "texts": set(),
    "threads": {"progress"},
    "weights": {"files"},
}
ENGINE = {"subject", "boundary", "runs", "landscape", "measures", "nearest", "projection"}
ENGINES = {"dvi", "deepview", "deepvid", "saliency", "baselines"}
ALLOWED = {
    "nearest": set(),
    "measures": {"nearest", "subject"},  # removal curves ask a classifier, by its one rule for outputs
    "subject": set(),
    "datasets": set(),
    "lessons": set(),
    "landscape": {"measures", "nearest"},
    "boundary": {"subject"},
    "adversarial": {"subject"},
    "runs": {"subject", "boundary"},
    "suggestions": {"runs", "measures"},
    "projection": ENGINE - {"projection", "subject"},
    **dict.fromkeys(ENGINES, ENGINE),
    "widget": {"landscape", "runs", "subject", "suggestions", "measures", "boundary"} | ENGINES,
}
QUESTIONS = PACKAGE / "widget" / "questions"  # through which alone the widget reaches engines and boundary
SOURCES = sorted(path for path in PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    package = ("dvi_widget", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, node.module)) if node.module else ".".join(base)
            names = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        rooms |= {name.split(".")[1] for name in names if re.match(r"dvi_widget\.\w+", name)}
    return rooms - {room(path)}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_the_rooms_it_may(path: Path) -> None:
    if room(path) in {"__init__", "callbacks", "demonstration", "live"}:
        return
    assert room(path) in {*LEAVES, *ALLOWED}, f"{room(path)} is not a room of the house"
    allowed = LEAVES[room(path)] if room(path) in LEAVES else ALLOWED[room(path)] | set(LEAVES)
    if room(path) == "widget" and QUESTIONS not in path.parents:
        allowed = allowed - ENGINES - {"boundary"}
    assert imported_rooms(path) <= allowed


def modules_imported_on_loading(path: Path) -> set[Path]:
    """Return the modules of ours that a module needs while it is being loaded."""
    package = ("dvi_widget", *path.relative_to(PACKAGE).parts[:-1])
    nodes = list(ast.parse(path.read_text(encoding="utf-8")).body)
    needed = set()
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            nodes += node.body
        if not isinstance(node, ast.ImportFrom):
            continue
        base = package[: len(package) - node.level + 1] if node.level else ()
        parts = (*base, *(node.module or "").split(".")) if node.module else base
        if parts[0] != "dvi_widget":
            continue
        folder = PACKAGE.joinpath(*parts[1:])
        for alias in node.names:
            candidates = (
                folder / f"{alias.name}.py",
                folder / alias.name / "__init__.py",
                folder.with_suffix(".py"),
                folder / "__init__.py",
            )
            needed.add(next(module for module in candidates if module.exists()))
    return needed


def test_no_modules_import_each_other_in_a_circle() -> None:
    needs = {path: modules_imported_on_loading(path) for path in SOURCES if path != PACKAGE / "__init__.py"}
    while needs:
        ready = [path for path, needed in needs.items() if not needed & set(needs)]
        assert ready, sorted(str(path.relative_to(PACKAGE)) for path in needs)
        for path in ready:
            del needs[path]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_says_in_its_first_line_what_it_is_for(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring is not None
    assert len(docstring.splitlines()[0].split()) >= 3


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_is_short_enough_to_be_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 650


def test_front_end_files_say_in_their_first_line_what_they_are_for() -> None:
    for path in (ROOT / "js").rglob("*"):
        if path.suffix in {".ts", ".tsx", ".mjs", ".css", ".glsl"}:
            first = path.read_text(encoding="utf-8").splitlines()[0]
            assert re.match(r"(//|/\*) \w", first), f"{path.relative_to(ROOT)} begins with {first!r}"


def test_progress_bars_are_made_in_one_room() -> None:
    users = {room(path) for path in SOURCES if re.search(r"\btqdm\b", path.read_text(encoding="utf-8"))}
    assert users == {"progress"}


def test_nothing_is_ever_unpickled() -> None:
    forbidden = re.compile(
        r"\bpickle\b|allow_pickle=True|weights_only=False|joblib\.load|torch\.load\((?!.*weights_only=True)"
    )
    for path in SOURCES:
        assert not forbidden.search(path.read_text(encoding="utf-8")), path


def run_python(program: str) -> str:
    """Run a program in a process of its own; return what it prints."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_loads_nothing_of_others() -> None:
    # A notebook's first cell must not pay for what it does not use yet.
    before, after = run_python(
        "import sys; before = set(sys.modules); import dvi_widget; "
        "print(*{name.split('.')[0] for name in before}); "
        "print(*{name.split('.')[0] for name in set(sys.modules) - before})"
    ).splitlines()
    ours = {"dvi_widget"}
    assert set(after.split()) - set(before.split()) - sys.stdlib_module_names == ours


def test_the_public_names_load_without_what_only_some_of_their_methods_use() -> None:
    # numba's compiler above all.
    loaded = run_python(
        "import sys, dvi_widget as dvi\nfor name in dvi.__all__: getattr(dvi, name)\nprint(*sys.modules)"
    )
    assert not {"umap", "numba", "captum", "plotly.graph_objects"} & set(loaded.split())


def test_public_names_are_declared_for_type_checkers_as_they_are_loaded() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    declared = {
        alias.name: node.module or alias.name for node in block.body for alias in node.names if node.level
    }
    assert declared == dvi_widget._HOMES
    assert sorted(dvi_widget.__all__) == sorted(declared)
    assert set(dvi_widget.__all__) <= set(dir(dvi_widget))


def test_a_name_that_is_not_public_is_refused_like_any_other_attribute() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'landscap'"):
        dvi_widget.landscap  # noqa: B018
