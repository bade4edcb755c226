"""Exports the living explorers of the gallery while the documentation is built.

Each is one page of `Explorer.to_html`, written to the built site and shown in a frame that loads when it is
scrolled to. They are trained on scikit-learn's digits and iris, and on texts written here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from docutils import nodes
from docutils.parsers.rst import Directive
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sphinx.application import Sphinx
from torch import nn

import dvi_widget as dvi
from dvi_widget import demonstration

MAX_BYTES = 3_000_000
FOLDER = "living"


def digits() -> dvi.Explorer:
    """A network that learns digits, over twelve epochs."""
    return dvi.demo()


def table() -> dvi.Explorer:
    """What a forest makes of irises, as a map by DeepView; each flower's measures are its text."""
    iris = load_iris(as_frame=True)
    forest = RandomForestClassifier(100, random_state=0).fit(iris.data.to_numpy(), iris.target)
    view = dvi.DeepView(forest, classes=list(iris.target_names)).fit(
        iris.data.to_numpy(np.float64), iris.target
    )
    landscape = view.landscape()
    for name in iris.data.columns:
        landscape.samples[name] = iris.data[name].to_numpy()
    return dvi.Explorer(landscape)


def texts() -> dvi.Explorer:
    """What a linear classifier makes of short reviews, as a map by DeepView."""
    things = ["film", "book", "meal", "hotel", "phone", "concert", "train ride", "museum"]
    good = ["lovely", "brilliant", "worth every minute", "a quiet joy"]
    bad = ["dull", "a mess", "a waste of an evening", "broken from the start"]
    mixed = ["long, but fair", "neither here nor there"]
    sentences, labels = [], []
    for thing in things:
        for words, label in ((good, 1), (bad, 0), (mixed, 1)):
            for word in words:
                sentences += [f"The {thing} was {word}.", f"I found this {thing} {word}, as did my friends."]
                labels += [label, label]
    x = TfidfVectorizer().fit_transform(sentences).toarray()
    model = LogisticRegression(C=10).fit(x, labels)
    landscape = dvi.DeepView(model, classes=["against", "for"]).fit(x, labels).landscape()
    landscape.samples["text"] = sentences
    return dvi.Explorer(landscape)


def active_learning() -> dvi.Explorer:
    """Six rounds of labelling: each adds the forty digits that the network is least sure of."""
    (x, y), (xt, yt), classes = dvi.datasets.digits()
    x, y = torch.from_numpy(x).float() / 255, torch.from_numpy(y)
    rng = np.random.default_rng(0)
    labelled = np.zeros(len(y), bool)
    labelled[rng.choice(len(y), 40, replace=False)] = True
    first = labelled.copy()
    torch.manual_seed(0)
    model = demonstration.network()
    with tempfile.TemporaryDirectory() as folder:
        recorder = dvi.Recorder(
            f"{folder}/run",
            model,
            train=(x, y),
            test=(torch.from_numpy(xt).float() / 255, yt),
            classes=classes,
            groups={"labelled at first": first},
        )
        for turn in range(6):
            known = torch.from_numpy(np.flatnonzero(labelled))
            optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
            model.train()
            for _ in range(25):
                for batch in known[torch.randperm(len(known))].split(32):
                    optimizer.zero_grad()
                    nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
                    optimizer.step()
            recorder.capture(turn)
            model.eval()
            with torch.no_grad():
                sure = model(x).softmax(1).max(1).values.numpy()
            asked = np.argsort(np.where(labelled, 2.0, sure))[:40]
            labelled[asked] = True
        run = dvi.Run(f"{folder}/run")
        run.add_group("labelled at last", np.concatenate([labelled, np.zeros(len(yt), bool)]))
        explorer = dvi.Explorer(dvi.DVI().fit(run).landscape())
        explorer.color_by = "label"
        return _with_page(explorer)


def _with_page(explorer: dvi.Explorer) -> dvi.Explorer:
    """Keep what the explorer reads from its run, whose folder is about to go."""
    path = Path(tempfile.mkdtemp()) / "kept.dvi"
    explorer._landscapes[0].save(path)  # noqa: SLF001
    return dvi.Explorer(dvi.Landscape.load(path))


LIVING: dict[str, Callable[[], dvi.Explorer]] = {
    "digits": digits,
    "table": table,
    "texts": texts,
    "active_learning": active_learning,
}


class Living(Directive):
    """``{living} name``: the explorer of that name, in a frame that loads when it is scrolled to."""

    required_arguments = 1
    optional_arguments = 1  # a view, as the page's share menu writes it

    def run(self) -> list[nodes.Node]:
        """Make the frame, and a link for those who want the page alone."""
        name = self.arguments[0]
        if name not in LIVING:
            raise self.error(f"living must be one of {', '.join(LIVING)}; got {name}.")
        environment = self.state.document.settings.env
        up = "../" * environment.docname.count("/")
        address = f"{up}{FOLDER}/{name}.html"
        title = LIVING[name].__doc__
        frame = f'<iframe class="dvi-living" loading="lazy" title="{title}" src="{address}"></iframe>'
        alone = f'<p><a href="{address}">{title} Open it alone.</a></p>'
        return [nodes.raw("", frame + alone, format="html")]


def export(app: Sphinx) -> None:
    """Write the explorers into the site, each within its size."""
    folder = Path(app.outdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in LIVING.items():
        path = folder / f"{name}.html"
        if path.exists():
            continue
        make().to_html(path)
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise RuntimeError(f"{name} must weigh at most {MAX_BYTES:,} bytes; got {size:,}.")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive and the export with Sphinx."""
    app.add_directive("living", Living)
    app.connect("builder-inited", export)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
