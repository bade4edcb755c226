"""Points on the δ-boundary: what that is, that they are on it, and how pairs of classes are drawn."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import nn

from dvi_widget import boundary
from dvi_widget.boundary import on_boundary, synthesize
from dvi_widget.subject import Subject

CENTRES = np.array([[0, 0], [6, 0], [0, 6], [6, 6]], np.float32)


class Nearest(nn.Module):
    """Classifies points of the plane by the nearest centre, exactly: its logits are linear in the point."""

    def __init__(self, centres=CENTRES):
        super().__init__()
        self.out = nn.Linear(2, len(centres))
        with torch.no_grad():
            self.out.weight.copy_(torch.from_numpy(2 * centres))
            self.out.bias.copy_(torch.from_numpy(-(centres**2).sum(1)))

    def forward(self, x):
        return self.out(x)


def blobs(centres=CENTRES, n=50, spread=1.0, seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(c, spread, size=(n, 2)) for c in centres]).astype(np.float32)


def points(n=200, model=None, x=None, **options):
    subject = Subject(model or Nearest())
    x = blobs() if x is None else x
    return x, synthesize(subject, x, subject.predict(x), n, **options)


# Definition 2


def test_the_boundary_is_where_the_two_greatest_rescaled_logits_differ_by_delta_at_most():
    logits = np.array([[10, 9, 0], [10, 8.9, 0], [0, -10, -0.5], [3, 3, 3], [-7, -6, 1e6]])
    assert on_boundary(logits, 0.1).tolist() == [True, False, True, True, False]


@settings(max_examples=200)
@given(
    arrays(np.float64, (4, 5), elements=st.floats(-100, 100)),
    st.floats(0.01, 0.9),
    st.floats(-50, 50),
    st.floats(0.1, 10),
)
def test_shifting_and_scaling_logits_does_not_move_the_boundary(logits, delta, shift, scale):
    ordered = np.sort(logits, axis=1)
    span = ordered[:, -1] - ordered[:, 0]
    gap = ordered[:, -1] - ordered[:, -2]
    clear = np.abs(gap - delta * span) > 1e-6
    same = on_boundary(logits, delta) == on_boundary(logits * scale + shift, delta)
    assert same[clear].all()


@settings(max_examples=50)
@given(arrays(np.float64, (6, 4), elements=st.floats(-10, 10)), st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_wider_delta_contains_a_narrower_one(logits, a, b):
    narrow, wide = sorted((a, b))
    assert (on_boundary(logits, narrow) <= on_boundary(logits, wide)).all()


def test_two_classes_are_compared_by_their_probabilities():
    logits = np.array([[0.0, 0.0], [0.19, 0.0], [0.22, 0.0], [5.0, -5.0]])
    assert on_boundary(logits, 0.1).tolist() == [True, True, False, False]


# Synthesis


@pytest.mark.feature("A2")
def test_points_are_mixtures_on_the_boundary_with_their_representations_and_logits():
    x, found = points()
    assert len(found) == 200
    w = found.weights[:, None]
    mixed = (1 - w) * x[found.parents[:, 0]] + w * x[found.parents[:, 1]]
    np.testing.assert_allclose(found.features, mixed, atol=1e-5)
    np.testing.assert_allclose(found.logits, Subject(Nearest()).predict(mixed), atol=1e-3)
    assert on_boundary(found.logits).all()
    assert ((found.weights >= 0) & (found.weights <= np.float32(0.4))).all()
    assert found.features.dtype == found.logits.dtype == np.float32


def test_parents_are_of_the_two_classes_of_their_pair():
    x, found = points()
    predicted = Subject(Nearest()).predict(x).argmax(1)
    np.testing.assert_array_equal(predicted[found.parents], found.pairs)
    assert (found.pairs[:, 0] != found.pairs[:, 1]).all()


def test_a_smaller_delta_and_bound_are_kept_to():
    _, found = points(50, delta=0.01, upper=0.45)
    assert on_boundary(found.logits, 0.01).all()
    _, found = points(20, x=blobs(spread=2.0), upper=0.2)
    assert (found.weights <= np.float32(0.2)).all()


def test_every_pair_of_classes_gets_its_share():
    x = blobs(spread=2.0)
    _, found = points(600, x=x)
    pairs, counts = np.unique(np.sort(found.pairs, axis=1), axis=0, return_counts=True)
    assert [tuple(pair) for pair in pairs] == list(itertools.combinations(range(4), 2))
    assert counts.min() > 0.5 * counts.mean()


def test_scarce_pairs_are_preferred_over_successful_ones_by_alpha():
    # Classes 0 and 1 touch, class 2 is far: with α = 0 success alone decides, with α = 1 scarcity alone.
    centres = np.array([[0, 0], [3, 0], [0, 40]], np.float32)
    x = blobs(centres, spread=0.8)

    def share(alpha):
        _, found = points(400, Nearest(centres), x, alpha=alpha, upper=0.5)
        return (np.sort(found.pairs, axis=1) == [0, 1]).all(1).mean()

    assert share(0.0) > share(1.0)


@pytest.mark.feature("A2")
@pytest.mark.parametrize(
    ("alpha", "expected"), [(1.0, [1, 0, 0]), (0.0, [0, 1 / 3, 2 / 3]), (0.5, [1 / 2, 1 / 6, 1 / 3])]
)
def test_pairs_are_drawn_by_scarcity_and_success(alpha, expected):
    # Two points per pair on average (Eq. 6), and rates of 0, .2 and .4 (Eq. 7).
    p = boundary._pair_distribution(np.array([10.0, 10, 10]), np.array([0.0, 2, 4]), alpha)
    np.testing.assert_allclose(p, expected)


@pytest.mark.parametrize("hit", [[0.0, 0, 0], [3.0, 3, 3]])
def test_pairs_are_drawn_alike_where_nothing_tells_them_apart(hit):
    p = boundary._pair_distribution(np.full(3, 10.0), np.array(hit), 0.8)
    np.testing.assert_allclose(p, 1 / 3)


def test_equal_seeds_give_equal_points_and_others_give_others():
    _, a = points(seed=3)
    _, b = points(seed=3)
    _, c = points(seed=(3, 1))
    np.testing.assert_array_equal(a.features, b.features)
    assert not np.array_equal(a.features, c.features)


def test_bytes_are_mixed_as_numbers():
    x = np.clip(blobs() * 10 + 80, 0, 255).astype(np.uint8)
    model = nn.Sequential(Shifted(), Nearest())
    subject = Subject(model)
    found = synthesize(subject, x, subject.predict(x), 50)
    assert len(found) == 50
    assert on_boundary(found.logits).all()


class Shifted(nn.Module):
    def forward(self, x):
        return (x.float() - 80) / 10


class Cliff(nn.Module):
    """Classes 0 and 1 meet on a slope; class 2 begins at a step that no mixture within λ ≤ 0.4 reaches."""

    def __init__(self):
        super().__init__()
        self.plane = nn.Linear(2, 2, bias=False)
        nn.init.eye_(self.plane.weight)

    def forward(self, x):
        u, v = self.plane(x).T
        return torch.stack([1.5 - u, u - 1.5, torch.where(v > 5, 100.0, -5.0)], 1)


def test_where_only_some_pairs_have_a_boundary_the_points_are_of_these():
    x = blobs(np.array([[0, 0], [3, 0], [0, 10]], np.float32), spread=0.5)
    x[100:, 0] = 0
    _, found = points(60, Cliff(), x)
    assert len(found) == 60
    assert (0, 2) not in set(map(tuple, np.sort(found.pairs, axis=1).tolist()))


def test_a_network_without_boundary_between_its_samples_gives_fewer_points_with_a_warning():
    x = blobs(np.array([[0, 0], [6, 0]], np.float32), spread=0.01)
    with pytest.warns(UserWarning, match="0 of 30 boundary points found"):
        _, found = points(30, Nearest(CENTRES[:2]), x)
    assert found.features.shape == (0, 2)
    assert found.logits.shape == (0, 2)
    assert found.pairs.shape == (0, 2)


def test_one_predicted_class_has_no_boundary():
    with pytest.raises(ValueError, match="logits must predict at least two classes"):
        points(x=blobs()[:50] * 0.1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 0}, "n must be a whole number of 1 or more"),
        ({"alpha": 1.1}, "^alpha must be"),
        ({"upper": -0.1}, "^upper must be"),
        ({"delta": 2}, "^delta must be"),
    ],
)
def test_arguments_out_of_range_are_named(options, words):
    with pytest.raises(ValueError, match=words):
        points(**options)


def test_logits_of_other_samples_are_refused():
    subject = Subject(Nearest())
    with pytest.raises(ValueError, match=r"logits must be \[200, C\]"):
        synthesize(subject, blobs(), subject.predict(blobs())[:10], 5)


def test_whole_numbers_cannot_be_mixed():
    with pytest.raises(TypeError, match="inputs must be uint8 or floating to be mixed; got dtype int64"):
        synthesize(Subject(Nearest()), np.ones((4, 2), np.int64), np.eye(4), 5)


@pytest.mark.feature("A2")
def test_few_passes_through_the_network_are_needed():
    # 1,000 points one by one would take thousands of passes; searched together, a few for each halving.
    model = Nearest()
    subject, x = Subject(model, batch_size=4096), blobs()
    logits = subject.predict(x)
    subject.features(x)
    passes = []
    model.register_forward_hook(lambda *_: passes.append(1))
    synthesize(subject, x, logits, 1000)
    assert len(passes) < 100
