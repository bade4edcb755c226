"""Watching a training: epochs arrive on the page before the cell that trains has ended."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect
from steps import At, eventually

import dvi_widget as dvi

pytestmark = pytest.mark.timeout(300)

TRAIN = """
import time
from pathlib import Path

import torch
from torch import nn

import dvi_widget as dvi
from dvi_widget.demo import network

gate = Path({gate!r})
(x, y), (xt, yt), names = dvi.datasets.digits()
inputs, test_inputs = (torch.from_numpy(part[:600]).float() / 255 for part in (x, xt))
labels = torch.from_numpy(y[:600])
torch.manual_seed(0)
model = network()
recorder = dvi.Recorder(
    {folder!r}, model, train=(inputs, y[:600]), test=(test_inputs, yt[:600]), classes=names
)
optimizer = torch.optim.Adam(model.parameters(), 1e-3)


def train_one_epoch(epoch):
    for batch in torch.randperm(len(inputs)).split(64):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs[batch]), labels[batch]).backward()
        optimizer.step()
    recorder.capture(epoch)


def wait_for(name):
    while not (gate / name).exists():
        time.sleep(0.05)
"""
WATCH = """
watched = dvi.watch(recorder, budget=None)
for epoch in range(5):
    train_one_epoch(epoch)
wait_for("one more")
train_one_epoch(5)
wait_for("end")
"""


@pytest.fixture
def gate(tmp_path):
    """Where files let a training go on."""
    return tmp_path


def grown(folder: Path, epochs: int) -> dvi.Landscape:
    """The landscape that a watch of so many epochs shows."""
    run, model = dvi.Run(folder), dvi.DVI(joint=False)
    landscape = model.partial_fit(run, [0]).landscape()
    for epoch in range(1, epochs):
        model.partial_fit(run, [epoch]).extend(landscape)
    return landscape


@pytest.mark.parametrize("host", ["open", "open_alone"], ids=["JupyterLab", "Notebook 7"])
def test_epochs_arrive_while_the_cell_trains(host, page, lab, gate, shots):
    folder = gate / "run"
    name = f"live-{host}"
    notebook = getattr(lab, host)(page, name, [TRAIN.format(gate=str(gate), folder=str(folder)), WATCH])
    if host == "open":
        # As in hosts and kernels that answer nothing while a cell runs: older ones, VS Code, Colab.
        page.evaluate(
            "() => { const { session } = window.jupyterapp.shell.currentWidget.sessionContext;"
            " session.kernel.commsOverSubshells = 'disabled'; }"
        )
    notebook.start()
    expect(page.get_by_test_id("epoch-slider")).to_have_attribute("aria-valuemax", "4")
    at = At(page, grown(folder, 5))
    at.wait_for_epoch(4)
    page.screenshot(path=shots / f"{name}.png")

    # What has arrived is scrubbed, selected from and followed, though the kernel cannot answer.
    at.click_epoch(0)
    expect(at.part("follow-training")).to_have_attribute("aria-pressed", "false")
    inside = at.lasso(0, seed=3)
    assert len(inside) > 0
    expect(at.part("selected")).to_have_text(f"{len(inside):,} selected")
    (gate / "one more").touch()
    expect(at.part("new-epochs")).to_have_text("1 new")
    at.wait_for_epoch(0)
    at.part("follow-training").click()
    at.wait_for_epoch(5)
    expect(at.part("new-epochs")).to_have_count(0)
    page.screenshot(path=shots / f"{name}-followed.png")

    # When the training has ended it is an ordinary explorer.
    (gate / "end").touch()
    eventually(lambda: notebook.python("watched.explorer.epoch"), 5, page)
    eventually(lambda: notebook.python("list(watched.explorer.selection)"), inside, page)
    assert notebook.python("watched.epochs") == [0, 1, 2, 3, 4, 5]
