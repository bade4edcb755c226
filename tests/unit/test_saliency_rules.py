"""Attributions are right for the model at hand: however its ReLUs are written, in any mode and output."""

import copy
import warnings

import captum.attr
import numpy as np
import pytest
import torch
from saliency_models import (
    WRITINGS,
    Functional,
    Modules,
    Residual,
    Softened,
    linear_network,
    pictures,
    seeded,
)
from torch import nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from dvi_widget import saliency
from dvi_widget.saliency import METHODS, attribute, inspect_model
from dvi_widget.saliency.rules import Kind, LayerRule, Relevance, Rule, Term, Trace

TARGET = torch.tensor([0, 1, 2, 3, 4, 0])
WITH_NETWORK = [name for name, method in METHODS.items() if method.needs - {"attention"}]
CHEAP = {
    "smoothgrad": {"samples": 4},
    "gradient_shap": {"samples": 4},
    "integrated_gradients": {"steps": 8},
    "prediction_difference": {"samples": 2},
    "lime": {"samples": 32},
    "kernel_shap": {"samples": 32},
    "shapley_sampling": {"permutations": 2},
    "rise": {"masks": 32, "cells": 4},
}


def values(model, method, x=None, target=TARGET, **parameters):
    return attribute(model, pictures() if x is None else x, target, method, **parameters).values


def captums(attribution, **options):
    made = attribution.attribute(pictures(), target=TARGET, **options)
    return made.detach().sum(1).numpy()


@pytest.mark.feature("E8")
def test_guided_backprop_and_deconvolution_equal_captum_s_on_relu_modules():
    model = seeded(Modules())
    guided = captums(captum.attr.GuidedBackprop(copy.deepcopy(model)))
    deconvolution = captums(captum.attr.Deconvolution(copy.deepcopy(model)))
    np.testing.assert_allclose(values(model, "guided_backprop"), guided, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(values(model, "deconvolution"), deconvolution, rtol=1e-4, atol=1e-6)
    assert not np.allclose(guided, values(model, "gradient"), atol=1e-3)


def test_deep_lift_equals_captum_s_on_modules():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 5, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(5, 6),
        nn.ELU(),
        nn.Linear(6, 5),
    ).eval()
    expected = captums(captum.attr.DeepLift(copy.deepcopy(model)), baselines=torch.zeros_like(pictures()))
    np.testing.assert_allclose(values(model, "deep_lift"), expected, rtol=1e-3, atol=1e-5)
    blur = saliency.gradients.filled(pictures(), "blur")
    expected = captums(captum.attr.DeepLift(copy.deepcopy(model)), baselines=blur)
    np.testing.assert_allclose(values(model, "deep_lift", baseline="blur"), expected, rtol=1e-3, atol=1e-5)


def test_deep_lift_is_right_where_a_max_pooling_follows_a_relu_and_captum_is_not():
    model = nn.Sequential(nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1, 2, bias=False))
    with torch.no_grad():
        model[3].weight.copy_(torch.tensor([[2.0], [0.0]]))
    x, reference = torch.tensor([[[[-0.5, 1.0], [3.0, 0.5]]]]), torch.tensor([[[[5.0, -1.0], [1.0, 0.0]]]])
    maps = attribute(model, x, 0, "deep_lift", baseline=reference[0])
    # The window falls from 5 to 3, and it was the corner that held the 5.
    np.testing.assert_allclose(maps.values[0], [[-4, 0], [0, 0]])
    assert maps.error[0] < 1e-6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        captums = captum.attr.DeepLift(copy.deepcopy(model)).attribute(x, reference, target=0)
    assert abs(captums.sum().item() - -4) > 1


