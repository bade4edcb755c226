"""Rows that are equal bit by bit: a number that marks each, and how many coincide."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def row_marks(x: NDArray[np.float32]) -> NDArray[np.int64]:
    """Hash each row [n, h] to 64 bits: equal for rows that are equal bit by bit, in this process only."""
    return np.fromiter((hash(row.tobytes()) for row in x), np.int64, len(x))


def equal_rows_exceed(marks: NDArray[np.int64], count: int) -> bool:
    """Tell whether more than `count` rows are equal, by their marks."""
    return bool(np.unique(marks, return_counts=True)[1].max(initial=0) > count)


class EqualRows:
    """Look up which row of a table equals a given row bit by bit.

    Parameters
    ----------
    marks : int64 [n]
        The table's marks.
    """

    def __init__(self, marks: NDArray[np.int64]) -> None:
        self._order = np.argsort(marks, kind="stable")
        self._marks = marks[self._order]

    def find(self, x: NDArray[np.float32]) -> NDArray[np.intp]:
        """Look up each row of x [m, h]: its first equal in the table, or −1 if there is none."""
        marks = row_marks(x)
        at = np.searchsorted(self._marks, marks).clip(max=len(self._marks) - 1)
        return np.where(self._marks[at] == marks, self._order[at], -1)
