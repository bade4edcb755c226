"""Figures of merit of several maps over the epochs, as curves for a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dvi_widget.texts import in_figure

_COLUMNS = ("epoch", "split", "measure", "k", "value")
_SHOWN = ("nn_pv", "boundary_pv", "ppr", "temporal_pv")
_COLORS = ("#0467d5", "#b5541c", "#2a8c5a", "#8a3ffc", "#c53b80", "#6b7a00", "#3b4252", "#d19a00")
_PANEL_PX = 300


def curves(
    tables: Mapping[str, pd.DataFrame],
    measures: Sequence[str] = _SHOWN,
    *,
    split: str = "test",
    k: int = 15,
) -> Any:
    """Draw measures of several maps over the epochs, a panel each (DeepVisualInsight, Fig. 4–8).

    Parameters
    ----------
    tables : mapping of str to DataFrame
        By name of the map, what `Landscape.measures` returned.
    measures : sequence of str
        The measures to draw.
    split : str
        "train" or "test".
    k : int
        Of the measures that count neighbours.

    Returns
    -------
    plotly.graph_objects.Figure
        A line per map in each panel, and dotted ones for what a placebo gets on the same data. A single epoch
        is a point.

    Raises
    ------
    TypeError, ValueError
        If there is no table, one lacks a column, or none of them has a measure.
    """
    if not isinstance(tables, Mapping) or not tables:
        raise TypeError(f"tables must be tables of measures by name; got {type(tables).__name__}.")
    for name, table in tables.items():
        missing = [column for column in _COLUMNS if column not in getattr(table, "columns", ())]
        if missing:
            raise ValueError(
                f"tables[{name!r}] must be what landscape.measures() returns; it lacks {', '.join(missing)}."
            )
    from plotly.subplots import make_subplots  # noqa: PLC0415 - plotly loads slowly

    figure = make_subplots(1, len(measures), subplot_titles=list(measures))
    for column, measure in enumerate(measures, start=1):
        found = {name: _rows(table, measure, split, k) for name, table in tables.items()}
        if not any(map(len, found.values())):
            known = sorted({str(value) for table in tables.values() for value in table["measure"]})
            raise ValueError(
                f"measures must be among {', '.join(known)}; got {measure!r} of {split!r}, k = {k}."
            )
        for i, (name, rows) in enumerate(found.items()):
            line = {"color": _COLORS[i % len(_COLORS)]}
            shown = {"name": in_figure(name), "legendgroup": name, "line": line}
            figure.add_scatter(
                x=rows["epoch"], y=rows["value"], mode="lines+markers", showlegend=column == 1, **shown,
                row=1, col=column,
            )  # fmt: skip
            if "placebo" in rows and rows["placebo"].notna().any():
                figure.add_scatter(
                    x=rows["epoch"], y=rows["placebo"], mode="lines", showlegend=False,
                    **{**shown, "name": f"{in_figure(name)}, placebo", "line": {**line, "dash": "dot"}},
                    row=1, col=column,
                )  # fmt: skip
    figure.update_xaxes(title="epoch")
    return figure.update_layout(
        template="plotly_white", width=max(2, len(measures)) * _PANEL_PX, height=_PANEL_PX + 60
    )


def _rows(table: pd.DataFrame, measure: str, split: str, k: int) -> pd.DataFrame:
    """Return the rows of one measure by epoch, at k where it has one."""
    rows = table[(table["measure"] == measure) & (table["split"] == split)]
    rows = rows[rows["k"].isna() | (rows["k"] == k)]
    return rows.assign(epoch=rows["epoch"].astype(int), value=rows["value"].astype(float)).sort_values(
        "epoch"
    )
