"""The demo: one call from nothing to an explorer."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
import torch

import dvi_widget as dvi
from dvi_widget import demonstration


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Two epochs are enough."""
    monkeypatch.setattr(demonstration, "_EPOCHS", 2)


def written(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_it_shows_the_digits_and_opens_what_is_there_already(tmp_path):
    state = torch.random.get_rng_state()
    explorer = dvi.demo(tmp_path / "digits")
    assert repr(explorer) == "Explorer(1,797 samples, 2 epochs)"
    assert torch.equal(torch.random.get_rng_state(), state)
    accuracy = explorer.table().query("split == 'test'")["correct"].mean()
    assert accuracy > 0.5
    before = written(tmp_path)
    again = dvi.demo(tmp_path / "digits")
    assert written(tmp_path) == before
    assert again.table().equals(explorer.table())


def test_it_completes_what_was_interrupted(tmp_path, monkeypatch):
    monkeypatch.setattr(demonstration, "_EPOCHS", 1)
    dvi.demo(tmp_path / "digits")
    monkeypatch.setattr(demonstration, "_EPOCHS", 2)
    explorer = dvi.demo(tmp_path / "digits")
    assert dvi.Run(tmp_path / "digits").epochs == [0, 1]
    explorer.epoch = 0


def test_without_a_folder_it_cleans_up_behind_itself(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    explorer = dvi.demo()
    (folder,) = tmp_path.iterdir()
    assert Path(folder, "digits", "run.json").exists()
    explorer.close()
    del explorer
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(dvi.RunError):
        dvi.demo(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
