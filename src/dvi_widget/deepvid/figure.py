"""The student view as a plotly figure: weights, weighted features and both probability bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

if TYPE_CHECKING:
    from .student import LinearStudent

_SHOWN = 10  # columns of a figure: the likeliest classes
_DIVERGING = "RdBu_r"


def student_figure(student: LinearStudent, classes: Sequence[str] | None) -> go.Figure:
    """Columns are the classes (the likeliest ten, in their order); the verdict stands above them."""
    found = student.fidelity(classes=classes)
    names = (
        [str(c) for c in range(len(found.teacher))] if classes is None else [str(name) for name in classes]
    )
    shown = np.sort(np.argsort(-(found.teacher + found.student), kind="stable")[:_SHOWN])
    weights, weighted = student.weights().sum(axis=1), student.weighted().sum(axis=1)
    columns = len(shown)
    figure = make_subplots(
        rows=3,
        cols=columns,
        specs=[[{}] * columns, [{}] * columns, [{"colspan": columns}, *[None] * (columns - 1)]],
        column_titles=[names[c] for c in shown],
        row_titles=["weights", "weighted", "probability"],
        vertical_spacing=0.06,
        horizontal_spacing=0.01,
    )
    together = _largest(weighted[shown])
    for column, c in enumerate(shown, 1):
        _add_map(figure, weights[c], _largest(weights[c]), 1, column, names[c])
        _add_map(figure, weighted[c], together, 2, column, names[c])
    labels = [names[c] for c in shown]
    for name, values in (("teacher", found.teacher), ("student", found.student)):
        figure.add_bar(x=labels, y=values[shown], name=name, row=3, col=1)
    figure.update_xaxes(type="category", row=3, col=1)
    figure.update_yaxes(range=[0, 1], row=3, col=1)
    figure.update_layout(
        title={"text": _folded(found.verdict), "font": {"size": 13}},
        height=460,
        width=110 * columns + 160,
        margin={"t": 100, "b": 40, "l": 40, "r": 40},
        legend={"orientation": "h", "y": -0.08},
        plot_bgcolor="rgba(0,0,0,0)",
    )
    return figure


def _add_map(
    figure: go.Figure, values: NDArray[np.float32], largest: float, row: int, column: int, name: str
) -> None:
    """One map [H, W], upright, red for and blue against."""
    figure.add_heatmap(
        z=values,
        zmin=-largest,
        zmax=largest,
        colorscale=_DIVERGING,
        showscale=False,
        name=name,
        row=row,
        col=column,
    )
    axis = next(figure.select_traces(row=row, col=column)).xaxis
    figure.update_xaxes(visible=False, row=row, col=column)
    figure.update_yaxes(
        visible=False, autorange="reversed", scaleanchor=axis, constrain="domain", row=row, col=column
    )


def _largest(values: NDArray[np.float32]) -> float:
    return float(np.abs(values).max()) or 1.0


def _folded(text: str, width: int = 110) -> str:
    """Text in lines that a title has room for."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(lines)
