"""Attribution methods on models whose answer is known, bad input, streaming and stopping."""

import threading

import captum.attr
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from saliency_models import CLASSES, Functional, Modules, linear_network, pictures, seeded
from sklearn.linear_model import LogisticRegression
from torch import nn

from dvi_widget.saliency import METHODS, attribute, inspect_model, stream
from dvi_widget.subject import Predictor, Subject

WEIGHTS = torch.randn(CLASSES, 2, 8, 8, generator=torch.Generator().manual_seed(3))
GRADIENT_FREE = [name for name, method in METHODS.items() if not method.needs]
FEW = {
    "prediction_difference": {"samples": 2, "patch": 4},
    "lime": {"samples": 32},
    "kernel_shap": {"samples": 32},
    "shapley_sampling": {"permutations": 2},
    "rise": {"masks": 32, "cells": 4},
}


def maps_of(model, method, x=None, target=2, **parameters):
    return attribute(model, pictures() if x is None else x, target, method, **parameters)


def square_sums(values, patch):
    """Sums over squares: [N, H/patch, W/patch]."""
    n, h, w = values.shape
    return values.reshape(n, h // patch, patch, w // patch, patch).sum((2, 4))


def test_gradient_and_smoothgrad_of_a_linear_model_are_its_weights():
    model = linear_network(WEIGHTS)
    expected = np.broadcast_to(WEIGHTS[2].sum(0), (6, 8, 8))
    np.testing.assert_allclose(maps_of(model, "gradient").values, expected, atol=1e-5)
    np.testing.assert_allclose(maps_of(model, "smoothgrad", samples=3).values, expected, atol=1e-5)


@pytest.mark.feature("D2")
@pytest.mark.parametrize("method", ["integrated_gradients", "deep_lift", "input_x_gradient", "lrp"])
def test_of_a_linear_model_what_is_complete_gives_w_times_x(method):
    expected = (WEIGHTS[2] * pictures()).sum(1)
    np.testing.assert_allclose(maps_of(linear_network(WEIGHTS), method).values, expected, atol=1e-3)


@pytest.mark.parametrize("method", ["kernel_shap", "shapley_sampling"])
def test_shapley_values_of_a_linear_model_are_the_squares_own_effects(method):
    x = pictures()
    effects = (WEIGHTS[2] * (x - x.mean((2, 3), keepdim=True))).sum(1).numpy()
    maps = maps_of(linear_network(WEIGHTS), method, patch=2)
    np.testing.assert_allclose(square_sums(maps.values, 2), square_sums(effects, 2), atol=1e-3)


def test_lime_of_a_linear_model_finds_the_squares_own_effects():
    x = pictures()
    effects = square_sums((WEIGHTS[2] * x).sum(1).numpy(), 4)
    found = square_sums(
        maps_of(linear_network(WEIGHTS), "lime", patch=4, baseline="zero", width=10, samples=2000).values, 4
    )
    np.testing.assert_allclose(found, effects, atol=0.02 * np.abs(effects).max())


@pytest.mark.parametrize("method", ["integrated_gradients", "deep_lift", "kernel_shap", "shapley_sampling"])
def test_values_sum_to_the_effect_and_the_error_says_how_nearly(method):
    model, x = seeded(Functional()), pictures()
    options = {"steps": 256} if method == "integrated_gradients" else {}
    maps = maps_of(model, method, x, baseline="zero", **options)
    with torch.no_grad():
        effect = (model(x) - model(torch.zeros_like(x)))[:, 2].numpy()
    np.testing.assert_allclose(maps.values.sum((1, 2)), effect, rtol=0.02, atol=0.01)
    np.testing.assert_allclose(
        maps.error, np.abs(maps.values.sum((1, 2)) - effect) / np.abs(effect), atol=1e-4
    )
    assert maps.error.max() < 0.05
    assert not maps.flagged.any()


def test_gradient_shap_nears_its_effect_with_more_samples():
    few, many = (
        maps_of(seeded(Functional()), "gradient_shap", samples=samples).error.mean() for samples in (8, 2000)
    )
    assert many < few / 3


def test_a_map_that_misses_more_than_a_twentieth_of_the_effect_is_flagged():
    maps = maps_of(seeded(Functional()), "integrated_gradients", steps=1, max_steps=1)
    assert (maps.error > 0.05).any()
    np.testing.assert_array_equal(maps.flagged, maps.error > 0.05)
    assert not maps_of(seeded(Functional()), "gradient").flagged.any()


class Corner(nn.Module):
    """Looks at a square of one picture corner and at nothing else."""

    def forward(self, x):
        seen = x[:, 0, 4:6, 2:4].sum((1, 2))
        return torch.stack([seen, -seen], 1)


@pytest.mark.feature("D2")
@pytest.mark.parametrize("method", ["occlusion", "prediction_difference", "kernel_shap", "shapley_sampling"])
def test_what_the_model_looks_at_peaks_and_all_else_is_zero(method):
    x = torch.zeros(1, 2, 8, 8)
    x[:, 0, 4:6, 2:4] = 1
    options = {"stride": 2} if method == "occlusion" else {}
    values = maps_of(Corner(), method, x, 0, patch=2, **options).values[0]
    looked = np.zeros((8, 8), bool)
    looked[4:6, 2:4] = True
    assert (values[looked] > 0).all()
    np.testing.assert_allclose(values[~looked], 0, atol=1e-6)


def test_rise_and_lime_peak_where_the_model_looks():
    x = torch.zeros(1, 2, 8, 8)
    x[:, 0, 4:6, 2:4] = 1
    for method, options in (("rise", {"masks": 2000, "cells": 4}), ("lime", {"patch": 2})):
        values = maps_of(Corner(), method, x, 0, **options).values[0]
        assert values[4:6, 2:4].mean() > 3 * np.abs(values).mean()


@pytest.mark.feature("E7")
def test_occlusion_covers_with_the_mean_colour_not_with_black():
    x = torch.full((1, 2, 8, 8), 0.7)
    np.testing.assert_allclose(maps_of(Corner(), "occlusion", x, 0).values, 0, atol=1e-6)
    assert maps_of(Corner(), "occlusion", x, 0, baseline="zero").values.max() > 1


# Methods whose maps are linear in the logit explained; a contrast is then the difference between two maps.
LINEAR = {
    "gradient": {},
    "input_x_gradient": {},
    "smoothgrad": {"samples": 4},
    "gradient_shap": {"samples": 4},
    "deep_lift": {"baseline": "blur"},
    "grad_cam": {"relu": False},
    "lrp": {},
    "deep_taylor": {},
}


@pytest.mark.feature("F13")
@pytest.mark.parametrize("method", LINEAR)
def test_a_map_against_a_class_is_the_difference_between_the_maps_of_both(method):
    contrast = attribute(seeded(Functional()), pictures(), 2, method, against=1, **LINEAR[method])
    own, other = (maps_of(seeded(Functional()), method, target=c, **LINEAR[method]) for c in (2, 1))
    expected = own.values - other.values
    np.testing.assert_allclose(contrast.values, expected, atol=1e-5 * np.abs(expected).max())
    assert contrast.against == 1


def test_maps_against_a_class_sum_to_the_difference_between_the_logits():
    for method in ("deep_lift", "deep_taylor"):
        maps = attribute(seeded(Functional()), pictures(), 2, method, against=1)
        z = maps.logits[:, 2] - maps.logits[:, 1]
        if method == "deep_lift":
            black = attribute(seeded(Functional()), torch.zeros(1, *pictures().shape[1:]), 2, method)
            z = z - (black.logits[0, 2] - black.logits[0, 1])
        np.testing.assert_allclose(maps.values.sum((1, 2)), z, rtol=1e-3, atol=1e-4)
        assert maps.error.max() < 1e-2


def test_what_maps_against_a_class_sum_to_is_said_of_the_difference():
    complete = [method for method in METHODS.values() if method.completeness and method.contrasts]
    assert {method.name for method in complete} >= {"integrated_gradients", "deep_lift", "deep_taylor"}
    for method in complete:
        assert "to the logit" in method.completeness
        assert "to the difference between both logits" in method.completeness_against


def test_what_two_classes_share_does_not_tell_them_apart():
    # Both classes want the left pixel alike; the first wants the right one more than the second does.
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        model[1].weight.copy_(torch.tensor([[5.0, 3.0], [5.0, 1.0]]))
    x = torch.tensor([[[[2.0, 4.0]]]])
    for method in ("integrated_gradients", "input_x_gradient", "lrp"):
        maps = attribute(model, x, 0, method, against=1)
        np.testing.assert_allclose(maps.values[0], [[0, 8]], atol=1e-4)
    assert attribute(model, x, None, "gradient", against=1).target[0] == 0


def test_counterfactual_grad_cam_shows_what_speaks_for_other_classes():
    # A map that speaks for the class at the left, one that speaks against it at the right.
    model = nn.Sequential(
        nn.Conv2d(1, 2, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2)
    )
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([1.0, -1.0])[:, None, None, None])
        model[3].weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    x = torch.tensor([[[[1.0, -1.0]]]])
    usual = attribute(model, x, 0, "grad_cam", layer="0").values[0]
    other = attribute(model, x, 0, "grad_cam", layer="0", counterfactual=True).values[0]
    np.testing.assert_allclose(usual, [[0.5, 0]], atol=1e-6)
    np.testing.assert_allclose(other, [[0, 0.5]], atol=1e-6)


