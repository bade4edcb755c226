"""DeepView: the metric, neighbours proven exact, the map, the way back, the canvas, and bad input."""

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree, procrustes
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits, make_moons
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from torch import nn

import dvi_widget as dvi
from dvi_widget.deepview import canvas
from dvi_widget.deepview.inverse import InverseMap, typical_gap
from dvi_widget.deepview.metric import Classifier, Paths, Scales, estimate_scales, jensen_shannon
from dvi_widget.deepview.neighbors import Search
from dvi_widget.deepview.quality import between_classes, territories


def waves(x):
    """Probabilities of three classes that change often and smoothly along any way."""
    x = np.asarray(x, np.float64).reshape(len(x), -1)
    z = np.stack([np.sin(3 * x[:, 0]), np.cos(2 * x[:, 1] + x[:, 0]), np.sin(x.sum(1))], axis=1) * 4
    p = np.exp(z - z.max(1, keepdims=True))
    return p / p.sum(1, keepdims=True)


def cloud(n=60, d=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def begun(x, model=waves, n=5):
    classify = Classifier(model, x.shape[1:])
    flat = x.reshape(len(x), -1)
    return Paths(flat, classify(flat), classify, n), classify


PLAIN = Scales()


def full_matrix(x, lam, scales=PLAIN, model=waves, n=5, dtype=np.float32):
    """Definition 1, discretised, written down pair by pair."""
    matrix = np.full((len(x), len(x)), np.inf)
    t = np.arange(n + 1)[:, None] / n
    for i in range(len(x)):
        for j in range(i + 1, len(x)):
            p = model(((1 - t) * x[i] + t * x[j]).astype(dtype))
            js = jensen_shannon(p[:-1], p[1:]).sum() / scales.js
            euclidean = np.linalg.norm(x[i].astype(np.float64) - x[j]) / scales.euclidean
            matrix[i, j] = matrix[j, i] = (1 - lam) * js + lam * euclidean
    return matrix


# The metric (Definition 1)


@pytest.mark.parametrize("given", [np.float64, np.float32])
@pytest.mark.parametrize("n", [4, 5])
def test_paths_hit_a_forests_thresholds_as_in_double_precision(given, n):
    # Values on a coarse grid: points between samples often lie on a split exactly.
    x = (np.random.default_rng(0).normal(size=(60, 3)) * 3).round(1).astype(given)
    forest = RandomForestClassifier(10, random_state=0).fit(x, waves(x).argmax(1))
    view = dvi.DeepView(forest, lam=0.3, segments=n, n_neighbors=59, scales=None).fit(x)
    splits = {float(t) for tree in forest.estimators_ for t in tree.tree_.threshold[tree.tree_.feature >= 0]}
    middles = ((x[:, None].astype(np.float64) + x) / 2)[np.triu_indices(60, 1)]
    assert np.isin(middles, list(splits)).any()

    exact = full_matrix(x.astype(np.float64), 0.3, model=forest.predict_proba, n=n, dtype=np.float64)
    found = np.take_along_axis(exact, view.neighbors_.indices, axis=1)
    np.testing.assert_allclose(view.neighbors_.distances, found, atol=2e-6)


def test_classifiers_are_asked_in_their_own_precision():
    """A step that single precision rounds away is seen by a model that works in double precision."""
    asked = set()

    class Step:
        def predict_proba(self, x):
            asked.add(x.dtype)
            above = x[:, 0] > 1 + 2.0**-40
            return np.stack([0.9 - 0.8 * above, 0.1 + 0.8 * above], axis=1)

    x = cloud(30, 2).astype(np.float64) * 1e-3
    x[:, 0] += np.where(np.arange(30) % 2, 0.5, 1.5)
    x[0, 0], x[1, 0] = 1 + 2.0**-40, 1 + 2.0**-39
    for model in (Step(), Step().predict_proba):
        view = dvi.DeepView(model, lam=0.5).fit(x)
        assert view.predictions_[:2].tolist() == [0, 1]
        np.testing.assert_array_equal(view.transform(x[:2].astype(np.float64)), view.embedding_[:2])
        view.add(x[:3] + 0.01)
        assert view.flat_.dtype == np.float64
    assert np.dtype(np.float64) in asked
    function = dvi.DeepView(lambda points: waves(points[:, :2].astype(np.float64) * 4), lam=0.5).fit(x)
    assert function.flat_.dtype == np.float32


distributions = arrays(np.float64, (3, 5), elements=st.floats(0, 1)).filter(lambda a: (a.sum(1) > 1e-3).all())


@pytest.mark.feature("B2")
@settings(max_examples=200)
@given(distributions)
def test_jensen_shannon_is_a_metric(rows):
    p, q, r = rows / rows.sum(1, keepdims=True)
    assert jensen_shannon(p, p) == pytest.approx(0, abs=1e-7)
    assert jensen_shannon(p, q) == jensen_shannon(q, p)
    assert jensen_shannon(p, q) <= jensen_shannon(p, r) + jensen_shannon(r, q) + 1e-7
    assert jensen_shannon(p, q) <= np.sqrt(np.log(2)) + 1e-9


def test_jensen_shannon_of_certain_and_different_predictions_is_the_root_of_log_two():
    assert jensen_shannon(np.eye(2)[:1], np.eye(2)[1:])[0] == pytest.approx(np.sqrt(np.log(2)))


@pytest.mark.feature("B2")
@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_a_path_is_as_long_as_its_segments_however_its_points_are_revealed(n):
    x = cloud(12)
    paths, classify = begun(x, n=n)
    i, j = np.triu_indices(12, 1)
    rows = paths.begin(i, j)
    samples = classify.calls
    paths.complete(rows)
    assert classify.calls - samples == (n - 1) * 66
    expected = full_matrix(x, 0.4, n=n)[i, j]
    np.testing.assert_allclose(paths.lengths(0.4, PLAIN)[rows], expected, atol=1e-5)


def test_every_point_revealed_raises_the_bound_and_none_overshoots():
    paths, _ = begun(cloud(12))
    rows = paths.begin(*np.triu_indices(12, 1))
    bounds = [paths.lengths(0.3, PLAIN)]
    while not paths.done.all():
        paths.reveal(np.flatnonzero(~paths.done))
        bounds.append(paths.lengths(0.3, PLAIN))
    assert len(bounds) == 5
    assert (np.diff(bounds, axis=0) >= -1e-9).all()
    assert len(rows) == len(paths)


def test_scales_are_those_of_a_thousand_pairs_and_cost_no_more():
    paths, classify = begun(cloud(200))
    before = classify.calls
    scales = estimate_scales(paths, seed=0)
    assert classify.calls - before <= 4000
    matrix = full_matrix(cloud(200)[:60], 0.0)
    assert 0.7 * matrix[np.isfinite(matrix)].max() < scales.js
    assert estimate_scales(paths, seed=0) == scales


# Exact neighbours


@pytest.mark.feature("B3")
@pytest.mark.parametrize("lam", [0.0, 0.2, 0.65, 1.0])
@pytest.mark.parametrize("k", [1, 5, 59])
def test_neighbours_are_those_of_the_full_matrix_and_certified(lam, k):
    x = cloud()
    paths, _ = begun(x)
    found = Search(paths, k, lam, Scales(2.0, 3.0)).run()
    matrix = full_matrix(x, lam, Scales(2.0, 3.0))
    assert found.certified.all()
    np.testing.assert_allclose(found.distances, np.sort(matrix, axis=1)[:, :k], atol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(matrix, found.indices, axis=1), found.distances, atol=1e-5)


@settings(max_examples=25)
@given(st.integers(3, 40), st.integers(1, 6), st.floats(0, 1), st.integers(0, 1000))
def test_neighbours_are_exact_whatever_the_samples(n, d, lam, seed):
    x = np.random.default_rng(seed).normal(size=(n, max(d, 2))).round(1).astype(np.float32)
    x[n // 2] = x[0]  # a sample may come twice
    paths, _ = begun(x)
    found = Search(paths, 2, lam, PLAIN).run()
    expected = np.sort(full_matrix(x, lam), axis=1)[:, :2]
    np.testing.assert_allclose(found.distances, expected, atol=1e-4)
    assert (found.indices != np.arange(n)[:, None]).all()


@pytest.mark.feature("B3")
def test_proving_costs_fewer_calls_than_the_full_matrix():
    x = cloud(300)
    paths, classify = begun(x)
    before = classify.calls
    Search(paths, 5, 0.65, PLAIN).run()
    assert classify.calls - before < 300 * 299 // 2 * 4 / 5


def test_lists_grow_where_their_first_candidates_do_not_suffice():
    # Endpoints say nothing here: all samples are predicted alike, only ways between the groups differ.
    x = np.linspace(-1, 1, 150, dtype=np.float32)[:, None] * np.ones(2, np.float32)

    def bumps(points):
        p = 0.5 + 0.49 * np.sin(200 * np.asarray(points, np.float64)[:, 0])
        return np.stack([p, 1 - p], axis=1)

    paths, _ = begun(x, bumps)
    found = Search(paths, 3, 0.01, PLAIN).run()
    assert found.certified.all()
    expected = np.sort(full_matrix(x, 0.01, model=bumps), axis=1)[:, :3]
    np.testing.assert_allclose(found.distances, expected, atol=1e-4)


def test_a_budget_stops_the_search_and_a_further_one_goes_on():
    x = cloud(120)
    paths, classify = begun(x)
    end = classify.calls + 500
    early = Search(paths, 5, 0.5, PLAIN).run(lambda: end - classify.calls)
    assert classify.calls == end
    assert not early.certified.all()
    late = Search(paths, 5, 0.5, PLAIN).run()
    fresh, counter = begun(x)
    alone = Search(fresh, 5, 0.5, PLAIN).run()
    assert late.certified.all()
    np.testing.assert_array_equal(late.indices, alone.indices)
    # What the first search paid for was not paid for again.
    assert classify.calls <= counter.calls + 50
    assert (early.distances <= late.distances + 1e-5).all()


def test_samples_can_look_for_neighbours_among_the_first_ones_only():
    x = cloud(50)
    paths, _ = begun(x)
    found = Search(paths, 4, 0.5, Scales(), queries=np.arange(40, 50), candidates=40).run()
    expected = np.sort(full_matrix(x, 0.5)[40:, :40], axis=1)[:, :4]
    np.testing.assert_allclose(found.distances, expected, atol=1e-5)
    assert found.indices.max() < 40


# The way back (Theorem 2)


def test_the_inverse_map_leads_from_a_samples_place_to_the_sample():
    y, x = cloud(80, 2), cloud(80, 6, seed=1)
    inverse = InverseMap(y, x, 1000 / typical_gap(y) ** 2)
    np.testing.assert_allclose(inverse(y), x, atol=0.05)


@pytest.mark.feature("B4")
def test_the_inverse_map_is_theorem_2_and_its_centres_solve_the_ridge_regression():
    y, x = cloud(12, 2), cloud(12, 3, seed=1)
    sigmas = np.linspace(0.5, 2, 12)
    inverse = InverseMap(y, x, 3.0, sigmas=sigmas)
    w = 1 / (1 + 3.0 * ((y[:, None] - y[None]) ** 2).sum(2)) / sigmas
    w /= w.sum(axis=1, keepdims=True)
    # At the minimum of |Wθ − X|² + μ|θ − X|² the gradient is zero.
    gradient = w.T @ (w @ inverse.centres - x) + 0.1 * (inverse.centres - x)
    np.testing.assert_allclose(gradient, 0, atol=1e-5)
    np.testing.assert_allclose(inverse(y), np.clip(w @ inverse.centres, x.min(0), x.max(0)), atol=1e-5)


@pytest.mark.parametrize("n", [100, 600])
def test_the_inverse_map_does_not_leap_between_clusters(n):
    # Two clusters far apart: the way from one to the other passes through every input between theirs.
    y = cloud(n, 2) + np.where(np.arange(n) % 2, 12, -12)[:, None] * np.float32([1, 0])
    x = np.stack([y[:, 0], y[:, 1], y[:, 0] * y[:, 1]], axis=1).astype(np.float32)
    inverse = InverseMap(y, x, 8 / typical_gap(y) ** 2)
    way = inverse(np.stack([np.linspace(-9, 9, 400), np.full(400, 0.1)], axis=1))
    step = np.abs(np.diff(way[:, 0]))
    assert step.max() < 0.5  # of the 24 between the clusters
    np.testing.assert_allclose(inverse(y)[:, 0], x[:, 0], atol=1)


def test_two_moons_keep_one_territory_each_and_their_true_border():
    x, y = make_moons(1150, noise=0.12, random_state=0)
    x = x.astype(np.float32)
    model = SVC(probability=True, gamma=2.0, C=10).fit(x[150:], y[150:])
    view = dvi.DeepView(model, lam=0.5).fit(x[:150])
    land = territories(view.classify_, view.inverse_, view.embedding_, view.flat_, view.predictions_, 150)
    assert land.regions <= 3
    assert land.leaps <= 0.05
    at = np.stack(np.meshgrid(*2 * [np.linspace(-2, 3, 400)]), axis=-1)
    true = model.predict(at.reshape(-1, 2)).reshape(400, 400)
    edge = np.zeros_like(true, bool)
    edge[1:] |= true[1:] != true[:-1]
    edge[:, 1:] |= true[:, 1:] != true[:, :-1]
    assert cKDTree(at[edge]).query(land.border)[0].mean() < 0.025


def test_shards_and_leaps_of_a_painted_map_are_counted():
    # Inputs are the places themselves, and the classifier has stripes: regions are known.
    y = np.random.default_rng(0).uniform(0, 1, (200, 2)).astype(np.float32)

    def stripes(x):
        return np.eye(2, dtype=np.float32)[(np.asarray(x)[:, 0] * 8).astype(int) % 2]

    classes = stripes(y).argmax(1)
    land = territories(stripes, lambda points: points, y, y, classes, 60)
    assert 4 <= land.regions <= 5
    assert land.leaps == 0
    torn = territories(stripes, lambda points: np.rint(points * 5) / 5 + 0.01, y, y, classes, 60)
    assert torn.leaps == 1


def test_decoded_inputs_stay_in_the_range_of_the_samples():
    y, x = cloud(30, 2), cloud(30, 4, seed=1)
    far = np.array([[-50, 0], [1e3, 1e3], [0, 0]], np.float32)
    decoded = InverseMap(y, x, 0.01)(far)
    assert (decoded >= x.min(0)).all()
    assert (decoded <= x.max(0)).all()


# The canvas


def disc(points):
    """Class 1 inside a circle, and a shade that falls towards its edge."""
    far = np.linalg.norm(points - np.array([0.1, -0.2]), axis=1)
    away = np.clip(np.abs(far - 0.5), 0, 1).astype(np.float32)
    return (far < 0.5).astype(int), away, away


@pytest.mark.feature("B5")
@pytest.mark.parametrize("resolution", [2, 9, 64, 101])
def test_the_canvas_ends_as_if_every_pixel_had_been_classified(resolution):
    asked = []

    def ask(points):
        asked.append(len(points))
        return disc(points)

    marks = np.zeros((1, 2))
    steps = list(canvas.paint(ask, (-1, 1, -1, 1), resolution, 2, marks, np.array([1])))
    (classes, shade, margin), share = steps[-1]
    at = (np.arange(resolution) + 0.5) / resolution * 2 - 1
    kind, sure, _ = disc(np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2))
    np.testing.assert_array_equal(classes, kind.reshape(resolution, resolution))
    assert np.abs(shade / 255 - sure.reshape(resolution, resolution)).max() < 0.1
    assert np.abs(np.square(margin / 255) - sure.reshape(resolution, resolution)).max() < 0.1
    assert share == 1.0
    assert all(step.classes.shape == (resolution, resolution) for step, _ in steps)
    assert np.diff([share for _, share in steps]).min(initial=1) >= 0
    if resolution > 60:
        assert sum(asked) < resolution**2 / 2


def test_an_island_round_a_sample_is_not_overlooked():
    spot = np.array([0.507, 0.507])

    def ask(points):
        sure = np.ones(len(points), np.float32)
        return (np.abs(points - spot).max(1) < 0.011).astype(int), sure, sure

    def painted(marks, classes):
        return list(canvas.paint(ask, (-1, 1, -1, 1), 200, 2, marks, classes))[-1][0].classes

    assert painted(np.array([spot]), np.array([1])).sum() == 4


def test_painting_can_be_stopped():
    asked = []

    def ask(points):
        asked.append(len(points))
        return disc(points)

    painting = canvas.paint(ask, (-1, 1, -1, 1), 400, 2, np.zeros((1, 2)), np.array([1]))
    next(painting)
    painting.close()
    assert len(asked) == 1


# The whole


@pytest.fixture(scope="module")
def digits():
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MLPClassifier((32,), max_iter=60, random_state=0).fit(x[:1000], y[:1000])
    return lambda p: model.predict_proba(p.reshape(len(p), -1)), x.reshape(-1, 1, 8, 8), y


@pytest.fixture(scope="module")
def view(digits):
    model, x, y = digits
    return dvi.DeepView(model, n_neighbors=15).fit(x[1000:1150], y[1000:1150])


@pytest.mark.feature("B7")
def test_a_fitted_view_is_certified_and_keeps_what_the_classifier_sees(view):
    assert view.certified_ == 1
    assert view.embedding_.shape == (150, 2)
    q = view.measures().set_index("measure")["value"]
    assert q["q_knn"] > 0.9
    assert q["q_data"] > 0.97
    assert q["q_not_data"] > 0.8
    assert 0 <= q["q_knn_e"] <= 1
    assert view.classify_.calls >= sum(view.calls_.values())


@pytest.mark.feature("A10")
def test_a_view_is_measured_as_landscapes_of_a_run_are(view):
    table = view.measures()
    found = table[table["measure"].isin(["nn_pv", "boundary_pv", "ppr"])].set_index(["measure", "k"])["value"]
    for k in (10, 15, 20):
        assert found["nn_pv", k] == pytest.approx(dvi.measures.nn_pv(view.flat_, view.embedding_, k))
        # A map at random keeps k of 149 neighbours, and k of 40 boundary points.
        assert found["nn_pv", k] > 2 * k / 149
        assert found["boundary_pv", k] > 1.2 * k / 40
    decoded = view.classify_(view.inverse_(view.embedding_)).argmax(axis=1)
    assert found["ppr"].iloc[0] == pytest.approx((decoded == view.predictions_).mean())


def test_points_between_classes_lie_where_the_prediction_changes(view):
    b = between_classes(view.flat_, view.predictions_, view.classify_, 30, 0)
    assert b.shape == (30, 64)
    p = np.sort(view.classify_(b), axis=1)
    assert np.median(p[:, -1] - p[:, -2]) < 0.02
    assert not len(between_classes(view.flat_, np.zeros(150, int), view.classify_, 30, 0))


@pytest.mark.feature("B4")
def test_local_scales_and_the_number_of_bases_are_chosen(digits):
    model, x, y = digits
    options = {"n_neighbors": 15, "lam": 0.5}
    few, scaled, all_of_them = (
        dvi.DeepView(model, **options, **more).fit(x[1000:1120], y[1000:1120])
        for more in ({"bases": 40}, {"sigmas": True}, {})
    )
    assert len(few.inverse_.centres) == 40
    assert len(all_of_them.inverse_.centres) == 120
    np.testing.assert_allclose(scaled.embedding_, all_of_them.embedding_)  # the way back alone changes
    places = all_of_them.embedding_
    own = InverseMap(places, scaled.flat_, scaled.a_, sigmas=scaled.sigmas_)
    np.testing.assert_allclose(scaled.inverse_(places), own(places), atol=1e-5)
    if scaled.a_ == all_of_them.a_:
        assert np.abs(scaled.inverse_(places) - all_of_them.inverse_(places)).max() > 1e-3
    for each in (few, scaled):
        assert (each.classify_(each.inverse_(places)).argmax(axis=1) == each.predictions_).mean() > 0.95


@pytest.mark.feature("B6")
def test_lambda_auto_takes_the_largest_that_does_not_degrade_the_vote(view):
    mark = view.lam_accuracies_[0.2]
    assert view.lam_ in view.lam_accuracies_
    assert view.lam_accuracies_[view.lam_] >= mark - 0.01
    assert all(vote < mark - 0.01 for lam, vote in view.lam_accuracies_.items() if lam > view.lam_)


def test_equal_seeds_give_equal_maps(digits, view):
    model, x, y = digits
    again = dvi.DeepView(model, n_neighbors=15).fit(x[1000:1150], y[1000:1150])
    np.testing.assert_allclose(again.embedding_, view.embedding_)
    assert again.a_ == view.a_


def test_fitted_samples_are_placed_where_they_are_and_others_near_their_like(digits, view):
    model, x, _ = digits
    np.testing.assert_array_equal(view.transform(x[1000:1150]), view.embedding_)
    places = view.transform(x[1200:1300])
    nearest = dvi.measures.neighbors(view.embedding_, 1, query=places)[0][:, 0]
    assert (view.predictions_[nearest] == model(x[1200:1300]).argmax(1)).mean() > 0.9
    np.testing.assert_array_equal(view.transform(x[1207:1208]), places[7:8])


@pytest.mark.feature("B4")
def test_a_point_of_the_map_decodes_to_an_input_of_the_right_shape(view):
    decoded = view.inverse_transform(view.embedding_[:7])
    assert decoded.shape == (7, 1, 8, 8)
    assert decoded.min() >= 0
    assert decoded.max() <= 1


def test_the_landscape_answers_what_the_explorer_asks(view):
    landscape = view.landscape(resolution=50)
    assert landscape.epochs == [0]
    assert landscape.images.shape == (150, 1, 8, 8)
    classes, shade, margin = landscape[0].canvas
    assert classes.shape == shade.shape == margin.shape == (50, 50)
    assert classes.max() < 10
    source = landscape.source
    inputs, kinds, sure = source.examine(0, view.embedding_[:5])
    assert inputs.shape == (5, 1, 8, 8)
    np.testing.assert_array_equal(kinds, view.predictions_[:5])
    assert ((sure > 0.1) & (sure <= 1)).all()
    answered = {"sharpen", "examine", "pictures", "measures", "neighbors", "place"}
    assert answered <= set(landscape.services)
    assert landscape.measures().equals(view.measures())
    mask = view.predictions_ == view.predictions_[0]
    near = source.neighbors(0, [0, 3], 4, mask)
    assert mask[near].all()
    assert 0 not in near[0]
    np.testing.assert_array_equal(source.neighbors(0, [2], 6)[0], view.neighbors_.indices[2, :6])


def test_what_is_decoded_is_shown_as_the_samples_pictures_are(digits, view):
    _, x, _ = digits
    source = view.landscape().source
    again = source.pictures(0, x[1000:1003].astype(np.float32))
    np.testing.assert_allclose(again.astype(int), np.rint(x[1000:1003] * 255), atol=1)
    # The classifier may see something else than people: here colours, centred and divided channel by channel.
    images = np.random.default_rng(0).integers(0, 256, (20, 3, 4, 4)).astype(np.uint8)
    centred = (images / 255 - [[[[0.5]], [[0.4]], [[0.3]]]]) / [[[[0.2]], [[0.3]], [[0.4]]]]
    classify = lambda inputs: waves(inputs.reshape(len(inputs), -1)[:, :2])  # noqa: E731
    coloured = dvi.DeepView(classify, lam=0.5).fit(centred)
    source = coloured.landscape(images=images).source
    np.testing.assert_array_equal(source.pictures(0, centred.astype(np.float32)), images)
    # Pictures of another size say nothing about the inputs.
    assert "pictures" not in coloured.landscape(images=images[:, :1, :2, :2]).services


@pytest.mark.feature("B8")
def test_added_samples_join_their_like_and_the_old_ones_stay(digits):
    model, x, y = digits
    view = dvi.DeepView(model, n_neighbors=10, lam=0.5).fit(x[1000:1100], y[1000:1100])
    scales, before = view.scales_, view.embedding_
    calls = view.classify_.calls
    view.add(x[1100:1110], y[1100:1110])
    assert len(view.embedding_) == 110
    assert view.scales_ == scales
    assert view.disparity_ < 0.05
    assert np.abs(view.embedding_[:100] - before).max() < 0.5 * np.ptp(before)
    assert view.classify_.calls - calls < 5 * 10 * 110
    alone = dvi.DeepView(model, n_neighbors=10, lam=0.5, scales=(scales.js, scales.euclidean)).fit(
        x[1000:1110]
    )
    np.testing.assert_allclose(view.neighbors_.distances, alone.neighbors_.distances, atol=1e-5)
    assert view.landscape().samples["added"].sum() == 10
    nearest = dvi.measures.neighbors(view.embedding_[:100], 1, query=view.embedding_[100:])[0][:, 0]
    assert (view.predictions_[nearest] == view.predictions_[100:]).mean() >= 0.8


def test_one_added_sample_leaves_the_far_ones_exactly_where_they_are(digits):
    model, x, y = digits
    view = dvi.DeepView(model, n_neighbors=10, lam=0.5).fit(x[1000:1120], y[1000:1120])
    before = view.embedding_
    view.add(x[1120:1121])
    stayed = (view.embedding_[:120] == before).all(axis=1)
    assert stayed.mean() > 0.5
    np.testing.assert_array_equal(stayed, view.moved_ == 0)
    joined = np.flatnonzero((view.neighbors_.indices[:120] == 120).any(axis=1))
    near = np.union1d(joined, view.neighbors_.indices[120])
    assert not stayed[near].all()
    assert stayed[np.setdiff1d(np.arange(120), near)].all()
    assert view.kept_ > 0.8
    nearest = dvi.measures.neighbors(before, 5)[0], dvi.measures.neighbors(view.embedding_[:120], 5)[0]
    assert view.kept_ == dvi.measures.overlap(*nearest).mean()


def test_unseen_errors_stand_by_their_prediction_placed_or_added(digits):
    model, x, y = digits
    view = dvi.DeepView(model, n_neighbors=10, lam=0.8).fit(x[1000:1150], y[1000:1150])
    rest = np.r_[0:1000, 1150:1700]
    wrong = rest[model(x[rest]).argmax(1) != y[rest]]
    said = model(x[wrong]).argmax(1)
    old, classes = view.embedding_, view.predictions_

    def beside(positions):
        voters = dvi.measures.neighbors(view.embedding_[:150], 5, query=positions)[0]
        votes = dvi.measures.votes(voters, classes)
        return (votes == said).mean(), (votes == y[wrong]).mean()

    placed = beside(view.transform(x[wrong]))
    view.add(x[wrong])
    assert len(old) == 150
    assert placed[0] > 0.5
    assert placed[0] > 2 * placed[1]
    # So many errors added at once to so few samples also draw each other.
    added = beside(view.embedding_[150:])
    assert added[0] > added[1]


def test_the_large_shape_of_a_map_does_not_hang_on_the_seed(digits, view):
    model, x, y = digits
    table = view.measures().set_index("measure")["value"]
    assert 0 < table["seed_disparity"] < 0.3
    other = dvi.DeepView(model, n_neighbors=15, seed=1).fit(x[1000:1150], y[1000:1150])
    assert procrustes(view.embedding_, other.embedding_)[2] < 0.3


@pytest.mark.parametrize("sway", [0.0, 1e-5, 1e-3])
def test_a_classifier_that_hardly_moves_has_no_map(sway):
    def undecided(x):
        p = 0.5 + sway * np.sin(x[:, 0])
        return np.stack([p, 1 - p], axis=1)

    with pytest.raises(ValueError, match=r"model must have a decision function to map.*nothing to see"):
        dvi.DeepView(undecided).fit(cloud(40))


@pytest.mark.feature("B1")
def test_a_torch_module_and_a_forest_on_a_table_are_mapped_alike():
    x = cloud(80, 5)
    network = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3))
    before = [p.detach().clone() for p in network.parameters()]
    view = dvi.DeepView(network, n_neighbors=8, lam=0.5).fit(x)
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    assert view.landscape().images is None
    forest = RandomForestClassifier(10, random_state=0).fit(x, waves(x).argmax(1))
    view = dvi.DeepView(forest, n_neighbors=8, lam=0.5, classes=["<b>", "two", "three"]).fit(x)
    assert view.landscape().classes == ["<b>", "two", "three"]


