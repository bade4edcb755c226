"""The question about a column that samples are coloured or sized by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from dvi_widget.widget import columns
from dvi_widget.widget.arguments import Epoch, Landscape
from dvi_widget.widget.request import Check, Context, refusal, request
from dvi_widget.widget.scene import Scene
from dvi_widget.widget.wire import Answer, Report


def _name(value: Any, name: str, context: Context) -> str:
    known = [each["name"] for each in columns.outlines(context.scene, context.earlier["landscape"])]
    if not isinstance(value, str) or value not in known:
        raise refusal(name, " or ".join(map(repr, known)) or "absent: there is none", value)
    return value


ColumnName = Annotated[str, Check(_name, str)]


@dataclass(frozen=True)
class Column(Answer):
    """A column of samples.

    Attributes
    ----------
    names : list of str
        Of the categories; empty for numbers.
    low, high : float
        The ends of the scale of numbers.
    values : float32 [n]
        The category by its place in `names`, or the number; NaN where there is none.
    """

    names: list[str]
    low: float
    high: float
    values: NDArray[np.float32]


@request("column", pace="long", cached=True)
def column(scene: Scene, report: Report, landscape: Landscape, epoch: Epoch, name: ColumnName) -> Column:
    """Send what samples are coloured or sized by."""
    found = columns.column(scene, landscape, epoch, name, report)
    return Column(found.names, found.low, found.high, found.values)