@pytest.mark.parametrize("layer", ["conv1", "conv3", "relus.1"])
def test_grad_cam_equals_captum_s(layer):
    model, x = seeded(Modules()), pictures()
    captums = captum.attr.LayerGradCam(model, model.get_submodule(layer)).attribute(x, target=2)
    big = captum.attr.LayerAttribution.interpolate(captums, (8, 8), "bilinear").detach()[:, 0].numpy()
    np.testing.assert_allclose(maps_of(model, "grad_cam", layer=layer, relu=False).values, big, atol=1e-6)


@pytest.mark.feature("D3")
def test_grad_cam_takes_the_last_convolution_unless_told_otherwise():
    model = seeded(Functional())
    maps = maps_of(model, "grad_cam")
    assert maps.parameters == {"layer": "conv3", "relu": True, "counterfactual": False}
    np.testing.assert_array_equal(maps.values, maps_of(model, "grad_cam", layer="conv3").values)
    assert (maps.values >= 0).all()


def test_grad_cam_plus_plus_weighs_a_lone_gradient_alike_everywhere():
    # Where a channel has one active pixel with slope g, α = g² / (2g² + A g³): the paper's Eq. 19.
    class Lone(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 1, bias=False)

        def forward(self, x):
            seen = self.conv(x)[:, 0, 1, 1]
            return torch.stack([3 * seen, -seen], 1)

    model = Lone()
    nn.init.ones_(model.conv.weight)
    x = torch.zeros(1, 1, 4, 4)
    x[0, 0, 1, 1] = 2
    alpha = 9 / (2 * 9 + 2 * 27)
    values = maps_of(model, "grad_cam_plus_plus", x, 0).values[0]
    assert values[1, 1] == pytest.approx(alpha * 3 * 2)


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.sampled_from(["mean", "zero", "blur"]))
def test_deep_lift_is_complete_whatever_the_weights_and_the_baseline(seed, baseline):
    model = seeded(Functional(), seed)
    maps = attribute(model, pictures(2, seed), None, "deep_lift", baseline=baseline)
    assert (np.abs(maps.error) < 0.01).all()


