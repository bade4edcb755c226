"""Suggestions: models compared on the same pictures, histograms that select, maps that fall into groups."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from saliency_models import Functional, Residual, pictures, seeded
from torch import nn

from dvi_widget.saliency import (
    QUADRANTS,
    activation_histogram,
    activations,
    attribute,
    attribution_share,
    cluster_maps,
    compare_models,
    error_histogram,
    gallery,
    overlay,
)


class Says(nn.Module):
    """Probabilities written into the picture's first pixels, shifted to another class by `turn`."""

    def __init__(self, turn=0) -> None:
        super().__init__()
        self.turn = turn

    def forward(self, x):
        return x.flatten(1)[:, :3].roll(self.turn, 1).log()


def spoken(rows):
    x = torch.full((len(rows), 1, 2, 2), 0.1)
    x.flatten(1)[:, :3] = torch.tensor(rows)
    return x


ROWS = [[0.98, 0.01, 0.01], [0.4, 0.3, 0.3], [0.01, 0.98, 0.01]]


def test_quadrants_are_named_by_agreement_and_mean_score():
    x = spoken(ROWS)
    same = compare_models({"a": Says(), "b": Says()}, x)
    assert same.quadrants.tolist() == ["agree, sure", "agree, unsure", "agree, sure"]
    turned = compare_models({"a": Says(), "b": Says(1), "c": Says(2)}, x, [0, 0, 2])
    assert turned.quadrants.tolist() == ["disagree, sure", "disagree, unsure", "disagree, sure"]
    assert turned.n_classes.tolist() == [3, 3, 3]
    np.testing.assert_allclose(turned.mean_score, [0.98, 0.4, 0.98], rtol=1e-5)
    table = turned.table()
    assert table["right"].tolist() == [1, 1, 1]
    assert table["b: prediction"].tolist() == [1, 1, 2]
    assert turned.select("disagree, sure").tolist() == [0, 2]
    with pytest.raises(ValueError, match="must be one of 'agree, sure'"):
        turned.select("agree")


@settings(max_examples=20)
@given(st.integers(1, 200), st.integers(1, 4))
def test_points_of_one_whole_number_are_spread_but_never_reach_the_next(n, models):
    rng = np.random.default_rng(n)
    rows = rng.dirichlet([1, 1, 1], n).astype(np.float32) + 1e-6
    told = compare_models({str(i): Says(i) for i in range(models)}, spoken(rows.tolist()))
    table = told.table()
    assert (table["spread"].abs() < 0.5).all()
    np.testing.assert_array_equal(table["spread"], told.table()["spread"])
    near = table.assign(place=table["n_classes"] + table["spread"], column=np.floor(table["mean_score"] * 40))
    assert not near.duplicated(["place", "column"]).any()


def test_the_figure_shows_every_picture_and_the_counts():
    told = compare_models({"a": Says(), "b": Says(1)}, spoken(ROWS), [0, 1, 2])
    figure = told.figure()
    assert sum(len(trace.x) for trace in figure.data) == 3
    assert {trace.name for trace in figure.data} <= set(QUADRANTS)
    assert [annotation.text for annotation in figure.layout.annotations] == ["3"]


def test_models_that_cannot_be_compared_are_refused_by_name():
    x = pictures()
    other = nn.Sequential(nn.Flatten(), nn.Linear(128, 3))
    with pytest.raises(ValueError, match=r"different numbers of them: a 5, b 3"):
        compare_models({"a": seeded(Functional()), "b": other}, x)
    with pytest.raises(ValueError, match=r"models must take pictures \(2, 6, 6\); 'b' does not"):
        compare_models({"a": seeded(Residual()), "b": seeded(Functional())}, pictures(size=6))
    with pytest.raises(TypeError, match="models must map names to models"):
        compare_models([seeded(Functional())], x)
    with pytest.raises(ValueError, match="labels must be 6 whole numbers"):
        compare_models({"a": seeded(Functional())}, x, [0, 1])


@pytest.mark.feature("D6")
def test_a_brushed_range_of_errors_selects_what_is_wrong():
    told = error_histogram(Says(), spoken(ROWS), [0, 0, 0])
    np.testing.assert_allclose(told.values, [-0.02, -0.6, -0.99], atol=1e-5)
    assert told.select(-1, -0.5).tolist() == [2, 1]
    assert told.counts.sum() == 3
    assert len(told.figure().data[0].x) == 30
    with pytest.raises(ValueError, match=r"labels must be in 0\.\.2"):
        error_histogram(Says(), spoken(ROWS), [0, 0, 3])


def test_a_layer_s_histogram_selects_what_excites_it():
    model, x = seeded(Functional()), pictures(20)
    a = activations(model, "conv2", x)
    told = activation_histogram(model, x, "conv2", unit=3)
    np.testing.assert_allclose(told.values, a[:, 3].max((1, 2)), rtol=1e-6)
    assert told.select(told.edges[-2], told.edges[-1])[-1] == a[:, 3].max((1, 2)).argmax()
    np.testing.assert_allclose(activation_histogram(model, x, "conv2").values, a.mean((1, 2, 3)), rtol=1e-5)
    with pytest.raises(ValueError, match=r"unit must be in 0\.\.5, the units of 'conv2'; got 6"):
        activation_histogram(model, x, "conv2", unit=6)


