"""Three models of CIFAR-10 on the same pictures: tasks T1 and T2 of iNNvestigate-GUI's user study, replayed.

    python benchmarks/models_compared.py --data ../shared/data [--pictures 500] [--pages FOLDER]

The ResNet-20 with its weights, a smaller residual network and a dense one, both trained here for a few epochs
on 10,000 pictures. Prints tables and writes the pictures that a person would look at as pages.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from dvi import cifar10, cifar_network
from numpy.typing import NDArray
from resnet20 import CLASSES, Normalised, trained
from torch import Tensor, nn

import dvi_widget as dvi
from dvi_widget import saliency

TRAINED_ON = 10_000
OF_ONE_CLASS = 50
SHOWN = 6
FRAME = 4  # pixels on each side that count as background
METHOD = "integrated_gradients"


def dense_network() -> nn.Module:
    """A network without convolutions, which does not know which pixels are adjacent."""
    return nn.Sequential(nn.Flatten(), nn.Linear(3072, 256), nn.ReLU(), nn.Linear(256, 10))


def train(network: nn.Module, x: Tensor, y: Tensor, epochs: int, learning_rate: float) -> nn.Module:
    model = Normalised(network)
    optimizer = torch.optim.Adam(model.parameters(), learning_rate)
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(x)), 128):
            optimizer.zero_grad()
            torch.autograd.backward(nn.functional.cross_entropy(model(x[rows]), y[rows]))
            optimizer.step()
    return model.eval()


def first_task(models: dict[str, nn.Module], x: Tensor, y: NDArray[np.int64], pages: Path) -> None:
    """T1: compare the features that models use, on pictures they agree on and on others."""
    told = saliency.compare_models(models, x, y)
    table = told.table()
    right = {name: told.predictions[row] == y for row, name in enumerate(models)}
    shares = pd.DataFrame(right).groupby(table["quadrant"].to_numpy()).mean().round(3)
    shares.insert(0, "pictures", table.groupby("quadrant").size())
    print(f"\nT1, {len(x)} test pictures: share right in each quadrant\n{shares.to_string()}")
    told.figure().write_html(pages / "t1-suggestions.html")
    for quadrant in shares.index:
        chosen = told.select(quadrant)[:SHOWN]
        maps = {name: dvi.attribute(model, x[chosen], method=METHOD) for name, model in models.items()}
        alike = pd.DataFrame(
            {
                f"{a} / {b}": [np.corrcoef(p.ravel(), q.ravel())[0, 1] for p, q in pairs(maps[a], maps[b])]
                for a, b in (("ResNet-20", "residual"), ("ResNet-20", "dense"), ("residual", "dense"))
            }
        )
        print(f"maps of {len(chosen)} pictures '{quadrant}', correlation: {alike.mean().round(2).to_dict()}")
        titles = [
            f"a {CLASSES[y[i]]}: " + ", ".join(CLASSES[c] for c in told.predictions[:, i]) for i in chosen
        ]
        page = saliency.gallery(x[chosen], maps, titles)
        page.write_html(pages / f"t1-{quadrant.replace(', ', '-')}.html")


def pairs(a: saliency.Maps, b: saliency.Maps) -> zip[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    return zip(a.values, b.values, strict=True)


def second_task(models: dict[str, nn.Module], x: Tensor, y: NDArray[np.int64], pages: Path) -> None:
    """T2: see whether models use what they should on the pictures of one class."""
    frame = np.ones((32, 32), bool)
    frame[FRAME:-FRAME, FRAME:-FRAME] = False
    rows = []
    for name, model in models.items():
        for kind in ("ship", "horse"):
            label = CLASSES.index(kind)
            chosen = np.flatnonzero(y == label)[:OF_ONE_CLASS]
            told = saliency.error_histogram(model, x[chosen], y[chosen])
            maps = dvi.attribute(model, x[chosen], label, METHOD, likeness=True)
            rows.append(
                {
                    "class": kind,
                    "model": name,
                    "likelier than all else": len(told.select(-0.5, 0)) / len(chosen),
                    "attribution in the frame": saliency.attribution_share(maps, frame).mean(),
                    "likeness to the runner-up's map": np.mean(np.asarray(maps.likeness)),
                }
            )
            told.figure().write_html(pages / f"t2-{kind}-{name}.html")
    table = pd.DataFrame(rows).set_index(["class", "model"]).sort_index().round(3)
    print(f"\nT2, {OF_ONE_CLASS} pictures of a class; the frame is {frame.mean():.3f} of a picture")
    print(table.to_string())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--pages", type=Path, default=Path("build/models_compared"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    warnings.simplefilter("ignore")
    options.pages.mkdir(parents=True, exist_ok=True)
    (x, y), (xt, yt), _ = cifar10(options.data)
    some = np.random.default_rng(0).choice(len(x), TRAINED_ON, replace=False)
    inputs, labels = torch.from_numpy(x[some]).float() / 255, torch.from_numpy(y[some])
    models = {
        "ResNet-20": Normalised(trained(options.data)).eval(),
        "residual": train(cifar_network(), inputs, labels, 5, 1e-3),
        "dense": train(dense_network(), inputs, labels, 10, 5e-4),
    }
    test = torch.from_numpy(xt).float() / 255
    drawn = np.random.default_rng(1).permutation(len(test))
    first_task(models, test[drawn[: options.pictures]], yt[drawn[: options.pictures]], options.pages)
    second_task(models, test[drawn], yt[drawn], options.pages)
    print(f"pages: {options.pages}")


if __name__ == "__main__":
    main()
