"""The projections of a training run side by side, on every measure, each beside what a placebo gets.

    python benchmarks/dvi.py --data ../shared/data --run digits --methods layout,pca,tsne-t --seeds 0,1,2
    python benchmarks/dvi.py --data ../shared/data --run digits --stability 4
    python benchmarks/dvi.py --data ../shared/data --run digits --methods layout --rounding
    python benchmarks/dvi.py --data ../shared/data --run digits --tried --seeds 0,1,2
    python benchmarks/dvi.py --cost 10000 --methods layout,umap-t
    python benchmarks/dvi.py --run digits --methods layout,before --before FOLDER  # see before.py

Records the run first (once per seed, under build/benchmarks), then fits and measures one method after the
other. What is measured is kept there, so that a command that was stopped goes on where it stopped; the tables
land in benchmarks/RESULTS.md. Time is CPU time of the fit, on one thread. t-SNE needs openTSNE
(pip install 'dvi_widget[benchmarks]').
"""

from __future__ import annotations

import argparse
import importlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import before
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.special import softmax
from threadpoolctl import threadpool_limits
from torch import nn

import dvi_widget as dvi
from dvi_widget.dvi import pulls
from dvi_widget.landscape import Landscape
from dvi_widget.nearest import neighbors
from dvi_widget.projection import Checkpoint, Map, Projection

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "tests"))
rounding: Any = importlib.import_module("rounding")  # what the tests of the layout run on
BUILD = HERE.parent / "build" / "benchmarks"
SIZES = (5, 15, 50)  # numbers of neighbours
PURITY_K = 15  # of those, what purity is shown for
MEASURED = 600  # samples of either split that are averaged over
NEAREST = 5  # at whose median unseen samples are placed, and by which a plane is painted that nothing decodes
PERPLEXITY = 30
STEPS = 250  # of a warm-started t-SNE


class WarmTSNE(Projection):
    """openTSNE, each epoch from the positions of the one before; the first from its principal components."""

    def _method(self) -> _WarmTSNE:
        return _WarmTSNE()


class _WarmTSNE:
    def key(self) -> Mapping[str, Any]:
        return {"method": "tsne-t", "version": 1}

    def fit(
        self,
        checkpoint: Checkpoint,
        previous: tuple[Checkpoint, Map] | None,
        seed: int,
        report: Callable[[float], object],
    ) -> Placed:
        from openTSNE import TSNE  # noqa: PLC0415

        options: dict[str, Any] = {"perplexity": PERPLEXITY, "n_jobs": 1, "random_state": seed}
        if previous is not None:
            start = previous[1].positions.astype(np.float64)
            options |= {"initialization": start, "early_exaggeration_iter": 0, "n_iter": STEPS}
        positions = np.asarray(TSNE(**options).fit(checkpoint.x), np.float32)
        report(1.0)
        return Placed(positions, lambda: checkpoint)

    def load(
        self,
        arrays: Mapping[str, NDArray[Any]],  # noqa: ARG002
        positions: NDArray[np.float32],
        reopen: Callable[[], Checkpoint],
    ) -> Placed:
        return Placed(positions, reopen)


