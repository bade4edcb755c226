"""Draw DeepView's maps of seven classifiers side by side, and print what can be trusted of each.

    python benchmarks/deepview_maps.py --data ../shared/data [gauss cancer wine forest moons digits mnist]
    python benchmarks/deepview_maps.py --data ../shared/data --before FOLDER  # a checked-out version

The picture is build/deepview-maps.png. The layout's rate was chosen on gauss and digits; others took no part.
With another version, its map of each classifier stands to the left of this one's. Both are drawn in the same
way, with all of the background, also far from samples, and the picture is build/deepview-maps-before.png.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import before
import numpy as np
import pandas as pd
import torch
from deepview import mnist as mnist_run
from deepview_lines import painted
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.spatial import procrustes
from sklearn import datasets
from sklearn.ensemble import RandomForestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import dvi_widget as dvi
from dvi_widget.boundary import margins
from dvi_widget.landscape import Landscape, colored
from dvi_widget.widget.still import View, draw

BUILD = Path(__file__).parent.parent / "build"
PER_ROW = 4
SIDE_PX = 800  # of a map beside another version's, before the sheet is halved
Floats = NDArray[np.float32]
Labels = NDArray[np.int64]


class Case(NamedTuple):
    """A trained classifier, the samples to map, and fresh ones that neither has seen."""

    model: Any
    x: Floats
    y: Labels
    fresh: Floats
    fresh_y: Labels


def _case(x: NDArray[Any], y: NDArray[Any], model: Any, mapped: int) -> Case:
    """Train on one half; map some of the other, and keep up to 400 of the rest."""
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order].astype(np.float32), y[order].astype(np.int64)
    half = len(x) // 2
    model.fit(x[:half], y[:half])
    stop = half + mapped
    return Case(model, x[half:stop], y[half:stop], x[stop : stop + 400], y[stop : stop + 400])


def _mlp(*hidden: int) -> Any:
    return make_pipeline(StandardScaler(), MLPClassifier(hidden, max_iter=1500, random_state=0))


def gauss(_: Path) -> Case:
    rng = np.random.default_rng(1)
    means, y = rng.normal(size=(4, 10)) * 1.6, rng.integers(0, 4, 1200)
    return _case(means[y] + rng.normal(size=(1200, 10)), y, _mlp(32), 150)


def cancer(_: Path) -> Case:
    x, y = datasets.load_breast_cancer(return_X_y=True)
    return _case(StandardScaler().fit_transform(x), y, _mlp(32), 150)


def wine(_: Path) -> Case:
    x, y = datasets.load_wine(return_X_y=True)
    return _case(StandardScaler().fit_transform(x), y, _mlp(32), 60)


def forest(_: Path) -> Case:
    x, y = datasets.load_breast_cancer(return_X_y=True)
    return _case(StandardScaler().fit_transform(x), y, RandomForestClassifier(50, random_state=0), 150)


def moons(_: Path) -> Case:
    x, y = datasets.make_moons(1000, noise=0.12, random_state=0)
    return _case(x, y, SVC(probability=True, gamma=2.0, C=10, random_state=0), 150)


def digits(_: Path) -> Case:
    x, y = datasets.load_digits(return_X_y=True)
    return _case(x, y, _mlp(64), 300)


def mnist(data: Path) -> Case:
    network, _, (x, y) = mnist_run(data)
    return Case(dvi.Predictor(network, batch_size=64), x[:300], y[:300], x[300:700], y[300:700])


CASES: dict[str, Callable[[Path], Case]] = {
    "gauss": gauss, "cancer": cancer, "wine": wine, "forest": forest, "moons": moons, "digits": digits,
    "mnist": mnist,
}  # fmt: skip


def measured(name: str, case: Case) -> bytes:
    """Print a case's figures, and return the picture of its map."""
    start = time.process_time()
    view = dvi.DeepView(case.model).fit(case.x, case.y)
    spent = time.process_time() - start
    image = picture(view.landscape(resolution=200, name=name))
    q = view.measures().set_index("measure")["value"]
    seeds = [dvi.DeepView(case.model, lam=view.lam_, seed=s).fit(case.x, case.y).embedding_ for s in (1, 2)]
    apart = [procrustes(view.embedding_, other)[2] for other in seeds]
    nearest = dvi.measures.neighbors(view.embedding_, 5)[0]
    own = dvi.measures.overlap(nearest, view.neighbors_.indices[:, :5]).mean()
    print(
        f"{name} | λ {view.lam_:g}, {spent:.1f} CPU s | Q_kNN {q['q_knn']:.3f}, Q_data {q['q_data']:.3f}, "
        f"Q_¬data {q['q_not_data']:.3f} | regions {q['regions']:.2f}, leaps {q['border_leaps']:.3f} | "
        f"other seeds {apart[0]:.3f}, {apart[1]:.3f}; neighbours of the metric kept {own:.3f}",
        end=" | ",
    )
    said = view.classify_(case.fresh.reshape(len(case.fresh), -1)).argmax(axis=1)
    wrong = np.flatnonzero(said != case.fresh_y)
    size, classes = len(case.x), view.predictions_
    placed = beside(view, size, classes, view.transform(case.fresh))
    view.add(case.fresh[:1])
    one = f"one added: {(view.moved_ == 0).mean():.2f} stay, five nearest kept {view.kept_:.2f}"
    added = np.array([], np.intp)
    if len(wrong):
        view.add(case.fresh[wrong])
        added = beside(view, size, classes, view.embedding_[size + 1 :])
    print(
        f"fresh by their prediction {(placed == said).mean():.3f}; {len(wrong)} errors: by their prediction "
        f"{share(placed[wrong] == said[wrong])} placed, {share(added == said[wrong])} added, by their label "
        f"{share(placed[wrong] == case.fresh_y[wrong])}, {share(added == case.fresh_y[wrong])} | {one}",
        flush=True,
    )
    return image