@pytest.mark.parametrize("method", ["smoothgrad", "gradient_shap", *FEW])
def test_the_same_seed_gives_the_same_map(method):
    options = FEW.get(method, {"samples": 4})
    a, b, c = (
        maps_of(seeded(Functional()), method, pictures(1), seed=seed, **options).values for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)


def digits_classifier():
    rng = np.random.default_rng(0)
    x = rng.random((60, 1, 8, 8)).astype(np.float32)
    y = (x[:, 0, :4].mean((1, 2)) > x[:, 0, 4:].mean((1, 2))).astype(int)
    return LogisticRegression(C=100).fit(x.reshape(60, -1), y), x


@pytest.mark.parametrize("method", GRADIENT_FREE)
def test_methods_without_gradients_serve_a_scikit_learn_model(method):
    model, x = digits_classifier()
    maps = maps_of(model, method, x[:2], 1, **FEW.get(method, {}))
    assert maps.values.shape == (2, 8, 8)
    assert np.isfinite(maps.values).all()
    assert maps.values[:, :4].mean() > maps.values[:, 4:].mean()


def test_methods_with_gradients_say_why_not_for_a_scikit_learn_model():
    model, x = digits_classifier()
    with pytest.raises(ValueError, match=r"LogisticRegression, not a torch module.*occlusion"):
        maps_of(model, "gradient", x, 1)
    told = inspect_model(model, x)
    assert [name for name, reason in told.methods.items() if not reason] == GRADIENT_FREE


