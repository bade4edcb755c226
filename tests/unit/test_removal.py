"""Removal curves: an exact order is rewarded exactly, the baselines stand by, the rule for outputs holds."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import nn

from dvi_widget.measures import removal_curve
from dvi_widget.subject import as_predictor

N, SIDE = 6, 4
WEIGHTS = np.random.default_rng(1).normal(size=SIDE * SIDE)
IMAGES = np.random.default_rng(0).random((N, 1, SIDE, SIDE)).astype(np.float32)
LABELS = np.ones(N, int)


def linear(images: np.ndarray) -> np.ndarray:
    """Probability of class 1 by a weighted sum of pixels."""
    p = 1 / (1 + np.exp(-(images.reshape(len(images), -1) @ WEIGHTS)))
    return np.stack([1 - p, p], axis=1)


def contributions() -> np.ndarray:
    return (IMAGES.reshape(N, -1) * WEIGHTS).reshape(N, SIDE, SIDE)


@pytest.mark.feature("C14")
def test_a_linear_classifier_loses_a_class_exactly_as_its_contributions_say() -> None:
    found = removal_curve(linear, IMAGES, contributions(), LABELS, fills=["zero"], pixels=10)
    each = np.sort(contributions().reshape(N, -1), axis=1)[:, ::-1]
    logits = each.sum(axis=1, keepdims=True) - np.concatenate([np.zeros((N, 1)), each.cumsum(axis=1)], axis=1)
    expected = (1 / (1 + np.exp(-logits))).mean(axis=0)[:11]
    curve = found.curves.query("map == 'map' and fill == 'zero'")["probability"]
    np.testing.assert_allclose(curve, expected, atol=1e-6)
    assert found.scores.loc["map", "zero"] == pytest.approx(expected[1:].mean())


def test_no_order_beats_the_contributions_of_a_linear_classifier_in_logits() -> None:
    found = removal_curve(linear, IMAGES, contributions(), LABELS, fills=["zero"], pixels=SIDE * SIDE)
    assert found.scores["zero"].idxmin() == "map"


def test_brightness_and_random_order_stand_beside_every_map() -> None:
    found = removal_curve(linear, IMAGES, {"ours": contributions()}, LABELS, pixels=5)
    assert list(found.scores.index) == ["ours", "brightness", "random"]
    assert list(found.scores.columns) == ["zero", "inverted"]
    assert len(found.curves) == 3 * 2 * 6


def test_all_orders_begin_with_the_picture_and_end_without_it() -> None:
    found = removal_curve(linear, IMAGES, contributions(), LABELS, pixels=SIDE * SIDE)
    for fill, end in (("zero", 0 * IMAGES), ("inverted", 1 - IMAGES)):
        curves = found.curves[found.curves["fill"] == fill]
        first = curves[curves["removed"] == 0]["probability"]
        last = curves[curves["removed"] == SIDE * SIDE]["probability"]
        np.testing.assert_allclose(first, linear(IMAGES)[:, 1].mean(), atol=1e-6)
        np.testing.assert_allclose(last, linear(end)[:, 1].mean(), atol=1e-6)


@settings(max_examples=20)
@given(hnp.arrays(np.float64, (N, SIDE, SIDE), elements=st.floats(-1e6, 1e6)), st.integers(1, SIDE * SIDE))
def test_a_step_that_changes_nothing_is_skipped_without_a_trace(values: np.ndarray, pixels: int) -> None:
    # Half of the pixels are black already; the same result as asking about each and every step.
    images = np.where(IMAGES > 0.5, IMAGES, 0)
    found = removal_curve(linear, images, values, LABELS, fills=["zero"], pixels=pixels)
    order = np.argsort(-values.reshape(N, -1), axis=1, kind="stable")
    plain = []
    state = images.copy()
    for step in range(pixels + 1):
        plain.append(linear(state)[:, 1].mean())
        if step < pixels:
            state.reshape(N, -1)[np.arange(N), order[:, step]] = 0
    np.testing.assert_allclose(found.curves["probability"][: pixels + 1], plain, atol=1e-6)


def test_uint8_pictures_are_inverted_on_their_own_scale() -> None:
    images = (IMAGES * 255).astype(np.uint8)
    seen = []

    def watch(x: np.ndarray) -> np.ndarray:
        seen.append(x)
        return np.full((len(x), 2), 0.5)

    removal_curve(watch, images[:1], images[:1, 0], LABELS[:1], fills=["inverted"], pixels=SIDE * SIDE)
    assert seen[0].dtype == np.uint8
    np.testing.assert_array_equal(seen[0][-1], 255 - images[0])


def test_a_module_and_a_predictor_give_logits_and_a_callable_probabilities() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 3), nn.Dropout())

    def probabilities(x: np.ndarray) -> np.ndarray:
        return as_predictor(module).predict(x).astype(float).clip(-50, 50)

    def softmax(x: np.ndarray) -> np.ndarray:
        z = np.exp(probabilities(x))
        return z / z.sum(axis=1, keepdims=True)

    curves = [
        removal_curve(predictor, IMAGES, contributions(), LABELS, pixels=5).curves["probability"]
        for predictor in (module, as_predictor(module), softmax)
    ]
    assert module.training, "the module's mode comes back"
    np.testing.assert_allclose(curves[0], curves[1], atol=1e-6)
    np.testing.assert_allclose(curves[0], curves[2], atol=1e-6)


def test_the_figure_has_a_line_per_map_and_fill() -> None:
    figure = removal_curve(linear, IMAGES, contributions(), LABELS, pixels=5).figure()
    assert len(figure.data) == 3 * 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": IMAGES[:, 0]}, "images must be pictures"),
        ({"maps": contributions()[:, 0]}, r"maps\['map'\] must hold"),
        ({"maps": contributions() * np.nan}, r"maps\['map'\] must be finite"),
        ({"labels": LABELS[:2]}, "labels must be 6 class indices"),
        ({"labels": LABELS + 1}, "labels must be below .* got 2"),
        ({"pixels": 17}, "pixels.* must be .* 1..16"),
        ({"fills": ["black"]}, "fills must be some of zero, inverted"),
        ({"model": lambda x: np.ones((len(x), 2))}, "model must return probabilities"),
    ],
)
def test_bad_input_is_named(change: dict, message: str) -> None:
    arguments = {
        "model": linear,
        "images": IMAGES,
        "maps": contributions(),
        "labels": LABELS,
        "pixels": 5,
    }
    with pytest.raises(ValueError, match=message):
        removal_curve(**{**arguments, **change})


def test_what_is_no_classifier_is_refused() -> None:
    with pytest.raises(TypeError, match=r"model.*int"):
        removal_curve(3, IMAGES, contributions(), LABELS)


def test_a_module_in_double_precision_gives_the_same_curves_as_in_single() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 3))
    single = removal_curve(module, IMAGES, contributions(), LABELS, pixels=5).scores
    double = removal_curve(module.double(), IMAGES, contributions(), LABELS, pixels=5).scores
    np.testing.assert_allclose(double, single, atol=1e-6)


def test_an_object_with_predict_alone_is_refused_rather_than_guessed_at() -> None:
    class Estimator:
        def predict(self, x: np.ndarray) -> np.ndarray:
            return linear(x)

    with pytest.raises(TypeError, match="predict_proba"):
        removal_curve(Estimator(), IMAGES, contributions(), LABELS, pixels=5)
    found = removal_curve(Estimator().predict, IMAGES, contributions(), LABELS, pixels=5)
    expected = removal_curve(linear, IMAGES, contributions(), LABELS, pixels=5)
    np.testing.assert_array_equal(found.scores, expected.scores)


def test_a_module_that_ends_in_a_softmax_is_recognised_with_a_warning() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 3))
    plain = removal_curve(module, IMAGES, contributions(), LABELS, pixels=5).scores
    with pytest.warns(UserWarning, match="taken as probabilities"):
        soft = removal_curve(
            nn.Sequential(module, nn.Softmax(1)), IMAGES, contributions(), LABELS, pixels=5
        ).scores
    np.testing.assert_allclose(soft, plain, atol=1e-6)
