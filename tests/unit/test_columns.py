"""What samples are coloured and sized by."""

from __future__ import annotations

import comm
import numpy as np
import pandas as pd
import pytest
import traitlets
from hosts import RecordingComm
from scipy.special import log_softmax
from synthetic import fitted, landscape

from dvi_widget.widget.columns import names, of_table
from dvi_widget.widget.explorer import Explorer
from dvi_widget.widget.questions import ask
from dvi_widget.widget.scene import Scene
from dvi_widget.widget.wire import RequestError


@pytest.fixture(autouse=True)
def host(monkeypatch):
    monkeypatch.setattr(comm, "create_comm", RecordingComm)


def with_columns(shown):
    n = len(shown.samples)
    shown.samples["age"] = np.arange(n, dtype=float)
    shown.samples.loc[3, "age"] = np.nan
    shown.samples["device"] = pd.Categorical.from_codes(np.arange(n) % 3, ["phone", "tablet", "watch"])
    shown.samples["note"] = [f"note {i}" for i in range(n)]
    shown.samples["odd"] = np.arange(n) % 2 == 1
    return shown


def column(shown, name, epoch=5):
    return ask(Scene([shown]), "column", {"landscape": 0, "epoch": epoch, "name": name})


def test_every_column_that_says_something_in_colour_is_offered():
    scene = Scene([with_columns(fitted(120, (0, 5)))])
    found = names(scene)
    assert found[:5] == ["label", "prediction", "correctness", "split", "confidence"]
    assert {"margin", "loss", "lost neighbours", "aum", "forgetting events", "age", "device", "odd"} <= set(
        found
    )
    assert "note" not in found  # more texts than colours
    outlines = ask(scene, "hello", {}).result["landscapes"][0]["columns"]
    kinds = {each["name"]: (each["kind"], each["moves"]) for each in outlines}
    assert kinds["loss"] == ("number", True)
    assert kinds["aum"] == ("number", False)
    assert kinds["device"] == ("category", False)
    assert "odd" not in kinds  # a group, which the page knows


def test_an_engine_that_knows_nothing_offers_the_table_alone():
    found = names(Scene([with_columns(landscape(n=40))]))
    assert found == ["label", "prediction", "correctness", "split", "confidence", "odd", "age", "device"]


def test_margin_and_loss_are_those_of_the_logits_of_the_epoch():
    shown = fitted(60, (0, 5))
    label = shown.samples["label"].to_numpy()
    for epoch in (0, 5):
        log_p = log_softmax(np.asarray(shown.source.logits(epoch), float), axis=1)
        loss = column(shown, "loss", epoch).arrays["values"]
        assert np.isnan(loss[label < 0]).all()
        known = np.flatnonzero(label >= 0)
        np.testing.assert_allclose(loss[known], -log_p[known, label[known]], rtol=1e-5)
        top = np.sort(np.exp(log_p), axis=1)
        margin = column(shown, "margin", epoch).arrays["values"]
        np.testing.assert_allclose(margin, top[:, -1] - top[:, -2], atol=1e-6)


@pytest.mark.feature("F2")
def test_lost_neighbours_and_dynamics_are_those_of_the_landscape():
    shown = fitted(60, (0, 5))
    lost = column(shown, "lost neighbours").arrays["values"]
    np.testing.assert_allclose(lost, shown.neighbor_loss(5), atol=1e-6)
    scene = Scene([shown])
    table = scene.dynamics[shown].table(lambda *_: None)
    aum = column(shown, "aum").arrays["values"]
    np.testing.assert_allclose(aum, table["aum"].to_numpy(np.float32), equal_nan=True)


def test_columns_of_the_table_keep_their_values_and_categories():
    shown = with_columns(landscape(n=200, epochs=(5,)))
    age = column(shown, "age")
    np.testing.assert_array_equal(age.arrays["values"], shown.samples["age"].to_numpy(np.float32))
    assert age.result["names"] == []
    # The outermost hundredths are drawn as the ends of the scale.
    assert 0 < age.result["low"] < 5
    assert 195 < age.result["high"] < 199
    device = column(shown, "device")
    assert device.result["names"] == ["phone", "tablet", "watch"]
    np.testing.assert_array_equal(device.arrays["values"], np.arange(200) % 3)


def test_numbers_without_a_spread_have_a_scale_all_the_same():
    table = pd.DataFrame({"flat": [2.0, 2.0], "none": [np.nan, np.nan], "rare": [0.0, 1.0]})
    assert (of_table(table, "flat").low, of_table(table, "flat").high) == (2, 2)
    assert (of_table(table, "none").low, of_table(table, "none").high) == (0, 1)
    with pytest.raises(RequestError, match=r"^name must be a column"):
        of_table(table, "other")


def test_explorers_take_the_names_of_columns_and_refuse_others():
    explorer = Explorer(with_columns(fitted(60, (0, 5))))
    for name in ("age", "device", "odd", "loss", "split"):
        explorer.color_by = explorer.size_by = name
        assert (explorer.color_by, explorer.size_by) == (name, name)
    explorer.size_by = ""
    for trait in ("color_by", "size_by"):
        with pytest.raises(traitlets.TraitError, match=rf"^{trait} must be one of .*'age'.*; got 'mood'"):
            setattr(explorer, trait, "mood")
    with pytest.raises(traitlets.TraitError, match=r"^color_by must be"):
        explorer.color_by = ""
    assert explorer.color_by == "split"
    with pytest.raises(RequestError, match=r"^name must be 'margin' or"):
        column(with_columns(fitted(60, (0, 5))), "mood")
