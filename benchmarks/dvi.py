"""The projections of a training run side by side: the four properties, and what a checkpoint costs.

    python benchmarks/dvi.py --data ../shared/data --run mnist --methods pca,umap-t,paper,layout --seeds 0

Records the run first (once per seed, under build/benchmarks), then fits and measures one method after the
other. A finished row is kept there and added to the table in benchmarks/RESULTS.md; a row that was stopped is
begun again.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import nn

import dvi_widget as dvi
from dvi_widget.boundary import synthesize
from dvi_widget.nearest import Index
from dvi_widget.projection import Projection

HERE = Path(__file__).parent
BUILD = HERE.parent / "build" / "benchmarks"
K = 15

METHODS: dict[str, Callable[[int], Projection]] = {
    "pca": lambda _: dvi.baselines.PCA(),
    "tsne": lambda _: dvi.baselines.TSNE(),
    "umap": lambda seed: dvi.baselines.UMAP(seed=seed),
    "umap-t": lambda seed: dvi.baselines.UMAP(warm=True, seed=seed),
    "layout": lambda _: dvi.DVI(),
    "paper": lambda seed: dvi.PaperDVI(seed=seed),
    "paper-t": lambda seed: dvi.PaperDVI(seed=seed, weights=(1.0, 1.0, 0.0)),
}
SLOW = {"umap": 300, "umap-t": 300}  # rows of either split that are decoded: each takes 50 ms


@dataclass(frozen=True)
class Reference:
    """A reference run: pictures, network and training."""

    data: Callable[[Path], tuple[Any, Any, list[str]]]
    normalise: tuple[float, float]
    network: Callable[[], nn.Module]
    learning_rate: float
    batch: int
    epochs: int
    samples: tuple[int | None, int | None] = (10_000, 2_000)  # drawn for training and test; None: all
    measured: int | None = None  # rows of either split that the figures are taken on; None: all
    threads: int = 1


def mnist_network(width: int = 128) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(1568, width),
        nn.ReLU(),
        nn.Linear(width, 10),
    )


def digits_network() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 96),
        nn.ReLU(),
        nn.Linear(96, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


class Residual(nn.Module):
    """Two 3×3 convolutions, the first of stride 2, beside a 1×1 shortcut."""

    def __init__(self, narrow: int, wide: int) -> None:
        super().__init__()
        self.way = nn.Sequential(
            nn.Conv2d(narrow, wide, 3, 2, 1, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU(),
            nn.Conv2d(wide, wide, 3, 1, 1, bias=False),
            nn.BatchNorm2d(wide),
        )
        self.shortcut = nn.Conv2d(narrow, wide, 1, 2, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures [n, narrow, H, W] to [n, wide, H/2, W/2]."""
        return torch.relu(self.way(x) + self.shortcut(x))


def cifar_network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, 2, 1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        *(Residual(narrow, 2 * narrow) for narrow in (32, 64, 128)),
        nn.Conv2d(256, 512, 1, bias=False),
        nn.BatchNorm2d(512),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(512, 10),
    )


def cifar10(folder: Path) -> tuple[Any, Any, list[str]]:
    """All pictures of the archive, read once and then kept as arrays."""
    kept = BUILD / "cifar10.npz"
    if not kept.exists():
        (x, y), (xt, yt), classes = dvi.datasets.image_folder(folder / "cifar10" / "cifar10-jpg.tar.xz")
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, x=x, y=y, xt=xt, yt=yt, classes=classes)
    arrays = np.load(kept, allow_pickle=False)
    return (arrays["x"], arrays["y"]), (arrays["xt"], arrays["yt"]), arrays["classes"].tolist()


RUNS = {
    "cifar10": Reference(
        data=cifar10,
        normalise=(0.47, 0.25),
        network=cifar_network,
        learning_rate=1e-3,
        batch=128,
        epochs=6,
    ),
    "cifar10-small": Reference(
        data=cifar10,
        normalise=(0.47, 0.25),
        network=cifar_network,
        learning_rate=1e-3,
        batch=128,
        epochs=6,
        samples=(1_500, 500),
    ),
    "digits": Reference(
        data=lambda _: dvi.datasets.digits(),
        normalise=(0.3, 0.37),
        network=digits_network,
        learning_rate=2e-3,
        batch=64,
        epochs=12,
        samples=(None, None),
    ),
    "mnist-full": Reference(
        data=lambda folder: dvi.datasets.idx(folder / "mnist"),
        normalise=(0.1307, 0.3081),
        network=lambda: mnist_network(512),
        learning_rate=5e-4,
        batch=256,
        epochs=10,
        samples=(None, None),
        measured=1_000,
        threads=2,
    ),
    "mnist": Reference(
        data=lambda folder: dvi.datasets.idx(folder / "mnist"),
        normalise=(0.1307, 0.3081),
        network=mnist_network,
        learning_rate=5e-4,
        batch=256,
        epochs=6,
    ),
}


