"""Layers looked into: filters, activations, receptive fields, patches, reconstructions of known answer."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from saliency_models import Functional, Residual, pictures, seeded
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from dvi_widget import saliency
from dvi_widget.saliency import activations, filters, nearest, receptive_field, reconstruct, top_patches


@pytest.mark.feature("E1")
def test_first_layer_filters_are_colour_tiles_with_zero_as_grey():
    model = nn.Sequential(nn.Conv2d(3, 4, 5), nn.Conv2d(4, 6, 3), nn.Flatten(), nn.Linear(24, 2))
    with torch.no_grad():
        model[0].weight[0].zero_()
        model[0].weight[1].fill_(-0.5)
    told = filters(model, "0")
    assert told.tiles.shape == (4, 5, 5, 3)
    assert told.tiles.dtype == np.uint8
    assert (told.tiles[0] == 128).all()
    assert (told.tiles[1] == 1).all()
    np.testing.assert_array_equal(told.weights, model[0].weight.detach().numpy())
    assert filters(model, "1").tiles.shape == (6, 4, 3, 3)


@pytest.mark.feature("D3", "E2")
def test_activations_are_what_leaves_the_layer_even_if_the_next_one_overwrites_it():
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(108, 2)).train()
    x = pictures()
    with torch.no_grad():
        expected = model[0](x)
    np.testing.assert_allclose(activations(model, "0", x), expected.numpy(), atol=1e-6)
    np.testing.assert_allclose(activations(model, "1", x), expected.relu().numpy(), atol=1e-6)
    assert activations(model, "3", x).shape == (6, 2)
    assert model.training


def field_of(layers, place, size=24):
    model = nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(2))
    model(torch.zeros(1, 1, size, size))
    rows, columns = receptive_field(model, str(len(layers) - 1), torch.zeros(1, 1, size, size))
    assert (rows == columns).all()
    return tuple(rows[place])


def test_the_receptive_field_of_a_known_stack():
    conv = nn.Conv2d(1, 1, 3)
    assert field_of([conv], 5) == (5, 8)
    assert field_of([conv, nn.ReLU(), nn.Conv2d(1, 1, 3)], 5) == (5, 10)
    assert field_of([conv, nn.MaxPool2d(2), nn.Conv2d(1, 1, 3)], 2) == (4, 12)
    assert field_of([nn.Conv2d(1, 1, 3, stride=2, padding=1)], 3) == (5, 8)
    assert field_of([nn.Conv2d(1, 1, 3, stride=2, padding=1)], 0) == (0, 2)
    assert field_of([nn.Conv2d(1, 1, 3, dilation=4)], 2) == (2, 11)
    assert field_of([nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True), nn.BatchNorm2d(1)], 4) == (7, 10)
    assert field_of([conv, nn.AdaptiveAvgPool2d(1)], 0) == (0, 24)


@settings(max_examples=20)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["conv", "max", "avg"]),
            st.integers(1, 5),
            st.integers(1, 3),
            st.integers(0, 2),
            st.booleans(),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_receptive_fields_follow_the_arithmetic_of_kernels_and_strides(stack):
    layers, steps, side = [], [], 30
    for kind, drawn, stride, wanted, dead in stack:
        kernel = min(drawn, side)  # no larger than what earlier strides have left of the picture
        padding = min(wanted, kernel // 2)
        if kind == "conv":
            layer = nn.Conv2d(1, 1, kernel, stride, padding)
            if dead:
                # Weights that let nothing through hide nothing from the field.
                nn.init.constant_(layer.weight, -1)
                nn.init.constant_(layer.bias, -1)
        else:
            layer = (nn.MaxPool2d if kind == "max" else nn.AvgPool2d)(kernel, stride, padding)
        layers += [layer, nn.ReLU()]
        steps.append((kernel, stride, padding, side))
        side = (side + 2 * padding - kernel) // stride + 1
    model = nn.Sequential(nn.Sequential(*layers), nn.Flatten(), Two())
    rows, _ = receptive_field(model, "0", torch.zeros(1, 1, 30, 30))
    assert len(rows) == side
    for place, ends in enumerate(rows):
        top, bottom = place, place + 1
        for kernel, stride, padding, entering in reversed(steps):
            top, bottom = top * stride - padding, (bottom - 1) * stride - padding + kernel
            top, bottom = max(0, top), min(entering, bottom)
        assert ends.tolist() == [top, bottom]


class Two(nn.Module):
    """Two logits, whatever comes."""

    def forward(self, x):
        return torch.stack([x.sum(1), -x.sum(1)], 1)


def test_a_shortcut_by_slicing_counts_in_the_receptive_field():
    rows, _ = receptive_field(seeded(Residual()), "bn", pictures())
    np.testing.assert_array_equal(rows, [[0, 3], [0, 5], [2, 7], [4, 8]])


@pytest.mark.feature("E3")
def test_the_top_patch_is_the_planted_one():
    planted = torch.tensor([[0.0, 1, 0], [1, 1, 1], [0, 1, 0]])
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 100, 2))
    with torch.no_grad():
        model[0].weight[0, 0] = planted - 0.5
        model[0].weight[1, 0] = -planted
        model[0].bias.zero_()
    x = torch.rand(20, 1, 12, 12, generator=torch.Generator().manual_seed(0)) * 0.3
    x[7, 0, 4:7, 8:11] = planted
    x[13, 0, 0:3, 2:5] = planted * 0.9
    found = top_patches(model, "0", x, k=3)
    assert found.indices[0, :2].tolist() == [7, 13]
    assert found.boxes[0, 0].tolist() == [4, 8, 7, 11]
    assert found.boxes[0, 1].tolist() == [0, 2, 3, 5]
    np.testing.assert_allclose(found.crop(x.numpy(), 0, 0)[0], planted)
    assert (np.diff(found.values, axis=1) <= 0).all()
    one = top_patches(model, "0", x, k=3, units=[1])
    np.testing.assert_array_equal(one.indices[0], found.indices[1])
    assert one.units.tolist() == [1]


def test_units_of_a_flat_layer_see_the_whole_picture():
    found = top_patches(seeded(Functional()), "linear", pictures(), k=2)
    assert found.boxes.shape == (5, 2, 4)
    assert (found.boxes == [0, 0, 8, 8]).all()


@pytest.mark.feature("E4")
def test_deconvolution_of_a_unit_transposes_its_filter_at_the_strongest_place():
    model = nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 36, 2))
    x = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    a = activations(model, "0", x)[:, 1]
    made = reconstruct(model, "0", 1, x)
    expected = np.zeros((3, 1, 8, 8), np.float32)
    for i, maps in enumerate(a):
        r, c = np.unravel_index(maps.argmax(), maps.shape)
        expected[i, 0, r : r + 3, c : c + 3] = maps.max() * model[0].weight[1, 0].detach().numpy()
    np.testing.assert_allclose(made, expected, atol=1e-5)


def test_reconstruction_goes_through_functional_relus_by_their_rule():
    model, x = seeded(Functional()), pictures()
    plain, guided, deconvolved = (
        reconstruct(model, "conv3", 2, x, rule=rule)
        for rule in ("gradient", "guided_backprop", "deconvolution")
    )
    assert plain.shape == guided.shape == deconvolved.shape == (6, 2, 8, 8)
    assert not np.allclose(plain, guided, atol=1e-4)
    assert not np.allclose(guided, deconvolved, atol=1e-4)


def test_the_nearest_sample_of_a_training_sample_is_itself():
    model, x = seeded(Functional()), pictures()
    indices, distances = nearest(model, "conv3", x, x[2:4], k=3)
    assert indices[:, 0].tolist() == [2, 3]
    np.testing.assert_allclose(distances[:, 0], 0, atol=1e-4)
    expected = F.relu(torch.zeros(1)).item()
    assert distances.min() >= expected


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m, x: filters(m, "conv9"), ValueError, "got 'conv9': the closest are 'conv"),
        (
            lambda m, x: filters(m, "linear"),
            ValueError,
            "layer must be a two-dimensional convolution; got 'linear', a Linear. The model has 'conv1'",
        ),
        (lambda m, x: filters(m, None), TypeError, "layer must be the name of a module; got None"),
        (
            lambda m, x: top_patches(m, "conv1", x, k="3"),
            ValueError,
            "k must be a whole number .* got '3'",
        ),
        (lambda m, x: activations(m, "bn", x), ValueError, "the closest are 'bn1'"),
        (lambda m, x: top_patches(m, "conv1", x, k=7), ValueError, r"k must be a whole number in 1\.\.6"),
        (
            lambda m, x: top_patches(m, "conv1", x, k=2, units=[4]),
            ValueError,
            r"units must lie in 0\.\.3",
        ),
        (
            lambda m, x: reconstruct(m, "conv1", 9, x),
            ValueError,
            r"units must lie in 0\.\.3",
        ),
        (
            lambda m, x: reconstruct(m, "conv1", 0, x, rule="relu"),
            ValueError,
            "rule must be one of .* got 'relu'",
        ),
        (
            lambda m, x: activations(LogisticRegression(), "a", x),
            TypeError,
            "model must be a torch module to have layers",
        ),
        (
            lambda m, x: saliency.receptive_field(m, "", x),
            ValueError,
            "layer must be a module of the network; got ''",
        ),
    ],
)
def test_bad_input_is_refused_at_the_door(call, error, message):
    with pytest.raises(error, match=message):
        call(seeded(Functional()), pictures())


def test_a_layer_that_never_runs_is_refused():
    model = seeded(Functional())
    model.idle = nn.ReLU()
    for call in (activations, top_patches, receptive_field):
        with pytest.raises(ValueError, match="layer must run in a forward pass; got 'idle'"):
            call(model, "idle", *([pictures(9)] if call is not top_patches else [pictures(9), 2]))