def test_a_plain_callable_and_a_subject_will_do():
    model = seeded(Functional())
    x = pictures()
    expected = maps_of(model, "occlusion", x).values
    np.testing.assert_allclose(maps_of(Subject(model), "occlusion", x).values, expected)

    def probabilities(batch):
        return model(torch.as_tensor(batch)).softmax(1).detach().numpy()

    maps = maps_of(probabilities, "occlusion", x)
    logged = maps_of(Predictor(probabilities), "occlusion", x)
    np.testing.assert_array_equal(maps.values, logged.values)


def test_gradients_work_although_they_are_disabled_outside():
    model = seeded(Functional())
    expected = maps_of(model, "gradient").values
    with torch.no_grad():
        np.testing.assert_array_equal(maps_of(model, "gradient").values, expected)
    with torch.inference_mode():
        x = pictures()
        np.testing.assert_array_equal(maps_of(model, "gradient", x).values, expected)
        assert torch.is_inference_mode_enabled()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    np.testing.assert_array_equal(maps_of(model, "gradient").values, expected)
    np.testing.assert_allclose(
        maps_of(model, "grad_cam").values, maps_of(seeded(Functional()), "grad_cam").values
    )


def test_a_model_that_cuts_its_gradients_off_is_told_so():
    class Sealed(Functional):
        @torch.no_grad()
        def forward(self, x):
            return super().forward(x)

    with pytest.raises(ValueError, match=r"torch\.no_grad\(\), or detaches"):
        maps_of(seeded(Sealed()), "guided_backprop")
    with pytest.raises(ValueError, match=r"No gradient comes back from the model"):
        maps_of(seeded(Sealed()), "integrated_gradients")
    assert "No gradient comes back" in inspect_model(seeded(Sealed()), pictures()).methods["gradient"]
    assert np.isfinite(maps_of(seeded(Sealed()), "occlusion").values).all()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"method": "grad-cam"}, ValueError, "method must be one of gradient, .* got 'grad-cam'"),
        ({"target": CLASSES}, ValueError, r"target must be a class of the model, 0 to 4; got 5"),
        ({"target": -1}, ValueError, r"target must be .*; got -1"),
        ({"target": [0, 1]}, ValueError, r"one for each of the 6 pictures; got shape \(2,\)"),
        ({"target": 1.5}, TypeError, "whole numbers"),
        ({"steps": 0}, ValueError, r"steps must be in 1\.\.10000; got 0"),
        ({"steps": 2.5}, TypeError, "steps must be a whole number; got float"),
        (
            {"stops": 3},
            TypeError,
            "integrated_gradients takes the parameters steps, max_steps, baseline; got stops",
        ),
        ({"baseline": "black"}, ValueError, "baseline must be .*got 'black'"),
        (
            {"baseline": np.zeros(7)},
            ValueError,
            r"baseline must be .* for pictures \(2, 8, 8\); got shape \(7,\)",
        ),
        (
            {"method": "grad_cam", "layer": "conv4"},
            ValueError,
            "got 'conv4': the closest are 'conv",
        ),
        (
            {"method": "grad_cam", "layer": "linear"},
            ValueError,
            r"layer must have maps .* got 'linear' with \(6, 5\)",
        ),
        ({"against": 2}, ValueError, "against must be another class than the one explained; got 2 for both"),
        ({"against": 5}, ValueError, "against must be a class of the model, 0 to 4; got 5"),
        ({"against": True}, ValueError, "against must be a whole number"),
        ({"against": 1, "method": "rise"}, ValueError, "against must be None for rise; got 1. It works for"),
        ({"against": 1, "likeness": True}, ValueError, "likeness must be False with against"),
        ({"method": "grad_cam", "relu": 1}, TypeError, "relu must be True or False; got int"),
        (
            {"method": "lrp", "rule": "gamma"},
            ValueError,
            "rule must be one of epsilon, epsilon_plus, alpha_beta, w_square; got 'gamma'",
        ),
        (
            {"images": np.zeros((6, 2, 8, 8), np.uint8)},
            TypeError,
            r"images must be floating; got uint8.*astype\('float32'\) / 255",
        ),
        ({"images": np.zeros((8, 8), np.float32)}, ValueError, r"got shape \(8, 8\)"),
        ({"images": np.full((1, 2, 8, 8), np.nan, np.float32)}, ValueError, "NaN or infinity"),
    ],
)
def test_bad_input_is_refused_at_the_door(change, error, message):
    given = {"images": pictures(), "target": 2, "method": "integrated_gradients"} | change
    with pytest.raises(error, match=message):
        attribute(seeded(Functional()), **given)


