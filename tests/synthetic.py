"""A small landscape made of arrays, with a source that paints: what the widget's tests explore."""

from __future__ import annotations

import threading

import numpy as np
import pandas as pd

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
        if self.gate is not None and not self.gate.wait(30):
            raise TimeoutError("The gate stayed closed.")
        if self.error is not None:
            raise self.error
        self.painted.append(epoch)
        angle = (np.arctan2(points[:, 1], points[:, 0]) / (2 * np.pi) + epoch / 100) % 1
        classes = np.minimum((angle * self.n_classes).astype(int), self.n_classes - 1)
        return classes, np.abs(np.cos(angle)), (angle * self.n_classes) % 1 < 0.05


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
