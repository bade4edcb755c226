"""Measure DeepVID: fidelity, speed and removal curves on MNIST, fidelity on CIFAR-10's ResNet-20.

    python benchmarks/deepvid.py --data ../shared/data [--only vae|errors|speed|removal|cifar] [--threads 1]

The teacher, and the VAEs once they are trained, are kept in build/deepvid.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from resnet20 import Normalised, trained
from safetensors.torch import load_file, save_file
from torch import nn

from dvi_widget import datasets
from dvi_widget.deepvid import VAE, LinearStudent, Neighborhood, Neighbors, divergence
from dvi_widget.measures import removal_curve
from dvi_widget.subject import as_predictor

KEPT = Path("build/deepvid")
REMOVED_PICTURES = 1000
CIFAR_PICTURES = 200
Pictures = NDArray[np.float32]
Labels = NDArray[np.int64]


class LeNet(nn.Sequential):
    """LeNet-5 with ReLU and max pooling."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 6, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(400, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, 10),
        )


def teacher(x: Pictures, y: Labels) -> LeNet:
    """Return the LeNet, trained on the first call and kept."""
    path = KEPT / "lenet.safetensors"
    torch.manual_seed(0)
    model = LeNet()
    if path.exists():
        model.load_state_dict(load_file(path))
        return model.eval()
    pictures, labels = torch.from_numpy(x), torch.from_numpy(y)
    epochs, batch = 12, 128
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=epochs * -(-len(x) // batch))
    for _ in range(epochs):
        for chosen in torch.split(torch.randperm(len(x)), batch):
            loss = nn.functional.cross_entropy(model(pictures[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    save_file(model.state_dict(), path)
    return model.eval()


def mnist_vae(x: Pictures, xt: Pictures, model: nn.Module) -> VAE:
    """Return the default VAE, trained on the first call and kept, and print what it took."""
    path = KEPT / "vae.safetensors"
    if not path.exists():
        wall, cpu = time.perf_counter(), time.process_time()
        vae = VAE(latent_dim=10).fit(x)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(f"VAE (10-D): {wall:.0f} s, {cpu:.0f} CPU s with {torch.get_num_threads()} thread(s)")
        vae.save(path)
    vae = VAE.load(path)
    print(
        f"VAE: prediction preserved on the 10,000 test pictures {vae.prediction_preservation(xt, model):.4f}"
    )
    return vae


def papers_way(neighborhood: Neighborhood, model: Any) -> LinearStudent:
    """Fit the student by §9's defaults: 10 epochs, batches of 128, T = 10, random start, gradient descent."""
    return LinearStudent("descent").fit(neighborhood, model)


def default(neighborhood: Neighborhood, model: Any) -> LinearStudent:
    return LinearStudent().fit(neighborhood, model)


def fidelity(
    name: str,
    pictures: Pictures,
    model: Any,
    neighbors: Neighbors,
    learn: Callable[[Neighborhood, Any], LinearStudent],
    fresh: Neighbors,
) -> None:
    """Print agreement at pictures, and KL and R² on 512 fresh independent neighbours of each."""
    rows = []
    predictor = as_predictor(model)
    for picture in pictures:
        student = learn(neighbors.sample(picture), predictor)
        held_out = fresh.sample(picture).pictures
        kl, r2 = divergence(predictor.predict(held_out), student.predict(held_out))
        found = student.fidelity()
        rows.append((found.agrees, kl, r2, found.trustworthy, found.total_variation))
    agrees, kls, r2s, trusted, variation = np.array(rows, float).T
    print(
        f"{name}: agreement {agrees.mean():.3f} of {len(pictures)}, held-out KL mean {kls.mean():.4f} "
        f"median {np.median(kls):.4f}, R² mean {r2s.mean():.3f} median {np.median(r2s):.3f}, total variation "
        f"{variation.mean():.3f}, believed {trusted.mean():.3f}"
    )


def errors(x: Pictures, xt: Pictures, yt: Labels, model: nn.Module, vae: VAE) -> None:
    wrong = xt[as_predictor(model).predict(xt).argmax(1) != yt]
    fresh = Neighbors(vae, seed=1)
    fidelity("errors, default", wrong, model, Neighbors(vae), default, fresh)
    fidelity("errors, plain ridge", wrong, model, Neighbors(vae), plain_ridge, fresh)
    paper = Neighbors(vae, how="line", anchored=False)
    fidelity("errors, paper's way", wrong, model, paper, papers_way, Neighbors(vae, anchored=False, seed=1))
    # The band as a share of the full range, minimum to maximum, over the training pictures.
    z = vae.encode(x)
    wide = 0.15 * np.ptp(z, axis=0) / np.ptp(vae.ranges_, axis=1)
    fidelity(
        "errors, default, 15 % of least to largest",
        wrong,
        model,
        Neighbors(vae, wide),
        default,
        Neighbors(vae, wide, seed=1),
    )


def plain_ridge(neighborhood: Neighborhood, model: Any) -> LinearStudent:
    return LinearStudent(regularization=0.01, smoothness=0).fit(neighborhood, model)


def speed(xt: Pictures, model: nn.Module, vae: VAE) -> None:
    """Time a picture's student, and a dragged value's picture: medians of 50, in milliseconds."""
    neighbors, predictor = Neighbors(vae), as_predictor(model)
    student = LinearStudent()

    def whole(picture: Pictures) -> None:
        student.fit(neighbors.sample(picture), predictor)

    def drag(picture: Pictures) -> None:
        vae.decode(vae.encode(picture[None]))

    for name, task in (("512 neighbours + teacher + student", whole), ("dragging a value", drag)):
        walls, cpus = [], []
        for picture in xt[:55]:
            wall, cpu = time.perf_counter(), time.process_time()
            task(picture)
            walls.append(1000 * (time.perf_counter() - wall))
            cpus.append(1000 * (time.process_time() - cpu))
        print(
            f"{name}: {statistics.median(walls[5:]):.1f} ms, {statistics.median(cpus[5:]):.1f} CPU ms, "
            f"{torch.get_num_threads()} thread(s)"
        )
    student.fit(neighbors.sample(xt[0]), predictor)
    start = time.process_time()
    student.fidelity()
    student.along()
    print(f"fidelity and the row of neighbours: {1000 * (time.process_time() - start):.1f} CPU ms")


def gradients(x: Pictures, y: Labels, model: nn.Module, steps: int) -> NDArray[np.float32]:
    """Return gradients of the true class's logit, or for several steps integrated gradients from black."""
    maps = []
    for picture, label in zip(torch.from_numpy(x), y, strict=True):
        scale = torch.arange(1, steps + 1).view(-1, 1, 1, 1) / steps
        path = (scale * picture).requires_grad_()
        (g,) = torch.autograd.grad(model(path)[:, int(label)].sum(), path)
        maps.append((g.mean(0) * (picture if steps > 1 else 1)).sum(0).numpy())
    return np.stack(maps)


def removal(xt: Pictures, yt: Labels, model: nn.Module, vae: VAE) -> None:
    x, y = xt[:REMOVED_PICTURES], yt[:REMOVED_PICTURES]
    predictor = as_predictor(model)
    neighbors, line = Neighbors(vae), Neighbors(vae, how="line", anchored=False)

    def explained(n: Neighbors, learn: Callable[[Neighborhood, Any], LinearStudent]) -> NDArray[np.float32]:
        return np.stack(
            [
                learn(n.sample(picture), predictor).weighted()[label].sum(0)
                for picture, label in zip(x, y, strict=True)
            ]
        )

    found = removal_curve(
        model,
        x,
        {
            "DeepVID": explained(neighbors, default),
            "DeepVID, plain ridge": explained(neighbors, plain_ridge),
            "paper's way": explained(line, papers_way),
            "gradient": gradients(x, y, model, 1),
            "integrated gradients": gradients(x, y, model, 50),
        },
        y,
    )
    print(found.scores.round(4).to_string())
    found.figure().write_html(KEPT / "removal.html")


def cifar(data: Path) -> None:
    """Print agreement and held-out R² on 200 pictures of ResNet-20, with the convolutional VAE."""
    model = Normalised(trained(data)).eval()
    (x, _), (xt, yt), _ = datasets.image_folder(data / "cifar10" / "cifar10-jpg.tar.xz")
    path = KEPT / "cifar.safetensors"
    wall, cpu = time.perf_counter(), time.process_time()
    vae = VAE(latent_dim=64, epochs=8, learning_rate=1e-3).fit(unit(x), path)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"CIFAR-10: VAE (64-D, convolutional) {wall:.0f} s, {cpu:.0f} CPU s (0: kept from an earlier run)")
    test = unit(xt)
    predictor = as_predictor(model)
    preserved = vae.prediction_preservation(test[::10], model)
    print(f"CIFAR-10: prediction preserved on 1,000 test pictures {preserved:.3f}")
    chosen = np.random.default_rng(0).choice(len(test), CIFAR_PICTURES, replace=False)
    right = (predictor.predict(test[chosen]).argmax(1) == yt[chosen]).mean()
    print(f"CIFAR-10: the teacher is right on {right:.3f} of the {CIFAR_PICTURES} pictures")
    for band in (0.05, 0.15):
        fidelity(
            f"CIFAR-10, default, band {band}",
            test[chosen],
            model,
            Neighbors(vae, band),
            default,
            Neighbors(vae, band, seed=1),
        )
    fidelity(
        "CIFAR-10, paper's way",
        test[chosen],
        model,
        Neighbors(vae, how="line", anchored=False),
        papers_way,
        Neighbors(vae, anchored=False, seed=1),
    )


def unit(x: NDArray[np.uint8]) -> Pictures:
    return x.astype(np.float32) / np.float32(255)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="+", default=["vae", "errors", "speed", "removal", "cifar"])
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    KEPT.mkdir(parents=True, exist_ok=True)
    if set(arguments.only) - {"cifar"}:
        (x, y), (xt, yt), _ = datasets.idx(arguments.data / "mnist")
        train, test = unit(x), unit(xt)
        model = teacher(train, y)
        right = (as_predictor(model).predict(test).argmax(1) == yt).mean()
        print(f"teacher: LeNet, {right:.4f} on the test pictures")
        vae = mnist_vae(train, test, model)
        if "errors" in arguments.only:
            errors(train, test, yt, model, vae)
        if "speed" in arguments.only:
            speed(test, model, vae)
        if "removal" in arguments.only:
            removal(test, yt, model, vae)
    if "cifar" in arguments.only:
        cifar(arguments.data)


if __name__ == "__main__":
    main()
