"""The one small table through which the widget reaches the engines."""

from dvi_widget.widget.request import Operation

from . import explanations

OPERATIONS: dict[str, Operation] = {**explanations.OPERATIONS}
