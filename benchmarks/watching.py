"""What it costs to watch a training, what memory it takes, and a film of it for the README.

    python benchmarks/watching.py cost --data ../shared/data --samples 10000
    python benchmarks/watching.py memory
    python benchmarks/watching.py joint --data ../shared/data --samples 3000
    python benchmarks/watching.py film

`cost` trains a small convolutional network on MNIST and prints CPU seconds per epoch on one thread: of the
training itself, of `Recorder.capture`, and of following, which lays the epoch out, paints it and packs it for
the page. `memory` watches 200 short epochs on scikit-learn's digits and prints the memory that the process
holds. `joint` compares the epochs laid out one after the other, as while one watches, with those that `DVI()`
arranges together afterwards: Procrustes disparity, in [0, 1], beside that of two placebos, and how much each
shows of what is there.
`film` trains in JupyterLab and leaves docs/watching.gif. Lines of the first three are appended to RESULTS.md.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil  # type: ignore[import-untyped]
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial import procrustes
from torch import nn
from torch.nn import functional as F  # noqa: N812 - its usual name

import dvi_widget as dvi

HERE = Path(__file__).parent
RESULTS = HERE / "RESULTS.md"
FILM = HERE.parent / "docs" / "watching.gif"

COST_EPOCHS = 4
MEMORY_EPOCHS = 200
MEMORY_STEP = 40  # epochs between two lines
JOINT_EPOCHS = 8
FILM_SIZE_PX = (860, 500)
FILM_EPOCHS = 11
FRAME_MS = 140
REST_S = 1.2  # after each epoch that is filmed
FILM_COLORS = 160


class Digits(nn.Module):
    """Two convolutions, 128 features, ten classes."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(32 * (side // 4) ** 2, 128),
            nn.ReLU(),
        )
        self.head = nn.Linear(128, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits [n, 10]."""
        logits: torch.Tensor = self.head(self.features(x))
        return logits


def train(
    model: nn.Module, x: torch.Tensor, y: NDArray[np.integer], optimizer: torch.optim.Optimizer
) -> None:
    """Train for one epoch."""
    labels = torch.from_numpy(y.astype(np.int64))
    for batch in torch.randperm(len(x)).split(128):  # type: ignore[no-untyped-call]
        optimizer.zero_grad()
        F.cross_entropy(model(x[batch]), labels[batch]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU seconds that some work took."""
    began = time.process_time()
    work()
    return time.process_time() - began


def cost(data: Path, samples: int) -> Iterator[str]:
    """Measure an epoch's training, recording and following side by side."""
    (x, y), (xt, yt), names = dvi.datasets.idx(data / "mnist")
    x, y, xt, yt = x[:samples], y[:samples], xt[: samples // 6], yt[: samples // 6]
    inputs, test_inputs = (torch.from_numpy(part).float() / 255 for part in (x, xt))
    torch.manual_seed(0)
    model = Digits(28)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    with tempfile.TemporaryDirectory() as folder:
        recorders = [
            dvi.Recorder(Path(folder) / name, model, train=(inputs, y), test=(test_inputs, yt), classes=names)
            for name in ("alone", "watched")
        ]
        watched = dvi.watch(recorders[1], budget=None)
        for epoch in range(COST_EPOCHS):
            trained = cpu_seconds(lambda: train(model, inputs, y, optimizer))
            alone, both = (cpu_seconds(partial(recorder.capture, epoch)) for recorder in recorders)
            yield (
                f"| MNIST {len(x):,} + {len(xt):,} | {epoch} | {trained:.1f} | {alone:.1f} "
                f"| {max(0.0, both - alone):.1f} |"
            )
        assert watched.epochs == list(range(COST_EPOCHS))


def memory() -> Iterator[str]:
    """Watch many epochs, and measure the memory of the process."""
    (x, y), (xt, yt), names = dvi.datasets.digits()
    inputs, test_inputs = (torch.from_numpy(part[:300]).float() / 255 for part in (x, xt))
    torch.manual_seed(0)
    model = Digits(8)
    optimizer = torch.optim.SGD(model.parameters(), 1e-2)
    process = psutil.Process()
    with tempfile.TemporaryDirectory() as folder:
        recorder = dvi.Recorder(
            Path(folder) / "run", model, train=(inputs, y[:300]), test=(test_inputs, yt[:300]), classes=names
        )
        watched = dvi.watch(recorder, budget=None)
        for epoch in range(MEMORY_EPOCHS):
            train(model, inputs, y[:300], optimizer)
            recorder.capture(epoch)
            if (epoch + 1) % MEMORY_STEP == 0:
                mib = process.memory_info().rss / 2**20
                yield f"| {epoch + 1} | {mib:,.0f} | {process.num_fds()} | {len(watched.epochs)} |"


def joint(data: Path, samples: int) -> Iterator[str]:
    """Compare maps of single epochs, each from those before it, with maps of all epochs together."""
    (x, y), (xt, yt), names = dvi.datasets.idx(data / "mnist")
    x, y, xt, yt = x[:samples], y[:samples], xt[: samples // 6], yt[: samples // 6]
    inputs, test_inputs = (torch.from_numpy(part).float() / 255 for part in (x, xt))
    torch.manual_seed(0)
    model = Digits(28)
    optimizer = torch.optim.Adam(model.parameters(), 3e-4)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        recorder = dvi.Recorder(
            Path(folder) / "run", model, train=(inputs, y), test=(test_inputs, yt), classes=names
        )
        recorder.capture(0)
        for epoch in range(1, JOINT_EPOCHS):
            train(model, inputs, y, optimizer)
            recorder.capture(epoch)
        run = dvi.Run(Path(folder) / "run")
        shown = {mode: dvi.DVI(joint=mode).fit(run).landscape() for mode in (False, True)}
        figures = {
            mode: landscape.measures(k=15).query("split == 'train'").set_index(["epoch", "measure"])["value"]
            for mode, landscape in shown.items()
        }
        for single, together in zip(shown[False], shown[True], strict=True):
            positions, labels = together.positions, together.predictions
            # Every sample at another's place: of the same prediction, or of any.
            within = np.concatenate([rng.permutation(np.flatnonzero(labels == c)) for c in np.unique(labels)])
            shuffled = np.empty_like(positions)
            shuffled[np.concatenate([np.flatnonzero(labels == c) for c in np.unique(labels)])] = positions[
                within
            ]
            disparities = [
                procrustes(positions, other)[2]
                for other in (single.positions, shuffled, rng.permutation(positions))
            ]
            parts = [f"{value:.3f}" for value in disparities]
            for measure in ("nn_pv", "class_distance"):
                parts += [f"{figures[mode].get((single.epoch, measure), np.nan):.3f}" for mode in shown]
            yield f"| MNIST {len(x):,} | {single.epoch} | {' | '.join(parts)} |"


CELLS = [
    """
import time

import torch
from torch.nn import functional as F
import dvi_widget as dvi
from dvi_widget.demonstration import network

(x, y), (xt, yt), names = dvi.datasets.digits()
inputs, tests = (torch.from_numpy(part).float() / 255 for part in (x, xt))
labels = torch.from_numpy(y)
torch.manual_seed(0)
model = network()
optimizer = torch.optim.Adam(model.parameters(), 6e-4)
recorder = dvi.Recorder({folder!r}, model, train=(inputs, y), test=(tests, yt), classes=names)
""",
    """
dvi.watch(recorder, budget=None)
for epoch in range({epochs}):
    for batch in torch.randperm(len(inputs)).split(64):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs[batch]), labels[batch]).backward()
        optimizer.step()
    recorder.capture(epoch)
    time.sleep({rest})  # digits train faster than a page can be filmed
""",
]


def film() -> None:
    """Film the page while a cell of JupyterLab trains."""
    # The browser tests' own harness.
    sys.path[:0] = [str(HERE.parent / "tests" / "browser"), str(HERE.parent / "tests")]
    chromium: Any = importlib.import_module("chromium")
    lab: Any = importlib.import_module("lab")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - the other parts do without a browser

    with (
        tempfile.TemporaryDirectory() as folder,
        lab.serve(Path(folder) / "lab") as server,
        sync_playwright() as playwright,
    ):
        browser = chromium.launch(playwright)
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        cells = [
            cell.format(folder=str(Path(folder) / "run"), epochs=FILM_EPOCHS, rest=REST_S) for cell in CELLS
        ]
        notebook = server.open(page, "watching", cells)
        notebook.start()
        slider = page.get_by_test_id("epoch-slider")
        slider.wait_for(timeout=300_000)
        explorer = page.locator(".dvi[data-ready=true]").first
        shots: list[bytes] = []
        while slider.get_attribute("aria-valuemax") != str(FILM_EPOCHS - 1):
            shots.append(explorer.screenshot())
        shots += [explorer.screenshot() for _ in range(12)]
        browser.close()
    write_gif(shots)


def write_gif(shots: list[bytes]) -> None:
    """Write shots as a GIF of few colours; shots equal to the one before lengthen it."""
    frames: list[Image.Image] = []
    durations: list[int] = []
    before = b""
    for shot in shots:
        if shot == before:
            durations[-1] += FRAME_MS
            continue
        before = shot
        with Image.open(io.BytesIO(shot)) as picture:
            frames.append(picture.convert("RGB").resize(FILM_SIZE_PX, Image.Resampling.LANCZOS))
        durations.append(FRAME_MS)
    # With the same colours in all frames, what stays is stored once.
    colors = frames[-1].quantize(FILM_COLORS)
    frames = [frame.quantize(palette=colors, dither=Image.Dither.NONE) for frame in frames]
    FILM.parent.mkdir(parents=True, exist_ok=True)
    frames[0].save(FILM, save_all=True, append_images=frames[1:], duration=durations, loop=0, optimize=True)
    print(f"{FILM}: {len(frames)} frames, {FILM.stat().st_size / 1e6:.2f} MB")


def keep(title: str, head: str, rows: Iterator[str]) -> None:
    """Print rows as they come, and append them to the table of RESULTS.md under their title."""
    print(head)
    found = []
    for row in rows:
        print(row, flush=True)
        found.append(row)
    text = RESULTS.read_text(encoding="utf-8")
    if head in text:
        start = text.index(head)
        end = text.find("\n\n", start)
        end = len(text.rstrip()) if end < 0 else end
        text = text[:end] + "".join(f"\n{row}" for row in found) + text[end:]
    else:
        text = text.rstrip() + f"\n\n{title}\n\n{head}\n" + "\n".join(found) + "\n"
    RESULTS.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["cost", "memory", "joint", "film"])
    parser.add_argument("--data", type=Path, help="folder that holds mnist/, for cost and joint")
    parser.add_argument("--samples", type=int, default=10_000, help="training samples, for cost and joint")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.what == "film":
        film()
    elif options.what == "memory":
        keep(
            "## Memory while watching\n\n`python benchmarks/watching.py memory`: resident memory and open "
            "files of the process.",
            "| epochs | MiB | open files | epochs shown |\n| --- | --- | --- | --- |",
            memory(),
        )
    elif options.data is None or not (options.data / "mnist").is_dir():
        sys.exit("--data must be the folder that holds MNIST's IDX files in mnist/.")
    if options.what == "cost":
        keep(
            "## Cost of watching\n\n`python benchmarks/watching.py cost --data ../shared/data --samples N`: "
            "CPU seconds of each epoch on one thread. The first epoch includes what is compiled once in a "
            "process.",
            "| data | epoch | training | recording | following |\n| --- | --- | --- | --- | --- |",
            cost(options.data, options.samples),
        )
    if options.what == "joint":
        keep(
            "## Watched maps beside those of all epochs together\n\n"
            "`python benchmarks/watching.py joint --data ../shared/data --samples 3000`: disparity to the "
            "joint map, and figures of both.",
            "| data | epoch | disparity | every sample at another's place of its prediction | of any | nn_pv "
            "watched | joint | class-distance ρ watched | joint |\n"
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
            joint(options.data, options.samples),
        )


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
