"""Compare DeepView with the all-pairs loop and with DVI: calls, recall, quality, time; write RESULTS.md."""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import resnet20
import torch
from dvi import BUILD, RUNS, record
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.special import softmax
from sklearn.datasets import make_blobs
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from torch import nn

import dvi_widget as dvi
from dvi_widget.deepview.inverse import InverseMap, typical_gap
from dvi_widget.deepview.layout import fit_layout
from dvi_widget.deepview.metric import Classifier, Paths, estimate_scales, jensen_shannon
from dvi_widget.deepview.neighbors import Neighbors, Search
from dvi_widget.deepview.quality import territories
from dvi_widget.deepview.selection import choose_lambda

if TYPE_CHECKING:
    from typing_extensions import Self

SEGMENTS, K, LAM = 5, 30, 0.65
_BATCH = 64
SHARPNESS = (0.5, 1.0, 4.0, 8.0)  # beside the rule's choice, which is at least 2
RESULTS = Path(__file__).parent / "RESULTS.md"
HEADING = "## DeepView"


class Clock:
    """Measures wall and CPU seconds of a block."""

    def __enter__(self) -> Self:
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall, self.cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu

    def __str__(self) -> str:
        return f"{self.wall:.1f} s wall, {self.cpu:.1f} s CPU"


def cifar(data: Path, n: int) -> tuple[dvi.Predictor, NDArray[np.float32], NDArray[np.int64]]:
    """Return ResNet-20, and test pictures drawn without replacement (seed 0)."""
    _, (x, y), _ = dvi.datasets.image_folder(data / "cifar10" / "cifar10-jpg.tar.xz")
    drawn = np.random.default_rng(0).choice(len(x), n, replace=False)
    model = resnet20.Normalised(resnet20.trained(data)).eval()
    # Batches that stay in the processor's cache are twice as fast as the default.
    predictor = dvi.Predictor(model, batch_size=_BATCH)
    return predictor, (x[drawn] / 255).astype(np.float32), y[drawn]


def mnist_network() -> nn.Module:
    """The network of the MNIST reference run."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1568, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


def mnist(
    data: Path,
) -> tuple[
    nn.Module, tuple[NDArray[np.float32], NDArray[np.int64]], tuple[NDArray[np.float32], NDArray[np.int64]]
]:
    """Return the MNIST reference run: its network, 10,000 training and 2,000 test pictures, normalised."""
    (x, y), (xt, yt), _ = dvi.datasets.idx(data / "mnist")
    rng = np.random.default_rng(0)
    i, j = rng.choice(len(x), 10000, replace=False), rng.choice(len(xt), 2000, replace=False)
    train, test = (((p / 255 - 0.1307) / 0.3081).astype(np.float32) for p in (x[i], xt[j]))
    torch.manual_seed(0)
    model = mnist_network()
    adam = torch.optim.Adam(model.parameters(), 5e-4)
    inputs, labels = torch.from_numpy(train), torch.from_numpy(y[i])
    for _ in range(6):
        model.train()
        for part in torch.split(torch.randperm(len(inputs)), 256):
            adam.zero_grad()
            torch.autograd.backward(nn.functional.cross_entropy(model(inputs[part]), labels[part]))
            adam.step()
        model.eval()
    return model, (train, y[i]), (test, yt[j])


def begun(model: Any, x: NDArray[np.float32]) -> Paths:
    """Return the paths between pictures, none of their points classified."""
    classify = Classifier(model, x.shape[1:])
    flat = x.reshape(len(x), -1)
    return Paths(flat, classify(flat), classify, SEGMENTS)


def all_pairs(paths: Paths, scales: Any) -> Neighbors:
    """Return neighbours from the full matrix."""
    n = len(paths.x)
    i, j = np.triu_indices(n, 1)
    rows = paths.begin(i, j)
    paths.complete(rows)
    matrix = np.full((n, n), np.inf)
    matrix[i, j] = matrix[j, i] = paths.lengths(LAM, scales)[rows]
    nearest = np.argsort(matrix, axis=1, kind="stable")[:, :K]
    far = np.take_along_axis(matrix, nearest, axis=1).astype(np.float32)
    return Neighbors(nearest.astype(np.int32), far, np.ones(n, bool))


def recall(found: Neighbors, truth: Neighbors) -> float:
    """Return the share of the true neighbours among those of the search."""
    return float(dvi.measures.overlap(found.indices, truth.indices).mean())


def pruned(model: Any, x: NDArray[np.float32]) -> tuple[Neighbors, Any, Paths, Clock]:
    """Return neighbours by the search, with estimated scales; the samples' own calls are not counted."""
    with Clock() as clock:
        paths = begun(model, x)
        paths._classify.calls = 0  # type: ignore[attr-defined]  # noqa: SLF001
        scales = estimate_scales(paths, 0)
        found = Search(paths, K, LAM, scales).run()
    return found, scales, paths, clock