def test_weights_on_several_devices_or_none_are_refused():
    model = seeded(Functional())
    model.conv1.to("meta")
    with pytest.raises(ValueError, match=r"one device; got cpu, meta"):
        maps_of(model, "gradient")
    with pytest.raises(ValueError, match="must have values; got the device 'meta'"):
        maps_of(model.to("meta"), "gradient")
    with pytest.raises(TypeError, match="must be a torch module"):
        maps_of(3, "gradient")


def test_one_picture_may_come_alone_and_in_any_floating_type():
    model, x = seeded(Functional()), pictures()
    expected = maps_of(model, "gradient").values[:1]
    np.testing.assert_allclose(maps_of(model, "gradient", x[0]).values, expected, atol=1e-5)
    twice = maps_of(model.double(), "gradient", x.double().numpy())
    assert twice.values.dtype == np.float32


def test_the_caller_s_pictures_are_never_written_to():
    class Overwriting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = seeded(Functional())

        def forward(self, x):
            return self.inner(x.mul_(2))

    x = pictures()
    kept = x.clone()
    for method in ("gradient", "guided_backprop", "occlusion", "deep_lift"):
        maps_of(Overwriting(), method, x)
    assert torch.equal(x, kept)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        (
            {"baseline": float("nan")},
            "baseline must be one of mean, zero, blur, or finite numbers; got nan",
        ),
        ({"baseline": [1.0, np.inf]}, "baseline must be one of"),
        ({"patch": 2, "stride": 3}, r"stride must be at most patch=2.*got 3"),
    ],
)
def test_squares_that_cover_nothing_sensible_are_refused(parameters, says):
    with pytest.raises(ValueError, match=says):
        maps_of(Functional(), "occlusion", pictures(1), **parameters)


@pytest.mark.parametrize("given", ["pic.png", None, [{"x": 1}]])
def test_what_is_no_picture_is_refused_by_name(given):
    with pytest.raises(TypeError, match="images must be an array of numbers"):
        attribute(Functional(), given)


def test_squares_smaller_than_the_usual_step_leave_no_gaps():
    maps = maps_of(seeded(Functional()), "occlusion", pictures(1), patch=1)
    assert maps.parameters["stride"] == 1


@pytest.mark.feature("D7")
def test_slow_methods_arrive_picture_by_picture():
    pieces = stream(seeded(Functional()), pictures(), None, "lime", samples=16)
    first = next(pieces)
    assert first.values.shape == (1, 8, 8)
    rest = list(pieces)
    whole = attribute(seeded(Functional()), pictures(), None, "lime", samples=16)
    np.testing.assert_array_equal(
        np.concatenate([first.values, *(piece.values for piece in rest)]), whole.values
    )


def test_work_can_be_stopped_and_leaves_the_model_as_it_was():
    class EnoughError(Exception):
        pass

    said = []

    def report(share):
        said.append(share)
        if share > 0.5:
            raise EnoughError

    model = seeded(Functional()).train()
    with pytest.raises(EnoughError):
        attribute(model, pictures(), None, "occlusion", report=report)
    assert model.training
    assert 0 < said[-2] <= 0.5 < said[-1] < 1
    attribute(model, pictures(), None, "occlusion", report=said.append)
    assert said[-1] == 1