@pytest.mark.parametrize(("n", "searched"), [(3, 2), (4, 2), (5, 2), (8, 3)])
def test_three_samples_are_enough(n, searched):
    view = dvi.DeepView(waves).fit(cloud(n))
    assert view.n_neighbors_ == searched
    assert np.isfinite(view.embedding_).all()
    assert len(view.measures()) == 13
    view.landscape(resolution=10)[0].canvas  # noqa: B018 - painting is the point


def test_scales_can_be_turned_off():
    view = dvi.DeepView(waves, n_neighbors=4, lam=0.4, scales=None).fit(cloud(30))
    expected = np.sort(full_matrix(cloud(30), 0.4), axis=1)[:, :4]
    np.testing.assert_allclose(view.neighbors_.distances, expected, atol=1e-5)


def test_a_budget_says_what_share_is_certified():
    view = dvi.DeepView(waves, n_neighbors=5, lam=0.5, budget=300).fit(cloud(80))
    assert view.calls_["neighbors"] == 300
    assert view.certified_ < 1
    view.budget = None
    view.fit(cloud(80))
    assert view.certified_ == 1


# What goes wrong


def test_a_classifier_that_raises_in_the_middle_loses_nothing():
    x = cloud(100)
    calls = {"left": 3000, "made": 0}

    def failing(p):
        calls["made"] += len(p)
        if calls["made"] > calls["left"]:
            raise ConnectionError("the model's server went away")
        return waves(p)

    view = dvi.DeepView(failing, n_neighbors=5, lam=0.3, segments=8)
    with pytest.raises(ConnectionError, match="went away"):
        view.fit(x)
    calls["left"] = 10**9
    kept = len(view._paths)
    assert kept > 0
    view.fit(x)
    alone = dvi.DeepView(waves, n_neighbors=5, lam=0.3, segments=8).fit(x)
    np.testing.assert_array_equal(view.neighbors_.indices, alone.neighbors_.indices)
    np.testing.assert_array_equal(view.embedding_, alone.embedding_)
    # Nothing was classified twice but the batch that failed.
    assert view.classify_.calls == alone.classify_.calls


