"""The wheel and the source archive: built, installed beside borrowed packages, imported, opened."""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import dvi_widget

ROOT = Path(__file__).parents[2]

OPEN_IT = """
import dvi_widget as dvi
from pathlib import Path
assert "site-packages" in str(Path(dvi.__file__)), dvi.__file__
from dvi_widget.widget.bundle import front_end
assert len(front_end()) > 10_000, "the bundle did not travel"
(x, y), (xt, yt), names = dvi.datasets.digits()
print(len(x), len(xt), len(names))
"""


def build(target: str, source: Path, folder: Path, **environment: str) -> Path:
    # The environment has the build's own needs already; the registry is not asked.
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    env = {**os.environ, **environment}
    subprocess.run(command, cwd=source, check=True, capture_output=True, env=env)
    (built,) = folder.glob("dvi_widget-*")
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/RECORD")}


def test_the_wheel_carries_the_front_end_and_nothing_foreign(wheel: Path) -> None:
    names = contents(wheel)
    assert "dvi_widget/widget/static/widget.js" in names
    assert "dvi_widget/py.typed" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"dvi_widget"}


def test_the_wheel_carries_its_version_and_its_licence(wheel: Path) -> None:
    about = f"dvi_widget-{dvi_widget.__version__}.dist-info"
    files = contents(wheel)
    assert b"MIT License" in files[f"{about}/licenses/LICENSE"]
    metadata = files[f"{about}/METADATA"].decode()
    assert f"\nVersion: {dvi_widget.__version__}\n" in metadata
    assert "\nLicense-Expression: MIT\n" in metadata


def test_the_wheel_lists_what_is_bundled(wheel: Path) -> None:
    about = f"dvi_widget-{dvi_widget.__version__}.dist-info"
    bill = json.loads(contents(wheel)[f"{about}/sboms/widget.cdx.json"])
    listed = {component["name"]: component for component in bill["components"]}
    asked = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert set(asked) <= set(listed)
    assert "@preact/signals-core" in listed  # which one of them needs
    locked = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for name, component in listed.items():
        assert component["version"] == locked[f"node_modules/{name}"]["version"]
        assert component["licenses"] == [{"license": {"id": "MIT"}}]
        assert [(digest["alg"], len(digest["content"])) for digest in component["hashes"]] == [
            ("SHA-512", 128)
        ]


def test_the_source_archive_builds_the_same_wheel_without_node(wheel: Path, tmp_path: Path) -> None:
    archive = build("sdist", ROOT, tmp_path / "sdist")
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path / "unpacked", filter="data")
    (source,) = (tmp_path / "unpacked").iterdir()
    for name in ("LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "js/src/widget.ts", "tests/conftest.py"):
        assert (source / name).exists(), name
    assert not [path for path in source.rglob("*") if path.name in {"node_modules", ".venv", "__pycache__"}]
    again = build("wheel", source, tmp_path / "wheel", PATH="")
    assert contents(again) == contents(wheel)


def test_the_wheel_opens_in_a_bare_environment(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=True)
    python = tmp_path / "bare" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    # torch and the rest are borrowed from this environment; dvi_widget itself must come from the wheel.
    site = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    (Path(site) / "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    done = subprocess.run(
        [str(python), "-c", OPEN_IT], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
