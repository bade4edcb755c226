"""Situations of samples, labels, folders and checkpoints that people have beside a network of plain torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

import dvi_widget as dvi

from .having import RECORD, body, compiled, digits, logits, with_network
from .judging import Given, Situation

trained = with_network(body)


class Pairs(Dataset[Any]):
    """Pairs (x, y), as datasets of pictures have them."""

    def __init__(self, x: Any, y: Any, change: Callable[[Any], Any] = lambda x: x) -> None:
        self.x, self.y, self.change = x, y, change
        self.class_to_idx = {name: i for i, name in enumerate(digits()["names"])}

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.change(self.x[index]), int(self.y[index])


class Stream(IterableDataset[Any]):
    """Samples that come one after the other, without a number."""

    def __iter__(self) -> Any:
        return iter([])


def having(**more: Callable[[Given], Any]) -> Callable[[], Given]:
    """A trained network and its samples, and more that is made of these."""

    def given() -> Given:
        have = trained()
        return have | {name: make(have) for name, make in more.items()}

    return given


def datasets(change: Callable[[Any], Any] = lambda x: x) -> Callable[[], Given]:
    return having(
        train_set=lambda have: Pairs(have["x"], have["y"], change),
        test_set=lambda have: Pairs(have["xt"], have["yt"]),
    )


def loaders(workers: int) -> Callable[[], Given]:
    def made(x: str, y: str) -> Callable[[Given], Any]:
        return lambda have: DataLoader(
            TensorDataset(torch.as_tensor(have[x]), torch.as_tensor(have[y])),
            batch_size=16,
            shuffle=True,
            num_workers=workers,
        )

    return having(train_loader=made("x", "y"), test_loader=made("xt", "yt"))


def pictures(have: Given) -> list[Image.Image]:
    return [Image.fromarray(np.rint(255 * x[0]).astype(np.uint8)) for x in have["x"]]


def channels_last() -> Given:
    have = with_network(lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(144, 10)))()
    return have | {key: have[key].transpose(0, 2, 3, 1) for key in ("x", "xt")}


def augmented() -> Given:
    """Of which one draw is recorded: what the network says of that draw is its own answer."""
    have = datasets(lambda x: x + np.random.default_rng().normal(size=x.shape).astype(np.float32))()

    def own() -> Any:
        run = dvi.Run(have["folder"])
        return logits(
            have["model"], (np.array(run.inputs("train")), np.array(run.inputs("test"))), lambda z: z
        )

    have["own"] = own
    return have


def without_test() -> Given:
    have = trained()
    return have | {"own": lambda: logits(have["model"], (have["x"],), lambda z: z)}


def saved(wrap: Callable[[nn.Module], Any]) -> Callable[[], Given]:
    """Three checkpoints of a training, of which the last is the network as it is."""

    def given() -> Given:
        import tempfile  # noqa: PLC0415 - of these situations alone
        from pathlib import Path  # noqa: PLC0415

        have = trained()
        ckpt = Path(tempfile.mkdtemp())
        for epoch in range(3):
            torch.save(wrap(have["model"]), ckpt / f"epoch={epoch}.pt")
        return have | {"ckpt": ckpt}

    return given


CHECKPOINTS = """
dvi.record_checkpoints(
    folder, model, ckpt / "*.pt", train=(x, y), test=(xt, yt), classes=names)
"""
SETS = """
recorder = dvi.Recorder(
    folder, model, train=train_set, test=test_set, classes=train_set.class_to_idx)