def calls_of(paths: Paths) -> int:
    return paths._classify.calls  # type: ignore[attr-defined, no-any-return]  # noqa: SLF001


def exactness(data: Path) -> list[str]:
    """Measure calls and recall at N = 300 on CIFAR-10, against the full matrix of the same run."""
    model, x, _ = cifar(data, 300)
    found, scales, paths, clock = pruned(model, x)
    full = begun(model, x)
    full._classify.calls = 0  # type: ignore[attr-defined]  # noqa: SLF001
    with Clock() as loop:
        truth = all_pairs(full, scales)
    maps = [fit_layout(f, paths.x, min_dist=0.1, seed=0).positions for f in (found, truth)]
    row = (
        f"CIFAR-10, ResNet-20, N = 300, λ .65, n = 5, k = 30 | {calls_of(paths):,} calls (scales "
        f"included), recall "
        f"{recall(found, truth):.4f}, certified {found.certified.mean():.0%}, {clock} | full matrix: "
        f"{calls_of(full):,} calls, {loop}; largest difference of the two embeddings "
        f"{np.abs(maps[0] - maps[1]).max():.2g}"
    )
    return [row]


def growth(data: Path) -> list[str]:
    """Measure calls per sample and wall time at N = 300, 1,000 and 3,000 on MNIST."""
    network, (x, _), _ = mnist(data)
    model = dvi.Predictor(network, batch_size=_BATCH)
    rows = []
    for n in (300, 1000, 3000):
        found, scales, paths, clock = pruned(model, x[:n])
        full = begun(model, x[:n])
        full._classify.calls = 0  # type: ignore[attr-defined]  # noqa: SLF001
        if n <= 1000:
            with Clock() as loop:
                truth = all_pairs(full, scales)
            against = (
                f"full matrix in the same run: {calls_of(full):,} calls, {loop}; "
                f"recall {recall(found, truth):.4f}"
            )
        else:
            against = some_rows(full, found, scales)
        rows.append(
            f"MNIST, N = {n:,}, λ .65, n = 5, k = 30 | {calls_of(paths):,} calls = "
            f"{calls_of(paths) / n:.0f} per sample, certified {found.certified.mean():.0%}, {clock} | "
            f"{against}"
        )
    return rows


