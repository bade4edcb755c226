"""Names on the land of a still picture, and the support that says which land there is."""

from __future__ import annotations

import numpy as np

from dvi_widget.landscape.names import name_places
from dvi_widget.landscape.support import support

EXTENT = (-1.0, 3.0, 0.0, 2.0)


def two_halves(cells=100):
    """Class 0 on the left, 1 on the right, with a small island of 0; samples in the middle of each half."""
    classes = np.zeros((cells, cells), np.uint8)
    classes[:, cells // 2 :] = 1
    classes[80:90, 80:90] = 0
    crowd = np.zeros((cells, cells), int)
    crowd[40:60, 20:30] = crowd[40:60, 70:80] = 1
    return classes, crowd


def test_a_name_lies_on_the_land_with_the_most_samples_of_its_class_and_over_none():
    classes, crowd = two_halves()
    places = name_places(classes, np.ones((100, 100)), crowd, [(12, 6), (12, 6)])
    assert sorted(places) == [0, 1]
    for kind, (x, y) in places.items():
        box = np.s_[int(y - 3) : int(y + 3), int(x - 6) : int(x + 6)]
        assert (classes[box] == kind).all()
        assert crowd[box].sum() == 0
    assert places[0][0] < 50


def test_unsupported_land_and_land_too_small_carry_no_name():
    classes, crowd = two_halves()
    known = np.ones((100, 100))
    known[:, 50:] = 0
    assert list(name_places(classes, known, crowd, [(12, 6), (12, 6)])) == [0]
    assert list(name_places(classes, np.ones((100, 100)), crowd, [(120, 6), (12, 6)])) == [1]
    # Where samples are everywhere, a large name would cover too many of them.
    crowded = np.ones((100, 100), int)
    assert list(name_places(classes, np.ones((100, 100)), crowded, [(40, 40), (12, 6)])) == [1]


def test_among_a_hundred_classes_no_two_names_overlap_and_each_lies_mostly_on_its_own_land():
    rng = np.random.default_rng(0)
    seeds = rng.uniform(0, 200, (100, 2))
    y, x = np.mgrid[:200, :200] + 0.5
    classes = ((x[..., None] - seeds[:, 0]) ** 2 + (y[..., None] - seeds[:, 1]) ** 2).argmin(axis=2)
    crowd = np.zeros((200, 200), int)
    crowd[tuple(seeds.astype(int).T[::-1])] = 20
    sizes = [(11, 7)] * 100
    places = name_places(classes.astype(np.uint8), np.ones((200, 200)), crowd, sizes)
    assert len(places) > 50
    written = np.zeros((200, 200), int)
    for kind, (column, row) in places.items():
        box = np.s_[int(row - 3.5) : int(row + 3.5), int(column - 5.5) : int(column + 5.5)]
        written[box] += 1
        assert (classes[box] == kind).mean() >= 0.8
    assert written.sum() == 77 * len(places)
    assert written.max() == 1


def test_support_falls_with_the_distance_to_the_nearest_sample():
    at = np.array([[0.02, 1.01], [2.5, 0.5]])
    known = support(at, EXTENT, 100)
    centres = (np.arange(100) + 0.5) / 100
    x, y = np.meshgrid(-1 + 4 * centres, 2 * centres)
    away = np.min([np.hypot((x - p) / 4, (y - q) / 2) for p, q in at], axis=0)
    assert (known[away < 0.012] == 1).all()  # to the middle of a cell
    assert (known[away > 0.08] == 0).all()
    between = np.abs(away - 0.045) < 0.002
    assert (np.abs(known[between] - 0.5) < 0.2).all()


def test_land_without_samples_is_not_known():
    assert not support(np.zeros((0, 2)), EXTENT, 10).any()
