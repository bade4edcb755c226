"""Checks what would be released, as people who install it meet it: archives, metadata, size, first use.

    python tests/release.py

Builds the source archive and the wheel in dist/, and installs the wheel in empty environments: with the
newest versions of what it needs, and with the lowest it declares. Trains and exports the demo in both, and
opens it in the newest one's JupyterLab. A third environment has only what a saved landscape is shown with.
Prints a line per check and ends at the first that fails.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "browser"))
from chromium import launch
from lab import ran, serve
from playwright.sync_api import sync_playwright

import dvi_widget

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
MAX_BYTES = 1_500_000
# A person's first minute; prints the seconds of CPU time that the import took, and where the module lies.
FIRST_USE = """
import sys, time
start = time.process_time()
import dvi_widget as dvi
took = time.process_time() - start
assert "torch" not in sys.modules
for name in dvi.__all__:
    getattr(dvi, name)
assert "site-packages" in dvi.__file__, dvi.__file__
explorer = dvi.demo()
page = explorer.to_html(sys.argv[1] + ".html")
explorer._landscapes[0].save(sys.argv[1] + ".dvi")
print(dvi.__version__, f"{took:.2f}", page.stat().st_size)
"""

# What shows a saved landscape; docs/ tells people the same line.
VIEWER = ("anywidget", "ipywidgets", "numpy", "pandas", "pillow", "scipy", "tqdm")
FIRST_LOOK = """
import sys, time
start = time.process_time()
import dvi_widget as dvi
explorer = dvi.Explorer(dvi.Landscape.load(sys.argv[1]))
took = time.process_time() - start
assert "torch" not in sys.modules
assert explorer._still().startswith(b"\\x89PNG")
print(explorer)
print(f"{took:.2f}")
"""


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command; return what it prints, or end with it."""
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


def check(what: str, holds: object) -> None:
    """Print what was checked; end if it does not hold."""
    print(f"{'ok ' if holds else 'NOT'} {what}", flush=True)
    if not holds:
        sys.exit(1)


def archives() -> tuple[Path, Path]:
    """Build the source archive and, from what it holds, the wheel; check both as files."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", DIST)
    (source,) = DIST.glob("*.tar.gz")
    (wheel,) = DIST.glob("*.whl")
    version = dvi_widget.__version__
    check(f"both are named by version {version}", version in source.name and version in wheel.name)
    for archive in (source, wheel):
        size = archive.stat().st_size
        check(f"{archive.name} has {size:,} of at most {MAX_BYTES:,} bytes", size <= MAX_BYTES)
    run(sys.executable, "-m", "twine", "check", "--strict", source, wheel)
    check("twine takes the metadata of both", holds=True)
    return source, wheel


def contents(source: Path, wheel: Path) -> None:
    """Check what the archives hold, and that the bundled packages are listed with their licences."""
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
        (bill,) = (name for name in names if name.endswith(".cdx.json"))
        listed = json.loads(opened.read(bill))["components"]
    ours = [name for name in names if name.startswith(("dvi_widget/", "dvi_widget-"))]
    check(f"the wheel's {len(names)} files are all of the package", ours == names)
    tests = [name for name in names if "test" in Path(name).name or Path(name).name == "conftest.py"]
    check("no test travels in the wheel", not tests)
    check("the licence travels", any(name.endswith("licenses/LICENSE") for name in names))
    licences = {part["name"]: part["licenses"][0]["license"]["id"] for part in listed}
    check(f"what the front end bundles is listed: {licences}", licences)
    with tarfile.open(source) as opened:
        tops = {Path(name).parts[1] for name in opened.getnames() if len(Path(name).parts) > 1}
    wanted = {"src", "js", "tests", "pyproject.toml", "LICENSE", "CHANGELOG.md", "README.md"}
    check(f"the source archive holds {sorted(tops)}", wanted <= tops)


def first_use(label: str, python: Path, folder: Path) -> None:
    """Import, train, fit and export in an environment."""
    version, seconds, size = run(python, "-c", FIRST_USE, folder / label, cwd=folder).split()
    same = version == dvi_widget.__version__
    check(f"{label}: imported in {seconds} s of CPU time, demo exported in {int(size):,} bytes", same)


def weight(environment: Path) -> float:
    """Return the size of an environment's packages in MB."""
    return sum(file.stat().st_size for file in environment.rglob("*") if file.is_file()) / 1e6


def first_look(python: Path, folder: Path, wheel: Path) -> None:
    """Show what the newest environment saved, with the viewer's few packages."""
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, *VIEWER)
    run(*pip, "--no-deps", wheel)
    explorer, seconds = run(python, "-c", FIRST_LOOK, folder / "newest.dvi", cwd=folder).splitlines()
    size, whole = weight(folder / "viewer"), weight(folder / "newest")
    saved = (folder / "newest.dvi").stat().st_size
    check(
        f"viewer: {explorer} from {saved:,} bytes in {seconds} s of CPU time; {size:.0f} MB installed, where "
        f"all there is takes {whole:.0f}",
        explorer.startswith("Explorer(1,797 samples"),
    )


def opened_in_jupyterlab(python: Path, folder: Path) -> None:
    """Run the README's one line in the environment's JupyterLab, and wait for the drawn explorer."""
    with serve(folder / "lab", str(python)) as lab, sync_playwright() as playwright:
        browser = launch(playwright)
        with ran(browser, lab, "first", "import dvi_widget as dvi\ndvi.demo()") as notebook:
            drawn = notebook.explorer()
            check("JupyterLab draws the demo", drawn.is_visible())
            shots = ROOT / "build" / "screenshots"
            shots.mkdir(parents=True, exist_ok=True)
            notebook.page.screenshot(path=shots / "release.png")
        browser.close()


def main() -> None:
    """Check everything."""
    source, wheel = archives()
    contents(source, wheel)
    with tempfile.TemporaryDirectory(prefix="dvi_widget_release_") as name:
        folder = Path(name)
        run(sys.executable, "-m", "venv", folder / "newest")
        newest = folder / "newest" / "bin" / "python"
        run(newest, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, "jupyterlab")
        first_use("newest", newest, folder)
        run(sys.executable, "-m", "venv", folder / "viewer")
        first_look(folder / "viewer" / "bin" / "python", folder, wheel)
        opened_in_jupyterlab(newest, folder)
        uv = (sys.executable, "-m", "uv")
        run(*uv, "venv", "--quiet", "--no-python-downloads", "--python", sys.executable, folder / "lowest")
        lowest = folder / "lowest" / "bin" / "python"
        run(*uv, "pip", "install", "--quiet", "--python", lowest, "--resolution", "lowest-direct", wheel)
        first_use("lowest", lowest, folder)


if __name__ == "__main__":
    main()