def test_lrp_equals_captum_s_where_captum_has_rules():
    class Plain(Modules):
        def forward(self, x):
            x = self.pool(self.relus[0](self.conv1(x)))
            return self.linear(self.relus[2](self.conv3(self.relus[1](self.conv2(x)))).flatten(1))

    model = seeded(Plain())
    expected = captums(captum.attr.LRP(copy.deepcopy(model)))
    np.testing.assert_allclose(values(model, "lrp", epsilon=1e-9), expected, rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize("writing", WRITINGS)
@pytest.mark.parametrize("method", ["guided_backprop", "deconvolution", "deep_lift", "lrp", "deep_taylor"])
def test_rules_reach_relus_however_they_are_written(writing, method):
    np.testing.assert_allclose(
        values(seeded(writing()), method), values(seeded(Modules()), method), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("writing", WRITINGS)
def test_captum_is_silently_wrong_on_functional_relus_and_this_is_not(writing):
    model = seeded(writing())
    gradient = values(model, "gradient")
    if isinstance(model, Functional):
        np.testing.assert_allclose(captums(captum.attr.GuidedBackprop(model)), gradient, atol=1e-5)
    assert np.abs(values(model, "guided_backprop") - gradient).max() > 0.05 * np.abs(gradient).max()


def test_lrp_without_epsilon_is_input_times_gradient_for_a_relu_network():
    # Ancona et al. 2018, Prop. 3.
    model = seeded(Functional())
    np.testing.assert_allclose(
        values(model, "lrp", epsilon=1e-10), values(model, "input_x_gradient"), rtol=1e-2, atol=1e-3
    )


@pytest.mark.parametrize("model", [Modules(), Functional(), Residual()], ids=lambda m: type(m).__name__)
def test_deep_lift_and_deep_taylor_are_complete(model):
    maps = attribute(seeded(model), pictures(), TARGET, "deep_lift")
    assert maps.error.max() < 1e-3
    maps = attribute(seeded(model), pictures(), None, "deep_taylor")
    assert maps.error.max() < 1e-3
    assert (maps.values * np.sign(maps.logits.max(1))[:, None, None] >= -1e-6).all()


def test_deep_lift_is_complete_through_overlapping_poolings_and_smooth_activations():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3),
        nn.GELU(),
        nn.MaxPool2d(3, 1, padding=1),
        nn.Flatten(),
        nn.Linear(144, 5),
        nn.Tanh(),
    )
    maps = attribute(model, pictures(), TARGET, "deep_lift", baseline="mean")
    assert maps.error.max() < 1e-3


@pytest.mark.parametrize("method", WITH_NETWORK)
def test_a_map_does_not_depend_on_its_batch_mates(method):
    model = seeded(Functional()).train()
    options = CHEAP.get(method, {})
    together = values(model, method, **options)
    alone = values(model, method, pictures()[2:3], TARGET[2:3], **options)
    np.testing.assert_allclose(together[2:3], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", [name for name in METHODS if name != "attention_rollout"])
def test_the_model_is_left_as_it_was_found(method):
    model = seeded(Functional()).train()
    model.bn1.eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    random = torch.get_rng_state()
    values(model, method, pictures()[:1], 1, **CHEAP.get(method, {}))
    assert model.training
    assert not model.bn1.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks or module._backward_hooks for module in model.modules())
    assert torch.equal(torch.get_rng_state(), random)


def test_logits_are_explained_though_the_model_gives_saturated_probabilities():
    model = seeded(Functional())
    soft = Softened(model, scale=1.0)
    for method in ("gradient", "integrated_gradients", "deep_lift", "lrp", "grad_cam", "occlusion"):
        with pytest.warns(UserWarning, match="probabilities"):
            maps = values(soft, method)
        np.testing.assert_allclose(maps, values(model, method), rtol=1e-4, atol=1e-5)


def test_gradients_do_not_vanish_where_a_probability_is_nearly_one():
    class Exponentials(nn.Module):
        """Probabilities without a softmax to read before."""

        def forward(self, x):
            e = (x.flatten(1)[:, :3] * torch.tensor([9.0, 1.0, 1.0])).exp()
            return e / e.sum(1, keepdim=True)

    x = torch.ones(1, 1, 2, 2)
    assert Exponentials()(x).max() > 0.999
    with pytest.warns(UserWarning, match="probabilities"):
        maps = values(Exponentials(), "gradient", x, 0)
    np.testing.assert_allclose(maps.ravel(), [6, -1 / 3, -1 / 3, 0], atol=1e-3)


