"""Neighbours in large sets, searched in cells: nearly all of them, whatever the threads and the data."""

import numpy as np
import pytest

from dvi_widget import threads
from dvi_widget.nearest import cells, neighbors, overlap
from dvi_widget.nearest.cells import nearest_in_cells

N, K = 3_000, 15


def folded(rng):
    """Representations as rectifiers make them: many numbers, few directions."""
    return np.maximum(rng.normal(size=(N, 8)) @ rng.normal(size=(8, 96)), 0)


def clusters(count, noise):
    def made(rng):
        return rng.normal(size=(count, 64))[rng.integers(0, count, N)] + noise * rng.normal(size=(N, 64))

    return made


SETS = {
    "folded": folded,
    "noise": lambda rng: rng.normal(size=(N, 12)),
    "line": lambda rng: rng.normal(size=(N, 1)),
    "far from zero": lambda rng: 1e4 + rng.normal(size=(N, 6)),
    "many tight clusters": clusters(100, 1e-3),
    "few tight clusters": clusters(5, 1e-3),
    "clusters as wide as rounding": clusters(20, 1e-7),
    "outliers": lambda rng: rng.normal(size=(N, 8)) * np.where(np.arange(N) < 5, 1e6, 1)[:, None],
}


@pytest.mark.parametrize("name", SETS)
def test_nearly_all_neighbours_are_found(name):
    x = SETS[name](np.random.default_rng(0)).astype(np.float32)
    indices, distances = nearest_in_cells(x, K)
    assert indices.dtype == np.int32
    assert distances.dtype == np.float32
    _, far = neighbors(x, K)
    apart = np.linalg.norm(x[:, None].astype(float) - x[indices], axis=2)
    np.testing.assert_allclose(distances, apart, rtol=1e-5)
    assert (np.diff(distances, axis=1) >= 0).all()
    assert not (indices == np.arange(N)[:, None]).any()
    assert all(len(set(row)) == K for row in indices)
    # By distance, as rows that are equally near may stand for each other.
    assert (apart <= far[:, -1:] * (1 + 1e-5)).mean() > 0.99


def test_a_row_looks_no_farther_than_it_needs(monkeypatch):
    compared = []
    products = cells._products
    monkeypatch.setattr(cells, "_products", lambda q, r: compared.append(len(q) * len(r)) or products(q, r))
    nearest_in_cells(clusters(100, 1e-3)(np.random.default_rng(0)).astype(np.float32), K)
    assert sum(compared) < 0.25 * N * N


def test_noise_of_many_dimensions_is_searched_for_a_bounded_time(monkeypatch):
    x = np.random.default_rng(0).normal(size=(N, 64)).astype(np.float32)
    monkeypatch.setattr(cells, "_MAX_CANDIDATES", 600)
    compared = []
    products = cells._products
    monkeypatch.setattr(cells, "_products", lambda q, r: compared.append(len(q) * len(r)) or products(q, r))
    found = overlap(nearest_in_cells(x, K)[0], neighbors(x, K)[0]).mean()
    assert sum(compared) < 1.2 * 600 * N
    # Six hundred rows at random would hold a fifth of the neighbours.
    assert 0.4 < found < 0.99


@pytest.mark.parametrize("share", [1, 2])
def test_rows_at_one_place_find_each_other_and_hide_nothing(share):
    rng = np.random.default_rng(0)
    x = folded(rng).astype(np.float32)
    x[::share] = 0
    indices, distances = nearest_in_cells(x, K)
    assert not (indices == np.arange(N)[:, None]).any()
    assert (x[indices[::share]] == 0).all()
    assert (distances[::share] == 0).all()
    _, far = neighbors(x, K)
    assert (distances <= far[:, -1:] * (1 + 1e-5)).mean() > 0.99


def test_the_number_of_threads_changes_no_bit(monkeypatch):
    x = folded(np.random.default_rng(1)).astype(np.float32)
    monkeypatch.setattr(cells, "_BLOCK_ROWS", 400)
    found = []
    for count in (1, 2, 7):
        monkeypatch.setattr(threads, "count", lambda count=count: count)
        found.append(nearest_in_cells(x, K))
    for indices, distances in found[1:]:
        assert np.array_equal(indices, found[0][0])
        assert np.array_equal(distances, found[0][1])


def test_few_rows_are_all_neighbours():
    x = np.random.default_rng(0).normal(size=(12, 5)).astype(np.float32)
    assert np.array_equal(nearest_in_cells(x, 11)[0], neighbors(x, 11)[0])
