"""Watching a training: epochs arrive on the page before the cell that trains has ended."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import synthetic
from bare import open_bare
from playwright.sync_api import expect
from steps import At, eventually
from test_limits import POLICY, VSCODE_STYLE

import dvi_widget as dvi

pytestmark = pytest.mark.timeout(300)

TRAIN = """
import time
from pathlib import Path

import torch
from torch import nn

import dvi_widget as dvi
from dvi_widget.demonstration import network

torch.set_num_threads(1)
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


@pytest.mark.feature("F9")
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

    # What each epoch changed has arrived too, and is a click away from its samples.
    at.part("events").click()
    at.part("event-changed").first.click()
    at.wait_for_epoch(1)
    expect(at.part("find")).to_have_value("changed:0-1")
    page.screenshot(path=shots / f"{name}-events.png")
    at.part("find").fill("")

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


@pytest.mark.feature("F9")
def test_a_training_in_another_process_is_followed(page, lab, gate, shots, tmp_path):
    folder = gate / "run"
    script = tmp_path / "train.py"
    script.write_text(
        TRAIN.format(gate=str(gate), folder=str(folder))
        + "for epoch in range(3):\n    train_one_epoch(epoch)\nwait_for('one more')\ntrain_one_epoch(3)\n"
    )
    cells = ["import dvi_widget as dvi", f"watched = dvi.watch({str(folder)!r}, budget=None)"]
    notebook = lab.open(page, "live-folder", cells)
    notebook.run()
    expect(page.get_by_text("Waiting for the first epoch of")).to_be_visible()
    with subprocess.Popen([sys.executable, str(script)]) as training:
        try:
            expect(page.get_by_test_id("epoch-slider")).to_have_attribute("aria-valuemax", "2")
            (gate / "one more").touch()
            at = At(page, grown(folder, 3))
            at.wait_for_epoch(3)
            assert training.wait() == 0
        finally:
            training.kill()
    page.screenshot(path=shots / "live-folder.png")
    At(page, grown(folder, 4)).click_epoch(1)
    eventually(lambda: notebook.python("watched.explorer.epoch"), 1, page)


def test_under_a_content_policy_and_a_kernel_that_hears_nothing(bare_explorer, page, shots):
    landscape = synthetic.landscape(400, range(3))
    explorer = bare_explorer(landscape)
    explorer.comm.hear = lambda _: None
    open_bare(page, explorer, policy=POLICY, style=VSCODE_STYLE)
    explorer.refresh()
    at = At(page, landscape)
    at.wait_for_epoch(2)
    last = landscape[-1]
    for epoch in (3, 4):
        landscape.append(epoch, last.positions * 0.9, last.predictions, last.confidence)
        explorer.refresh()
        at.wait_for_epoch(epoch)
    at.click_epoch(3)
    expect(at.part("selected")).to_have_text(f"{len(at.lasso(3)):,} selected")
    page.screenshot(path=shots / "live-policy.png")
    assert page.evaluate("window.violations") == []