def test_an_interrupt_while_adding_leaves_the_map_as_it_was():
    stop = {"at": 10**9}

    def interrupted(p):
        stop["at"] -= len(p)
        if stop["at"] < 0:
            raise KeyboardInterrupt
        return waves(p)

    view = dvi.DeepView(interrupted, n_neighbors=5, lam=0.3).fit(cloud(60))
    before = view.embedding_.copy()
    stop["at"] = 60
    with pytest.raises(KeyboardInterrupt):
        view.add(cloud(20, seed=1))
    np.testing.assert_array_equal(view.embedding_, before)
    stop["at"] = 10**9
    np.testing.assert_array_equal(view.transform(cloud(60)), before)
    assert view.inverse_transform(np.zeros((0, 2))).shape == (0, 4)
    assert view.landscape(resolution=10)[0].positions.shape == (60, 2)
    view.add(cloud(20, seed=1))
    assert len(view.embedding_) == 80


@pytest.mark.parametrize(
    ("options", "x", "message"),
    [
        ({}, cloud(2), "x must have at least 3 samples .* got 2"),
        ({"n_neighbors": 10}, cloud(10), r"n_neighbors must be a whole number in 2\.\.9"),
        ({"n_neighbors": 1}, cloud(10), r"n_neighbors must be a whole number of 2 or more"),
        ({"n_neighbors": "5"}, cloud(10), r"n_neighbors must be a whole number"),
        ({"lam": 1.5}, cloud(40), r"lam must be a number in \[0, 1\]"),
        ({"lam": "best"}, cloud(40), r"lam must be a number in \[0, 1\] or \"auto\"; got 'best'"),
        ({"segments": 1}, cloud(40), r"segments must be a whole number of 2 or more"),
        ({"segments": "5"}, cloud(40), r"segments must be a whole number"),
        ({"scales": (1.0, 0.0)}, cloud(40), "scales must be"),
        ({"scales": ("a", 1)}, cloud(40), r"scales must be a finite number"),
        ({"budget": -1}, cloud(40), r"budget must be a whole number of 0 or more"),
        ({"budget": 1.5}, cloud(40), r"budget must be a whole number"),
        ({"min_dist": "a"}, cloud(40), r"min_dist must be a number in \[0, 1\]"),
        ({"seed": "1"}, cloud(40), r"seed must be a whole number"),
        ({"classes": ["a"]}, cloud(40), "classes must be 3 names, one per class; got 1"),
        ({}, np.full((40, 4), np.nan, np.float32), "x must be finite; got NaN or infinity in row 0"),
        ({}, np.zeros(40), r"must be \[N, ...\]"),
        ({}, np.zeros((40, 3)), "x must have samples that differ"),
    ],
)
def test_bad_samples_and_parameters_are_refused_by_name(options, x, message):
    with pytest.raises(ValueError, match=message):
        dvi.DeepView(waves, **options).fit(x)


