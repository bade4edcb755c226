"""Neighbour search: exact, fast, and of an index; the axes it looks along."""

from .axes import Axes
from .exact import neighbors, overlap
from .fast import nearest
from .index import Index
from .rows import EqualRows, equal_rows_exceed, row_marks

__all__ = [
    "Axes",
    "EqualRows",
    "Index",
    "equal_rows_exceed",
    "nearest",
    "neighbors",
    "overlap",
    "row_marks",
]
