"""One epoch of a run as a method sees it: the data to learn from, and neighbour searches done once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dvi_widget.arrays import check_finite
from dvi_widget.nearest import equal_rows_exceed, nearest, row_marks
from dvi_widget.runs import Run

Head = Callable[[torch.Tensor], torch.Tensor]
Search = tuple[NDArray[np.int32], NDArray[np.float32]]

_MAX_MAGNITUDE = 1e15  # whose squared distances, summed up, are finite in single precision
_BLOCK_ROWS = 1 << 15  # through the head at once
_MIN_NEIGHBORS = 20  # of a search: as many as `Landscape.measures` uses by default
# Searches that are stored with a map, by the name they are stored under.
STORED_SEARCHES = {"neighbors": "xx", "boundary_neighbors": "xb"}


class Checkpoint:
    """One epoch of a run: its training samples, its boundary set to fit on and its head, never test samples.

    Each neighbour search is done once for all that need it: the parts of a method, the next epoch (eval_sem)
    and the measures. It finds as many neighbours as the measures use by default; fewer are the first of
    these.

    Parameters
    ----------
    run : Run
        A recorded run.
    epoch : int
        The recorded number. Arrays are read on first use.
    searched : mapping of str to int32 array, optional
        `searched` of the checkpoint to which this epoch's map was fitted.
    """

    def __init__(self, run: Run, epoch: int, searched: Mapping[str, NDArray[np.int32]] | None = None) -> None:
        self.epoch = epoch
        self._run = run
        self._loaded = dict(searched or {})
        self._searches: dict[str, Search] = {}

    @cached_property
    def x(self) -> NDArray[np.float32]:
        """Representations of the training samples [n, h]."""
        return bounded(
            f"the representations of the training samples in epoch {self.epoch}",
            self._run.features(self.epoch, "train"),
        )

    @cached_property
    def b(self) -> NDArray[np.float32]:
        """Representations of the boundary set to fit on [m, h]; m may be 0."""
        return bounded(
            f"the representations of the boundary samples in epoch {self.epoch}",
            self._run.boundary(self.epoch, "train"),
        )

    @cached_property
    def head(self) -> Head:
        """g: tensor [n, h] to logits [n, C], differentiable."""
        return self._run.head(self.epoch)

    @cached_property
    def predictions(self) -> NDArray[np.intp]:
        """Classes that the head predicts for the training samples [n]."""
        predictions: NDArray[np.intp] = head_logits(self.head, self.x).argmax(axis=1)
        return predictions

    @cached_property
    def boundary_logits(self) -> NDArray[np.float32]:
        """Logits of the boundary set [m, C]."""
        return head_logits(self.head, self.b)

    @cached_property
    def marks(self) -> NDArray[np.int64]:
        """Marks of the rows of x, then of b [n + m]: equal for equal rows (see `row_marks`)."""
        return np.concatenate([row_marks(self.x), row_marks(self.b)])

    @property
    def searched(self) -> dict[str, NDArray[np.int32]]:
        """Searches to store with the map: "neighbors", "boundary_neighbors" of the training samples [n, k].

        A search is left out if more than k of the representations searched are equal, as which of them were
        found is then arbitrary.
        """
        n = len(self.x)
        done = {}
        for name, kind in STORED_SEARCHES.items():
            if kind in self._searches:
                indices = self._searches[kind][0]
                marks = self.marks[:n] if kind == "xx" else self.marks[n:]
                if not equal_rows_exceed(marks, indices.shape[1]):
                    done[name] = indices
        return {**self._loaded, **done}

    def semantic_neighbors(self, k: int) -> NDArray[np.int32]:
        """Return the indices of `neighbors`, without a search if they were loaded with a map."""
        loaded = self._loaded.get("neighbors")
        return self.neighbors(k)[0] if loaded is None or loaded.shape[1] < k else loaded[:, :k]

    def neighbors(self, k: int) -> Search:
        """Search the k training samples nearest to each training sample: indices and distances [n, k]."""
        return self._once("xx", k, len(self.x) - 1, lambda k: nearest(self.x, k))

    def boundary_neighbors(self, k: int) -> Search:
        """Search the k boundary samples (or all, if fewer) nearest to each training sample."""
        return self._once("xb", k, len(self.b), lambda k: nearest(self.b, k, query=self.x))

    def neighbors_along_boundary(self, k: int) -> Search:
        """Search the k boundary samples (or all others, if fewer) nearest to each boundary sample."""
        return self._once("bb", k, len(self.b) - 1, lambda k: nearest(self.b, k))

    def _once(self, kind: str, k: int, available: int, search: Callable[[int], Search]) -> Search:
        """Search, unless enough neighbours of this kind are known."""
        if kind not in self._searches or self._searches[kind][0].shape[1] < min(k, available):
            self._searches[kind] = search(min(max(k, _MIN_NEIGHBORS), available))
        indices, distances = self._searches[kind]
        return indices[:, :k], distances[:, :k]


def head_logits(head: Head, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute the logits [n, C] of representations [n, h], some rows at a time."""
    with torch.no_grad():
        blocks = torch.split(torch.tensor(x, device="cpu"), _BLOCK_ROWS)
        logits: NDArray[np.float32] = torch.cat([head(block).cpu() for block in blocks]).numpy()
    return logits


def bounded(name: str, value: NDArray[Any]) -> NDArray[np.float32]:
    """Read representations or positions into memory as float32; refuse NaN, infinity and huge values.

    Raises
    ------
    ValueError
        If a value is not finite, or above 1e15.
    """
    array = np.ascontiguousarray(value, np.float32)
    try:
        check_finite(name, array)
    except ValueError as error:
        raise ValueError(f"{error} Did training diverge?") from None
    largest = float(max(array.max(initial=0), -array.min(initial=0)))
    if largest > _MAX_MAGNITUDE:
        raise ValueError(
            f"{name} must be {_MAX_MAGNITUDE:.0e} at most, as larger values overflow float32 when squared; "
            f"got {largest:.1e}. Did training diverge, or are the inputs out of scale?"
        )
    return array