def test_a_model_of_named_columns_gets_them():
    frame = pd.DataFrame(cloud(40), columns=[f"c{i}" for i in range(cloud(40).shape[1])])
    columns = ColumnTransformer([("all", "passthrough", list(frame))])
    model = make_pipeline(columns, LogisticRegression()).fit(frame, np.arange(40) % 2)
    for asked in (model, model.predict_proba):
        view = dvi.DeepView(asked, n_neighbors=5, lam=0.5).fit(frame)
        np.testing.assert_allclose(view.probabilities_, model.predict_proba(frame), atol=1e-6)


def test_a_function_of_named_columns_is_told_how_to_get_them():
    frame = pd.DataFrame(cloud(40), columns=[f"c{i}" for i in range(cloud(40).shape[1])])
    columns = ColumnTransformer([("all", "passthrough", list(frame))])
    model = make_pipeline(columns, LogisticRegression()).fit(frame, np.arange(40) % 2)
    with pytest.raises(ValueError, match="a callable that rebuilds the frame") as raised:
        dvi.DeepView(lambda x: np.asarray(model.predict_proba(x)), n_neighbors=5).fit(frame)
    assert "strings" in str(raised.value.__cause__)


def test_parameters_of_the_wrong_type_are_refused():
    with pytest.raises(TypeError, match=r'outputs must be one of "logits"'):
        dvi.DeepView(waves, outputs="x").fit(cloud(40))
    with pytest.raises(TypeError, match="sigmas must be True or False; got 1"):
        dvi.DeepView(waves, sigmas=1).fit(cloud(40))
    with pytest.raises(ValueError, match="bases must be a whole number"):
        dvi.DeepView(waves, bases=0).fit(cloud(40))
    with pytest.raises(TypeError, match="classes must be a list of names"):
        dvi.DeepView(waves, classes=4).fit(cloud(40))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda p: np.full((len(p), 3), 1 / 3), "model must have a decision function to map"),
        (lambda p: np.full((len(p), 3), 0.5), "must return probabilities"),
        (lambda p: np.full((len(p), 3), np.nan), "probabilit"),
        (lambda p: np.ones(len(p)), "one row per sample"),
        (lambda p: waves(p)[:-1], "one row per sample"),
    ],
)
def test_a_callable_that_gives_no_probabilities_is_refused(model, message):
    with pytest.raises(ValueError, match=message):
        dvi.DeepView(model, n_neighbors=5).fit(cloud(40))