def record(reference: Reference, data: Path, folder: Path, seed: int) -> dvi.Run:
    """The run of a seed: recorded now, unless it is whole already."""
    if (folder / "run.json").exists() and len(dvi.Run(folder).epochs) == reference.epochs:
        return dvi.Run(folder)
    shutil.rmtree(folder, ignore_errors=True)
    (x, y), (xt, yt), classes = reference.data(data)
    draw = np.random.default_rng(0)
    train, test = (
        np.arange(len(pool)) if n is None else draw.choice(len(pool), n, replace=False)
        for pool, n in zip((x, xt), reference.samples, strict=True)
    )
    mean, deviation = reference.normalise

    def inputs(pictures: NDArray[np.uint8]) -> torch.Tensor:
        return (torch.from_numpy(pictures).float() / 255 - mean) / deviation

    torch.manual_seed(seed)
    model = reference.network()
    optimizer = torch.optim.Adam(model.parameters(), reference.learning_rate)
    order = torch.Generator().manual_seed(seed)
    s, labels = inputs(x[train]), torch.from_numpy(y[train])
    recorder = dvi.Recorder(
        folder,
        model,
        train=(s, labels),
        test=(inputs(xt[test]), yt[test]),
        classes=classes,
        images=(x[train], xt[test]),
        seed=seed,
    )
    for epoch in range(reference.epochs):
        model.train()
        for rows in torch.split(torch.randperm(len(s), generator=order), reference.batch):
            optimizer.zero_grad()
            torch.autograd.backward(nn.functional.cross_entropy(model(s[rows]), labels[rows]))
            optimizer.step()
        start = time.process_time()
        recorder.capture(epoch)
        print(f"recorded epoch {epoch} in {time.process_time() - start:.1f} CPU s", flush=True)
    return dvi.Run(folder)


def synthesis(run: dvi.Run, network: nn.Module) -> float:
    """CPU seconds to synthesise the boundary set of the last epoch: part of what a checkpoint costs."""
    epoch = run.epochs[-1]
    subject = dvi.Run(run.folder, model=network).subject(epoch)
    inputs, wanted = run.inputs("train"), len(run.boundary(epoch, "train"))
    start = time.process_time()
    synthesize(subject, inputs, run.logits(epoch, "train"), wanted)
    return time.process_time() - start


def online(run: dvi.Run, model: Projection) -> None:
    """What a person waits for: 1,000 unseen samples placed, a canvas decoded and classified."""
    epoch = model.epochs_[-1]
    unseen, recorded = run.features(epoch, "test")[:1000], run.features(epoch, "train")
    axis = np.linspace(*model.landscape().extent[:2], 400, dtype=np.float32)
    pixels = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    source = model.landscape().source
    for name, act in (
        ("placing 1,000 unseen samples", lambda: model.transform(unseen, epoch)),
        ("decoding and classifying 400 × 400 pixels", lambda: source.paint(epoch, pixels)),
    ):
        waits = []
        for _ in range(15):
            start = np.array([time.perf_counter(), time.process_time()])
            act()
            waits.append(1000 * ([time.perf_counter(), time.process_time()] - start))
        wall, cpu = np.median(waits, axis=0)
        best = np.min(waits, axis=0)[0]
        threads = torch.get_num_threads()
        print(f"{name}: {wall:.0f} ms, {best:.0f} at best, {cpu:.0f} CPU ms ({threads} threads)")
    classes = run.logits(epoch, "train").argmax(1)
    found = Index(recorded, classes).search(unseen, K)[0]
    exact = dvi.measures.neighbors(recorded, K, query=unseen)[0]
    print(f"recall of their {K} nearest samples: {dvi.measures.overlap(exact, found).mean():.4f}")


def trusted(landscape: dvi.Landscape) -> None:
    """How the round trip of pixels fails with their distance from the nearest sample, at the last epoch."""
    frame = landscape[-1]
    x0, x1, y0, y1 = landscape.extent
    error = landscape.trust(frame.epoch).ravel() / (x1 - x0)
    centres = (np.arange(100) + 0.5) / 100
    x, y = np.meshgrid(x0 + centres * (x1 - x0), y0 + centres * (y1 - y0))
    pixels = np.stack([x.ravel(), y.ravel()], axis=1)
    away = dvi.measures.neighbors(frame.positions, 1, query=pixels)[1][:, 0] / (x1 - x0)
    print("median round-trip error of pixels (both in % of the canvas' width):", end=" ")
    for low, high in ((0, 2), (2, 5), (5, 100)):
        of = (away >= low / 100) & (away < high / 100)
        print(f"{100 * np.median(error[of]):.1f} at {low}–{high} from a sample ({of.mean():.0%})", end="; ")
    print(flush=True)


def drawn(run: dvi.Run, size: int, seed: int) -> NDArray[np.int64]:
    """So many samples of either split."""
    draw = np.random.default_rng(seed)
    return np.concatenate(
        [
            draw.choice(run.n_train, size, replace=False),
            run.n_train + draw.choice(run.n_test, size, replace=False),
        ]
    )


