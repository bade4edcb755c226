"""Explorers are let go when their cells run again, and only then."""

from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace

import comm
import ipywidgets
import pytest
from hosts import RecordingComm
from IPython.core.displaypub import CapturingDisplayPublisher
from test_explorer import landscape

from dvi_widget import Explorer
from dvi_widget.widget import showing


class Shell:
    """A notebook's shell: runs functions as cells and keeps what they return."""

    def __init__(self):
        self.history_manager = SimpleNamespace(output_hist={}, outputs={})
        self.execution_count = 0
        self.user_ns = {}
        self.display_pub = None
        self.events = self
        self.called = []
        self.parent = {}

    def register(self, event, function):
        assert event == "post_run_cell"
        self.called.append(function)

    def get_parent(self):
        return self.parent

    def drop_by_id(self, variables):
        for name, value in variables.items():
            if self.user_ns.get(name) is value:
                del self.user_ns[name]

    def run(self, cell, function):
        number = self.execution_count = self.execution_count + 1
        self.history_manager.outputs[number] = ["pictures"]
        self.parent = {"metadata": {"cellId": cell}, "header": {"msg_id": f"run {id(function)} {number}"}}
        output = function()
        if output is not None:
            output._ipython_display_()
            self.history_manager.output_hist[number] = self.user_ns[f"_{number}"] = output
        for called in self.called:
            called(None)
        return output


@pytest.fixture
def shell(monkeypatch):
    """A shell that the explorers of this test are shown in."""
    shell = Shell()
    monkeypatch.setattr(showing, "get_ipython", lambda: shell)
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    return shell


def explorer():
    return Explorer(landscape(epochs=(0, 1)))


def test_a_cell_that_runs_again_leaves_nothing_of_what_it_showed(shell):
    widgets = len(showing._widgets())
    first = shell.run("a", explorer)
    left = weakref.ref(first)
    channel = first.comm
    second = shell.run("a", explorer)
    assert first.comm is None
    assert "comm_close" in [kind for kind, _, _ in channel.said]
    assert second.comm is not None
    assert list(shell.history_manager.output_hist.values()) == [second]
    assert list(shell.user_ns.values()) == [second]
    assert list(shell.history_manager.outputs) == [2]
    del first, channel
    gc.collect()
    assert left() is None
    second.close()
    assert len(showing._widgets()) == widgets


def test_what_is_shown_elsewhere_stays(shell):
    shown = shell.run("a", explorer)
    shell.run("b", lambda: shown)
    shell.run("a", explorer)
    assert shown.comm is not None
    shell.run("b", lambda: None)  # now nobody sees it
    assert shown.comm is None


def test_what_its_cell_shows_again_stays(shell):
    shown = shell.run("a", explorer)
    assert shell.run("a", lambda: shown).comm is not None


def test_what_is_part_of_a_box_stays(shell):
    shown = shell.run("a", explorer)
    box = ipywidgets.VBox([shown])
    shell.run("a", explorer)
    assert shown.comm is not None
    box.close()


@pytest.mark.parametrize("nowhere", ["no cell", "captured", "output widget"])
def test_what_is_shown_nobody_knows_where_stays(shell, nowhere):
    output = ipywidgets.Output()

    def first():
        if nowhere == "no cell":
            shell.parent = {"header": {"msg_id": "1"}}
        elif nowhere == "captured":
            shell.display_pub = CapturingDisplayPublisher()
        else:
            output.msg_id = shell.parent["header"]["msg_id"]
        return explorer()

    shown = shell.run("a", first)
    shell.display_pub, output.msg_id = None, ""
    shell.run("a", explorer)
    assert shown.comm is not None
    output.close()


def test_an_explorer_that_was_let_go_is_shown_again_as_it_was(shell):
    kept = shell.run("a", explorer)
    kept.epoch, kept.selection = 0, [1]
    shell.run("a", explorer)
    assert kept.comm is None
    shell.run("c", lambda: kept)
    assert kept.comm is not None
    assert (kept.epoch, list(kept.selection)) == (0, [1])
    kept.comm.hear({"method": "custom", "content": {"id": 7, "op": "hello", "args": {}}})
    assert [content["id"] for content, _ in kept.comm.customs() if content.get("ok")] == [7]
    assert kept.layout.comm is not None