def test_nan_between_the_samples_is_found_too():
    x = cloud(40).round(0)

    def holes(p):
        return np.where(np.isclose(p, p.round(0)).all(1)[:, None], waves(p), np.nan)

    with pytest.raises(ValueError, match="probabilit"):
        dvi.DeepView(holes, n_neighbors=5).fit(x)
    network = nn.Sequential(nn.Linear(4, 3))
    nn.init.constant_(network[0].bias, float("nan"))
    with pytest.raises(ValueError, match="NaN"):
        dvi.DeepView(network, n_neighbors=5).fit(x)


def test_the_number_of_classes_may_not_change():
    sizes = itertools.chain([3], itertools.repeat(4))

    def changing(p):
        return np.pad(waves(p), ((0, 0), (0, next(sizes) - 3)))

    with pytest.raises(ValueError, match="4 classes after 3"):
        dvi.DeepView(changing, n_neighbors=5).fit(cloud(40))


def test_text_is_refused_with_advice():
    with pytest.raises(TypeError, match=r"x must hold numbers; .* Encode text"):
        dvi.DeepView(waves, n_neighbors=2).fit(np.array([["a", "b"], ["c", "d"], ["e", "f"], ["g", "h"]]))


def test_labels_must_fit():
    for y, words in (
        (np.zeros(39, int), "one label for each of the 40 samples"),
        (np.eye(3)[np.arange(40) % 3], r"y\.argmax\(axis=1\)"),
        (np.zeros((40, 1), int), r"y\.ravel"),
        (np.array(["a", "b"])[np.arange(40) % 2], "return_inverse"),
        (np.zeros(40), "class indices.*got float64 such as"),
    ):
        with pytest.raises(ValueError, match=words):
            dvi.DeepView(waves, n_neighbors=5).fit(cloud(40), y)
    with pytest.raises(ValueError, match="y must be below the classifier's 3 classes; got the label 7"):
        dvi.DeepView(waves, n_neighbors=5).fit(cloud(40), np.full(40, 7))


