"""Neighbour search: exact, fast, and within a class; the axes it looks along."""

from .axes import Axes
from .exact import neighbors, overlap
from .fast import compile_descent, nearest, needs_compiling
from .rows import EqualRows, equal_rows_exceed, row_marks
from .within_class import ClassIndex

__all__ = [
    "Axes",
    "ClassIndex",
    "EqualRows",
    "compile_descent",
    "equal_rows_exceed",
    "nearest",
    "needs_compiling",
    "neighbors",
    "overlap",
    "row_marks",
]
