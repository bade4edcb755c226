"""Scenes whose every movement is known: what a map must move, what it must not, and what it must not part.

    python benchmarks/scenes.py [SCENE ...] [--method layout] [--seeds 0,1,2] [--samples 800]

Each line holds a bar, the figure of the method and that of a placebo, which draws every sample anew in the
disc of its prediction. Lengths are in map radii: root mean square distances from the middle, an epoch before.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import dvi_widget as dvi
from dvi_widget import measures
from dvi_widget.landscape.placebo import in_discs
from dvi_widget.projection import Projection

Floats = NDArray[np.float64]
METHODS: dict[str, Callable[[], Projection]] = {
    "layout": dvi.DVI,
    "layout-causal": lambda: dvi.DVI(joint=False),
    "umap-t": lambda: dvi.baselines.UMAP(warm=True),
    "pca": dvi.baselines.PCA,
}
AXES = 32  # of the representations
CLASSES = 10
WIDTH = 0.06  # standard deviation within a class along each axis; the ring of classes has radius 1
NOISE = 0.1  # of what the noise scene adds anew in each epoch, in WIDTH
K = 15


@dataclass(frozen=True)
class Scene:
    """A run made of arrays: per epoch, representations [n, h] and a linear head (weight [C, h], bias [C])."""

    x: list[Floats]
    heads: list[tuple[Floats, Floats]]
    labels: NDArray[np.int64]
    movers: NDArray[np.bool_]  # the samples that move; all others do not

    def logits(self, t: int) -> Floats:
        """Logits [n, C] of an epoch."""
        weight, bias = self.heads[t]
        z: Floats = self.x[t] @ weight.T + bias
        return z


@dataclass(frozen=True)
class Bar:
    """What a figure must reach; without a bound it is for information."""

    what: str
    value: float
    least: float = -np.inf
    most: float = np.inf

    @property
    def passed(self) -> bool:
        """Whether the value lies within the bounds."""
        return bool(self.least <= self.value <= self.most)

    @property
    def words(self) -> str:
        """The bounds in words."""
        parts = []
        if np.isfinite(self.least):
            parts.append(f"≥ {self.least:g}")
        if np.isfinite(self.most):
            parts.append(f"≤ {self.most:g}")
        return " and ".join(parts)


def ring(count: int = CLASSES) -> Floats:
    """Centres [C, h] on a circle of radius 1 in the first two axes."""
    angle = 2 * np.pi * np.arange(count) / count
    centres = np.zeros((count, AXES))
    centres[:, 0], centres[:, 1] = np.cos(angle), np.sin(angle)
    return centres


def nearest_centre(centres: Floats) -> tuple[Floats, Floats]:
    """The linear head that predicts the class of the nearest centre."""
    return centres / WIDTH, -np.square(centres).sum(axis=1) / (2 * WIDTH)


def told(draw: np.random.Generator, n: int, story: Sequence[Floats], movers: Sequence[int] = ()) -> Scene:
    """Samples that keep their places within classes, whose centres move as the story says."""
    labels = draw.integers(len(story[0]), size=n)
    own = WIDTH * draw.normal(size=(n, AXES))
    return Scene(
        [centres[labels] + own for centres in story],
        [nearest_centre(centres) for centres in story],
        labels,
        np.isin(labels, movers),
    )


def static(draw: np.random.Generator, n: int) -> Scene:
    """Nothing happens but a rotation of the whole space."""
    scene = told(draw, n, [ring()] * 4)
    turns = [np.linalg.qr(draw.normal(size=(AXES, AXES)))[0] for _ in scene.x]
    return Scene(
        [x @ turn for x, turn in zip(scene.x, turns, strict=True)],
        [(weight @ turn, bias) for (weight, bias), turn in zip(scene.heads, turns, strict=True)],
        scene.labels,
        scene.movers,
    )


def noise(draw: np.random.Generator, n: int) -> Scene:
    """Every epoch adds noise of its own."""
    scene = told(draw, n, [ring()] * 4)
    x = [part + NOISE * WIDTH * draw.normal(size=part.shape) for part in scene.x]
    return Scene(x, scene.heads, scene.labels, scene.movers)


def swap(draw: np.random.Generator, n: int) -> Scene:
    """Two opposite classes change places between the second epoch and the third."""
    after = ring()
    after[[0, 5]] = after[[5, 0]]
    return told(draw, n, [ring(), ring(), after, after], movers=(0, 5))


def drift(draw: np.random.Generator, n: int) -> Scene:
    """A class crosses the ring, step by step."""
    story = []
    for share in np.linspace(0, 1.8, 6):
        centres = ring()
        centres[0] *= 1 - share
        story.append(centres)
    return told(draw, n, story, movers=(0,))


def merge(draw: np.random.Generator, n: int) -> Scene:
    """A class joins another."""
    story = []
    for share in np.linspace(0, 0.95, 5):
        centres = ring()
        centres[0] += share * (centres[4] - centres[0])
        story.append(centres)
    return told(draw, n, story, movers=(0,))


def reorder(draw: np.random.Generator, n: int) -> Scene:
    """All classes change places round the ring."""
    after = ring()[draw.permutation(CLASSES)]
    return told(draw, n, [ring(), ring(), after, after], movers=range(CLASSES))


def split(draw: np.random.Generator, n: int) -> Scene:
    """The halves of a class part, along an axis of their own."""
    scene = told(draw, n, [ring()] * 5)
    half = np.where(scene.labels == 0, np.where(draw.random(n) < 0.5, 1.0, -1.0), 0.0)
    x = [part.copy() for part in scene.x]
    for t, part in enumerate(x):
        part[:, 2] += 0.12 * t * half
    return Scene(x, scene.heads, scene.labels, half > 0)


def gaussian(draw: np.random.Generator, n: int) -> Scene:
    """One cloud, and a head that knows nothing: there is no class to see."""
    x = draw.normal(size=(n, AXES))
    head = draw.normal(size=(CLASSES, AXES)), np.zeros(CLASSES)
    labels = (x @ head[0].T).argmax(axis=1)
    return Scene([x, x], [head, head], labels, np.zeros(n, bool))


def cut(draw: np.random.Generator, n: int) -> Scene:
    """Five clusters, each of which the head cuts in two where there is no gap."""
    centres = ring(5)
    scene = told(draw, n, [centres] * 2)
    weight, bias = nearest_centre(centres)
    knife = np.linalg.qr(draw.normal(size=(AXES - 2, 5)))[0].T / WIDTH  # [5, h − 2], across the ring's plane
    knife = np.concatenate([np.zeros((5, 2)), knife], axis=1)
    head = np.concatenate([weight + knife, weight - knife]), np.concatenate([bias, bias])
    labels = (scene.x[0] @ head[0].T + head[1]).argmax(axis=1)
    return Scene(scene.x, [head] * 2, labels, scene.movers)


def along(draw: np.random.Generator, n: int, path: Callable[[Floats], Floats]) -> Scene:
    """Samples along a path [n] → [n, 2]; the classes are its tenths."""
    t = draw.random(n)
    x = 0.02 * draw.normal(size=(n, AXES))
    x[:, :2] += path(t)
    labels = np.minimum((t * CLASSES).astype(int), CLASSES - 1)
    centres = np.zeros((CLASSES, AXES))
    centres[:, :2] = path((np.arange(CLASSES) + 0.5) / CLASSES)
    return Scene([x, x], [nearest_centre(centres)] * 2, labels, np.zeros(n, bool))


def line(draw: np.random.Generator, n: int) -> Scene:
    """One straight line."""
    return along(draw, n, lambda t: np.stack([4 * t, np.zeros_like(t)], axis=1))


def circle(draw: np.random.Generator, n: int) -> Scene:
    """One closed circle."""
    return along(draw, n, lambda t: np.stack([np.cos(2 * np.pi * t), np.sin(2 * np.pi * t)], axis=1))


def hierarchy(draw: np.random.Generator, n: int) -> Scene:
    """Three groups of three classes."""
    groups = 2 * np.linalg.qr(draw.normal(size=(AXES, 3)))[0].T
    classes = 0.6 * np.linalg.qr(draw.normal(size=(AXES, 9)))[0].T
    return told(draw, n, [np.repeat(groups, 3, axis=0) + classes] * 2)


def ways(y: Sequence[Floats]) -> list[Floats]:
    """How far each sample goes [n], per transition, in map radii."""
    return [
        np.linalg.norm(after - before, axis=1)
        / np.sqrt(np.square(before - before.mean(axis=0)).sum(axis=1).mean())
        for before, after in pairwise(y)
    ]


def stays(most: float) -> Callable[[Scene, Sequence[Floats]], Iterator[Bar]]:
    """Nobody moves."""

    def judge(_: Scene, y: Sequence[Floats]) -> Iterator[Bar]:
        yield Bar("movement an epoch, mean", float(np.mean(ways(y))), most=most)

    return judge


def swaps(scene: Scene, y: Sequence[Floats]) -> Iterator[Bar]:
    way = ways(y)[1]
    yield Bar("way of the two that swap", float(way[scene.movers].mean()), least=1.5)
    yield Bar("way of the rest", float(way[~scene.movers].mean()), most=0.1)
    yield Bar("class distances at the end, ρ", arranged(scene, y), least=0.85)


def moves(scene: Scene, y: Sequence[Floats]) -> Iterator[Bar]:
    steps = ways(y)
    yield Bar("least step of the mover", float(min(way[scene.movers].mean() for way in steps)), least=0.2)
    yield Bar("largest step of the rest", float(max(way[~scene.movers].mean() for way in steps)), most=0.06)


def reorders(scene: Scene, y: Sequence[Floats]) -> Iterator[Bar]:
    yield Bar("class distances at the end, ρ", arranged(scene, y), least=0.9)


def splits(scene: Scene, y: Sequence[Floats]) -> Iterator[Bar]:
    own = scene.labels == 0
    gaps = [
        np.linalg.norm(part[own & scene.movers].mean(axis=0) - part[own & ~scene.movers].mean(axis=0))
        / np.sqrt(np.square(part - part.mean(axis=0)).sum(axis=1).mean())
        for part in y
    ]
    yield Bar("least growth of the gap in an epoch", float(np.diff(gaps).min()), least=0)
    yield Bar("gap at the end", float(gaps[-1]))


def mixes(scene: Scene, y: Sequence[Floats]) -> Iterator[Bar]:
    predicted = scene.logits(-1).argmax(axis=1)
    true, shown = (float(measures.purity(part, predicted, K).mean()) for part in (scene.x[-1], y[-1]))
    yield Bar(f"purity on the map less {true:.3f}", shown - true, least=-0.02, most=0.02)
    yield Bar(f"neighbours kept ({K})", measures.nn_pv(scene.x[-1], y[-1], K))


def keeps_shape(scene: Scene, y: Sequence[Floats]) -> Iterator[Bar]:
    yield Bar("class distances, ρ", arranged(scene, y))
    yield Bar("triplets", measures.triplet_agreement(scene.x[-1], y[-1]))
    yield Bar(f"trustworthiness ({K})", measures.trustworthiness(scene.x[-1], y[-1], K))


def arranged(scene: Scene, y: Sequence[Floats]) -> float:
    return measures.class_distance_correlation(scene.x[-1], y[-1], scene.labels)


Make = Callable[[np.random.Generator, int], Scene]
Judge = Callable[[Scene, Sequence[Floats]], Iterator[Bar]]
SCENES: dict[str, tuple[Make, Judge]] = {
    "static": (static, stays(0.02)),
    "noise": (noise, stays(0.08)),
    "swap": (swap, swaps),
    "drift": (drift, moves),
    "merge": (merge, moves),
    "re-order": (reorder, reorders),
    "split": (split, splits),
    "one Gaussian": (gaussian, mixes),
    "cut clusters": (cut, mixes),
    "line": (line, keeps_shape),
    "ring": (circle, keeps_shape),
    "hierarchy": (hierarchy, keeps_shape),
}


def record(scene: Scene, folder: Path) -> dvi.Run:
    """Record a scene; boundary samples are mixed from its representations."""
    classes = [str(c) for c in range(len(scene.heads[0][1]))]
    recorder = dvi.ArrayRecorder(folder, labels=scene.labels, classes=classes)
    for t, (x, head) in enumerate(zip(scene.x, scene.heads, strict=True)):
        recorder.capture(t, features=x, logits=scene.logits(t), head=head)
    return dvi.Run(folder)


def judged(name: str, method: Callable[[], Projection], n: int, seed: int) -> Iterator[tuple[Bar, Bar]]:
    """The bars of a scene under a method, each with the placebo's."""
    make, judge = SCENES[name]
    scene = make(np.random.default_rng(seed), n)
    with tempfile.TemporaryDirectory() as folder:
        landscape = method().fit(record(scene, Path(folder) / "run")).landscape()
        y = [frame.positions.astype(np.float64) for frame in landscape]
        discs = [in_discs(frame.predictions, frame.epoch).astype(np.float64) for frame in landscape]
    yield from zip(judge(scene, y), judge(scene, discs), strict=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help=f"of {', '.join(SCENES)}; by default all")
    parser.add_argument("--method", choices=METHODS, default="layout")
    parser.add_argument("--seeds", default="0", help="for example 0,1,2")
    parser.add_argument("--samples", type=int, default=800)
    given = parser.parse_args()
    unknown = sorted(set(given.scenes) - set(SCENES))
    if unknown:
        parser.error(f"no scene {', '.join(unknown)}; there are {', '.join(SCENES)}")
    seeds = [int(seed) for seed in given.seeds.split(",")]
    print("| scene | what | bar | " + " | ".join(f"seed {seed}" for seed in seeds) + " | placebo |")
    print("| --- | --- | --- |" + " --- |" * (len(seeds) + 1))
    for name in given.scenes or SCENES:
        of_seeds = [list(judged(name, METHODS[given.method], given.samples, seed)) for seed in seeds]
        for bars in zip(*of_seeds, strict=True):
            shown = [f"{bar.value:.3f}{'' if bar.passed else ' missed'}" for bar, _ in bars]
            what = bars[0][0].what
            placebo = bars[0][1].value
            print(
                f"| {name} | {what} | {bars[0][0].words} | {' | '.join(shown)} | {placebo:.3f} |", flush=True
            )


if __name__ == "__main__":
    main()
