"""The wheel: built, installed in a bare environment that borrows the heavy packages, imported, opened."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

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


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # The environment has the build's own needs already; the registry is not asked.
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_carries_the_front_end_and_nothing_foreign(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "dvi_widget/widget/static/widget.js" in names
    assert "dvi_widget/py.typed" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"dvi_widget"}


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