def test_log_probabilities_are_read_before_their_softmax():
    model = seeded(Functional())
    logged = nn.Sequential(model, nn.LogSoftmax(1))
    np.testing.assert_allclose(values(logged, "deep_lift"), values(model, "deep_lift"), rtol=1e-4, atol=1e-5)


def test_inspection_names_functional_relus_and_supports_every_method_of_a_relu_network():
    told = inspect_model(seeded(Functional()).train(), pictures())
    assert [name for name, reason in told.methods.items() if reason] == ["attention_rollout"]
    assert "3 ReLU calls, 3 of them functions rather than modules" in str(told)
    assert "training mode" in str(told)
    assert told.last_convolution == "conv3"
    assert told.layers.loc[told.layers["name"] == "conv2", "shape"].item() == (6, 4, 4)


def test_inspection_says_why_not_with_the_modules_and_the_way_out():
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(2, 4, 3)
            self.act = nn.SiLU()
            self.norm = nn.GroupNorm(2, 4)
            self.linear = nn.Linear(4, 3)

        def forward(self, x):
            x = self.norm(self.act(self.conv(x)))
            return self.linear((x * torch.sigmoid(x)).mean((2, 3)))

    model = Gated()
    told = inspect_model(model, pictures())
    assert "silu in act (SiLU)" in told.methods["guided_backprop"]
    assert "sigmoid in the model's own forward" in told.methods["guided_backprop"]
    assert "group_norm in norm (GroupNorm)" in told.methods["deep_lift"]
    assert "mul in the model's own forward" in told.methods["deep_lift"]
    assert "silu" not in told.methods["deep_lift"]
    assert "Use integrated_gradients" in told.methods["lrp"]
    assert told.methods["integrated_gradients"] == ""
    for method in ("guided_backprop", "deconvolution", "guided_grad_cam", "deep_lift", "lrp", "deep_taylor"):
        with pytest.raises(ValueError, match="method must support the model"):
            values(model, method, target=0)
    assert np.isfinite(values(model, "grad_cam", target=0)).all()


def test_inspection_says_which_modules_are_used_more_than_once():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(2, 2, 3, padding=1)
            self.act = nn.ReLU()
            self.linear = nn.Linear(2, 3)

        def forward(self, x):
            x = self.act(self.conv(self.act(self.conv(x))))
            return self.linear(x.mean((2, 3)))

    torch.manual_seed(0)
    model = Twice()
    told = inspect_model(model, pictures())
    assert "Used more than once in a pass: conv, act." in str(told)
    assert [name for name, reason in told.methods.items() if reason] == ["attention_rollout"]
    apart = copy.deepcopy(model)
    unrolled = nn.Sequential(
        apart.conv,
        nn.ReLU(),
        copy.deepcopy(apart.conv),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        apart.linear,
    )
    for method in ("guided_backprop", "deep_lift", "lrp", "grad_cam"):
        np.testing.assert_allclose(
            values(model, method, target=0), values(unrolled, method, target=0), atol=1e-5
        )


def test_a_scripted_model_is_refused_by_rules_and_served_by_gradients():
    model = seeded(Modules())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.trace(model, pictures())
    with pytest.raises(ValueError, match="TorchScript"):
        values(scripted, "guided_backprop")
    np.testing.assert_allclose(values(scripted, "gradient"), values(model, "gradient"), atol=1e-5)


def test_guided_backprop_has_nothing_to_say_without_relus():
    with pytest.raises(ValueError, match="the model has none"):
        values(linear_network(torch.randn(5, 2, 8, 8)), "guided_backprop")


@pytest.mark.feature("E9")
def test_guided_backprop_forgets_the_class_and_the_gradient_does_not():
    model = seeded(Functional())
    for weight in (model.linear.weight, model.conv2.weight):
        with torch.no_grad():
            weight.add_(0.2)
    guided = attribute(model, pictures(), None, "guided_backprop", likeness=True).likeness
    assert guided.mean() > 0.9
    x = pictures(4)
    maps = attribute(model, x, 0, "gradient", likeness=True)
    runner_up = maps.logits.copy()
    runner_up[:, 0] = -np.inf
    other = values(model, "gradient", x, runner_up.argmax(1))
    cosine = (maps.values * other).sum((1, 2)) / np.sqrt(
        (maps.values**2).sum((1, 2)) * (other**2).sum((1, 2))
    )
    np.testing.assert_allclose(maps.likeness, cosine, rtol=1e-4)