def row(
    run: dvi.Run, method: str, seed: int, reference: Reference, epochs: list[int]
) -> tuple[dict[str, float], pd.DataFrame]:
    """Fit from nothing and measure; means over the checkpoints, and every figure behind them."""
    model = METHODS[method](seed)
    # What an earlier fit has left would make this one look cheap; what other methods left is theirs.
    for left in run.maps.glob(f"{model._method().key()['method']}-*"):  # noqa: SLF001
        left.unlink()
    searching = 0.0
    nearest = dvi.measures.nearest

    def timed(*args: Any, **options: Any) -> Any:
        nonlocal searching
        start = time.process_time()
        found = nearest(*args, **options)
        searching += time.process_time() - start
        return found

    with mock.patch.object(dvi.measures, "nearest", timed):
        start = time.process_time()
        model.fit(run, epochs)
        spent = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{method}: {spent / len(epochs):.1f} CPU s a checkpoint, {peak:.2f} GiB at most so far",
        flush=True,
    )
    rows = None
    if reference.measured is not None:
        rows = drawn(run, reference.measured, 1)
        online(run, model)
    decoded = None
    if method in SLOW:
        decoded = drawn(run, SLOW[method], 2)
    elif "decode" in model.landscape().services:
        trusted(model.landscape())
    figures = model.landscape().measures(rows=rows, decoded=decoded)
    of_k = figures[figures["k"].fillna(K) == K]
    means = of_k["value"].groupby(of_k["measure"] + " " + of_k["split"]).mean()
    values = {str(name): float(value) for name, value in means.items()}
    checkpoints = len(epochs)
    return {**values, "cpu": spent / checkpoints, "search": searching / checkpoints}, figures


def cells(run: str, method: str, seed: str, values: dict[str, float]) -> list[str]:
    """A row of the table."""
    rates = ("nn_pv", "boundary_pv", "ppr", "rec_pv", "temporal_pv", "temporal_pv_pooled")
    digits = {"rec_pv": 1}
    pairs = [
        " / ".join(f"{values[f'{name} {split}']:.{digits.get(name, 3)}f}" for split in ("train", "test"))
        if f"{name} train" in values
        else ""  # a method without a way back
        for name in rates
    ]
    return [run, method, seed, *pairs, f"{values['cpu']:.1f} ({values['search']:.1f})"]


HEADER = [
    "run",
    "method",
    "seed",
    f"nn_pv({K})",
    f"boundary_pv({K})",
    "PPR",
    "rec_pv",
    f"temporal_pv({K})",
    "pooled",
    "CPU s / checkpoint",
]


def line(values: list[str]) -> str:
    return "| " + " | ".join(values) + " |"


def append(text: str) -> None:
    """Add a line at the end of this benchmark's table in RESULTS.md."""
    path = HERE / "RESULTS.md"
    lines = path.read_text(encoding="utf-8").splitlines()
    at = lines.index(line(HEADER))
    while at < len(lines) and lines[at].startswith("|"):
        at += 1
    path.write_text("\n".join([*lines[:at], text, *lines[at:]]) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds mnist/ and cifar10/")
    parser.add_argument("--run", choices=RUNS, default="mnist")
    parser.add_argument("--methods", default="pca,paper", help=f"of {', '.join(METHODS)}")
    parser.add_argument("--seeds", default="0", help="for example 0,1,2")
    parser.add_argument("--checkpoints", type=int, help="fit only so many of a run, the first ones")
    parser.add_argument("--again", action="store_true", help="measure rows again that are there already")
    given = parser.parse_args()
    methods = given.methods.split(",")
    unknown = sorted(set(methods) - set(METHODS))
    if unknown:
        parser.error(f"--methods: no method {', '.join(unknown)}; there are {', '.join(METHODS)}")
    if not given.data.is_dir():
        parser.error(f"--data: {given.data} is not a folder")
    rows: dict[str, list[dict[str, float]]] = {method: [] for method in methods}
    reference = RUNS[given.run]
    label = f"{given.run} first {given.checkpoints}" if given.checkpoints else given.run
    torch.set_num_threads(reference.threads)
    with threadpool_limits(reference.threads):
        for seed in map(int, given.seeds.split(",")):
            run = record(reference, given.data, BUILD / f"{given.run}-{seed}", seed)
            print(f"boundary synthesis: {synthesis(run, reference.network()):.2f} CPU s a checkpoint")
            for method in methods:
                kept = BUILD / f"{label.replace(' ', '-')}-{method}-{seed}.json"
                if given.again or not kept.exists():
                    values, figures = row(run, method, seed, reference, run.epochs[: given.checkpoints])
                    figures.to_csv(kept.with_suffix(".csv"), index=False)
                    kept.write_text(json.dumps(values), encoding="utf-8")
                    append(line(cells(label, method, str(seed), values)))
                rows[method].append(json.loads(kept.read_text(encoding="utf-8")))
    print(line(HEADER))
    print(line(["---"] * len(HEADER)))
    for method, found in rows.items():
        mean = pd.DataFrame(found).mean().to_dict()
        print(line(cells(label, method, given.seeds, {str(name): float(v) for name, v in mean.items()})))


if __name__ == "__main__":
    main()
