"""Draw a student as a plotly figure: weights, weighted features and both probability bars (Fig. 1c)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from dvi_widget.texts import for_plotly, in_figure

if TYPE_CHECKING:
    from .student import LinearStudent

_MAX_COLUMNS = 10  # classes drawn, the likeliest
_COLORSCALE = "RdBu_r"  # red for, blue against
_UNKNOWN = "rgba(128, 128, 128, 0.3)"  # of inputs that no neighbour varies, which have no weight
_TITLE_CHARACTERS = 110  # per line


def student_figure(student: LinearStudent, classes: Sequence[str] | None) -> go.Figure:
    """Draw one column per class, of the ten likeliest; grey inputs do not vary. The verdict is the title."""
    fidelity = student.fidelity(classes=classes)
    names = (
        [str(c) for c in range(len(fidelity.teacher))]
        if classes is None
        else [in_figure(str(name)) for name in classes]
    )
    drawn = np.sort(np.argsort(-(fidelity.teacher + fidelity.student), kind="stable")[:_MAX_COLUMNS])
    moves = student.varied_.any(axis=0)
    weights, weighted = (
        np.where(moves, maps.sum(axis=1), np.nan) for maps in (student.weights(), student.weighted())
    )
    columns = len(drawn)
    figure = make_subplots(
        rows=3,
        cols=columns,
        specs=[[{}] * columns, [{}] * columns, [{"colspan": columns}, *[None] * (columns - 1)]],
        column_titles=[names[c] for c in drawn],
        row_titles=["weights", "weighted", "probability"],
        vertical_spacing=0.06,
        horizontal_spacing=0.01,
    )
    together = _largest(weighted[drawn])
    for column, c in enumerate(drawn, 1):
        _add_map(figure, weights[c], _largest(weights[c]), 1, column, names[c])
        _add_map(figure, weighted[c], together, 2, column, names[c])
    labels = [names[c] for c in drawn]
    for name, values in (("teacher", fidelity.teacher), ("student", fidelity.student)):
        figure.add_bar(x=labels, y=values[drawn], name=name, row=3, col=1)
    figure.update_xaxes(type="category", row=3, col=1)
    figure.update_yaxes(range=[0, 1], row=3, col=1)
    figure.update_layout(
        title={"text": _wrapped(for_plotly(fidelity.verdict)), "font": {"size": 13}},
        height=460,
        width=110 * columns + 160,
        margin={"t": 100, "b": 40, "l": 40, "r": 40},
        legend={"orientation": "h", "y": -0.08},
        plot_bgcolor=_UNKNOWN,
    )
    return figure


def _add_map(
    figure: go.Figure, values: NDArray[np.float32], largest: float, row: int, column: int, name: str
) -> None:
    """Draw one map [H, W], upright, red for and blue against."""
    figure.add_heatmap(
        z=values,
        zmin=-largest,
        zmax=largest,
        colorscale=_COLORSCALE,
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
    return float(np.nanmax(np.abs(values), initial=0)) or 1.0


def _wrapped(text: str) -> str:
    """Break text into lines that fit the title."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) > _TITLE_CHARACTERS:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(lines)
