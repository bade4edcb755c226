"""The question about a column that samples are coloured or sized by."""

from __future__ import annotations

from typing import Annotated, Any

from dvi_widget.widget import columns
from dvi_widget.widget.arguments import Epoch, Landscape
from dvi_widget.widget.request import Check, Context, refusal, request
from dvi_widget.widget.scene import Scene
from dvi_widget.widget.wire import Report


def _name(value: Any, name: str, context: Context) -> str:
    known = [each["name"] for each in columns.outlines(context.scene, context.earlier["landscape"])]
    if not isinstance(value, str) or value not in known:
        raise refusal(name, " or ".join(map(repr, known)) or "absent: there is none", value)
    return value


ColumnName = Annotated[str, Check(_name, str)]


@request("column", pace="long", cached=True)
def column(
    scene: Scene, report: Report, landscape: Landscape, epoch: Epoch, name: ColumnName
) -> columns.Values:
    """Send what samples are coloured or sized by."""
    return columns.column(scene, landscape, epoch, name, report)
