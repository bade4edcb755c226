"""The documentation and the README: every block of Python on every page runs, in the order of the page."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import recorded
import torch
from readers import readers_own
from sklearn.linear_model import SGDClassifier
from sklearn.neural_network import MLPClassifier

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN_ELSEWHERE = "docs/compatibility.md"  # written by benchmarks/compatibility.py, out of lines that it ran
PAGES = {
    str(path.relative_to(ROOT)): path
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    if BLOCK.search(path.read_text(encoding="utf-8")) and path != ROOT / RUN_ELSEWHERE
}


class Keras:
    """Stands for keras and for a model of it whose body gives its inputs and whose head is linear."""

    def __init__(self, weight, bias):
        self.inputs, self.head = "inputs", (weight, bias)
        self.layers = [SimpleNamespace(input="features", get_weights=lambda: [weight, bias])]

    @staticmethod
    def Model(inputs, outputs):  # noqa: N802 - its name there
        assert (inputs, outputs) == ("inputs", "features")
        return SimpleNamespace(predict=lambda x: np.asarray(x).reshape(len(x), -1))

    def fit(self, x, y):
        assert len(x) == len(y)

    def predict(self, x):
        return np.asarray(x).reshape(len(x), -1) @ self.head[0] + self.head[1]


def frameworks_own(folder):
    """Return what the page of frameworks takes from its reader, beside the rest."""
    own = readers_own()
    (x, y), (xt, yt), names = recorded.samples()
    flat, flat_test = x.reshape(len(x), -1), xt.reshape(len(xt), -1)
    rng = np.random.default_rng(0)
    w, b = rng.normal(size=(64, 10)), rng.normal(size=10)
    network = own["model"]
    (folder / "ckpt").mkdir()
    for epoch in range(2):
        torch.save(network.state_dict(), folder / "ckpt" / f"{epoch}.pt")
    return {
        "torch": {
            "train_set": Set(x, y, names),
            "test_set": Set(xt, yt, names),
        },
        "Hugging Face": {
            "tokens": Set(x, y, names),
            "tokens_test": Set(xt, yt, names),
            "model": with_labels(network, names),
        },
        "scikit-learn": {
            "x": flat,
            "xt": flat_test,
            "classifier": MLPClassifier(max_iter=30, random_state=0).fit(flat, y),
            "sgd": SGDClassifier(random_state=0),
        },
        "skorch": {
            "network": SimpleNamespace(
                initialize=lambda: None, module_=network, partial_fit=lambda x, y, epochs: None
            )
        },
        "Keras": {"keras": Keras, "model": Keras(w, b)},
        "JAX and other arrays": {
            "params": {"w": w.T, "b": b},
            "train_one_epoch": lambda params: params,
            "features": lambda params, x: np.asarray(x).reshape(len(x), -1),
            "logits": lambda params, x: np.asarray(x).reshape(len(x), -1) @ params["w"].T + params["b"],
            "pictures": x,
            "pictures_test": xt,
        },
    }


class Set:
    """A Dataset of torch: samples with their labels, and the classes' names."""

    def __init__(self, x, y, names):
        self.x, self.y = x, y
        self.class_to_idx = {name: number for number, name in enumerate(names)}

    def __len__(self):
        return len(self.y)

    def __getitem__(self, index):
        return self.x[index], int(self.y[index])


def with_labels(network, names):
    """Give a network the names of its classes, as transformers' models have them."""
    network.config = SimpleNamespace(id2label=dict(enumerate(names)))
    return network


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages") / "runs" / "digits"
    recorded.record(folder)
    return folder


def test_the_pages_are_found():
    assert {"README.md", "docs/tutorial.md", "docs/howto/frameworks.md"} <= set(PAGES)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_links_into_the_repository_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert not [link for link in links if not (ROOT / link).exists()]


def test_links_between_pages_lead_somewhere():
    for path in (ROOT / "docs").rglob("*.md"):
        for link in re.findall(r"\]\(([^)\s#]+)\)", path.read_text(encoding="utf-8")):
            if "://" not in link:
                target = path.parent / link
                assert target.exists() or target.with_name(f"{target.name}.md").exists(), (path, link)


@pytest.mark.feature("F16")
@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_page_runs(page, run_folder, tmp_path, monkeypatch):
    shutil.copytree(run_folder, tmp_path / "runs" / "digits")
    monkeypatch.chdir(tmp_path)
    text = PAGES[page].read_text(encoding="utf-8")
    names, heading, given = readers_own(), "", {}
    if page.endswith("frameworks.md"):
        given = frameworks_own(tmp_path)
    for part in re.split(r"^(?=#{1,3} )", text, flags=re.MULTILINE):
        heading = part.splitlines()[0].strip("# ") if part else ""
        if given:  # each framework is its reader's only one
            shutil.rmtree(tmp_path / "runs" / "mine", ignore_errors=True)
            names = {**readers_own(), "dvi": __import__("dvi_widget"), **given.get(heading, {})}
        for block in BLOCK.findall(part):
            code = compile(block, f"{page}: {heading}", "exec")
            if given:
                shutil.rmtree(tmp_path / "runs" / "mine", ignore_errors=True)
            exec(code, names)
