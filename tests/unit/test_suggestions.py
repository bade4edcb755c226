"""Suggestions: each measure of training dynamics by hand, by law, and on digits whose labels were flipped."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from recorded import record, samples

import dvi_widget as dvi
from dvi_widget import suggestions
from dvi_widget.boundary import on_boundary
from dvi_widget.suggestions import TrainingDynamics, ranked, training_dynamics

LABELS = [0, 0, 1, 1, -1]
EPOCHS = [2, 5, 9]
# Logits of two classes, epoch by epoch: always right, forgotten, late, never, without a label.
LOGITS = [
    [[3, 0], [2, 0], [1, 0], [4, 0], [1, 1]],
    [[3, 0], [0, 2], [1, 0], [4, 0], [1, 0]],
    [[3, 0], [2, 0], [0, 2], [4, 0], [9, 0]],
]


@pytest.fixture
def table():
    return training_dynamics(LOGITS, LABELS, EPOCHS)


def test_each_measure_by_hand(table):
    assert table.index.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(table["aum"], [3, 2 / 3, 0, -4, np.nan])
    np.testing.assert_allclose(table["correctness"], [1, 2 / 3, 1 / 3, 0, np.nan])
    sure = [[1 / (1 + np.exp(-m)) for m in margins] for margins in ([3, 3, 3], [2, -2, 2], [-1, -1, 2])]
    np.testing.assert_allclose(table["confidence"][:3], np.mean(sure, axis=1))
    np.testing.assert_allclose(table["variability"][:3], np.std(sure, axis=1), atol=1e-15)
    assert table["forgetting_events"].tolist() == [0, 1, 0, 0, pd.NA]
    assert table["first_learned"].tolist() == [2, 2, 9, pd.NA, pd.NA]
    assert table["right_at_last"].tolist() == [True, True, True, False, pd.NA]
    np.testing.assert_allclose(table["boundary_gap"], np.tanh([1.5, 1, 1, 2, 4.5]))


def test_the_gap_compares_the_two_highest_with_the_whole_range():
    table = training_dynamics([[[0, 0, 0], [4, 3, 0]], [[10, 9.5, 0], [2, 2, 2]]], [0, 1])
    np.testing.assert_allclose(table["boundary_gap"], [0.05, 0])


@pytest.mark.feature("F3")
def test_each_list_by_hand(table):
    assert ranked(table, "likely mislabelled").index.tolist() == [3]
    assert ranked(table, "forgotten").index.tolist() == [1]
    assert ranked(table, "late learners").index.tolist() == [2]
    assert ranked(table, "on the boundary").empty


def test_lists_rank_what_is_worse_first():
    table = pd.DataFrame(
        {
            "aum": [-1.0, 2.0, -3.0, np.nan, -1.0],
            "correctness": [0.5, 0.4, 0.6, np.nan, 0.2],
            "forgetting_events": pd.array([1, 2, 0, None, 1], "Int64"),
            "first_learned": pd.array([3, 1, 7, None, 3], "Int64"),
            "right_at_last": pd.array([True, True, True, None, True], "boolean"),
            "boundary_gap": [0.05, 0.5, 0.02, 0.0, 0.1],
        }
    )
    assert ranked(table, "likely mislabelled").index.tolist() == [2, 0, 4]
    assert ranked(table, "forgotten").index.tolist() == [1, 4, 0]
    assert ranked(table, "on the boundary").index.tolist() == [3, 2, 0, 4]
    assert ranked(table, "late learners").index.tolist() == [2]


def test_every_list_has_a_definition_of_one_sentence(table):
    for name, definition in suggestions.DEFINITIONS.items():
        assert list(ranked(table, name).columns) == list(table.columns)
        assert definition.endswith(".")


def test_an_unknown_list_is_told_the_known_ones(table):
    with pytest.raises(
        ValueError, match=r'name must be one of "likely mislabelled", "forgotten", .*; got \'odd\''
    ):
        ranked(table, "odd")


FINITE = st.floats(-50, 50, width=32)


@st.composite
def trainings(draw):
    t, n, c = draw(st.integers(2, 6)), draw(st.integers(1, 8)), draw(st.integers(2, 5))
    logits = draw(arrays(np.float32, (t, n, c), elements=FINITE))
    return logits, draw(arrays(np.int64, n, elements=st.integers(-1, c - 1)))


@settings(max_examples=60)
@given(trainings())
def test_gathered_epoch_by_epoch_they_are_what_the_definitions_say(training):
    z, labels = training
    before = z.copy()
    table = training_dynamics(iter(z), labels)
    np.testing.assert_array_equal(z, before)
    known = np.flatnonzero(labels >= 0)
    assert table.loc[labels < 0, ["aum", "confidence", "variability", "correctness"]].isna().all(axis=None)
    z64, own = z[:, known].astype(float), labels[known]
    given_class = z64[:, np.arange(len(known)), own]
    others = z64.copy()
    others[:, np.arange(len(known)), own] = -np.inf
    p = np.exp(given_class) / np.exp(z64).sum(axis=2)
    right = z64.argmax(axis=2) == own
    of = table.loc[known]
    np.testing.assert_allclose(of["aum"], (given_class - others.max(axis=2)).mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(of["confidence"], p.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(of["variability"], p.std(axis=0), atol=1e-9)
    np.testing.assert_allclose(of["correctness"], right.mean(axis=0))
    np.testing.assert_array_equal(of["forgetting_events"], (right[:-1] & ~right[1:]).sum(axis=0))
    first = [int(np.argmax(column)) if column.any() else pd.NA for column in right.T]
    assert of["first_learned"].tolist() == first


@settings(max_examples=40)
@given(trainings(), st.floats(-20, 20))
def test_a_constant_added_to_all_logits_of_a_sample_changes_nothing(training, constant):
    z, labels = training
    z = np.round(z.astype(float), 3)
    moved, table = training_dynamics(z + constant, labels), training_dynamics(z, labels)
    for name in ("aum", "confidence", "variability"):
        np.testing.assert_allclose(moved[name], table[name], atol=1e-9)


@settings(max_examples=40)
@given(trainings())
def test_on_the_boundary_is_what_is_painted_as_the_boundary(training):
    z, labels = training
    table = training_dynamics(z, labels)
    clear = np.abs(table["boundary_gap"] - 0.1) > 1e-4  # rounding decides there
    on = on_boundary(z[-1], delta=0.1)
    listed = table.index.isin(ranked(table, "on the boundary").index)
    np.testing.assert_array_equal(listed[clear], on[clear])


def test_large_logits_do_not_overflow():
    table = training_dynamics([[[1e4, -1e4]], [[-1e4, 1e4]]], [0])
    assert table["confidence"].tolist() == [0.5]
    assert table["variability"].tolist() == [0.5]


@pytest.mark.parametrize(
    ("logits", "labels", "epochs", "says"),
    [
        ([[[1, 0]]], [0], None, r"at least two epochs; there is 1\."),
        ([], [0], None, r"at least two epochs; there are 0\."),
        (LOGITS, [0, 1], None, r"logits of epoch 0 must be numbers \[2, C\].*got shape \(5, 2\)"),
        (LOGITS, [0.0] * 5, None, "labels must be whole numbers.*float64"),
        (LOGITS, [-2] * 5, None, "labels must be classes from 0, −1 for none; got -2"),
        (LOGITS, [2] * 5, None, "labels must be below 2, the number of classes; got 2"),
        (LOGITS, LABELS, [1, 2], "number for each epoch of logits; got 2, too few"),
        (LOGITS, LABELS, [1, 2, 3, 4], "each of the 3 epochs of logits; got 4"),
        (LOGITS, LABELS, [1, 3, 2], "higher than the one before; got 2 after 3"),
        ([[[1, 0]], [[1, np.nan]]], [0], None, "logits of epoch 1 must be finite"),
        ([[[1, 0]], [[1, 0, 2]]], [0], None, "logits of epoch 1 must have 2 classes as before; got 3"),
        ([[[1]], [[1]]], [0], None, "at least two classes"),
    ],
)
def test_what_cannot_be_measured_is_refused(logits, labels, epochs, says):
    with pytest.raises(ValueError, match=says):
        training_dynamics(logits, labels, epochs)


def test_an_epoch_that_is_refused_leaves_the_earlier_ones_as_they_were():
    dynamics, clean = TrainingDynamics([0, 1]), TrainingDynamics([0, 1])
    for epoch in (0, 1):
        dynamics.add(epoch, [[1, 0], [1, 0]])
        clean.add(epoch, [[1, 0], [1, 0]])
        with pytest.raises(ValueError, match="finite"):
            dynamics.add(epoch + 1, [[1, 0], [np.inf, 0]])
    pd.testing.assert_frame_equal(dynamics.table(), clean.table())


def test_of_a_recorded_run_they_keep_the_numbers_of_the_samples(tmp_path):
    record(tmp_path / "run", epochs=(1, 3, 7))
    run = dvi.Run(tmp_path / "run")
    whole, test = suggestions.of_run(run, "all"), suggestions.of_run(run, "test")
    assert len(suggestions.of_run(run)) == run.n_train
    assert test.index.tolist() == list(range(run.n_train, run.n_train + run.n_test))
    pd.testing.assert_frame_equal(whole.loc[test.index], test)
    logits = [run.logits(epoch, "test") for epoch in run.epochs]
    by_hand = training_dynamics(logits, run.samples["label"].to_numpy()[run.n_train :], run.epochs)
    np.testing.assert_array_equal(test["aum"], by_hand["aum"])
    with pytest.raises(ValueError, match='"train", "test" or "all"'):
        suggestions.of_run(run, "validation")


@pytest.mark.feature("A15", "F3")
def test_flipped_labels_of_digits_are_found():
    import torch

    (x, y), *_ = samples(1000)
    rng = np.random.default_rng(0)
    flipped = np.zeros(len(y), bool)
    flipped[rng.choice(len(y), len(y) // 10, replace=False)] = True
    labels = np.where(flipped, (y + rng.integers(1, 10, len(y))) % 10, y)
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10)
    )
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    dynamics = TrainingDynamics(labels)
    inputs, targets = torch.as_tensor(x), torch.as_tensor(labels)
    for epoch in range(12):
        for rows in torch.randperm(len(y)).split(32):
            loss = torch.nn.functional.cross_entropy(model(inputs[rows]), targets[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        with torch.no_grad():
            dynamics.add(epoch, model(inputs).numpy())
    found = ranked(dynamics.table(), "likely mislabelled").index.to_numpy()
    # Chance is 10 %.
    assert flipped[found[:50]].mean() >= 0.95
    assert flipped[found[:100]].mean() >= 0.85
    assert np.isin(np.flatnonzero(flipped), found).mean() >= 0.85
