"""Measure what DeepVID's verdicts are worth: planted cues, real pictures, hard and constant teachers.

    python benchmarks/deepvid_verdicts.py --data ../shared/data

Needs the teacher and the VAE that benchmarks/deepvid.py keeps. Before the changes of the picture itself were
tried, "faithful" was what a verdict called believable. Thresholds were chosen on digits and on the first 80
test pictures of MNIST, except that the bound on real pictures was added after a look at the later ones used
here. The votes and the linear teacher took no part.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from deepvid import KEPT, mnist_vae, teacher, unit
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from dvi_widget import datasets
from dvi_widget.deepvid import VAE, Fidelity, LinearStudent, Neighbors
from dvi_widget.subject import as_predictor

PICTURES = 40
REAL = 3000  # training pictures among which the nearest are found
Pictures = NDArray[np.float32]
Labels = NDArray[np.int64]


class Data:
    """A VAE, its training pictures and labels, and pictures to explain."""

    def __init__(self, name: str, vae: VAE, x: Pictures, y: Labels, explained: Pictures) -> None:
        self.name, self.vae, self.x, self.y, self.explained = name, vae, x, y, explained


def digits() -> tuple[Data, Any]:
    found = load_digits()
    x, y = (found.images[:, None] / 16).astype(np.float32), found.target
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64, 64), torch.nn.Tanh(), torch.nn.Linear(64, 10)
    )
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(60):
        loss = torch.nn.functional.cross_entropy(model(torch.from_numpy(x[:1200])), torch.tensor(y[:1200]))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    path = KEPT / "digits.safetensors"
    vae = VAE(epochs=60, hidden=(128,)).fit(x[:1200], path)
    return Data("digits", vae, x[:1200], y[:1200], x[1200 : 1200 + PICTURES]), model.eval()


def judged(data: Data, model: Any, band: float, explained: Pictures | None = None) -> list[Fidelity]:
    """Return the fidelity of a student of each picture."""
    neighbors = Neighbors(data.vae, band, pictures=data.x)
    pictures = data.explained if explained is None else explained
    return [LinearStudent().fit(neighbors.sample(x), model).fidelity() for x in pictures]


def figures(found: list[Fidelity], name: str) -> NDArray[np.float64]:
    return np.array([getattr(fidelity, name) for fidelity in found], np.float64)


def real_pictures(data: Data, model: Any) -> None:
    """Print how often students agree on 16 further real pictures, for three widths of the band."""
    predictor = as_predictor(model)
    z = data.vae.encode(data.x)
    for band in (0.15, 0.3, 0.6):
        neighbors = Neighbors(data.vae, band, pictures=data.x)
        rows = []
        for picture in data.explained:
            student = LinearStudent().fit(neighbors.sample(picture), predictor)
            order = np.argsort(np.square(z - data.vae.encode(picture[None])).sum(1), kind="stable")
            further = data.x[order[17:33]]  # the first 16 judged the student
            said, taught = student.predict(further).argmax(1), predictor.predict(further).argmax(1)
            own = int(predictor.predict(picture[None]).argmax())
            found = student.fidelity()
            rows.append((found.faithful, found.trustworthy, (said == taught).mean(), (taught == own).mean()))
        faithful, believed, agreement, constant = np.array(rows, float).T
        parts = [
            f"{name} {chosen.mean():.2f}, agreement {_mean(agreement[chosen])} (placebo, the picture's "
            f"own class: {_mean(constant[chosen])})"
            for name, chosen in (("faithful", faithful > 0), ("believed", believed > 0))
        ]
        print(f"{data.name}, real pictures, band {band} | {' | '.join(parts)}", flush=True)


def _mean(values: NDArray[np.float64]) -> str:
    return f"{values.mean():.3f}" if len(values) else "–"


def planted(data: Data, model: Any, side: int) -> None:
    """Print how many students are believed that miss a corner which turns the teacher's answer."""
    predictor = as_predictor(model)

    def cued(weight: float) -> Callable[[Pictures], NDArray[np.float64]]:
        def classify(x: Pictures) -> NDArray[np.float64]:
            logits = weight * predictor.predict(x).astype(np.float64)
            logits[:, 0] += 20 * (x[:, :, :side, :side].mean(axis=(1, 2, 3)) > 0.5)
            return np.asarray(softmax(logits, axis=1))

        return classify

    explained = data.explained.copy()
    explained[::2, :, :side, :side] = 1
    flipped = explained.copy()
    flipped[:, :, :side, :side] = 1 - flipped[:, :, :side, :side]
    for name, weight in (("the corner beside the rest", 1.0), ("the corner alone", 0.0)):
        classify = cued(weight)
        moves = np.abs(classify(explained) - classify(flipped)).sum(axis=1) / 2 > 0.5
        found = judged(data, classify, 0.15, explained[moves])
        print(
            f"{data.name}, {name}, {side} × {side} pixels | {moves.sum()} pictures whose answer it turns: "
            f"faithful {figures(found, 'faithful').mean():.2f}, "
            f"believed {figures(found, 'trustworthy').mean():.2f}",
            flush=True,
        )