def test_what_a_stream_has_yielded_survives_an_interruption():
    def interrupt(share):
        if share > 0.5:
            raise KeyboardInterrupt

    model, finished = seeded(Functional()), []
    with pytest.raises(KeyboardInterrupt):
        finished.extend(stream(model, pictures(), 1, "occlusion", report=interrupt))
    whole = attribute(model, pictures(), 1, "occlusion")
    assert 0 < len(finished) < 6
    np.testing.assert_array_equal(
        np.concatenate([part.values for part in finished]), whole.values[: len(finished)]
    )


def test_maps_made_on_a_thread_leave_the_caller_s_random_state_alone():
    model = seeded(Functional())
    made = []
    torch.manual_seed(5)
    thread = threading.Thread(target=lambda: made.append(maps_of(model, "gradient_shap", samples=8)))
    thread.start()
    thread.join()
    after = torch.randn(3)
    torch.manual_seed(5)
    assert torch.equal(after, torch.randn(3))
    assert made[0].values.shape == (6, 8, 8)


@pytest.mark.feature("D2")
def test_the_method_table_is_plain_enough_to_draw_a_form_from():
    import json

    told = inspect_model(seeded(Functional()), pictures())
    table = json.loads(json.dumps(told.table()))
    assert [entry["name"] for entry in table] == list(METHODS)
    for entry in table:
        assert entry["label"]
        assert entry["description"].endswith(".")
        assert bool(entry["unsupported"]) == (entry["name"] == "attention_rollout")
        for parameter in entry["parameters"]:
            assert parameter["kind"] in {"int", "float", "bool", "choice", "layer", "fill"}
            assert parameter["description"]
            if parameter["kind"] in {"int", "float"}:
                assert parameter["low"] <= parameter["default"] <= parameter["high"]
    cam = next(entry for entry in table if entry["name"] == "grad_cam")["parameters"][0]
    assert cam["default"] == "conv3"
    assert cam["choices"] == ["conv1", "bn1", "conv2", "conv3"]
    assert {entry["name"] for entry in table if entry["eager"]} >= {"gradient", "guided_backprop", "grad_cam"}


def test_a_layer_with_maps_serves_where_there_is_no_convolution():
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(128, 128), nn.Unflatten(1, (2, 8, 8)), nn.Flatten(), nn.Linear(128, 3)
    )
    with pytest.raises(ValueError, match="no convolution"):
        maps_of(model, "grad_cam")
    assert maps_of(model, "grad_cam", layer="2").values.shape == (6, 8, 8)


def test_it_is_said_where_deconvolution_does_not_look_at_the_picture():
    blind = seeded(nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)))
    same = maps_of(blind, "deconvolution", target=1).values
    np.testing.assert_allclose(same, np.broadcast_to(same[:1], same.shape), atol=1e-6)
    assert any("same map for every picture" in remark for remark in inspect_model(blind, pictures()).remarks)
    seeing = seeded(Functional())
    differing = maps_of(seeing, "deconvolution", target=1).values
    assert np.abs(differing - differing[:1]).max() > 1e-3
    assert not any("same map" in remark for remark in inspect_model(seeing, pictures()).remarks)


def test_pictures_that_do_not_fit_the_model_are_named_with_what_would():
    flat = nn.Sequential(nn.Linear(128, 3))
    with pytest.raises(
        ValueError, match=r"^images must be samples of 128 numbers.* Begin the model with nn\.Flat"
    ):
        maps_of(flat, "gradient")
    with pytest.raises(ValueError, match=r"^images must be \[n, 5, H, W\], as the model's layer '0'"):
        inspect_model(nn.Sequential(nn.Conv2d(5, 2, 3), nn.Flatten(), nn.Linear(72, 3)), pictures())


def test_a_warning_about_the_model_shows_the_line_that_asked():
    soft = seeded(nn.Sequential(nn.Flatten(), nn.Linear(128, 3), nn.Softmax(1)))
    with pytest.warns(UserWarning, match="sum to one") as told:
        maps_of(soft, "gradient")
    assert told[0].filename == __file__ or told[0].filename.endswith("saliency_models.py")


