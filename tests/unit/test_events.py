"""Events of a training: what counts as one, and what does not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dvi_widget.landscape import Landscape
from dvi_widget.landscape.events import Event, events


def test_nothing_changed_is_no_event() -> None:
    labels = np.array([0, 1, 2])
    assert events(labels, labels, labels) == []


def test_a_class_that_falls_two_that_merge_and_two_that_part() -> None:
    labels = np.repeat([0, 1, 2], 100)
    before, after = labels.copy(), labels.copy()
    after[:20] = 1  # of class 0
    before[200:230] = 1  # of class 2
    found = {event.kind: event for event in events(labels, before, after)}
    assert found == {
        "changed": Event("changed", (), pytest.approx(50 / 300), 50),
        "fell": Event("fell", (0,), pytest.approx(-0.2), 20),
        "merged": Event("merged", (0, 1), pytest.approx(0.1), 20),
        "parted": Event("parted", (1, 2), pytest.approx(-0.15), 30),
    }


def test_as_many_pairs_are_listed_as_are_asked_for() -> None:
    labels = np.repeat(np.arange(6), 100)
    after = labels.copy()
    for kind in range(1, 6):
        after[100 * kind : 100 * kind + 20 + kind] = 0

    def merged(*pairs: int) -> list[tuple[int, ...]]:
        return [event.classes for event in events(labels, labels, after, *pairs) if event.kind == "merged"]

    assert merged() == [(0, 5), (0, 4), (0, 3)]
    assert merged(50) == [(0, 5), (0, 4), (0, 3), (0, 2), (0, 1)]


def test_exchanged_mistakes_are_no_event() -> None:
    labels = np.zeros(100, int)
    before, after = np.zeros((2, 100), int)
    before[:20] = after[20:40] = 1
    assert [event.kind for event in events(labels, before, after)] == ["changed"]


def test_few_samples_prove_nothing() -> None:
    labels = np.zeros(10, int)
    after = np.zeros(10, int)
    after[:2] = 1  # a fifth of them
    assert [event.kind for event in events(labels, np.zeros(10, int), after)] == ["changed"]


def test_predictions_at_random_seldom_make_an_event() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 100)
    found = [
        event.kind
        for _ in range(100)
        for event in events(labels, rng.integers(10, size=1000), rng.integers(10, size=1000))
    ]
    # Ten classes a hundred times; a fortieth fall by chance.
    assert found.count("fell") < 0.05 * 1000


def test_without_labels_only_changes_are_counted() -> None:
    unlabelled = np.full(20, -1)
    assert events(unlabelled, np.zeros(20, int), np.ones(20, int)) == [Event("changed", (), 1.0, 20)]


def test_a_landscape_compares_test_samples_and_lists_each_epoch() -> None:
    labels = np.tile(np.repeat([0, 1], 50), 2)
    split = np.repeat(["train", "test"], 100)
    first, second = labels.copy(), labels.copy()
    second[:40] = 1  # training samples
    third = second.copy()
    third[100:130] = 1
    landscape = Landscape(
        [1, 4, 6],
        [np.random.default_rng(0).normal(size=(200, 2))] * 3,
        [first, second, third],
        [np.ones(200)] * 3,
        classes=["a", "b"],
        samples=pd.DataFrame({"split": split, "label": labels}),
    )
    table = landscape.events()
    assert table[["epoch", "before", "event", "samples"]].to_numpy().tolist() == [
        [4, 1, "changed", 40],
        [6, 4, "changed", 30],
        [6, 4, "fell", 30],
        [6, 4, "merged", 30],
    ]