@pytest.mark.parametrize(
    "labels",
    [[1, 2, 3], [-1, 0, 1], ["zebra", "ant", "mole"], [10, 5, 7], [False, True]],
    ids=["from one", "minus one", "words", "out of order", "bools"],
)
@pytest.mark.parametrize("wrap", [lambda model: model, make_pipeline])
def test_labels_and_names_are_those_that_the_classifier_was_trained_on(labels, wrap):
    x = cloud(60)
    y = np.asarray(labels)[np.digitize(x[:, 0], [-0.5, 0.5]) % len(labels)]
    model = wrap(LogisticRegression(C=100)).fit(x, y)
    for asked in (model, model.predict_proba):
        view = dvi.DeepView(asked, n_neighbors=5, lam=0.5).fit(x[:40], y[:40].tolist())
        shown = view.add(x[40:], y[40:]).landscape(resolution=8)
        assert shown.classes == [str(label) for label in np.unique(y)]
        seen = np.array(shown.classes)[shown.samples["label"]]
        np.testing.assert_array_equal(seen, [str(label) for label in y.tolist()])
        right = shown[0].predictions == shown.samples["label"]
        assert right.mean() == model.score(x, y)


def test_a_label_that_the_classifier_does_not_know_is_named():
    x = cloud(40)
    model = LogisticRegression().fit(x, np.array(["cat", "dog"])[np.arange(40) % 2])
    with pytest.raises(ValueError, match="y must be labels of the classifier, 'cat', 'dog'; got 'cow'"):
        dvi.DeepView(model, n_neighbors=5).fit(x, ["cow"] * 40)
    view = dvi.DeepView(model, n_neighbors=5, lam=0.5).fit(
        x, np.arange(40) % 2
    )  # indices, as classes_ are words
    assert view.landscape(resolution=8).classes == ["cat", "dog"]
    numbered = LogisticRegression().fit(x, 1 + np.arange(40) % 2)
    some = np.where(np.arange(40) < 10, -1, 1 + np.arange(40) % 2)
    shown = dvi.DeepView(numbered, n_neighbors=5, lam=0.5).fit(x, some).landscape(resolution=8)
    assert shown.samples["label"].tolist() == np.where(some < 0, -1, some - 1).tolist()