class Vit(nn.Module):
    """A vision transformer in small: patches of 4 × 4, a class token, one head of attention per block."""

    def __init__(self, blocks=2, width=8, extra=1):
        super().__init__()
        torch.manual_seed(0)
        self.embed = nn.Conv2d(1, width, 4, stride=4)
        self.prefix = nn.Parameter(torch.randn(1, extra, width))
        self.place = nn.Parameter(torch.randn(1, 6 + extra, width))
        self.blocks = nn.ModuleList(
            nn.ModuleDict(
                {
                    "norm1": nn.LayerNorm(width),
                    "attention": nn.MultiheadAttention(width, 1, batch_first=True),
                    "norm2": nn.LayerNorm(width),
                    "mlp": nn.Sequential(nn.Linear(width, 16), nn.GELU(), nn.Linear(16, width)),
                }
            )
            for _ in range(blocks)
        )
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 3)

    def forward(self, x):
        patches = self.embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.prefix.expand(len(x), -1, -1), patches], 1) + self.place
        for block in self.blocks:
            h = block["norm1"](x)
            x = x + block["attention"](h, h, h, need_weights=False)[0]
            x = x + block["mlp"](block["norm2"](x))
        return self.head(self.norm(x)[:, 0])


@pytest.mark.parametrize("extra", [1, 2, 5])
def test_grad_cam_of_a_transformer_weights_the_tokens_of_its_patches(extra):
    model = Vit(extra=extra).eval()
    x = torch.randn(2, 1, 8, 12, generator=torch.Generator().manual_seed(1))
    maps = attribute(model, x, target=1, method="grad_cam", layer="blocks.1.norm1", relu=False)
    seen = []
    handle = model.blocks[1]["norm1"].register_forward_hook(lambda _, __, out: seen.append(out))
    z = model(x)
    handle.remove()
    (slopes,) = torch.autograd.grad(z[:, 1].sum(), seen[0])
    tokens, slopes = (t[:, extra:].transpose(1, 2).reshape(2, 8, 2, 3) for t in (seen[0].detach(), slopes))
    wanted = (slopes.mean((2, 3), keepdim=True) * tokens).sum(1)[:, None]
    wanted = nn.functional.interpolate(wanted, (8, 12), mode="bilinear")[:, 0]
    np.testing.assert_allclose(maps.values, wanted, atol=1e-6)


def test_grad_cam_of_a_transformer_needs_a_layer_and_names_one():
    model, x = Vit().eval(), torch.randn(1, 1, 8, 12)
    told = inspect_model(model, x)
    assert "blocks.1.norm1" in told.tokens
    assert "embed" not in told.tokens
    for method in ("grad_cam", "grad_cam_plus_plus", "guided_grad_cam"):
        with pytest.raises(ValueError, match=r"only cuts the picture into patches.*layer='blocks.1.norm1'"):
            attribute(model, x, method=method)
    with pytest.raises(ValueError, match="which they see the class token alone"):
        attribute(model, x, method="grad_cam", layer="norm")
    layers = next(entry for entry in told.table() if entry["name"] == "grad_cam")["parameters"]
    assert (
        "blocks.0.norm1" in next(parameter for parameter in layers if parameter["kind"] == "layer")["choices"]
    )


class Attending(Vit):
    """The same network, with attention by torch's product function or written out, over the mean token."""

    def __init__(self, way, extra=1, mean=False):
        super().__init__(extra=extra)
        self.way, self.mean = way, mean

    def attend(self, module, h):
        q, k, v = nn.functional.linear(h, module.in_proj_weight, module.in_proj_bias).chunk(3, -1)
        q, k, v = (t.unflatten(-1, (2, -1)).transpose(1, 2) for t in (q, k, v))
        if self.way == "product":
            y = nn.functional.scaled_dot_product_attention(q, k, v)
        else:
            y = nn.functional.dropout((q @ k.transpose(-2, -1) / 2).softmax(-1), 0.1, training=False) @ v
        return module.out_proj(y.transpose(1, 2).flatten(2))

    def forward(self, x):
        patches = self.embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.prefix.expand(len(x), -1, -1), patches], 1) + self.place
        for block in self.blocks:
            h = block["norm1"](x)
            if self.way == "module":
                x = x + block["attention"](h, h, h, need_weights=False)[0]
            else:
                x = x + self.attend(block["attention"], h)
            x = x + block["mlp"](block["norm2"](x))
        x = self.norm(x)
        return self.head(x.mean(1) if self.mean else x[:, 0])


