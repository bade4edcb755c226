"""The figures of merit against brute force, cases solved by hand, and the laws they obey."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dvi_widget import measures


def brute_force(x, k, query=None):
    """Neighbours by sorting every distance, ties to the lower index."""
    x = np.asarray(x, float)
    q = x if query is None else np.asarray(query, float)
    d = np.square(q[:, None] - x[None]).sum(-1)
    if query is None:
        np.fill_diagonal(d, np.inf)
    return np.argsort(d, axis=1, kind="stable")[:, :k]


# Small whole numbers: many ties and many points at one place, and distances without rounding.
def grids(columns):
    return hnp.arrays(
        np.float32, st.tuples(st.integers(3, 40), st.just(columns)), elements=st.integers(-3, 3)
    )


@settings(max_examples=60)
@given(st.integers(1, 6).flatmap(grids), st.data())
def test_neighbors_are_those_of_brute_force_ties_included(x, data):
    k = data.draw(st.integers(1, len(x) - 1))
    assert np.array_equal(measures.neighbors(x, k)[0], brute_force(x, k))


@pytest.mark.parametrize("columns", [2, 3, 7, 64])
@pytest.mark.parametrize("offset", [0, 1000])
def test_neighbors_are_exact_for_real_numbers_also_far_from_the_origin(columns, offset):
    rng = np.random.default_rng(columns)
    x = (rng.normal(size=(700, columns)) + offset).astype(np.float32)
    q = (rng.normal(size=(50, columns)) + offset).astype(np.float32)
    assert np.array_equal(measures.neighbors(x, 15)[0], brute_force(x, 15))
    assert np.array_equal(measures.neighbors(x, 15, query=q)[0], brute_force(x, 15, q))


def test_neighbors_survive_distances_that_single_precision_cannot_tell_apart():
    rng = np.random.default_rng(0)
    x = np.repeat(rng.normal(size=(20, 32)), 30, axis=0)
    x[:, 0] += rng.permutation(len(x)) * 1e-9
    assert np.array_equal(measures.neighbors(x, 15)[0], brute_force(x, 15))
    same = np.ones((50, 8), np.float32)
    assert np.array_equal(
        measures.neighbors(same, 3)[0][:5], [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2], [0, 1, 2]]
    )


def test_distances_come_along_in_the_units_of_x():
    x = np.array([[0.0, 0], [3, 4], [0, 1]])
    found, distances = measures.neighbors(x, 2)
    assert found.tolist() == [[2, 1], [2, 0], [0, 1]]
    assert distances[0].tolist() == [1, 5]
    assert distances.dtype == np.float32


def test_a_search_of_some_rows_is_part_of_the_search_of_all():
    x = np.random.default_rng(1).normal(size=(60, 5))
    everything = measures.neighbors(x, 9)[0]
    assert np.array_equal(measures.neighbors(x, 9, rows=[5, 40])[0], everything[[5, 40]])
    mask = np.arange(60) % 7 == 0
    assert np.array_equal(measures.neighbors(x, 4, rows=mask)[0], everything[mask, :4])


def test_overlap_counts_what_two_sets_share():
    assert measures.overlap([[1, 2, 3], [4, 5, 6]], [[3, 9, 1], [7, 8, 9]]).tolist() == [2 / 3, 0]


@pytest.mark.feature("A9")
def test_nn_pv_of_a_case_solved_by_hand():
    x = np.array([[0.0], [1], [3], [6]])
    y = np.array([[0.0, 0], [5, 0], [1, 0], [6, 0]])  # 1 and 2 have changed places, roughly
    # Nearest in x: 1, 0, 1, 2; nearest in y: 2, 3, 0, 1.
    assert measures.nn_pv(x, y, k=1) == 0
    # Two nearest in x: {1,2} {0,2} {1,0} {2,1}; in y: {2,1} {3,2} {0,1} {1,2}.
    assert measures.nn_pv(x, y, k=2) == pytest.approx((1 + 0.5 + 1 + 1) / 4)
    assert measures.nn_pv(x, y, k=2, rows=[1]) == 0.5


@pytest.mark.feature("A9")
def test_boundary_pv_of_a_case_solved_by_hand():
    x, b = np.array([[0.0], [10]]), np.array([[1.0], [4], [9]])
    y, yb = np.array([[0.0, 0], [0, 10]]), np.array([[0.0, 1], [0, 9], [0, 4]])
    # Nearest two of the first: {0,1} kept as {0,2}; of the second: {2,1} kept as {1,2}.
    assert measures.boundary_pv(x, b, y, yb, k=2) == pytest.approx(0.75)
    assert measures.boundary_pv(x, b, y, yb, k=2, rows=[0]) == 0.5
    assert measures.boundary_pv(x, b, x, b, k=3) == 1


def test_ppr_takes_classes_or_logits():
    assert measures.ppr([0, 1, 2, 2], [0, 1, 1, 2]) == 0.75
    assert measures.ppr([[1.0, 0], [0, 1]], [[5.0, 4], [3, 1]]) == 0.5
    assert measures.ppr([0, 1, 2, 2], [0, 1, 1, 2], rows=[2]) == 0


def test_rec_pv_is_the_mean_squared_distance():
    x = np.zeros((2, 3))
    assert measures.rec_pv(x, [[1, 2, 2], [0, 0, 1]]) == 5.0
    assert measures.rec_pv(x, [[1, 2, 2], [0, 0, 1]], rows=[1]) == 1.0


def test_temporal_pv_of_samples_that_move_exactly_as_their_meaning_changes():
    # All samples keep their neighbours in the first transition and lose them in the second.
    rng = np.random.default_rng(0)
    first = rng.normal(size=(30, 4))
    x = [first, first, rng.normal(size=(30, 4))]
    still, moved = np.zeros((30, 2)), np.ones((30, 2))
    assert measures.temporal_pv(x, [still, still, moved], k=3) < -0.8
    assert measures.temporal_pv(x, [still, moved, moved], k=3) > 0.8
    assert (
        measures.temporal_pv(x, [still, still, still], k=3) == 0
    )  # nothing moves: no correlation, counted as 0


def test_temporal_pv_is_the_mean_of_numpys_correlations():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(5, 40, 6)), rng.normal(size=(5, 40, 2))
    kept = np.stack([measures.shared_neighbors(a, b, 10) for a, b in pairwise(x)])
    distance = np.stack([np.linalg.norm(b - a, axis=1) for a, b in pairwise(y)])
    each = [np.corrcoef(kept[:, i], distance[:, i])[0, 1] if np.ptp(kept[:, i]) else 0.0 for i in range(40)]
    assert measures.temporal_pv(x, y, 10) == pytest.approx(np.mean(each))
    pooled = [np.corrcoef(s, d)[0, 1] for s, d in zip(kept, distance, strict=True)]
    assert measures.temporal_pv(x, y, 10, pooled=True) == pytest.approx(pooled)
    rows = np.arange(40) >= 30
    assert measures.temporal_pv(x, y, 10, rows) == pytest.approx(np.mean(each[30:]))


def test_shared_neighbors_of_one_place_is_one():
    x = np.random.default_rng(0).normal(size=(30, 3))
    assert measures.shared_neighbors(x, x, 5).tolist() == [1.0] * 30
    assert measures.shared_neighbors(x, 2 * x + 1, 5, rows=[4]).tolist() == [1.0]


# Sixteenths: sums of their squares are exact in any order, so that no tie is decided anew.
CLOUDS = hnp.arrays(
    np.float64,
    st.tuples(st.integers(12, 30), st.just(3)),
    elements=st.integers(-160, 160).map(lambda sixteenths: sixteenths / 16),
)


@settings(max_examples=40)
@given(CLOUDS, st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_a_projection_that_keeps_everything_has_the_best_figures(x, k, seed):
    assert measures.nn_pv(x, x, k) == 1
    assert measures.boundary_pv(x, x[:9], x, x[:9], k) == 1
    assert measures.rec_pv(x, x) == 0
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], 3)
    order = np.random.default_rng(seed).permutation(3)
    assert measures.nn_pv(x, (x * signs)[:, order], k) == 1
    assert measures.shared_neighbors(x, x * 4, k).min() == 1


@settings(max_examples=40)
@given(st.integers(12, 40), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_figures_are_rates_and_do_not_depend_on_the_order_of_the_samples(n, k, seed):
    rng = np.random.default_rng(seed)
    x, y, b, yb = (rng.normal(size=(m, h)) for m, h in ((n, 5), (n, 2), (10, 5), (10, 2)))
    order = rng.permutation(n)
    nn, boundary = measures.nn_pv(x, y, k), measures.boundary_pv(x, b, y, yb, k)
    assert 0 <= nn <= 1
    assert 0 <= boundary <= 1
    assert measures.nn_pv(x[order], y[order], k) == pytest.approx(nn)
    assert measures.boundary_pv(x[order], b, y[order], yb, k) == pytest.approx(boundary)
    later, moved = rng.normal(size=x.shape), rng.normal(size=y.shape)
    last, end = rng.normal(size=x.shape), rng.normal(size=y.shape)
    temporal = measures.temporal_pv([x, later, last], [y, moved, end], k)
    assert -1 <= temporal <= 1
    shuffled = [a[order] for a in (x, later, last)], [a[order] for a in (y, moved, end)]
    assert measures.temporal_pv(*shuffled, k) == pytest.approx(temporal)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: measures.neighbors([[0.0], [1.0]], 2), r"k must be a whole number in 1\.\.1; got 2"),
        (lambda: measures.neighbors([[0.0], [1.0]], 0), "k must be a whole number"),
        (lambda: measures.neighbors([[0.0], [np.nan]], 1), "x must be finite; got NaN or infinity in row 1"),
        (lambda: measures.neighbors([0.0, 1.0], 1), r"x must be a matrix \[n, h\]"),
        (lambda: measures.neighbors([[0.0], [1.0]], 1, query=[[0.0, 1.0]]), "number of columns; got 2 and 1"),
        (lambda: measures.neighbors([[0.0], [1.0]], 1, rows=[2]), r"rows must lie in 0\.\.1"),
        (lambda: measures.neighbors([[0.0], [1.0]], 1, rows=[False, False]), "at least one of 2 rows"),
        (lambda: measures.nn_pv(np.zeros((3, 2)), np.zeros((4, 2))), "same samples; got 3 and 4"),
        (
            lambda: measures.boundary_pv(*np.zeros((3, 5, 2)), np.zeros((4, 2))),
            "same boundary samples; got 5 and 4",
        ),
        (lambda: measures.ppr([0, 1], [0]), "same samples; got 2 and 1"),
        (lambda: measures.ppr([0.5, 1], [0, 1]), r"predictions must be classes \[n\] or logits"),
        (lambda: measures.rec_pv(np.zeros((3, 2)), np.zeros((3, 1))), "the same shape"),
        (lambda: measures.temporal_pv([np.zeros((3, 2))], [np.zeros((3, 2))], 1), "two epochs or more"),
        (lambda: measures.temporal_pv(np.zeros((2, 3, 2)), np.zeros((2, 4, 2)), 1), "same samples"),
        (lambda: measures.overlap([[1]], [[1, 2]]), "the same shape"),
        (
            lambda: measures.shared_neighbors(np.zeros((3, 2)), np.zeros((4, 2)), 1),
            "same samples; got 3 and 4",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_words_are_no_numbers():
    with pytest.raises(TypeError, match="x must hold real numbers"):
        measures.neighbors([["a"], ["b"]], 1)
