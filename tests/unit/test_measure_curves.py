"""Curves of the measures of several maps of one run of digits."""

import numpy as np
import pandas as pd
import pytest
from recorded import record

import dvi_widget as dvi


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("curves") / "run"
    record(folder)
    run = dvi.Run(folder)
    maps = {"DVI": dvi.DVI(), "PCA": dvi.baselines.PCA()}
    return {name: model.fit(run).landscape().measures(k=[10]) for name, model in maps.items()}


@pytest.mark.feature("A9", "A10")
def test_each_measure_has_a_panel_with_a_line_per_map_and_its_placebo(tables):
    figure = dvi.measures.curves(tables, ["nn_pv", "ppr"], k=10)
    assert [title.text for title in figure.layout.annotations] == ["nn_pv", "ppr"]
    lines = {(line.name, line.xaxis): line for line in figure.data}
    for name, table in tables.items():
        rows = table[(table["measure"] == "nn_pv") & (table["split"] == "test")].sort_values("epoch")
        np.testing.assert_allclose(lines[name, "x"].y, rows["value"].to_numpy(float))
        np.testing.assert_allclose(lines[f"{name}, placebo", "x"].y, rows["placebo"].to_numpy(float))
        assert list(lines[name, "x2"].x) == [0, 1, 2]


def test_what_is_no_table_of_measures_is_refused(tables):
    with pytest.raises(TypeError, match="tables must be tables of measures by name; got DataFrame"):
        dvi.measures.curves(tables["DVI"])
    with pytest.raises(ValueError, match=r"tables\['a'\] must be what landscape.measures\(\) returns"):
        dvi.measures.curves({"a": pd.DataFrame({"epoch": [0]})})
    with pytest.raises(ValueError, match=r"measures must be among .*; got 'nonsense'"):
        dvi.measures.curves(tables, ["nonsense"])
