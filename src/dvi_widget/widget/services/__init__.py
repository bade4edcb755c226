"""The one small table through which the widget reaches the engines."""

from dvi_widget.widget.request import Operation

from . import explanations, neighborhoods

OPERATIONS: dict[str, Operation] = {**explanations.OPERATIONS, **neighborhoods.OPERATIONS}
