"""Scenes whose every movement is known: the default map shows what is there, and a placebo does not."""

import importlib.util
import sys
from pathlib import Path

import pytest

import dvi_widget as dvi

SCENES = Path(__file__).parents[2] / "benchmarks" / "scenes.py"


@pytest.fixture(scope="module")
def scenes():
    spec = importlib.util.spec_from_file_location("scenes", SCENES)
    module = importlib.util.module_from_spec(spec)
    sys.modules["scenes"] = module  # where its dataclasses look for their names
    spec.loader.exec_module(module)
    yield module
    del sys.modules["scenes"]


@pytest.mark.feature("F10")
@pytest.mark.parametrize("name", ["static", "swap", "drift", "split", "one Gaussian", "cut clusters"])
def test_what_moves_is_moved_and_nothing_else(scenes, name):
    bars = list(scenes.judged(name, dvi.DVI, 300, 0))
    missed = [f"{bar.what}: {bar.value:.3f}, not {bar.words}" for bar, _ in bars if not bar.passed]
    assert not missed
    assert not all(placebo.passed for _, placebo in bars), "a bar that chance reaches is none"