def test_rules_follow_pictures_not_weights_that_are_computed_or_learned():
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.utils.parametrizations.weight_norm(nn.Conv2d(2, 4, 3))
            self.scale = nn.Parameter(torch.full((1, 4, 1, 1), 2.0))
            self.shift = nn.Parameter(torch.full((1, 4, 1, 1), 0.1))
            self.linear = nn.Linear(4, 3)

        def forward(self, x):
            x = F.relu(self.conv((x - 0.5) / 0.25))
            return self.linear((x * self.scale + self.shift).mean((2, 3)))

    torch.manual_seed(0)
    told = inspect_model(Scaled(), pictures())
    assert [name for name, reason in told.methods.items() if reason] == ["attention_rollout"]
    assert attribute(Scaled(), pictures(), 0, "deep_lift").error.max() < 1e-3
    assert attribute(Scaled(), pictures(), 0, "deep_taylor").error.max() < 1e-3


def test_a_relevance_rule_of_a_few_lines_conserves_the_logit():
    class Gamma(LayerRule):
        def terms(self, layer):
            x, weight, _ = layer.given
            return [Term(x, weight if weight is None else weight + 0.25 * weight.clamp(min=0))]

    class GammaLRP(Relevance):
        def layer_rule(self, layer):
            return Gamma(self._epsilon)

    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, bias=False),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(4, 4, 2, bias=False),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16, 3, bias=False),
    ).double()
    leaf = pictures().double().requires_grad_()
    with GammaLRP(1e-12):
        logit = model(leaf)[:, 1]
    (relevance,) = torch.autograd.grad((logit * logit.detach()).sum(), leaf)
    torch.testing.assert_close(relevance.sum((1, 2, 3)), logit.detach(), rtol=1e-6, atol=1e-9)
    plain = values(model, "lrp", target=1, epsilon=1e-12)
    assert np.abs(relevance.sum(1).numpy() - plain).max() > 0.01 * np.abs(plain).max()


def test_a_rule_says_where_it_is_right_and_inspection_repeats_it():
    class Halved(Rule):
        title = "Halving"

        def relu(self, call):
            y = call.run()
            y.register_hook(lambda gradient: gradient / 2)
            return y

        @classmethod
        def supports(cls, call):
            return call.kind is not Kind.MAX_POOL

    model = seeded(Functional())
    trace = Trace(model)
    with trace:
        model(pictures().requires_grad_())
    assert Halved.objection(trace.calls).startswith("Halving has no rule for max_pool2d in the model's own")
    assert Halved.objection([call for call in trace.calls if call.kind is Kind.RELU]) == ""


@pytest.mark.parametrize("rule", ["alpha_beta", "w_square"])
def test_relevance_of_a_dense_network_is_the_sum_over_its_weights(rule):
    model = seeded(nn.Sequential(nn.Flatten(), nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 3))).double()
    x = torch.randn(1, 2, 2, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    layers, hidden = (model[1], model[3]), model[1](x.flatten(1)).clamp(min=0)
    r = model(x)[0] * torch.eye(3, dtype=torch.float64)[1]
    for layer, entering in zip(layers[::-1], (hidden[0], x.flatten()), strict=True):
        given = torch.zeros_like(entering)
        for j, row in enumerate(layer.weight):
            z = entering * row  # what each input contributes to neuron j
            for i in range(len(entering)):
                if rule == "w_square":
                    given[i] += r[j] * row[i] ** 2 / (row**2).sum()
                elif z[i] > 0:
                    given[i] += 2 * r[j] * z[i] / z.clamp(min=0).sum()
                elif z[i] < 0:
                    given[i] -= r[j] * z[i] / z.clamp(max=0).sum()
        r = given
    found = attribute(model, x, 1, "lrp", rule=rule, epsilon=1e-12).values
    np.testing.assert_allclose(found[0], r.detach().view(2, 2, 2).sum(0), rtol=1e-4)
