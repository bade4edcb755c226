"""Measure DeepView's maps by what any version of it offers, so that two versions can be set side by side.

    python benchmarks/deepview_lines.py
    PYTHONPATH=OTHER/src python benchmarks/deepview_lines.py

The data are drawn here, by seeds on which nothing was chosen.
"""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.spatial import cKDTree, procrustes
from sklearn import datasets
from sklearn.ensemble import RandomForestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

import dvi_widget as dvi

SIDE = 120  # pixels of the picture whose regions are counted
MAPPED = 150
Floats = NDArray[np.float32]


def cases() -> list[tuple[str, Any, NDArray[np.float64], NDArray[np.int64]]]:
    """Return classifiers trained on the first half of samples, and all samples with labels."""
    blobs = datasets.make_blobs(1200, 20, centers=6, cluster_std=5, random_state=11)
    models = (
        ("blobs in 20-D, MLP", MLPClassifier((32,), max_iter=800, random_state=0), blobs),
        ("blobs in 20-D, forest", RandomForestClassifier(50, random_state=0), blobs),
        (
            "moons of another seed, SVC",
            SVC(probability=True, gamma=2.0, C=10, random_state=0),
            datasets.make_moons(1000, noise=0.12, random_state=7),
        ),
    )
    return [(name, model.fit(x[: len(x) // 2], y[: len(x) // 2]), x, y) for name, model, (x, y) in models]


def painted(view: Any) -> str:
    """Return regions per class, the share of border pixels that leap, and how far a 2-D border is off."""
    y, x = view.embedding_, view.flat_.astype(np.float64)
    low, high = y.min(axis=0), y.max(axis=0)
    low, high = low - 0.08 * (high - low), high + 0.08 * (high - low)
    at = (np.arange(SIDE) + 0.5) / SIDE
    grid = np.stack(np.meshgrid(*(low + at[:, None] * (high - low)).T), axis=-1).reshape(-1, 2)
    inputs = view.inverse_(grid.astype(np.float32)).astype(np.float64)
    kind = view.classify_(inputs.astype(np.float32)).argmax(axis=1).reshape(SIDE, SIDE)
    column, row = ((y - low) / (high - low) * SIDE).astype(int).clip(0, SIDE - 1).T
    regions, classes = 0, np.unique(kind)
    for c in classes:
        areas, count = label(kind == c)
        sizes = np.bincount(areas.ravel(), minlength=count + 1)[1:]
        own = view.predictions_ == c
        held = np.isin(np.arange(1, count + 1), areas[row[own], column[own]])
        regions += int((~held | (sizes >= kind.size / len(y))).sum())
    decoded = inputs.reshape(SIDE, SIDE, -1)
    steps, middles = [], []
    for a, b, apart in (
        (decoded[:, 1:], decoded[:, :-1], kind[:, 1:] != kind[:, :-1]),
        (decoded[1:], decoded[:-1], kind[1:] != kind[:-1]),
    ):
        steps.append(np.linalg.norm(a[apart] - b[apart], axis=1))
        middles.append((a[apart] + b[apart]) / 2)
    step, middle = np.concatenate(steps), np.concatenate(middles)
    pairs = np.random.default_rng(0).integers(len(x), size=(2, 2000))
    typical = np.median(np.linalg.norm(x[pairs[0]] - x[pairs[1]], axis=1))
    said = (
        f"regions {regions / len(classes):.2f}, leaps {(step > typical / 4).mean() if len(step) else 0:.3f}"
    )
    if x.shape[1] == 2 and len(middle):
        said += f", border off by {cKDTree(true_border(view, x)).query(middle)[0].mean():.3f}"
    return said


def true_border(view: Any, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points of the plane where the classifier's answer changes."""
    axes = [np.linspace(low, high, 400) for low, high in zip(x.min(axis=0), x.max(axis=0), strict=True)]
    plane = np.stack(np.meshgrid(*axes), axis=-1)
    kind = view.classify_(plane.reshape(-1, 2).astype(np.float32)).argmax(axis=1).reshape(400, 400)
    changes = np.zeros((400, 400), bool)
    changes[:, 1:] |= kind[:, 1:] != kind[:, :-1]
    changes[1:] |= kind[1:] != kind[:-1]
    return np.asarray(plane[changes])


def beside(view: Any, size: int, classes: NDArray[np.intp], positions: Floats) -> NDArray[np.intp]:
    """Return the vote of the five fitted samples nearest to positions on the map."""
    nearest = cKDTree(view.embedding_[:size]).query(positions, 5)[1]
    return np.array([np.bincount(row).argmax() for row in classes[nearest]])


def precise(view: Any, model: Any) -> str:
    """Return how many distances to neighbours differ from those of paths in double precision."""
    x = view.flat_.astype(np.float64)
    rows, others = np.repeat(np.arange(len(x)), 5), view.neighbors_.indices[:, :5].ravel()
    t = np.linspace(0, 1, view.segments + 1)[:, None, None]
    path = ((1 - t) * x[rows] + t * x[others]).reshape(-1, x.shape[1])
    p = model.predict_proba(path).reshape(len(t), len(rows), -1)
    m = (p[1:] + p[:-1]) / 2
    entropy = [-(q * np.log(np.maximum(q, 1e-300))).sum(axis=-1) for q in (m, p[1:], p[:-1])]
    js = np.sqrt(np.maximum(entropy[0] - (entropy[1] + entropy[2]) / 2, 0)).sum(axis=0)
    length = (1 - view.lam_) * js / view.scales_.js
    length += view.lam_ * np.linalg.norm(x[rows] - x[others], axis=1) / view.scales_.euclidean
    off = np.abs(length - view.neighbors_.distances[:, :5].ravel())
    return f"distances off by more than 1e-4: {(off > 1e-4).mean():.4f}, at most {off.max():.1e}"


def main() -> None:
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    for name, model, x, y in cases():
        half = len(x) // 2
        mapped, fresh, truth = x[half : half + MAPPED], x[half + MAPPED :], y[half + MAPPED :]
        dvi.DeepView(model, lam=0.5).fit(mapped[:40])  # compiles
        start = time.process_time()
        view = dvi.DeepView(model).fit(mapped)
        spent = time.process_time() - start
        size, classes, before = MAPPED, view.predictions_, view.embedding_.copy()
        seeds = [dvi.DeepView(model, lam=view.lam_, seed=s).fit(mapped).embedding_ for s in (1, 2)]
        apart = ", ".join(f"{procrustes(before, other)[2]:.3f}" for other in seeds)
        said = model.predict_proba(fresh).argmax(axis=1)
        placed = view.transform(fresh)
        kept = (view.classify_(view.inverse_(placed)).argmax(axis=1) == said).mean()
        wrong, voted = said != truth, beside(view, size, classes, placed)
        first = f"{painted(view)}, fresh kept {kept:.3f}, other seeds {apart}; {precise(view, model)}"
        gap = np.median(cKDTree(before).query(before, 2)[0][:, 1])
        nearest = cKDTree(before).query(before, 6)[1][:, 1:]
        view.add(fresh[:1])
        after = view.embedding_[:size]
        still = cKDTree(after).query(after, 6)[1][:, 1:]
        moved = np.linalg.norm(after - before, axis=1) / gap
        overlap = np.mean([len(np.intersect1d(a, b)) / 5 for a, b in zip(nearest, still, strict=True)])
        added = np.empty(0, np.intp)
        if wrong.any():
            view.add(fresh[wrong])
            added = beside(view, size, classes, view.embedding_[size + 1 :])
        errors = (
            f"{wrong.sum()} errors by their prediction {share(voted[wrong], said[wrong])} placed, "
            f"{share(added, said[wrong])} added, by their label {share(voted[wrong], truth[wrong])}, "
            f"{share(added, truth[wrong])}"
        )
        calls = f"{sum(view.calls_.values()):,} calls with all added, {spent:.2f} CPU s to fit"
        one = f"one added: moved {moved.mean():.2f} gaps, five nearest kept {overlap:.2f}"
        print(f"{name} | λ {view.lam_:g}, {calls} | {first} | {errors} | {one}", flush=True)


def share(a: NDArray[Any], b: NDArray[Any]) -> str:
    return f"{(a == b).mean():.2f}" if len(a) else "–"


if __name__ == "__main__":
    main()
