"""Defaults of the process, such as its dtype and device, change no result and stop nothing."""

import contextlib
import warnings

import numpy as np
import pytest
import torch
from recorded import network, recorder, samples, train
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from torch import nn

import dvi_widget as dvi
from dvi_widget.deepvid.solvers import OPTIMIZERS
from dvi_widget.saliency import METHODS

(X, Y), (XT, YT), NAMES = samples()
FEW = {
    "lime": {"samples": 32},
    "kernel_shap": {"samples": 32},
    "prediction_difference": {"samples": 2, "patch": 4},
    "shapley_sampling": {"permutations": 2},
    "rise": {"masks": 32, "cells": 4},
}


@contextlib.contextmanager
def double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextlib.contextmanager
def elsewhere():
    """A default device that tensors must not be made on; any value read from it is an error."""
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device(None)


def classifier():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))


def trained():
    model = network()
    train(model, X, Y, steps=20)
    return model


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder, model = tmp_path_factory.mktemp("run") / "run", trained()
    recorder(folder, model).capture(0)
    return dvi.Run(folder, model=model)


def copy_of(run, folder):
    """The same run without its fitted maps."""
    recorder(folder, trained()).capture(0)
    return dvi.Run(folder, model=trained())


def recording(run, folder):
    recorder(folder / "run", trained()).capture(0)
    return dvi.Run(folder / "run").logits(0, "all")


def arrays(run, folder):
    h, ht = X.reshape(len(X), -1), XT.reshape(len(XT), -1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its head is not linear
        dvi.ArrayRecorder(folder / "run", labels=(Y, YT), classes=NAMES).capture(
            0, (h, ht), (run.logits(0), run.logits(0, "test"))
        )
    return dvi.Run(folder / "run").boundary(0)


def checkpoints(run, folder):
    torch.save(trained().state_dict(), folder / "0.pt")
    made = dvi.record_checkpoints(folder / "run", trained(), folder / "*.pt", train=(X, Y), classes=NAMES)
    return made.logits(0)


def projected(projection):
    def positions(run, folder):
        shown = projection.fit(copy_of(run, folder / "run")).landscape(resolution=6)
        shown.measures(k=5)
        return shown[0].positions

    return positions


def deepview(model):
    def positions(run, folder):
        classify = trained() if model is None else model
        x = X[:30] if model is None else X[:30].reshape(30, -1)
        view = dvi.DeepView(classify, lam=0.5, n_neighbors=5).fit(x)
        view.landscape(resolution=6)
        return view.embedding_

    return positions


def decoded(run, folder):
    vae = dvi.VAE(3, epochs=1, hidden=(8,)).fit(X)
    return vae.decode(vae.encode(X))


def convolved(run, folder):
    return dvi.VAE(3, epochs=1, architecture="convolutional", features=classifier()).fit(X).encode(X)


def student(model):
    def path(run, folder):
        vae = dvi.VAE(3, epochs=2, hidden=(8,)).fit(X)
        return clone(model).fit(dvi.Neighbors(vae, n=32).sample(X[0]), trained()).weights()

    return path


class Attending(nn.Module):
    """A network of tokens, one for each patch of a picture."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(X.shape[1], 8, 4, 4)
        self.norm = nn.LayerNorm(8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        h = self.norm(x)
        x = x + self.attention(h, h, h, need_weights=False)[0]
        return self.head(x.mean(1))


def attending():
    return Attending().eval()


def attributed(method):
    def path(run, folder):
        model = attending() if method == "attention_rollout" else classifier()
        return dvi.attribute(model, X[:2], method=method, **FEW.get(method, {})).values

    return path


PATHS = {
    "recording": recording,
    "arrays": arrays,
    "checkpoints": checkpoints,
    "DVI": projected(dvi.DVI()),
    "PaperDVI": projected(dvi.PaperDVI(steps=(20, 10), batch_size=100)),
    "PCA": projected(dvi.baselines.PCA()),
    "DeepView": deepview(None),
    "DeepView of scikit-learn": deepview(LogisticRegression().fit(X.reshape(len(X), -1), Y)),
    "VAE": decoded,
    "convolutional VAE": convolved,
    "LinearStudent": student(dvi.LinearStudent()),
    **{name: student(dvi.LinearStudent("descent", optimizer=name)) for name in OPTIMIZERS},
    "top_patches": lambda run, folder: dvi.top_patches(classifier(), "0", X[:20], k=3).values,
    **{method: attributed(method) for method in METHODS},
}


def like_that(path, state, run, folder, monkeypatch):
    """A path's result under some defaults; networks are made under the plain ones, as the user's are."""
    torch.manual_seed(0)
    made = {"classifier": classifier(), "trained": trained(), "attending": attending()}
    for name, model in made.items():
        monkeypatch.setitem(globals(), name, lambda model=model: model)
    with state():
        result = path(run, folder)
    monkeypatch.undo()
    return np.array(result)


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("state", [double, elsewhere])
def test_defaults_of_the_process_change_no_result(name, state, run, tmp_path, monkeypatch):
    path = PATHS[name]
    (tmp_path / "plain").mkdir()
    (tmp_path / "other").mkdir()
    plain = like_that(path, contextlib.nullcontext, run, tmp_path / "plain", monkeypatch)
    other = like_that(path, state, run, tmp_path / "other", monkeypatch)
    assert other.dtype == plain.dtype
    np.testing.assert_allclose(other, plain, rtol=1e-3, atol=1e-3)