@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize("way", ["module", "product", "written"])
def test_attention_rollout_multiplies_the_weights_of_all_layers(way, mean):
    model = Attending(way, extra=2, mean=mean).eval()
    for block in model.blocks:
        block["attention"].num_heads, block["attention"].head_dim = 2, 4
    x = torch.randn(2, 1, 8, 12, generator=torch.Generator().manual_seed(1))
    through = torch.eye(8)
    entered = []
    handles = [
        block["norm1"].register_forward_hook(lambda _, __, out: entered.append(out)) for block in model.blocks
    ]
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    for block, h in zip(model.blocks, entered, strict=True):
        projected = h @ block["attention"].in_proj_weight.T + block["attention"].in_proj_bias
        a = [
            (projected[..., 4 * i : 4 * i + 4] @ projected[..., 8 + 4 * i : 12 + 4 * i].mT / 2).softmax(-1)
            for i in range(2)
        ]
        through = (0.5 * (a[0] + a[1]) / 2 + 0.5 * torch.eye(8)) @ through
    row = through.mean(1) if mean else through[:, 0]
    expected = row[:, 2:].view(2, 1, 2, 3).detach()
    expected = nn.functional.interpolate(expected, (8, 12), mode="bilinear")[:, 0]
    maps = attribute(model, x, method="attention_rollout")
    np.testing.assert_allclose(maps.values, expected, atol=1e-6)
    assert np.ptp(maps.values) > 0.01


def test_attention_rollout_leaves_the_network_as_it_was_and_looks_at_each_picture_alone():
    model = Attending("module").train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    x = torch.randn(3, 1, 8, 12, generator=torch.Generator().manual_seed(2))
    together = attribute(model, x, method="attention_rollout").values
    assert model.training
    assert all(weight.requires_grad for weight in model.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())
    alone = attribute(model, x[1:2], method="attention_rollout").values
    np.testing.assert_allclose(together[1:2], alone, atol=1e-6)


def test_attention_rollout_is_refused_where_there_is_nothing_to_roll_out():
    x = torch.randn(1, 1, 8, 12)
    plain = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(120, 3)).eval()
    with pytest.raises(ValueError, match=r"attention_rollout\. The model has no layer of tokens"):
        attribute(plain, x, method="attention_rollout")
    half = Attending("written").eval()
    half.attend = lambda module, h: h.softmax(-1)  # mixes no tokens
    with pytest.raises(ValueError, match="no attention that rollout can see"):
        attribute(half, x, method="attention_rollout")
    wide = Attending("written").eval()
    wide.attend = lambda module, h: (h @ h[:, :3].mT).softmax(-1) @ h[:, :3]  # to three tokens only
    with pytest.raises(ValueError, match="not of the same patches of whole pictures"):
        attribute(wide, x, method="attention_rollout")


def test_flattened_maps_of_a_convolution_are_no_tokens():
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.Flatten(2), nn.Linear(64, 5), nn.Flatten(), nn.Linear(20, 3)
    )
    assert inspect_model(model, torch.randn(1, 1, 8, 8)).last_convolution == "0"


@pytest.mark.parametrize("width", [1, 3])
def test_a_network_that_ends_in_a_sigmoid_is_explained_before_it(width):
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, width))
    x = 20 * torch.randn(4, 1, 8, 8)
    for method in ("gradient", "integrated_gradients", "lrp"):
        plain = attribute(body, x, target=0 if width > 1 else 1, method=method)
        with pytest.warns(UserWarning, match="leave a sigmoid"):
            ended = attribute(
                nn.Sequential(*body, nn.Sigmoid()), x, target=0 if width > 1 else 1, method=method
            )
        np.testing.assert_allclose(ended.values, plain.values, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(ended.logits, plain.logits, rtol=1e-5)