def test_the_share_of_attribution_on_a_region():
    values = np.zeros((3, 4, 4), np.float32)
    values[0, 0, 0], values[0, 3, 3] = -3, 1
    values[1] = 1
    mask = np.zeros((4, 4), bool)
    mask[:2, :2] = True
    np.testing.assert_allclose(attribution_share(values, mask), [0.75, 0.25, np.nan])
    maps = attribute(seeded(Functional()), pictures(), None, "gradient")
    np.testing.assert_allclose(attribution_share(maps, np.ones((8, 8), bool)), 1, rtol=1e-6)
    with pytest.raises(ValueError, match=r"mask must be bool \(4, 4\)"):
        attribution_share(values, np.ones((2, 2), bool))


def test_maps_of_two_kinds_fall_into_two_clusters_the_larger_first():
    rng = np.random.default_rng(0)
    maps = rng.normal(scale=0.05, size=(50, 8, 8)).astype(np.float32)
    cue = rng.permutation(50)[:15]
    maps[:, 3:5, 3:5] += 1
    maps[cue] = rng.normal(scale=0.05, size=(15, 8, 8))
    maps[cue, :2, :2] += 2
    found = cluster_maps(maps)
    assert found.labels.max() == 1
    np.testing.assert_array_equal(np.flatnonzero(found.labels == 1), np.sort(cue))
    assert found.prototypes[1, :2, :2].mean() > 5 * np.abs(found.prototypes[1, 3:]).mean()
    assert found.positions.shape == (50, 2)
    assert cluster_maps(maps, 3).labels.max() == 2
    with pytest.raises(ValueError, match="maps must be at least 4 maps"):
        cluster_maps(maps[:3])


def test_identical_maps_are_never_parted():
    a, b = np.random.default_rng(0).normal(size=(2, 8, 8))
    for k in (None, 2):
        found = cluster_maps(np.stack([a, b] * 10), k)
        np.testing.assert_array_equal(found.labels == found.labels[0], [True, False] * 10)
        assert np.isfinite(found.prototypes).all()
    assert len(found.prototypes) == 2


@pytest.mark.parametrize("change", [{"k": "3"}, {"k": 8}, {"seed": "a"}, {"n_neighbors": 0}])
def test_parameters_of_clusters_are_refused_by_name(change):
    with pytest.raises(ValueError, match=f"^{next(iter(change))} must be a whole number"):
        cluster_maps(np.random.default_rng(0).normal(size=(8, 4, 4)), **change)


def test_maps_are_laid_over_pictures_in_two_colours_and_zero_shows_the_picture():
    x = np.zeros((1, 1, 2, 2))
    x[0, 0, 0, 0] = 1
    values = np.array([[[0, 2.0], [-2.0, 0]]])
    shown = overlay(x, values, blend=1, scale=2)
    assert shown.dtype == np.uint8
    assert shown[0, 0, 0].tolist() == [255, 255, 255]
    assert shown[0, 1, 1].tolist() == [0, 0, 0]
    orange, blue = shown[0, 0, 1], shown[0, 1, 0]
    assert orange[0] > orange[2]
    assert blue[2] > blue[0]
    with pytest.raises(ValueError, match=r"maps must be \[N, H, W\]"):
        overlay(x, values[0])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"blend": 1.5}, r"blend must be a number in \[0, 1\]; got 1.5"),
        ({"blend": float("nan")}, "blend must be"),
        ({"scale": 0}, "scale must be above 0.*got 0"),
        ({"maps": np.full((2, 4, 4), np.nan)}, "maps must be finite; .* row 0"),
        ({"images": np.zeros((2, 2, 4, 4))}, "images must be .* C = 1 or 3"),
        ({"images": np.full((2, 1, 4, 4), np.inf)}, "images must be finite"),
    ],
)
def test_what_cannot_be_laid_over_a_picture_is_refused(change, says):
    given = {"images": np.zeros((2, 1, 4, 4)), "maps": np.zeros((2, 4, 4))} | change
    with pytest.raises(ValueError, match=says):
        overlay(**given)


def test_maps_without_names_make_no_gallery():
    with pytest.raises(TypeError, match="columns must map names to maps"):
        gallery(np.zeros((2, 1, 4, 4)), [np.zeros((2, 4, 4))])


@pytest.mark.parametrize("labels", [[0, 5, 1], [0, -2, 1]])
def test_labels_of_no_class_are_refused(labels):
    with pytest.raises(ValueError, match=r"labels must be in .*\.\.4, the model's classes"):
        compare_models({"one": seeded(Functional())}, pictures(3), labels)


def test_a_gallery_has_a_row_per_picture_and_a_column_per_method():
    x = pictures(3).mean(1, keepdim=True).numpy()
    maps = attribute(seeded(Functional()), pictures(3), None, "gradient")
    figure = gallery(x, {"gradient": maps, "none": np.zeros((3, 8, 8))}, ["a", "b", "c"], one_scale=True)
    assert list(figure.layout.xaxis.ticktext) == ["picture", "gradient", "none"]
    assert list(figure.layout.yaxis.ticktext) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="titles must be 3 texts"):
        gallery(x, {}, ["a"])
