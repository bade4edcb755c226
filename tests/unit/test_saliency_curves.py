"""Which method to believe: curves, faithfulness and sensitivity on models whose answer is known."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from saliency_models import Functional, linear_network, pictures, seeded
from sklearn.linear_model import LogisticRegression

from dvi_widget.measures import insertion_curve, removal_curve
from dvi_widget.saliency import attribute, compare_methods, faithfulness, sensitivity

WEIGHTS = torch.randn(5, 2, 8, 8, generator=torch.Generator().manual_seed(3)) * 0.3


def test_steps_are_stations_of_the_curve_pixel_by_pixel():
    model, x = seeded(Functional()), pictures().numpy()
    maps = attribute(model, x, None, "gradient")
    fine = removal_curve(model, x, maps.values, maps.target, pixels=30).curves
    coarse = removal_curve(model, x, maps.values, maps.target, pixels=30, step=7).curves
    assert sorted(coarse["removed"].unique()) == [0, 7, 14, 21, 28, 30]
    both = coarse.merge(fine, on=["map", "fill", "removed"], suffixes=("", " fine"))
    assert len(both) == len(coarse)
    np.testing.assert_allclose(both["probability"], both["probability fine"], atol=1e-6)


@settings(max_examples=10)
@given(st.integers(0, 1000), st.integers(1, 20))
def test_insertion_is_removal_of_the_opposite_map_run_backwards(seed, step):
    model, x = seeded(Functional()), pictures(2, seed).numpy()
    values = np.random.default_rng(seed).permutation(2 * 64).reshape(2, 8, 8).astype(float)
    step = 2 ** int(np.log2(step))  # so that the last step is a whole one
    removed = removal_curve(model, x, {"m": -values}, [0, 1], pixels=64, step=step).curves.query("map == 'm'")
    inserted = insertion_curve(model, x, {"m": values}, [0, 1], pixels=64, step=step).curves.query(
        "map == 'm'"
    )
    for fill in ("zero", "inverted"):
        a, b = (c.loc[c["fill"] == fill, "probability"].to_numpy() for c in (removed, inserted))
        np.testing.assert_allclose(a[::-1], b, atol=1e-5)


def test_a_step_of_no_pixels_is_refused():
    with pytest.raises(ValueError, match="step must be a whole number"):
        removal_curve(seeded(Functional()), pictures().numpy(), np.zeros((6, 8, 8)), np.zeros(6, int), step=0)


def test_a_complete_map_of_a_linear_model_is_perfectly_faithful_and_its_opposite_perfectly_wrong():
    model, x = linear_network(WEIGHTS), pictures()
    maps = attribute(model, x, 2, baseline="zero")
    target = np.full(6, 2)
    np.testing.assert_allclose(faithfulness(model, x, maps.values, target, baseline="zero"), 1, atol=1e-4)
    np.testing.assert_allclose(faithfulness(model, x, -maps.values, target, baseline="zero"), -1, atol=1e-4)
    assert np.isnan(faithfulness(model, x, np.ones((6, 8, 8)), target)).all()
    with pytest.raises(ValueError, match=r"values must be maps of shape \(6, 8, 8\)"):
        faithfulness(model, x, np.ones((6, 4, 4)), target)


def test_the_gradient_of_a_linear_model_is_insensitive_and_its_product_is_a_little():
    model, x = linear_network(WEIGHTS), pictures()
    np.testing.assert_allclose(sensitivity(model, x, 2 * np.ones(6, int), "gradient"), 0, atol=1e-5)
    moved = sensitivity(model, x, 2 * np.ones(6, int), "input_x_gradient", radius=0.02)
    assert (moved > 0).all()
    assert (moved < 0.5).all()
    further = sensitivity(model, x, 2 * np.ones(6, int), "input_x_gradient", radius=0.04)
    np.testing.assert_allclose(further, 2 * moved, rtol=1e-3)


@pytest.mark.parametrize("change", [{"radius": -1}, {"disturbances": 0}, {"seed": "0"}])
def test_senseless_disturbances_are_refused(change):
    with pytest.raises(ValueError, match=f"^{next(iter(change))} must be"):
        sensitivity(seeded(Functional()), pictures(1), method="gradient", **change)


@pytest.mark.parametrize(
    ("target", "kind", "says"),
    [
        (9, ValueError, "target must be a class of the model, 0 to 4; got 9"),
        (None, TypeError, "target must be the class of each map"),
        ("a", TypeError, "target must be whole numbers"),
    ],
)
def test_faithfulness_to_no_class_is_refused(target, kind, says):
    with pytest.raises(kind, match=says):
        faithfulness(seeded(Functional()), pictures(1), np.ones((1, 8, 8)), target)


def test_a_single_method_is_no_list_of_methods():
    with pytest.raises(TypeError, match=r"methods must be a list of names, such as \['gradient'\]"):
        compare_methods(seeded(Functional()), pictures(1), methods="gradient")


@pytest.mark.feature("C14")
def test_methods_are_compared_with_controls_and_with_maps_from_elsewhere():
    model, x = seeded(Functional()).train(), pictures(4)
    said = []
    best = attribute(model, x, None, "occlusion", patch=1, stride=1, baseline="zero")
    told = compare_methods(
        model,
        x,
        methods={"gradient": {}, "deep_lift": {}, "grad_cam": {"layer": "conv2"}},
        extra={"elsewhere": best.values},
        step=4,
        report=said.append,
    )
    table = told.table()
    assert set(table.index) == {"gradient", "deep_lift", "grad_cam", "elsewhere", "brightness", "random"}
    assert list(table.columns[:4]) == [
        "removal: zero",
        "removal: inverted",
        "insertion: zero",
        "insertion: inverted",
    ]
    assert table.loc["deep_lift", "error"] < 1e-3
    assert np.isnan(table.loc["gradient", "error"])
    assert np.isnan(table.loc["random", "faithfulness"])
    mean = table[["removal: zero", "removal: inverted"]].mean(axis=1)
    assert mean.is_monotonic_increasing
    assert said == sorted(said)
    assert said[-1] == 1
    assert model.training
    figure = told.figure()
    assert len(figure.data) == 6 * 4
    assert {trace.line.dash for trace in figure.data if trace.name == "random"} == {"dot"}


def test_methods_without_gradients_are_compared_on_a_scikit_learn_model():
    rng = np.random.default_rng(0)
    x = rng.random((40, 1, 4, 4)).astype(np.float32)
    y = (x[:, 0, :2].mean((1, 2)) > x[:, 0, 2:].mean((1, 2))).astype(int)
    model = LogisticRegression(C=100).fit(x.reshape(40, -1), y)
    names = ("occlusion", "prediction_difference", "lime", "kernel_shap", "shapley_sampling", "rise")
    few = {"lime": {"samples": 64}, "kernel_shap": {"samples": 64}, "rise": {"masks": 64}}
    methods = {name: few.get(name, {}) | ({"patch": 1} if name != "rise" else {}) for name in names}
    told = compare_methods(model, x[:3], methods=methods, extra={"noise": rng.normal(size=(3, 4, 4))}, step=4)
    table = told.table()
    assert set(names) < set(table.index)
    assert table.loc["kernel_shap", "faithfulness"] > table.loc["noise", "faithfulness"] + 0.2
    assert table.loc["occlusion", "removal: inverted"] < table.loc["random", "removal: inverted"]
    with pytest.raises(ValueError, match="methods must name at least one method"):
        compare_methods(model, x[:3], methods=[])