recorder.capture(0)
"""
LOADERS = """
recorder = dvi.Recorder(folder, model, train=train_loader, test=test_loader, classes=names)
recorder.capture(0)
"""
BEFORE = "(x, y), test=(xt, yt)"


def labels(change: str, changed: Callable[[Any], Any], says: str, name: str) -> Situation:
    """Labels of another kind, and the change that the message names."""
    given = having(y=lambda have: changed(have["y"]), yt=lambda have: changed(have["yt"]))
    after = f"(x, {change.format('y')}), test=(xt, {change.format('yt')})"
    return Situation(name, given, RECORD, says=says, cure=RECORD.replace(BEFORE, after))


SAMPLES = [
    Situation(
        "tensors", having(x=lambda h: torch.as_tensor(h["x"]), y=lambda h: torch.as_tensor(h["y"])), RECORD
    ),
    Situation("a Dataset with class_to_idx", datasets(), SETS),
    Situation(
        "a TensorDataset behind a shuffling DataLoader", loaders(0), LOADERS, warns="dataset is recorded"
    ),
    Situation("a DataLoader with two workers", loaders(2), LOADERS, warns="dataset is recorded"),
    Situation(
        "a Dataset that transforms at random", augmented, SETS, warns="transforms its samples at random"
    ),
    Situation("no test samples", without_test, RECORD.replace(", test=(xt, yt)", "")),
    Situation(
        "a stream",
        having(train_set=lambda _: Stream()),
        SETS.replace("test=test_set, classes=train_set.class_to_idx", "classes=names"),
        says=r"pair \(x, y\) or a torch Dataset",
        cure=RECORD,
    ),
    Situation(
        "pictures of Pillow",
        having(x=pictures),
        RECORD,
        says="got Pillow's pictures.*np.asarray",
        cure="x = np.stack([np.asarray(picture) for picture in x])[:, None].astype('float32') / 255" + RECORD,
    ),
    Situation(
        "channels last",
        channels_last,
        RECORD,
        says=r"must be \[n, 1, H, W\]",
        cure="x, xt = (part.transpose(0, 3, 1, 2) for part in (x, xt))" + RECORD,
    ),
    Situation(
        "names as a set",
        having(names=lambda h: set(h["names"])),
        RECORD,
        says="a set, which has no order",
        cure="names = sorted(names)" + RECORD,
    ),
    Situation("names as id2label", having(names=lambda h: dict(enumerate(h["names"]))), RECORD),
    labels(
        "np.unique({}, return_inverse=True)[1]",
        lambda y: np.array(list("abcdefghij"))[y],
        "got strings.*np.unique",
        "labels that are words",
    ),
    labels("{}.argmax(1)", lambda y: np.eye(10)[y], r"Pass y.argmax\(1\)", "one-hot labels"),
    labels("{}.ravel()", lambda y: y[:, None], r"Pass y.ravel\(\)", "labels in a column"),
    labels(
        "{}.astype(int)", lambda y: y.astype(np.float32), r"Pass y.astype\(int\)", "labels that are floats"
    ),
    labels("{} - 1", lambda y: y + 1, "They begin at 1: pass y - 1", "labels from 1"),
    # Checkpoints
    Situation("checkpoints of state_dict()", saved(lambda model: model.state_dict()), CHECKPOINTS),
    Situation(
        "checkpoints with an optimiser and more",
        saved(lambda model: {"epoch": 1, "model_state_dict": model.state_dict(), "loss": 0.5}),
        CHECKPOINTS,
    ),
    Situation(
        "checkpoints of a DataParallel network",
        saved(lambda model: nn.DataParallel(model).state_dict()),
        CHECKPOINTS,
    ),
    Situation(
        "checkpoints of a compiled network",
        saved(lambda model: compiled(model).state_dict()),
        CHECKPOINTS,
    ),
    Situation(
        "whole pickled networks",
        saved(lambda model: model),
        CHECKPOINTS,
        says=r"weights alone.*Save model.state_dict\(\)",
        cure="for path in ckpt.glob('*.pt'):\n"
        "    torch.save(torch.load(path, weights_only=False).state_dict(), path)" + CHECKPOINTS,
    ),
    Situation(
        "the run goes on after a restart",
        trained,
        RECORD + "del recorder" + RECORD.replace("(0)", "(1)"),
    ),
]