class Source:
    """Paints the map of any version."""

    def __init__(self, view: Any) -> None:
        self._view = view

    def paint(
        self, epoch: int, points: Floats
    ) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.floating]]:
        """Class, 1 − normalised entropy and margin of points [m, 2]."""
        del epoch
        p = self._view.classify_(self._view.inverse_(points)).astype(np.float64)
        logs = np.log(np.maximum(p, 1e-300))
        return p.argmax(axis=1), 1 + (p * logs).sum(axis=1) / np.log(p.shape[1]), margins(logs)


def drawn(engine: Any, case: Case, name: str) -> bytes:
    """Fit one version's DeepView, print what its background is worth, and return the picture of its map."""
    own = isinstance(case.model, dvi.Predictor) and engine is not dvi.DeepView
    view = engine(case.model.model if own else case.model).fit(case.x, case.y)
    landscape = Landscape(
        [0],
        [view.embedding_],
        [view.predictions_],
        [view.probabilities_.max(axis=1)],
        classes=[str(c) for c in range(view.probabilities_.shape[1])],
        samples=pd.DataFrame({"split": "test", "label": case.y}),
        source=Source(view),
        resolution=200,
        name=name,
    )
    fresh = case.fresh.reshape(len(case.fresh), -1)
    said = view.classify_(fresh).argmax(axis=1)
    decoded = view.inverse_(view.transform(case.fresh))
    kept = (view.classify_(decoded).argmax(axis=1) == said).mean()
    print(f"{name}: {painted(view)}; fresh kept {kept:.3f}", flush=True)
    colors = landscape.colors()
    image = Image.fromarray(colored(landscape[0].canvas, colors, side=SIDE_PX)[::-1])
    pen = ImageDraw.Draw(image)
    x0, x1, y0, y1 = landscape.extent
    for (x, y), label in zip(view.embedding_.tolist(), case.y.tolist(), strict=True):
        across, down = (x - x0) / (x1 - x0) * SIDE_PX, (y1 - y) / (y1 - y0) * SIDE_PX
        pen.ellipse((across - 5, down - 5, across + 5, down + 5), fill=colors[label], outline="#1f2328")
    pen.text((12, 8), name, fill="#1f2328", font_size=36)
    kept_as = io.BytesIO()
    image.save(kept_as, "PNG")
    return kept_as.getvalue()


def picture(landscape: Landscape) -> bytes:
    """Draw a landscape's first frame, coloured by label."""
    everything = np.ones(len(landscape.samples), bool)
    _ = landscape[0].canvas  # painted before it is drawn
    return draw(View([(landscape, landscape[0])], "label", ~everything, everything, "safe"))


def beside(view: dvi.DeepView, size: int, classes: NDArray[np.intp], positions: Floats) -> NDArray[np.intp]:
    """Return the vote of the five fitted samples nearest to positions on the map."""
    voters = dvi.measures.neighbors(view.embedding_[:size], 5, query=positions)[0]
    return np.asarray(dvi.measures.votes(voters, classes))


def share(hits: NDArray[np.bool_]) -> str:
    return f"{hits.mean():.2f}" if len(hits) else "–"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds mnist/")
    parser.add_argument(
        "--before", type=Path, help="folder of a checked-out version, whose maps stand beside"
    )
    parser.add_argument("cases", nargs="*", default=list(CASES))
    given = parser.parse_args()
    if unknown := set(given.cases) - set(CASES):
        sys.exit(f"cases must be some of {', '.join(CASES)}; got {', '.join(unknown)}.")
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", category=FutureWarning)
    images: list[bytes] = []
    if given.before:
        before.load(given.before)
    for name in given.cases:
        case = CASES[name](given.data)
        if given.before:
            images.append(drawn(sys.modules[before.NAME].DeepView, case, f"{name}, before"))
            images.append(drawn(dvi.DeepView, case, f"{name}, after"))
        else:
            images.append(measured(name, case))
    BUILD.mkdir(exist_ok=True)
    path = BUILD / ("deepview-maps-before.png" if given.before else "deepview-maps.png")
    sheet([Image.open(io.BytesIO(image)) for image in images]).save(path)
    print(path)


def sheet(maps: list[Image.Image]) -> Image.Image:
    """Lay pictures of one size out in rows, at half their size."""
    rows = -(-len(maps) // PER_ROW)
    width, height = maps[0].size
    whole = Image.new("RGB", (width * min(PER_ROW, len(maps)), height * rows), "white")
    for i, image in enumerate(maps):
        whole.paste(image, (width * (i % PER_ROW), height * (i // PER_ROW)))
    return whole.resize((whole.width // 2, whole.height // 2))


if __name__ == "__main__":
    main()