def varied_cue(data: Data, side: int) -> None:
    """Print the rank of a corner that the VAE has seen vary."""
    x = data.x.copy()
    x[::2, :, :side, :side] = 1
    vae = VAE(latent_dim=10, hidden=(128,), epochs=20).fit(x)

    def classify(pictures: Pictures) -> NDArray[np.float64]:
        p = 1 / (1 + np.exp(-8 * (pictures[:, :, :side, :side].mean(axis=(1, 2, 3)) - 0.5)))
        return np.stack([1 - p, p], axis=1)

    ranks = []
    for picture in x[:20]:
        student = LinearStudent().fit(Neighbors(vae, 0.5).sample(picture), classify)
        order = np.argsort(-np.abs(student.weights()[1].sum(axis=0)).ravel())
        row, column = np.divmod(order, picture.shape[2])
        ranks.append(1 + int(np.flatnonzero((row < side) & (column < side))[0]))
    print(
        f"{data.name}, a corner that varies | rank {np.median(ranks):.0f}, worst {max(ranks)} of {len(ranks)}"
    )


def hard(data: Data) -> None:
    """Print agreement and verdicts of students whose teacher says yes or no."""
    flat = data.x.reshape(len(data.x), -1)
    for name, model in (
        ("tree", DecisionTreeClassifier(random_state=0)),
        ("1-NN", KNeighborsClassifier(1)),
        ("5-NN", KNeighborsClassifier(5)),
    ):
        found = judged(data, model.fit(flat, data.y), 0.15, data.explained[:20])
        moving = [fidelity for fidelity in found if not np.isnan(fidelity.r2)]
        still = len(found) - len(moving)
        print(
            f"{data.name}, {name} | nothing to explain {still} of {len(found)}; of the others agreement "
            f"{_mean(figures(moving, 'agreement'))}, faithful {_mean(figures(moving, 'faithful'))}, believed "
            f"{_mean(figures(moving, 'trustworthy'))}",
            flush=True,
        )


def constant(data: Data) -> None:
    """Print the verdict on teachers that do not move."""
    for name, classify in (
        ("constant", lambda x: np.tile([0.3, 0.7], (len(x), 1))),
        ("uniform", lambda x: np.full((len(x), 10), 0.1)),
        (
            "moves by 1e-5",
            lambda x: np.stack([0.5 + 1e-5 * x.mean((1, 2, 3)), 0.5 - 1e-5 * x.mean((1, 2, 3))], 1),
        ),
    ):
        (found,) = judged(data, classify, 0.15, data.explained[:1])
        print(f"{data.name}, {name} teacher | R² {found.r2}: {found.verdict}", flush=True)


def linear(data: Data) -> None:
    """Print how well an exactly linear teacher is recovered: over inputs, and along the main directions."""
    weights = np.random.default_rng(0).normal(size=(10, *data.x.shape[1:])).astype(np.float32)
    layer = torch.nn.Linear(weights[0].size, 10)
    layer.weight.data = torch.from_numpy(weights.reshape(10, -1))
    teacher_of = torch.nn.Sequential(torch.nn.Flatten(), layer)
    rows = []
    for picture in data.explained[:10]:
        student = LinearStudent().fit(Neighbors(data.vae).sample(picture), teacher_of)
        along = student.directions(10)
        centred = weights - weights.mean(axis=0)
        found = student.weights("mean")
        axes = ([1, 2, 3], [1, 2, 3])
        projected = [np.tensordot(w, along.patterns, axes=axes) * along.spread for w in (centred, found)]
        width = (along.high - along.low) / np.maximum(np.abs(along.weights), 1e-9)
        rows.append((_cosine(centred, found), _cosine(*projected), np.median(width)))
    over, beside, width = np.mean(rows, axis=0)
    print(
        f"{data.name}, a linear teacher | cosine {over:.3f} over inputs, {beside:.4f} along ten directions; "
        f"intervals there {width:.3f} of the weight"
    )


def other_vaes(data: Data, model: Any) -> None:
    """Print what of a map another VAE changes, beside the intervals, which hold redrawn neighbours alone."""
    vaes = [VAE(epochs=60, hidden=(128,), seed=seed).fit(data.x) for seed in (1, 2)]
    rows = []
    for picture in data.explained[:10]:
        student = LinearStudent().fit(Neighbors(data.vae).sample(picture), model)
        own = int(student.predict(picture[None]).argmax())
        intervals, weights = student.intervals(), student.weights()[own]
        for vae in vaes:
            other = LinearStudent().fit(Neighbors(vae).sample(picture), model)
            both, found = student.varied_ & other.varied_, other.weights()[own]
            inside = (found >= intervals.low[own]) & (found <= intervals.high[own])
            rows.append((inside[both].mean(), _cosine(weights[both], found[both])))
    inside, cosine = np.mean(rows, axis=0)
    print(
        f"{data.name}, other VAEs | of weights where both vary {inside:.3f} lie within the intervals; "
        f"cosine of both maps {cosine:.3f}",
        flush=True,
    )


def _cosine(a: NDArray[Any], b: NDArray[Any]) -> float:
    return float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    folder = parser.parse_args().data
    torch.set_num_threads(1)
    KEPT.mkdir(parents=True, exist_ok=True)
    (x, y), (xt, _), _ = datasets.idx(folder / "mnist")
    train, test = unit(x), unit(xt)
    lenet = teacher(train, y)
    vae = mnist_vae(train, test[:2000], lenet)
    mnist = Data("MNIST", vae, train[:REAL], y[:REAL], test[1000 : 1000 + PICTURES])
    small, network = digits()
    for data, model, side in ((mnist, lenet, 4), (small, network, 2)):
        real_pictures(data, model)
        planted(data, model, side)
        varied_cue(data, side)
        hard(data)
        linear(data)
    other_vaes(small, network)
    constant(small)


if __name__ == "__main__":
    main()