def cost(_: Path) -> list[str]:
    """Measure the search, λ's choice included, beside all pairs, for a cheap and a dear classifier."""
    x, y = make_blobs(1500, 20, centers=6, cluster_std=6, random_state=3)
    x = x.astype(np.float32)
    linear = LogisticRegression(max_iter=500).fit(x, y)
    weights, bias = linear.coef_.T.astype(np.float32), linear.intercept_.astype(np.float32)

    def product(points: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(softmax(points @ weights + bias, axis=1))

    forest = RandomForestClassifier(100, random_state=0).fit(x, y)
    rows = []
    for name, model in (("a product of matrices", product), ("100 trees", forest)):
        for n in (150, 500, 1500):
            for _turn in range(2):  # the first time compiles, and fills the caches
                with Clock() as clock:
                    paths = begun(model, x[:n])
                    scales = estimate_scales(paths, 0)
                    lam = choose_lambda(paths, scales, 0)[0]
                    found = Search(paths, K, lam, scales).run()
                if model is forest:
                    break
            row = f"20-D blobs, {name}, N = {n:,}, λ auto = {lam:g} | "
            row += f"{calls_of(paths):,} calls, {clock.cpu:.2f} CPU s"
            if model is forest and n > 500:
                pairs = n * (n - 1) // 2
                sample = np.random.default_rng(0).choice(pairs, pairs // 50, replace=False)
                with Clock() as loop:
                    plain_lengths(model, x[:n], sample)
                calls = n + pairs * (SEGMENTS - 1)
                rows.append(f"{row} | all pairs: {calls:,} calls; a fiftieth took {loop.cpu:.2f} CPU s")
                continue
            with Clock() as loop:
                js, straight, calls = plain_lengths(model, x[:n])
                matrix = np.full((n, n), np.inf)
                i, j = np.triu_indices(n, 1)
                matrix[i, j] = matrix[j, i] = (1 - lam) / scales.js * js + lam / scales.euclidean * straight
                nearest = np.argsort(matrix, axis=1, kind="stable")[:, :K]
            hit = dvi.measures.overlap(found.indices, nearest.astype(np.int32)).mean()
            rows.append(f"{row}, recall {hit:.4f} | all pairs: {calls:,} calls, {loop.cpu:.2f} CPU s")
    return rows


def plain_lengths(
    model: Any, x: NDArray[np.float32], pairs: NDArray[np.integer] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Return both lengths of all pairs, or some, and the calls: one call for each of a path's points."""
    classify = Classifier(model, x.shape[1:])
    p = classify(x)
    i, j = np.triu_indices(len(x), 1)
    if pairs is not None:
        i, j = i[pairs], j[pairs]
    before, js = p[i], np.zeros(len(i))
    for t in np.arange(1, SEGMENTS) / SEGMENTS:
        now = classify(((1 - t) * x[i] + t * x[j]).astype(np.float32))
        js += jensen_shannon(before, now)
        before = now
    js += jensen_shannon(before, p[j])
    return js, np.linalg.norm(x[i] - x[j], axis=1).astype(np.float64), classify.calls


def shards(_: Path) -> list[str]:
    """Count regions and leaps of a forest's maps, by rules for the inverse map's sharpness and the paint."""
    figures: dict[str, list[tuple[float, float, float]]] = {}
    for draw in range(21, 31):
        x, y = make_blobs(1200, 20, centers=6, cluster_std=5, random_state=draw)
        forest = RandomForestClassifier(50, random_state=0).fit(x[:600], y[:600])
        view = dvi.DeepView(forest).fit(x[600:750])
        gap, places = typical_gap(view.embedding_), view.transform(x[750:])
        said = forest.predict(x[750:])
        for rule, sharpness in (
            ("as it is", view.a_ * gap**2),
            *((f"a · gap² = {a:g}", a) for a in SHARPNESS),
        ):
            back = InverseMap(view.embedding_, view.flat_, sharpness / gap**2)
            land = territories(view.classify_, back, view.embedding_, view.flat_, view.predictions_, 100)
            kept = (view.classify_(back(places)).argmax(axis=1) == said).mean()
            figures.setdefault(rule, []).append((land.regions, land.leaps, float(kept)))
        blurred = averaged(view, gap)
        land = territories(blurred, view.inverse_, view.embedding_, view.flat_, view.predictions_, 100)
        figures.setdefault("as it is, each pixel the mean of those within half a gap", []).append(
            (land.regions, land.leaps, np.nan)
        )
    rows = []
    for rule, found in figures.items():
        regions, leaps, kept = np.array(found).T
        rows.append(
            f"forest on ten draws of 20-D blobs, {rule} | regions a class {regions.mean():.2f} "
            f"({regions.min():.1f} to {regions.max():.1f}) | leaps {leaps.mean():.3f}"
            + (f", fresh kept {kept.mean():.3f}" if np.isfinite(kept).all() else "")
        )
    return rows


def averaged(view: dvi.DeepView, gap: float) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Return a classifier of the pixels of a square picture whose answers are blurred over half a gap."""
    low, high = view.embedding_.min(axis=0), view.embedding_.max(axis=0)

    def classify(inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        side = int(np.sqrt(len(inputs)))
        sigma = gap / 2 / ((high - low) * 1.16 / side)
        p = view.classify_(inputs).reshape(side, side, -1)
        return np.asarray(
            gaussian_filter(p, (sigma[1], sigma[0], 0), mode="nearest").reshape(side * side, -1)
        )

    return classify


def some_rows(full: Paths, found: Neighbors, scales: Any) -> str:
    """Measure recall on some rows of the full matrix, and extrapolate the time of all of it."""
    n = len(full.x)
    asked = np.arange(0, n, n // 20)
    i, j = np.repeat(asked, n), np.tile(np.arange(n), len(asked))
    i, j = i[i != j], j[i != j]
    with Clock() as loop:
        rows = full.begin(i, j)
        full.complete(rows)
    length = full.lengths(LAM, scales)[rows].reshape(len(asked), n - 1)
    order = np.argsort(length, axis=1, kind="stable")[:, :K]
    truth = np.take_along_axis(j.reshape(len(asked), n - 1), order, axis=1)
    hit = dvi.measures.overlap(found.indices[asked], truth).mean()
    calls = n * (n - 1) // 2 * (SEGMENTS - 1)
    share = calls_of(full) / calls
    return (
        f"full matrix: {calls:,} calls; {len(asked)} whole rows of it ({share:.1%}) took {loop} in the "
        f"same run, so all of it {loop.wall / share / 60:.0f} min wall, {loop.cpu / share / 60:.0f} min CPU; "
        f"recall on these rows {hit:.4f}"
    )


def said(view: dvi.DeepView) -> str:
    """List the classifier calls by purpose."""
    return ", ".join(f"{purpose} {calls:,}" for purpose, calls in view.calls_.items())


def quality(data: Path) -> list[str]:
    """Measure Q_kNN, Q_data, Q_¬data at N = 300 with λ chosen; canvas, added samples, unseen samples."""
    model, x, y = cifar(data, 600)
    with Clock() as clock:
        view = dvi.DeepView(model).fit(x[:300], y[:300])
    q = view.measures().set_index("measure")["value"]
    unseen = f"Q_¬data {q['q_not_data']:.3f} (5-fold), {q['q_not_data_70_30']:.3f} (70/30)"
    rows = [
        (
            f"CIFAR-10, N = 300, λ auto = {view.lam_:g} | Q_kNN {q['q_knn']:.3f}, "
            f"Q_kNN-E {q['q_knn_e']:.3f}, Q_data {q['q_data']:.3f}, {unseen} | "
            f"calls: {said(view)}, a = {view.a_:.3g}, {clock}"
        )
    ]
    rows += [_canvas(view), _sigmas(view)]
    with Clock() as clock:
        placed = view.transform(x[300:])
    votes = dvi.measures.votes(dvi.measures.neighbors(view.embedding_, 5, query=placed)[0], view.predictions_)
    truth = view.classify_(x[300:].reshape(300, -1)).argmax(axis=1)
    rows.append(
        f"CIFAR-10, 300 unseen samples placed | 5-NN accuracy {(votes == truth).mean():.3f} | {clock}"
    )
    small = dvi.DeepView(model, lam=view.lam_).fit(x[:50])
    for fitted, more in ((small, 10), (view, 30)):
        first, before = len(fitted.embedding_), fitted.classify_.calls
        score = dvi.measures.q_knn(fitted.embedding_, fitted.predictions_)
        with Clock() as clock:
            fitted.add(x[first : first + more])
        after = dvi.measures.q_knn(fitted.embedding_, fitted.predictions_)
        rows.append(
            f"CIFAR-10, {more} added to {first} | Procrustes disparity of the old {fitted.disparity_:.2g}; "
            f"Q_kNN {score:.3f} before, {after:.3f} with them | "
            f"{fitted.classify_.calls - before:,} calls, {clock}"
        )
    return rows


def _canvas(view: dvi.DeepView) -> str:
    """Measure a canvas's CPU time without the classifier, and its agreement with classifying all pixels."""
    classify, spent, asked = view.classify_, [0.0], [0]

    def timed(points: NDArray[np.float32]) -> NDArray[np.float32]:
        begin = time.process_time()
        p = classify(points)
        spent[0] += time.process_time() - begin
        asked[0] += len(points)
        return p

    landscape = view.landscape(resolution=400)
    view.classify_ = timed  # type: ignore[assignment]
    with Clock() as clock:
        classes = landscape[0].canvas.classes
    view.classify_ = classify
    x0, x1, y0, y1 = landscape.extent
    at = (np.arange(400) + 0.5) / 400
    grid = np.stack(np.meshgrid(x0 + at * (x1 - x0), y0 + at * (y1 - y0)), axis=-1).reshape(-1, 2)
    with Clock() as decoding:
        for part in np.array_split(grid.astype(np.float32), 40):
            view.inverse_(part)
    drawn = np.random.default_rng(0).choice(160_000, 8_000, replace=False)
    kinds = landscape.source.paint(0, grid[drawn].astype(np.float32))[0]
    agree = (kinds == classes.ravel()[drawn]).mean()
    return (
        f"canvas 400 × 400, classifier aside | {clock.cpu - spent[0]:.2f} s CPU, {asked[0]:,} of 160,000 "
        f"pixels classified, {agree:.2%} of 8,000 drawn pixels as if all were | decoding all 160,000: "
        f"{decoding.cpu:.2f} s CPU"
    )


def _sigmas(view: dvi.DeepView) -> str:
    """Measure Q_data and Q_¬data (five folds, three draws) with and without weights divided by σ_i."""
    y, x, classes = view.embedding_, view.flat_, view.predictions_
    said = []
    for name, sigmas in (("w_i", None), ("w_i/σ_i", view.sigmas_)):
        hits = []
        for seed in range(3):
            for fold in np.array_split(np.random.default_rng(seed).permutation(len(y)), 5):
                seen = np.setdiff1d(np.arange(len(y)), fold)
                a = view.a_ * (typical_gap(y) / typical_gap(y[seen])) ** 2
                back = InverseMap(y[seen], x[seen], a, sigmas=None if sigmas is None else sigmas[seen])
                hits.append(view.classify_(back(y[fold])).argmax(axis=1) == classes[fold])
        whole = InverseMap(y, x, view.a_, sigmas=sigmas)
        kept = (view.classify_(whole(y)).argmax(axis=1) == classes).mean()
        said.append(f"{name}: Q_data {kept:.3f}, Q_¬data {np.concatenate(hits).mean():.3f}")
    return (
        f"weights of Theorem 2 with and without σ_i, CIFAR-10, N = 300 | {'; '.join(said)} | same a, three "
        f"draws "
        "of five folds"
    )


def whole(data: Path) -> list[str]:
    """Measure N = 10,000 MNIST pictures from the network to the painted map."""
    network, (x, y), _ = mnist(data)
    model = dvi.Predictor(network, batch_size=_BATCH)
    with Clock() as clock:
        view = dvi.DeepView(model).fit(x, y)
    with Clock() as painting:
        _ = view.landscape()[0].canvas
    held = view._paths.nbytes  # noqa: SLF001
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    q = view.measures().set_index("measure")["value"]
    row = (
        f"MNIST, N = 10,000, λ auto = {view.lam_:g}, end to end | fit {clock} ({clock.wall / 60:.1f} min), "
        f"canvas {painting}, {sum(view.calls_.values()):,} calls ({said(view)}), certified "
        f"{view.certified_:.0%} | "
        f"peak memory {peak:.1f} GiB, paths {held / 2**20:.0f} MiB; Q_kNN {q['q_knn']:.3f}, "
        f"Q_kNN-E {q['q_knn_e']:.3f}, Q_data {q['q_data']:.3f}, Q_¬data {q['q_not_data']:.3f}"
    )
    return [row]


def beside_dvi(data: Path) -> list[str]:
    """Measure DeepView's row in DVI's table: 1,000 / 200 samples of the MNIST reference run, last epoch."""
    reference = RUNS["mnist"]
    whole = dvi.Run(record(reference, data, BUILD / "mnist-0", 0).folder, model=reference.network())
    epoch, pictures = whole.epochs[-1], whole.images
    assert pictures is not None
    labels = whole.samples["label"].to_numpy()
    train, test = slice(0, 1000), slice(0, 200)  # the run has them in random order
    with tempfile.TemporaryDirectory() as folder:
        dvi.Recorder(
            folder,
            whole.subject(epoch).model,
            train=(whole.inputs("train")[train], labels[train]),
            test=(whole.inputs("test")[test], labels[whole.n_train :][test]),
            classes=whole.classes,
            images=(pictures[: whole.n_train][train], pictures[whole.n_train :][test]),
        ).capture(epoch)
        run = dvi.Run(folder)
        return [_deepview_on(run, epoch), _dvi_on(run)]


def _deepview_on(run: dvi.Run, epoch: int) -> str:
    """Measure DeepView of the head, with the representations as its inputs."""
    head, m = run.head(epoch), dvi.measures

    def outputs(x: NDArray[np.float32]) -> NDArray[np.float32]:
        return head(torch.from_numpy(x)).softmax(1).numpy()

    x, xt, b, bt = (
        array.astype(np.float32)
        for array in (
            run.features(epoch), run.features(epoch, "test"), run.boundary(epoch), run.boundary(epoch, "test")
        )
    )  # fmt: skip
    dvi.DeepView(outputs, lam=LAM).fit(x[:100])  # compiles
    with Clock() as clock:
        view = dvi.DeepView(outputs).fit(x)
    with Clock() as placing:
        yt, yb, ybt = view.transform(xt), view.transform(b), view.transform(bt)
    both, placed = np.concatenate([x, xt]), np.concatenate([view.embedding_, yt])
    decoded, decoded_test = (view.classify_(view.inverse_transform(y)) for y in (view.embedding_, yt))
    values = (
        m.nn_pv(x, view.embedding_),
        m.nn_pv(both, placed, rows=np.arange(len(x), len(both))),
        m.boundary_pv(x, b, view.embedding_, yb),
        m.boundary_pv(xt, bt, yt, ybt),
        m.ppr(run.logits(epoch).argmax(1), decoded.argmax(1)),
        m.ppr(run.logits(epoch, "test").argmax(1), decoded_test.argmax(1)),
    )
    others = len(xt) + len(b) + len(bt)
    return f"{_row('DeepView()', values, clock)}, and {placing.cpu:.1f} to place {others} others"


def _dvi_on(run: dvi.Run) -> str:
    """Measure DVI on the same samples."""
    dvi.DVI().fit(run)  # compiles
    for path in run.maps.iterdir():
        path.unlink()
    with Clock() as clock:
        model = dvi.DVI().fit(run)
    table = model.landscape().measures(k=(15,)).set_index(["measure", "split"])["value"]
    values = [table[name, split] for name in ("nn_pv", "boundary_pv", "ppr") for split in ("train", "test")]
    return _row("DVI()", values, clock)


def _row(name: str, values: Sequence[float], clock: Clock) -> str:
    pairs = [f"{train:.3f} / {test:.3f}" for train, test in zip(values[::2], values[1::2], strict=True)]
    return (
        f"{name}, 1,000 / 200 samples of the MNIST reference run, last checkpoint | nn {pairs[0]}, "
        f"boundary {pairs[1]}, PPR {pairs[2]} (train / test, k = 15) | {clock.cpu:.1f} CPU s to fit"
    )


PARTS = {
    "cost": cost,
    "shards": shards,
    "exactness": exactness,
    "growth": growth,
    "quality": quality,
    "whole": whole,
    "dvi": beside_dvi,
}

DRAWN = {"cost", "shards"}  # on data that are drawn here


def keep(part: str, rows: list[str]) -> None:
    """Replace a part's rows in RESULTS.md by those of this run."""
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else "# Measured\n"
    begin, end = f"<!-- deepview {part} -->", f"<!-- /deepview {part} -->"
    block = "\n".join(
        [
            begin,
            "| what | measured | beside it |",
            "| --- | --- | --- |",
            *(f"| {row} |" for row in rows),
            "",
            end,
        ]
    )
    data = "" if part in DRAWN else " --data DATA"
    command = f"`python benchmarks/deepview.py{data} {part}`, one thread"
    if begin in text:
        head, rest = text.split(begin)
        text = head + block + rest.split(end, 1)[1]
    elif HEADING in text:
        head, rest = text.split(HEADING + "\n", 1)
        place = rest.find("\n## ")
        body, after = (rest, "") if place < 0 else (rest[:place], rest[place:])
        text = head + HEADING + "\n" + body.rstrip("\n") + f"\n\n{command}\n\n{block}\n" + after
    else:
        text = text.rstrip("\n") + f"\n\n{HEADING}\n\n{command}\n\n{block}\n"
    RESULTS.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, help=f"folder with cifar10/ and mnist/; {' and '.join(DRAWN)} need none"
    )
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=f"some of {', '.join(PARTS)}")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"parts must be some of {', '.join(PARTS)}; got {', '.join(sorted(unknown))}")
    if not set(given.parts) <= DRAWN and not (given.data and given.data.is_dir()):
        parser.error(f"--data must be a folder with cifar10/ and mnist/; got {given.data}")
    torch.set_num_threads(1)
    for part in given.parts:
        rows = PARTS[part](given.data)
        print(part, *rows, sep="\n")
        keep(part, rows)


if __name__ == "__main__":
    main()
