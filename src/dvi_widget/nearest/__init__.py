"""Neighbour search: exact, fast, and of an index; the axes it looks along."""

from .axes import Axes
from .exact import neighbors, overlap
from .fast import compile_descent, nearest, needs_compiling
from .index import Index
from .rows import EqualRows, equal_rows_exceed, row_marks

__all__ = [
    "Axes",
    "EqualRows",
    "Index",
    "compile_descent",
    "equal_rows_exceed",
    "nearest",
    "needs_compiling",
    "neighbors",
    "overlap",
    "row_marks",
]
