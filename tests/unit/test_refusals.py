"""Every measure names the argument that it refuses, whichever argument that is."""

from __future__ import annotations

import numpy as np
import pytest

from dvi_widget import measures

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(12, 4)), RNG.normal(size=(12, 2))
CLASSES = np.arange(12) % 3
# The arrays of each measure, as it takes them, and its other arguments.
ARRAYS = {
    "boundary_pv": ({"x": X, "b": X + 1, "y": Y, "yb": Y + 1}, {"k": 3}),
    "neighbors": ({"x": X, "query": X + 1}, {"k": 3}),
    "nearest": ({"x": X, "query": X + 1}, {"k": 3}),
    "nn_pv": ({"x": X, "y": Y}, {"k": 3}),
    "ppr": ({"predictions": np.eye(3)[CLASSES], "decoded": np.eye(3)[CLASSES]}, {}),
    "q_knn": ({"y": Y}, {"predictions": CLASSES, "k": 3}),
    "rec_pv": ({"x": X, "decoded": X}, {}),
    "shared_neighbors": ({"before": X, "after": X + 1}, {"k": 3}),
}
SERIES = {"x": [X, X + 1, X**2], "y": [Y, Y + 1, Y**2]}
WITH_ROWS = ("boundary_pv", "nn_pv", "ppr", "rec_pv", "shared_neighbors")


def with_nan(array):
    spoilt = np.array(array, float)
    spoilt[5, 0] = np.nan
    return spoilt


def call(name, **changed):
    arrays, others = ARRAYS[name]
    return getattr(measures, name)(**{**arrays, **others, **changed})


@pytest.mark.parametrize(
    ("name", "argument"), [(name, argument) for name, (arrays, _) in ARRAYS.items() for argument in arrays]
)
def test_an_array_that_holds_nan_is_named(name, argument):
    call(name)
    with pytest.raises(ValueError, match=rf"^{argument} must be finite; got NaN or infinity in row 5\."):
        call(name, **{argument: with_nan(ARRAYS[name][0][argument])})


@pytest.mark.parametrize("name", WITH_ROWS)
def test_rows_that_do_not_exist_are_named(name):
    call(name, rows=[0, 11])
    with pytest.raises(ValueError, match=r"^rows must lie in 0\.\.11; got 12"):
        call(name, rows=[0, 12])


@pytest.mark.parametrize("argument", SERIES)
def test_the_epoch_that_holds_nan_is_named(argument):
    measures.temporal_pv(**SERIES, k=3, rows=[0, 11])
    series = [*SERIES[argument][:1], with_nan(SERIES[argument][1]), SERIES[argument][2]]
    with pytest.raises(ValueError, match=rf"^{argument}\[1\] must be finite"):
        measures.temporal_pv(**{**SERIES, argument: series}, k=3)
    with pytest.raises(ValueError, match=r"^rows must lie in 0\.\.11; got 12"):
        measures.temporal_pv(**SERIES, k=3, rows=[0, 12])


@pytest.mark.parametrize("name", [name for name, (_, others) in ARRAYS.items() if "k" in others])
@pytest.mark.parametrize("k", [0, 13, 2.5])
def test_a_number_of_neighbours_that_cannot_be_searched_is_named(name, k):
    with pytest.raises(ValueError, match=r"^k must be a whole number"):
        call(name, k=k)


PICTURES = RNG.random((12, 1, 2, 2))
REMOVAL = {
    "images": PICTURES[:, 0, 0, 0],
    "maps": PICTURES[:, 0, :1],
    "labels": CLASSES + 0.5,
    "step": 0,
    "pixels": 5,
    "seed": -1,
}


@pytest.mark.parametrize("argument", REMOVAL)
def test_removal_curves_name_what_they_refuse(argument):
    arguments = {"images": PICTURES, "maps": PICTURES[:, 0], "labels": CLASSES % 2}
    model = lambda x: np.full((len(x), 2), 0.5)  # noqa: E731
    measures.removal_curve(model, **arguments)
    with pytest.raises((ValueError, TypeError), match=rf"^{argument}(\['map'\])? must "):
        measures.removal_curve(model, **{**arguments, argument: REMOVAL[argument]})


@pytest.mark.parametrize("argument", ["a", "b"])
def test_overlap_names_what_is_no_matrix(argument):
    indices = np.arange(12).reshape(4, 3)
    with pytest.raises(ValueError, match=r"^a and b must be matrices \[n, k\] of the same shape"):
        measures.overlap(**{"a": indices, "b": indices, argument: indices[0]})
