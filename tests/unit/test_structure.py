"""Measures of structure against brute force and hand-made cases, and what maps without information get."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from synthetic import fitted

from dvi_widget import measures


def cloud(seed, n=60, columns=5, whole=False):
    rng = np.random.default_rng(seed)
    return rng.integers(-2, 3, (n, columns)).astype(float) if whole else rng.normal(size=(n, columns))


def orders(x):
    """Every sample's rank from every other, ties to the lower index."""
    far = np.square(x[:, None] - x[None]).sum(-1)
    np.fill_diagonal(far, -1)
    return np.argsort(np.argsort(far, axis=1, kind="stable"), axis=1)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("k", [1, 7, 15])
def test_trustworthiness_and_continuity_are_those_of_brute_force(k, whole):
    # Whole numbers: many ties.
    x, y = cloud(0, whole=whole), cloud(1, columns=2, whole=whole)
    n, far, flat = len(x), orders(x), orders(y)
    for value, outer, inner in (
        (measures.trustworthiness(x, y, k), far, flat),
        (measures.continuity(x, y, k), flat, far),
    ):
        wrong = sum(
            outer[i, j] - k
            for i in range(n)
            for j in range(n)
            if i != j and inner[i, j] <= k and outer[i, j] > k
        )
        assert value == pytest.approx(1 - 2 * wrong / (n * k * (2 * n - 3 * k - 1)))
    assert measures.trustworthiness(x, x, k) == measures.continuity(x, x, k) == 1


def test_trustworthiness_of_some_rows_averages_to_that_of_all():
    x, y = cloud(0), cloud(1, columns=2)
    parts = [measures.trustworthiness(x, y, 5, rows=rows) for rows in (np.arange(20), np.arange(20, 60))]
    assert measures.trustworthiness(x, y, 5) == pytest.approx((20 * parts[0] + 40 * parts[1]) / 60)


def test_purity_of_a_case_solved_by_hand():
    x = np.array([[0.0], [1], [3], [6]])
    assert measures.purity(x, [0, 0, 1, 1], k=1).tolist() == [1, 1, 0, 1]
    assert measures.purity(x, [0, 0, 1, 1], k=2, rows=[0]).tolist() == [0.5]


def test_only_mixed_samples_can_look_pure():
    mixed, pure = 10 / 15, 14 / 15
    assert measures.looks_pure([mixed, mixed, 11 / 15, 0.2], [pure, 13 / 15, 1, 1]) == pytest.approx(2 / 3)
    assert np.isnan(measures.looks_pure([1.0, 0.9], [1.0, 1.0]))


def test_spearman_is_scipys_and_undefined_where_nothing_varies():
    a, b = cloud(0, 40, 1, whole=True)[:, 0], cloud(1, 40, 1)[:, 0]
    assert measures.spearman(a, b) == pytest.approx(spearmanr(a, b).statistic)
    assert np.isnan(measures.spearman(np.ones(40), b))


def test_class_distances_agree_with_a_rotated_copy_and_not_with_a_reordered_one():
    classes = np.repeat(np.arange(5), 20)
    centres = np.array([[0.0, 0], [1, 0], [3, 0], [7, 1], [15, 4]])
    y = centres[classes] + 0.01 * cloud(0, 100, 2)
    turned = y @ np.array([[0.0, 1], [-1, 0]])
    assert measures.class_distance_correlation(y, 3 * turned, classes) == pytest.approx(1)
    other = centres[[2, 4, 0, 1, 3]][classes]
    assert measures.class_distance_correlation(y, other, classes) < 0.5
    assert np.isnan(measures.class_distance_correlation(y, turned, classes % 2))


def test_triplets_agree_in_a_copy_and_half_the_time_with_chance():
    x = cloud(0, 400)
    assert measures.triplet_agreement(x, 2 * x + 1) == 1
    assert measures.triplet_agreement(x, -x[:, :1]) > 0.55
    assert measures.triplet_agreement(x, x[np.random.default_rng(1).permutation(400)]) == pytest.approx(
        0.5, abs=0.05
    )


