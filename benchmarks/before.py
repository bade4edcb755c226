"""Another version of this package beside this one: its sources, renamed and imported, fit the same runs.

    git worktree add /tmp/before 7229ead
    python benchmarks/dvi.py --data ../shared/data --run digits --methods layout,before --before /tmp/before
    python benchmarks/before.py --before /tmp/before

The last line says whether the published method gives the same positions in both, bit by bit, on a small run.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import dvi_widget as dvi
from dvi_widget.boundary import margins
from dvi_widget.landscape import Landscape

NAME = "dvi_before"
_NAME_OF_ITS_PACKAGE = re.compile(r"\bdvi_widget\b")
_copies = tempfile.TemporaryDirectory()  # removed when the process ends


def load(folder: Path) -> None:
    """Import the package of a checked-out version under another name, from a renamed copy."""
    kept = Path(_copies.name)
    package = kept / NAME
    shutil.copytree(folder / "src" / "dvi_widget", package)
    for path in package.rglob("*.py"):
        path.write_text(_NAME_OF_ITS_PACKAGE.sub(NAME, path.read_text(encoding="utf-8")), encoding="utf-8")
    sys.path.insert(0, str(kept))
    importlib.import_module(NAME)


def copied(run: dvi.Run, folder: Path) -> Any:
    """Copy a run to a folder and open it there with the other version, in the first format of runs."""
    shutil.copytree(run.folder, folder, ignore=shutil.ignore_patterns("maps"))
    path = folder / "run.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest |= {"format": f"{NAME} run", "version": 1, "logits": manifest["outputs"] == "logits"}
    if manifest["inputs"] is None:  # a run made of arrays, which that format does not know
        np.save(folder / "samples" / "inputs.npy", np.zeros((run.n_train + run.n_test, 1), np.float32))
        manifest |= {"inputs": {"shape": [1], "dtype": "<f4"}, "head": "linear"}
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return sys.modules[NAME].Run(folder)


class Before:
    """The other version's default, with landscapes of this one."""

    def __init__(self, **settings: Any) -> None:
        self._model = sys.modules[NAME].DVI(**settings)
        self._folder = tempfile.TemporaryDirectory()

    def fit(self, run: dvi.Run) -> Before:
        """Fit every epoch."""
        self._run = run
        folder = Path(self._folder.name) / "run"
        shutil.rmtree(folder, ignore_errors=True)
        self._model.fit(copied(run, folder))
        return self

    def landscape(self) -> Landscape:
        """Return the frames that were fitted, to be measured as those of this version are."""
        own = self._model.landscape()
        frames = list(own)
        return Landscape(
            own.epochs,
            [frame.positions for frame in frames],
            [frame.predictions for frame in frames],
            [frame.confidence for frame in frames],
            classes=self._run.classes,
            samples=self._run.samples,
            source=Source(own.source, self._folder),
        )


class Source:
    """The other version's source; what it paints has a margin too."""

    def __init__(self, source: Any, folder: tempfile.TemporaryDirectory[str]) -> None:
        self._source = source
        self._folder = folder  # which goes when nobody holds it
        for name in ("features", "boundary", "place", "place_boundary", "logits", "searched", "decode"):
            setattr(self, name, getattr(source, name))

    def paint(
        self, epoch: int, points: NDArray[np.float32]
    ) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.float32]]:
        """Class, its probability and the margin of points [m, 2]."""
        classes, shade, _ = self._source.paint(epoch, points)
        p = self._source.classify(epoch, self._source.decode(epoch, points))
        return classes, shade, margins(np.log(np.maximum(p, np.finfo(p.dtype).tiny)))


def published(run: dvi.Run) -> bool:
    """Tell whether the published method gives the same positions in both versions, bit by bit."""
    settings: dict[str, Any] = {"steps": (200, 100), "batch_size": 100, "device": "cpu"}
    before = Before(method="paper", **settings).fit(run).landscape()
    shutil.rmtree(run.maps, ignore_errors=True)
    now = dvi.PaperDVI(**settings).fit(run).landscape()
    return all(
        np.array_equal(here.positions, there.positions) for here, there in zip(now, before, strict=True)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--before", type=Path, required=True, help="folder of a checked-out version")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        load(given.before)
        draw = np.random.default_rng(0)
        labels = draw.integers(4, size=300)
        recorder = dvi.ArrayRecorder(Path(folder) / "run", labels=labels, classes=list("abcd"))
        centres = 2 * draw.normal(size=(4, 16))
        for t in range(3):
            x = (1 + t) * centres[labels] + draw.normal(size=(300, 16))
            recorder.capture(t, features=x, logits=x @ centres.T, head=(centres, np.zeros(4)))
        same = published(dvi.Run(Path(folder) / "run"))
    print(f"published method, 300 samples, 3 epochs: {'the same bits' if same else 'other positions'}")


if __name__ == "__main__":
    main()
