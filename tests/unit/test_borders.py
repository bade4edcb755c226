"""Borders, approaching neighbours and stability: measures against brute force and by hand."""

import numpy as np
import pytest
from synthetic import fitted

from dvi_widget import measures

EXTENT = (-2.0, 2.0, -1.0, 3.0)


def canvas(seed, resolution=9, classes=3):
    """Large patches, so that many pixels lie inside."""
    patches = np.random.default_rng(seed).integers(classes, size=(3, 3))
    return np.kron(patches, np.ones((resolution // 3, resolution // 3), int))


def centres(resolution=9):
    x0, x1, y0, y1 = EXTENT
    share = (np.arange(resolution) + 0.5) / resolution
    return np.stack(np.meshgrid(x0 + share * (x1 - x0), y0 + share * (y1 - y0)), axis=-1)  # [R, R, 2]


def points(seed, n=50):
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.uniform(*EXTENT[:2], n), rng.uniform(*EXTENT[2:], n)])


@pytest.mark.parametrize("seed", range(5))
def test_the_distance_to_a_border_is_that_of_the_nearest_pixel_of_another_class(seed):
    painted, pixels, y = canvas(seed), centres(), points(seed)
    away = np.linalg.norm(y[:, None, None] - pixels, axis=-1)  # [n, R, R]
    own = painted.ravel()[away.reshape(len(y), -1).argmin(axis=1)]
    expected = np.where(painted != own[:, None, None], away, np.inf).min(axis=(1, 2))
    assert measures.border_distance(y, painted, EXTENT) == pytest.approx(expected)


def test_a_point_beyond_the_canvas_is_measured_from_its_place():
    painted = np.array([[0, 1], [0, 1]])
    away = measures.border_distance([[-7.0, 0]], painted, EXTENT)
    assert away == pytest.approx([8])  # the pixels of class 1 have their centres at x = 1


def test_no_border_is_infinitely_far_and_correlates_with_nothing():
    painted = np.zeros((4, 4), int)
    away = measures.border_distance(points(0), painted, EXTENT)
    assert np.isinf(away).all()
    assert measures.border_pixels(painted, EXTENT).shape == (0, 2)
    assert np.isnan(measures.margin_correlation(away, np.arange(50)))


def test_border_pixels_have_a_side_in_common_with_another_class():
    painted, pixels = canvas(1), centres()
    expected = [
        pixels[i, j]
        for i in range(9)
        for j in range(9)
        if any(
            painted[i, j] != painted[k, l] for k in range(9) for l in range(9) if abs(i - k) + abs(j - l) == 1
        )
    ]
    assert measures.border_pixels(painted, EXTENT) == pytest.approx(np.array(expected))


def test_distances_that_grow_with_the_margin_correlate_whatever_the_scale():
    margins = np.random.default_rng(0).random(40)
    assert measures.margin_correlation(margins**2, margins) == pytest.approx(1)
    beyond = np.where(margins > 0.9, np.inf, margins)  # no border anywhere: farther than all
    assert measures.margin_correlation(beyond, margins) == pytest.approx(1, abs=0.05)


def test_log_odds_are_those_of_the_two_likeliest_classes():
    assert measures.log_odds([[3.0, 1, 2.5], [0, 0, -9]]).tolist() == [0.5, 0]


@pytest.mark.parametrize("reach", [0.0, 0.1, 1.0])
def test_coverage_is_that_of_brute_force(reach):
    a, b = points(0), np.concatenate([points(1, 30), points(0)[:5]])
    expected = (np.linalg.norm(a[:, None] - b, axis=2).min(axis=1) <= reach).mean()
    assert measures.coverage(a, b, reach) == expected


def test_nothing_covers_no_points_and_no_points_cover_nothing():
    assert np.isnan(measures.coverage(np.empty((0, 2)), points(0), 1))
    assert measures.coverage(points(0), np.empty((0, 2)), 1) == 0


def test_only_unsure_samples_tell_whether_the_paint_is_too_sure():
    assert measures.confidence_error([0.5, 0.6, 0.99], [0.9, 0.5, 0.2]) == pytest.approx(0.25)
    assert np.isnan(measures.confidence_error([0.9, 0.99], [0.2, 0.3]))


def cloud(seed, n=60, columns=4):
    return np.random.default_rng(seed).normal(size=(n, columns))


def aligned(x):
    """Distances between all samples, after centring and scaling."""
    centred = x - x.mean(axis=0)
    radius = np.sqrt(np.square(centred).sum(axis=1).mean())
    return np.linalg.norm(x[:, None] - x, axis=2) / radius


def test_the_agreement_of_signs_is_that_of_brute_force():
    x, y = (cloud(0), cloud(1)), (cloud(2, columns=2), cloud(3, columns=2))
    rows = np.array([3, 8, 40])
    near = measures.neighbors(x[0], 7, rows=rows)[0]
    grown = [aligned(after) - aligned(before) > 0 for before, after in (x, y)]
    expected = np.mean(
        [grown[0][i, j] == grown[1][i, j] for i, own in zip(rows, near, strict=True) for j in own]
    )
    assert measures.sign_agreement(x, y, near, rows) == pytest.approx(expected)


def test_growing_and_turning_change_no_distance_and_a_map_that_moves_all_the_same_gets_half():
    x = cloud(0)
    near = measures.neighbors(x, 7)[0]
    turned = np.linalg.qr(cloud(1, 4))[0]
    still = (x, 3 * x @ turned + 5)
    assert measures.sign_agreement(still, (x[:, :2], x[:, :2]), near) == 1
    assert measures.sign_agreement(still, (cloud(2, columns=2), cloud(3, columns=2)), near) == 0.5


def test_chance_agrees_half_the_time_and_the_same_movement_always():
    x = cloud(0, 400), cloud(1, 400)
    near = measures.neighbors(x[0], 15)[0]
    assert measures.sign_agreement(x, x, near) == 1
    both = np.concatenate([near, measures.neighbors(x[1], 15)[0]], axis=1)
    by_chance = measures.sign_agreement(x, (cloud(2, 400, 2), cloud(3, 400, 2)), both)
    assert by_chance == pytest.approx(0.5, abs=0.05)
    # Neighbours of the first epoch part in a second one that has nothing to do with it, in either space.
    assert measures.sign_agreement(x, x[::-1], near) == pytest.approx(0, abs=1e-12)


def test_maps_are_compared_on_the_samples_that_both_show():
    y = cloud(0, 30, 2)
    turned = y @ np.array([[0.0, 1], [-1, 0]])
    rows = [np.arange(30), np.arange(5, 25), np.arange(29, 9, -1)]
    maps = [y, 2 * turned[rows[1]] - 3, cloud(1, 20, 2)]
    found = measures.stability(maps, rows)
    assert found[0] == pytest.approx(0, abs=1e-12)
    assert found[1] == pytest.approx(measures.disparity(y[rows[2]], maps[2]))
    common = np.arange(10, 25)
    assert found[2] == pytest.approx(measures.disparity(turned[common], maps[2][29 - common]))
    assert measures.stability([y, turned, -y]) == pytest.approx([0, 0, 0], abs=1e-12)


def test_bad_input_is_refused_at_the_door():
    x, painted = cloud(0), canvas(0)
    near = measures.neighbors(x, 3)[0]
    for ask in (
        lambda: measures.border_pixels(painted[:3], EXTENT),
        lambda: measures.border_distance(points(0), painted[:3], EXTENT),
        lambda: measures.border_distance(x, painted, EXTENT),
        lambda: measures.margin_correlation([1.0, 2], [1.0]),
        lambda: measures.log_odds(x[:, :1]),
        lambda: measures.coverage(x, x[:, :2], 1),
        lambda: measures.coverage(x, x, -1),
        lambda: measures.confidence_error([0.5], [0.5, 1]),
        lambda: measures.sign_agreement((x, x[1:]), (x, x), near),
        lambda: measures.sign_agreement((x, x), (x, x), near[1:]),
        lambda: measures.stability([x]),
        lambda: measures.stability([x, x], [np.arange(60), np.arange(59)]),
        lambda: measures.stability([x, x], [np.arange(60), np.arange(60, 120)]),
    ):
        with pytest.raises(ValueError, match="must"):
            ask()


def test_the_table_holds_the_measures_of_borders_beside_their_placebo():
    shown = fitted(n=380, resolution=60)
    table = shown.measures(k=[10])
    frame, train = shown.at(5), (shown.samples["split"] == "train").to_numpy()
    here = table[(table["split"] == "train") & (table["epoch"] == 5)].set_index("measure")
    away = measures.border_distance(frame.positions[train], frame.canvas.classes, shown.extent)
    margins = measures.log_odds(shown.source.logits(5)[train])
    assert here["value"]["margin"] == pytest.approx(measures.margin_correlation(away, margins))
    assert abs(here["placebo"]["margin"]) < 0.2
    shade = shown.source.paint(5, frame.positions[train])[1]
    assert here["value"]["confidence_error"] == pytest.approx(
        measures.confidence_error(frame.confidence[train], shade)
    )
    x, y = (
        [part[train] for part in parts]
        for parts in (
            (shown.source.features(0), shown.source.features(5)),
            (shown.at(0).positions, frame.positions),
        )
    )
    pairs = np.concatenate([measures.neighbors(part, 10)[0] for part in x], axis=1)
    assert here["value"]["sign_agreement"] == pytest.approx(measures.sign_agreement(x, y, pairs))
    # A border of two pixels' width covers a few points, wherever they lie; boundary samples cover all of it
    # only if they are many.
    assert 0 <= here["value"]["delta_precision"] <= 1
    assert here["placebo"]["delta_recall"] < 0.5


def test_nothing_is_painted_where_decoding_is_slow():
    shown = fitted(n=60)
    table = shown.measures(k=[5], decoded=[0, 1])
    assert not {"margin", "delta_recall", "delta_precision"} & set(table["measure"])
    assert not any(frame.painted for frame in shown)