class Placed:
    """Positions without a map: other samples lie at the median of their nearest ones."""

    def __init__(self, positions: NDArray[np.float32], reopen: Callable[[], Checkpoint]) -> None:
        self.positions = positions
        self._reopen = reopen

    def transform(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """φ: [m, h] to [m, 2]."""
        near = neighbors(self._reopen().x, NEAREST, query=x)[0]
        return np.median(self.positions[near], axis=1).astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Nothing but the positions."""
        return {}


class Painted:
    """A source that paints every point as its nearest samples are predicted on average."""

    def __init__(self, landscape: Landscape) -> None:
        self._source = landscape.source
        train = (landscape.samples["split"] == "train").to_numpy()
        self._positions = {frame.epoch: frame.positions[train] for frame in landscape}
        self._probabilities = {
            epoch: softmax(self._source.logits(epoch)[train], axis=1) for epoch in landscape.epochs
        }
        for name in ("features", "boundary", "place", "logits", "searched"):
            setattr(self, name, getattr(self._source, name))

    def paint(
        self, epoch: int, points: NDArray[np.float32]
    ) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.float32]]:
        """Class, its probability and the margin of points [m, 2]."""
        near = neighbors(self._positions[epoch], NEAREST, query=points)[0]
        p = self._probabilities[epoch][near].mean(axis=1)
        second, first = np.partition(p, -2, axis=1)[:, -2:].T
        return p.argmax(axis=1), first, first - second


METHODS: dict[str, Callable[[int], Projection | before.Before]] = {
    "layout": lambda _: dvi.DVI(),
    "before": lambda _: before.Before(),
    "paper": lambda seed: dvi.PaperDVI(seed=seed),
    "paper-before": lambda seed: before.Before(method="paper", seed=seed),
    "dvi-t": lambda seed: dvi.DVI("dvi-t", seed=seed),
    "umap-t": lambda seed: dvi.baselines.UMAP(warm=True, seed=seed),
    "umap": lambda seed: dvi.baselines.UMAP(seed=seed),
    "tsne-t": lambda _: WarmTSNE(),
    "pca": lambda _: dvi.baselines.PCA(),
}
# Settings that were tried: those of the default, and of its guide, by their names in `pulls`.
TRIED: dict[str, tuple[dict[str, Any], dict[str, float]]] = {
    "cap .5": ({"cap": 0.5}, {}),
    "guide 140 %": ({}, {"_GUIDED_SHARE": 1.4}),
    "both": ({"cap": 0.5}, {"_GUIDED_SHARE": 1.4}),
}
# Their plane is painted by the nearest samples: they have no way back, or one that takes 50 ms a point.
PAINTED = ("umap", "umap-t", "tsne-t")


@dataclass(frozen=True)
class Reference:
    """A reference run: pictures or rows of numbers, a network, and its training."""

    data: Callable[[Path], tuple[Any, Any, list[str]]]
    normalise: tuple[float, float]
    network: Callable[[], nn.Module]
    learning_rate: float
    batch: int
    recorded: tuple[int, ...] = (0, 1, 3, 5)  # epochs
    samples: tuple[int | None, int | None] = (2_000, 500)  # drawn for training and test; None: all
    wrong: float = 0.0  # share of the training labels that are drawn anew
    draw: int = 0  # seed of the samples drawn


def mnist_network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(1568, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def dense_network(inputs: int, widths: tuple[int, ...], classes: int) -> nn.Module:
    layers: list[nn.Module] = [nn.Flatten()]
    for fan_in, fan_out in zip((inputs, *widths), widths, strict=False):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], classes))


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


def mnist(folder: Path) -> tuple[Any, Any, list[str]]:
    return dvi.datasets.idx(folder / "mnist")


def table(_: Path) -> tuple[Any, Any, list[str]]:
    """Rows of numbers of eight classes, of three clusters each, in twenty columns."""
    from sklearn.datasets import make_classification  # noqa: PLC0415

    x, y = make_classification(
        2_500, 20, n_informative=12, n_classes=8, n_clusters_per_class=3, class_sep=1.5, random_state=0
    )
    return (x[:2_000], y[:2_000]), (x[2_000:], y[2_000:]), [str(c) for c in range(8)]


def cancer(_: Path) -> tuple[Any, Any, list[str]]:
    """Thirty measurements of cells, standardised; two classes."""
    from sklearn.datasets import load_breast_cancer  # noqa: PLC0415

    x, y = load_breast_cancer(return_X_y=True)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    return (x[:400], y[:400]), (x[400:], y[400:]), ["malignant", "benign"]


MNIST = Reference(mnist, (0.1307, 0.3081), mnist_network, learning_rate=5e-4, batch=64)
RUNS = {
    "digits": Reference(
        lambda _: dvi.datasets.digits(),
        (0.3, 0.37),
        lambda: dense_network(64, (96, 64), 10),
        learning_rate=2e-3,
        batch=64,
        recorded=(0, 2, 5, 11),
        samples=(None, None),
    ),
    "mnist": MNIST,
    "mnist-flips": Reference(mnist, (0.1307, 0.3081), mnist_network, 5e-4, 64, wrong=0.1),
    "cifar10": Reference(cifar10, (0.47, 0.25), cifar_network, learning_rate=1e-3, batch=64),
    "random-labels": Reference(
        mnist, (0.1307, 0.3081), mnist_network, 5e-4, 64, recorded=(0, 4, 9, 14), wrong=1.0
    ),
    "table": Reference(
        table, (0.0, 1.0), lambda: dense_network(20, (64, 48), 8), 2e-3, 64, (0, 4, 9, 19), (None, None)
    ),
    # These two took no part in any choice of a setting.
    "cancer": Reference(
        cancer, (0.0, 1.0), lambda: dense_network(30, (32, 16), 2), 2e-3, 32, (0, 4, 9, 19), (None, None)
    ),
    "mnist-dense": Reference(
        mnist, (0.1307, 0.3081), lambda: dense_network(784, (256, 96), 10), 1e-3, 128, draw=9
    ),
}


def record(reference: Reference, data: Path, folder: Path, seed: int) -> dvi.Run:
    """The run of a seed: recorded now, unless it is whole already."""
    if (folder / "run.json").exists() and len(dvi.Run(folder).epochs) == len(reference.recorded):
        return dvi.Run(folder)
    shutil.rmtree(folder, ignore_errors=True)
    (x, y), (xt, yt), classes = reference.data(data)
    draw = np.random.default_rng(reference.draw)
    train, test = (
        np.arange(len(pool)) if n is None else draw.choice(len(pool), n, replace=False)
        for pool, n in zip((x, xt), reference.samples, strict=True)
    )
    labels = y[train].copy()
    flipped = draw.random(len(labels)) < reference.wrong
    labels[flipped] = draw.integers(len(classes), size=int(flipped.sum()))
    mean, deviation = reference.normalise
    pictures = x.ndim == 4

    def inputs(values: NDArray[Any]) -> torch.Tensor:
        return (torch.from_numpy(values).float() / (255 if pictures else 1) - mean) / deviation

    torch.manual_seed(seed)
    model = reference.network()
    optimizer = torch.optim.Adam(model.parameters(), reference.learning_rate)
    order = torch.Generator().manual_seed(seed)
    s, wanted = inputs(x[train]), torch.from_numpy(labels).long()
    recorder = dvi.Recorder(
        folder,
        model,
        train=(s, wanted),
        test=(inputs(xt[test]), yt[test]),
        classes=classes,
        images=(x[train], xt[test]) if pictures else False,
        seed=seed,
    )
    for epoch in range(max(reference.recorded) + 1):
        model.train()
        for rows in torch.split(torch.randperm(len(s), generator=order), reference.batch):
            optimizer.zero_grad()
            torch.autograd.backward(nn.functional.cross_entropy(model(s[rows]), wanted[rows]))
            optimizer.step()
        if epoch in reference.recorded:
            recorder.capture(epoch)
    return dvi.Run(folder)


def fitted(method: str, run: dvi.Run, seed: int) -> tuple[Landscape, float]:
    """The landscape of a method, fitted from nothing, and the CPU seconds that took for each epoch."""
    settings, guide = TRIED.get(method, ({}, {}))
    model = dvi.DVI(**settings) if method in TRIED else METHODS[method](seed)
    shutil.rmtree(run.maps, ignore_errors=True)
    with ExitStack() as stack:
        for name, value in guide.items():
            stack.enter_context(mock.patch.object(pulls, name, value))
        start = time.process_time()
        model.fit(run)
        spent = (time.process_time() - start) / len(run.epochs)
    landscape = model.landscape()
    if method in PAINTED:
        landscape.source = Painted(landscape)
    return landscape, spent


def measured(method: str, run: dvi.Run, seed: int) -> pd.DataFrame:
    """All measures, averaged over epochs; `undefined` counts those that are not defined."""
    landscape, spent = fitted(method, run, seed)
    draw = np.random.default_rng(1)
    rows = np.concatenate(
        [first + draw.permutation(n)[:MEASURED] for first, n in ((0, run.n_train), (run.n_train, run.n_test))]
    )
    figures = landscape.measures(k=SIZES, rows=rows)
    figures["k"] = figures["k"].fillna(0).astype(int)
    figures["undefined"] = figures["value"].isna().astype(int)
    groups = figures.groupby(["measure", "split", "k"])
    means = groups[["value", "placebo"]].mean()
    means["undefined"] = groups["undefined"].sum()
    means.loc[("cpu", "train", 0), ["value", "placebo", "undefined"]] = spent, np.nan, 0
    # Means over epochs hide one in which the map parts what the representation does not.
    at_k = figures[(figures["split"] == "train") & (figures["k"] == PURITY_K)]
    of = {name: rows.set_index("epoch")[["value", "placebo"]] for name, rows in at_k.groupby("measure")}
    gap = (of["purity"] - of["purity_of_representation"]).abs().max()
    for name, worst in (("purity_gap", gap), ("most_looks_pure", of["looks_pure"].max())):
        means.loc[(name, "train", PURITY_K), ["value", "placebo", "undefined"]] = *worst, 0
    return means


# What a line shows, the measure behind it, the split, and the number of neighbours, or 0.
Line = tuple[str, str, str, int]
LINES: list[Line] = [
    *((f"neighbours kept, {k}", "nn_pv", "train", k) for k in SIZES),
    ("neighbours kept, 15, test", "nn_pv", "test", 15),
    ("trustworthiness", "trustworthiness", "train", 15),
    ("continuity", "continuity", "train", 15),
    ("purity of the representation", "purity_of_representation", "train", 15),
    ("purity on the map", "purity", "train", 15),
    ("difference of the two, worst epoch ↓", "purity_gap", "train", PURITY_K),
    ("mixed, but looks pure ↓", "looks_pure", "train", 15),
    ("mixed, but looks pure, worst epoch ↓", "most_looks_pure", "train", PURITY_K),
    ("label hit of the representation, test", "label_hit_of_representation", "test", 15),
    ("label hit on the map, test", "label_hit", "test", 15),
    ("class distances, ρ", "class_distance", "train", 0),
    ("triplets", "triplets", "train", 0),
    ("margin, ρ", "margin", "train", 0),
    ("boundary samples on drawn borders", "delta_recall", "train", 0),
    ("drawn borders with boundary samples", "delta_precision", "train", 0),
    ("boundary_pv", "boundary_pv", "train", 15),
    ("painted confidence, error ↓", "confidence_error", "train", 0),
    ("painted confidence, error, test ↓", "confidence_error", "test", 0),
    ("PPR", "ppr", "train", 0),
    ("PPR of unseen samples", "ppr", "test", 0),
    ("moved ~ distance ranks changed", "move_change", "train", 0),
    ("moved ~ neighbours lost", "move_neighbors", "train", 15),
    ("approaching and parting agree", "sign_agreement", "train", 15),
    ("temporal_pv ↓", "temporal_pv", "train", 15),
    ("CPU s an epoch ↓", "cpu", "train", 0),
]


def compared(found: dict[str, list[pd.DataFrame]]) -> list[str]:
    """The table of a run: a line per measure, a column per method, and the placebo's."""
    means = {method: pd.concat(tables).groupby(level=[0, 1, 2]).mean() for method, tables in found.items()}
    columns = [f"{method} ({len(tables)})" for method, tables in found.items()]
    lines = [row(["measure", *columns, "placebo"]), row(["---"] * (len(columns) + 2))]
    for title, *of in LINES:
        cells = [cell(mean, tuple(of), "value") for mean in means.values()]
        lines.append(row([title, *cells, cell(next(iter(means.values())), tuple(of), "placebo")]))
    return lines


def cell(means: pd.DataFrame, of: tuple[Any, ...], column: str) -> str:
    if of not in means.index:
        return ""
    value, undefined = means.loc[of, column], means.loc[of, "undefined"]
    if not np.isfinite(value):
        return "not defined" if undefined > 0 else ""
    note = f" ({undefined:.0f} undefined)" if undefined > 0 and column == "value" else ""
    return f"{value:.3f}{note}"


def row(values: list[str]) -> str:
    return "| " + " | ".join(values) + " |"


def write(part: str, lines: list[str]) -> None:
    """Put a table between its marks in RESULTS.md, in place of the one there, or after all others."""
    path = HERE / "RESULTS.md"
    text = path.read_text(encoding="utf-8")
    first, last = f"<!-- dvi {part} -->\n", f"<!-- /dvi {part} -->\n"
    block = first + "\n".join(lines) + "\n\n" + last
    if first in text:
        before, rest = text.split(first, 1)
        text = before + block + rest.split(last, 1)[1]
    else:
        end = "<!-- dvi: further tables -->\n"
        text = text.replace(end, block + "\n" + end)
    path.write_text(text, encoding="utf-8")
    print("\n".join(lines), flush=True)


def copied(run: dvi.Run, folder: Path, rows: NDArray[np.intp], seed: int) -> dvi.Run:
    """Some of a run's samples, with boundary samples of another seed, mixed from representations."""
    labels = run.samples["label"].to_numpy()[: run.n_train]
    recorder = dvi.ArrayRecorder(folder, labels=labels[rows], classes=list(run.classes), seed=seed)
    for epoch in run.epochs:
        recorder.capture(
            epoch,
            features=np.asarray(run.features(epoch, "train"))[rows],
            logits=np.asarray(run.logits(epoch, "train"))[rows],
            head=run.linear_head(epoch),
        )
    return dvi.Run(folder)


def stability(run: dvi.Run, method: str, draws: int) -> dict[str, NDArray[np.float64]]:
    """Disparities [epochs, draws] from the map of all: other boundary seeds, and 80 % of the samples."""
    n = run.n_train
    everyone = np.arange(n)
    kinds = {
        "boundary seeds": [(everyone, 1 + i) for i in range(draws)],
        "80 % subsamples": [
            (np.sort(np.random.default_rng(i).permutation(n)[: int(0.8 * n)]), 0) for i in range(draws)
        ],
    }

    def maps(rows: NDArray[np.intp], seed: int) -> list[NDArray[np.float32]]:
        with tempfile.TemporaryDirectory() as folder:
            part = copied(run, Path(folder) / "run", rows, seed)
            return [frame.positions for frame in fitted(method, part, 0)[0]]

    whole = maps(everyone, 0)
    found = {}
    for kind, variants in kinds.items():
        shown = [(rows, maps(rows, seed)) for rows, seed in variants]
        found[kind] = np.array(
            [
                [float(dvi.measures.stability([whole[t], y[t]], [everyone, rows])[0]) for rows, y in shown]
                for t in range(len(whole))
            ]
        )
    return found


def rounded(run: dvi.Run, method: str) -> list[str]:
    """Compare a run's maps with those of other last digits, of rows in another order, and of two threads."""
    lines: list[str] = []
    whole: list[NDArray[np.float32]] = []
    with tempfile.TemporaryDirectory() as folder:
        kinds = (
            "as it is",
            f"1 ± {rounding.NOISE:g} times each number",
            "rows in another order",
            "two threads",
        )
        for kind, copy in zip(kinds, rounding.runs(run.folder, Path(folder)), strict=True):
            maps = [frame.positions[: run.n_train] for frame in fitted(method, copy, 0)[0]]
            places = _matched(run, copy)
            maps = [y[places] for y in maps]
            whole = whole or maps
            apart = [float(dvi.measures.stability([a, b])[0]) for a, b in zip(whole, maps, strict=True)]
            same = all(np.array_equal(a, b) for a, b in zip(whole, maps, strict=True))
            said = "the same bits" if same else "disparity " + ", ".join(f"{value:.3f}" for value in apart)
            lines.append(f"{kind}: {said}")
    return lines[1:]


def _matched(run: dvi.Run, copy: dvi.Run) -> NDArray[np.intp]:
    """Where each training sample of a run is in its copy, whose rows may have another order."""
    first, second = (np.asarray(r.features(run.epochs[-1]), np.float64) for r in (run, copy))
    places: NDArray[np.intp] = cKDTree(second).query(first)[1]
    return places


def cost(n: int, methods: list[str], width: int, epochs: int) -> None:
    """CPU seconds an epoch on features of ten classes, whose centres move a little from epoch to epoch."""
    draw = np.random.default_rng(0)
    centres, labels = draw.normal(size=(10, width)), draw.integers(10, size=n)
    own = draw.normal(size=(n, width)).astype(np.float32) * np.float32(1.5)
    with tempfile.TemporaryDirectory() as folder:
        recorder = dvi.ArrayRecorder(Path(folder) / "run", labels=labels, classes=[str(c) for c in range(10)])
        for t in range(epochs):
            moved = (centres + 0.2 * t * draw.normal(size=centres.shape)).astype(np.float32)
            x = moved[labels] + own + 0.3 * draw.normal(size=own.shape).astype(np.float32)
            head = moved, -np.square(moved).sum(axis=1) / 2
            recorder.capture(t, features=x, logits=x @ head[0].T + head[1], head=head)
        run = dvi.Run(Path(folder) / "run")
        for method in methods:
            seconds = []
            for _ in range(2):
                shutil.rmtree(run.maps, ignore_errors=True)
                start = time.process_time()
                METHODS[method](0).fit(run)
                seconds.append((time.process_time() - start) / epochs)
            first, second = seconds
            print(
                f"{method}, {n:,} × {width}: {second:.1f} CPU s an epoch, {first:.1f} with compiling",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path(), help="folder that holds mnist/ and cifar10/")
    parser.add_argument("--run", choices=RUNS, default="digits")
    parser.add_argument("--methods", default="layout,pca", help=f"of {', '.join(METHODS)}")
    parser.add_argument("--seeds", default="0", help="for example 0,1,2")
    parser.add_argument("--again", action="store_true", help="measure again what is measured already")
    parser.add_argument("--stability", type=int, metavar="DRAWS", help="compare so many maps instead")
    parser.add_argument(
        "--rounding", action="store_true", help="compare maps of other digits, order, threads"
    )
    parser.add_argument(
        "--tried", action="store_true", help="compare settings that were tried, and no methods"
    )
    parser.add_argument("--cost", type=int, metavar="N", help="time the fit of so many samples instead")
    parser.add_argument("--width", type=int, default=512, help="columns of the representations it times")
    parser.add_argument("--epochs", type=int, default=3, help="of the run it times")
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="a version whose default is compared")
    given = parser.parse_args()
    methods = given.methods.split(",")
    unknown = sorted(set(methods) - set(METHODS))
    if unknown:
        parser.error(f"--methods: no method {', '.join(unknown)}; there are {', '.join(METHODS)}")
    if not given.data.is_dir():
        parser.error(f"--data: {given.data} is not a folder")
    if {"before", "paper-before"} & set(methods):
        if not given.before:
            parser.error("--before: what is fitted before needs the folder of a checked-out version")
        before.load(given.before)
    torch.set_num_threads(1)
    with threadpool_limits(1):
        if given.cost:
            cost(given.cost, methods, given.width, given.epochs)
            return
        reference = RUNS[given.run]
        seeds = [int(seed) for seed in given.seeds.split(",")]
        runs = {seed: record(reference, given.data, BUILD / f"{given.run}-{seed}", seed) for seed in seeds}
        if given.stability:
            for method in methods:
                for kind, values in stability(runs[seeds[0]], method, given.stability).items():
                    each = "; ".join(
                        f"epoch {epoch}: {np.round(of, 3)}"
                        for epoch, of in zip(runs[seeds[0]].epochs, values, strict=True)
                    )
                    print(f"{given.run}, {method}, {kind}: disparity {each}", flush=True)
            return
        if given.rounding:
            for method in methods:
                for line in rounded(runs[seeds[0]], method):
                    print(f"{given.run}, {method}, {line}", flush=True)
            return
        if given.tried:
            methods = ["layout", *TRIED]
        for seed, run in runs.items():
            for method in methods:
                kept = BUILD / f"{given.run}-{method}-{seed}.json"
                if given.again or not kept.exists():
                    measured(method, run, seed).reset_index().to_json(kept, orient="records")
                    print(f"{given.run}, {method}, seed {seed}: measured", flush=True)
    if given.tried:
        write(f"{given.run} tried", compared(found(given.run, methods)))
    else:
        write(given.run, compared(found(given.run, METHODS)))


def found(run: str, methods: Iterable[str]) -> dict[str, list[pd.DataFrame]]:
    """All that is measured of a run, by method."""
    tables: dict[str, list[pd.DataFrame]] = {}
    for method in methods:
        for path in sorted(BUILD.glob(f"{run}-{method}-[0-9].json")):
            records = json.loads(path.read_text(encoding="utf-8"))
            frame = pd.DataFrame(records).set_index(["measure", "split", "k"]).astype(float)
            tables.setdefault(method, []).append(frame)
    return tables


if __name__ == "__main__":
    main()