@pytest.mark.feature("B13")
def test_sparse_and_framed_samples_are_mapped_like_arrays():
    x = cloud(40)
    plain = dvi.DeepView(waves, n_neighbors=5, lam=0.5).fit(x)
    for form in (csr_matrix(x), pd.DataFrame(x), torch.from_numpy(x)):
        view = dvi.DeepView(waves, n_neighbors=5, lam=0.5).fit(form)
        np.testing.assert_array_equal(view.embedding_, plain.embedding_)


def test_what_needs_a_fit_says_so():
    view = dvi.DeepView(waves)
    for ask in (view.landscape, view.measures, lambda: view.transform(cloud(2)), lambda: view.add(cloud(2))):
        with pytest.raises(NotFittedError, match="DeepView instance is not fitted yet"):
            ask()


def test_shapes_must_be_those_of_the_fit(view):
    with pytest.raises(ValueError, match="fitted on"):
        view.transform(np.zeros((2, 64), np.float32))
    with pytest.raises(ValueError, match=r"y must be a matrix \[n, 2\]"):
        view.inverse_transform(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"k must be a whole number in 1\.\.149"):
        view.nearest([0], 150)
    with pytest.raises(ValueError, match="indices"):
        view.nearest([150], 2)


@pytest.mark.feature("B7")
def test_q_knn_is_the_leave_one_out_accuracy_of_five_neighbours():
    y = np.concatenate([np.arange(6), 100 + np.arange(6)])[:, None] * np.ones(2)
    classes = np.repeat([0, 1], 6)
    assert dvi.measures.q_knn(y, classes) == 1
    classes[0] = 1
    assert dvi.measures.q_knn(y, classes) == pytest.approx(11 / 12)
    with pytest.raises(ValueError, match="predictions must be classes"):
        dvi.measures.q_knn(y, classes[:-1])