def test_ranks_change_for_a_class_that_travels_rigidly_though_it_keeps_its_neighbours():
    classes = np.repeat(np.arange(6), 20)
    angle = np.pi / 3 * np.arange(6)
    centres = 100 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    before = centres[classes] + cloud(0, 120, 2)
    mover = classes == 0
    after = before - 1.5 * mover[:, None] * centres[0]
    assert measures.shared_neighbors(before, after, 10).min() > 0.99
    change = measures.rank_change(before, after)
    assert change[mover].mean() > 1.5 * change[~mover].mean()
    assert measures.rank_change(before, 3 * before + 1).max() == pytest.approx(0, abs=1e-12)


def test_disparity_ignores_rotation_mirroring_and_scale():
    y = cloud(0, 80, 2)
    assert measures.disparity(y, -3 * y[:, ::-1] + 1) == pytest.approx(0, abs=1e-12)
    assert measures.disparity(y, np.random.default_rng(1).permutation(y)) > 0.8
    with pytest.raises(ValueError, match="b must hold two positions"):
        measures.disparity(y, np.ones((80, 2)))


def test_bad_input_is_refused_at_the_door():
    x = cloud(0)
    for ask in (
        lambda: measures.trustworthiness(x, x[:-1]),
        lambda: measures.trustworthiness(x, x, 30),
        lambda: measures.purity(x, [0, 1]),
        lambda: measures.looks_pure([0.5], [0.5, 1]),
        lambda: measures.spearman([1, 2], [1, 2, 3]),
        lambda: measures.class_distance_correlation(x, x, [0]),
        lambda: measures.triplet_agreement(x[:2], x[:2]),
        lambda: measures.rank_change(x, x[1:]),
        lambda: measures.disparity(x, x[:, :2]),
    ):
        with pytest.raises(ValueError, match="must"):
            ask()


@pytest.mark.feature("F10")
def test_the_table_holds_each_measure_beside_its_placebo():
    shown = fitted(n=120)
    table = shown.measures(k=[10])
    here = table[(table["split"] == "train") & (table["epoch"] == 5)].set_index("measure")
    train = (shown.samples["split"] == "train").to_numpy()
    x, y = shown.source.features(5)[train], shown.at(5).positions[train]
    predictions = shown.at(5).predictions[train]
    assert here["value"]["trustworthiness"] == pytest.approx(measures.trustworthiness(x, y, 10))
    assert here["value"]["continuity"] == pytest.approx(measures.continuity(x, y, 10))
    assert here["value"]["purity"] == pytest.approx(measures.purity(y, predictions, 10).mean())
    assert here["value"]["purity_of_representation"] == pytest.approx(
        measures.purity(x, predictions, 10).mean()
    )
    before, after = (shown.at(epoch).positions[train] for epoch in (0, 5))
    moved = np.linalg.norm((after - before).astype(float), axis=1)
    change = measures.rank_change(shown.source.features(0)[train], x)
    assert here["value"]["move_change"] == pytest.approx(measures.spearman(moved, change))


def test_a_placebo_gets_what_the_papers_measures_give_away_and_nothing_of_the_others():
    shown = fitted(n=400)
    table = shown.measures(k=[10])
    here = table[(table["split"] == "train")].groupby("measure")["placebo"].mean()
    assert here["ppr"] == 1
    assert here["move_neighbors"] == pytest.approx(1)
    # Over two transitions the correlation is −1 wherever it is defined.
    assert here["temporal_pv"] == pytest.approx(here["temporal_undefined"] - 1)
    # Discs of one prediction are pure, whatever the representation says, and look pure.
    assert here["purity"] > 0.95
    assert here["looks_pure"] > 0.8
    assert here["nn_pv"] < 0.2
