"""A small landscape made of arrays, with a source that paints: what the widget's tests explore."""

from __future__ import annotations

import threading

import numpy as np
import pandas as pd
from waiting import WAIT_S

from dvi_widget.landscape import Landscape


class Painter:
    """Classifies the plane by its angle; may be held at a gate, or fail."""

    def __init__(self, n_classes, *, gate=None, error=None):
        self.n_classes = n_classes
        self.gate = gate
        self.error = error
        self.started = threading.Event()
        self.painted = []

    def paint(self, epoch, points):
        self.started.set()
        if self.gate is not None and not self.gate.wait(WAIT_S):
            raise TimeoutError("The gate stayed closed.")
        if self.error is not None:
            raise self.error
        self.painted.append(epoch)
        angle = (np.arctan2(points[:, 1], points[:, 0]) / (2 * np.pi) + epoch / 100) % 1
        classes = np.minimum((angle * self.n_classes).astype(int), self.n_classes - 1)
        return classes, np.abs(np.cos(angle)), np.abs((angle * self.n_classes + 0.5) % 1 - 0.5)


def landscape(
    n=40,
    epochs=(0, 5, 10),
    classes=("cat", "dog", "owl"),
    *,
    images=True,
    groups=(),
    resolution=12,
    seed=0,
    **source,
):
    """Landscape of n samples, the last quarter of them test; sample 0 has no label."""
    rng = np.random.default_rng(seed)
    samples = pd.DataFrame(
        {
            "split": np.where(np.arange(n) < n - n // 4, "train", "test"),
            "label": rng.integers(len(classes), size=n),
        }
    )
    samples.loc[0, "label"] = -1
    for name in groups:
        samples[name] = rng.random(n) < 0.5
    return Landscape(
        list(epochs),
        [rng.normal(size=(n, 2)) for _ in epochs],
        [rng.integers(len(classes), size=n) for _ in epochs],
        [rng.random(n) for _ in epochs],
        classes=list(classes),
        samples=samples,
        images=rng.integers(256, size=(n, 1, 8, 6), dtype=np.uint8) if images else None,
        source=Painter(len(classes), **source),
        resolution=resolution,
        name="synthetic",
    )


class Engine(Painter):
    """Answers all that a fitted projection does: representations are the positions and one more number."""

    def __init__(self, n_classes, positions, *, seed=0, **held):
        super().__init__(n_classes, **held)
        rng = np.random.default_rng(seed)
        self.weight = rng.normal(size=(3, n_classes))
        self.recorded = {
            epoch: np.column_stack([y, rng.normal(size=len(y))]).astype(np.float32)
            for epoch, y in positions.items()
        }
        self.asked = []

    def features(self, epoch):
        return self.recorded[epoch]

    def logits(self, epoch):
        self.asked.append(epoch)
        return (self.recorded[epoch] @ self.weight).astype(np.float32)

    def decode(self, epoch, points):
        return np.column_stack([points, np.zeros(len(points), np.float32)])

    def classify(self, epoch, x):
        p = np.exp(x @ self.weight)
        return (p / p.sum(axis=1, keepdims=True)).astype(np.float32)

    def place(self, epoch, x):
        return x[:, :2] + np.float32(0.5) * (x[:, :1] > 0)

    def boundary(self, epoch, split):
        return self.recorded[epoch][:20] / 2

    def neighbors(self, epoch, indices, k, mask=None):
        x = self.recorded[epoch]
        far = np.linalg.norm(x[indices][:, None] - x[None], axis=2)
        far[np.arange(len(indices)), indices] = np.inf
        if mask is not None:
            far[:, ~np.asarray(mask)] = np.inf
        return np.argsort(far, axis=1, kind="stable")[:, :k]


def fitted(n=40, epochs=(0, 5, 10), **options):
    """A landscape with an engine behind it; predictions and confidence are those of its logits."""
    shown = landscape(n, epochs, **options)
    held = {"gate": shown.source.gate, "error": shown.source.error}
    engine = Engine(len(shown.classes), {frame.epoch: frame.positions for frame in shown}, **held)
    for frame in shown:
        p = engine.classify(frame.epoch, engine.features(frame.epoch))
        frame.predictions, frame.confidence = p.argmax(axis=1), p.max(axis=1)
    shown.source = engine
    return shown
