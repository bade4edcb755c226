"""The fitted epochs of a run: positions in memory, maps read from its folder when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvi_widget.runs import Run, RunError

from . import cache
from .cache import FittedEpoch
from .method import Map, Method

_MAPS_IN_MEMORY = 4  # of those read last: what two views show, what is painted ahead, and what is measured


class _Known(NamedTuple):
    """What is held of a fitted epoch, however many there are."""

    positions: NDArray[np.float32]
    digest: str
    path: Path
    kept: FittedEpoch | None  # all of it, where the folder can't be written


class Fits(Mapping[int, FittedEpoch]):
    """The fitted epochs of a run, in order.

    A map and its decoder take megabytes, and a training has hundreds of epochs: all but a few are read when
    they are asked for. `positions` and `digest` read nothing.

    Parameters
    ----------
    run : Run
        The run that is fitted.
    method : Method
        What it is fitted with.
    """

    def __init__(self, run: Run, method: Method) -> None:
        self._run = run
        self._method = method
        self._known: dict[int, _Known] = {}
        self._newest: tuple[int, FittedEpoch] | None = None
        self._read = lru_cache(maxsize=_MAPS_IN_MEMORY)(self._load)

    def __getitem__(self, epoch: int) -> FittedEpoch:
        newest, known = self._newest, self._known[epoch]
        if newest is not None and newest[0] == epoch:
            return newest[1]
        return known.kept or self._read(epoch)

    def __iter__(self) -> Iterator[int]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def add(self, epoch: int, fit: FittedEpoch, path: Path, *, stored: bool) -> None:
        """Add the epoch fitted or loaded last; it stays in memory until the next one, or `settle`."""
        self._known[epoch] = _Known(fit.positions, fit.digest, path, None if stored else fit)
        self._newest = epoch, fit

    def settle(self) -> None:
        """Let go of the map that was added last, and of all that it was fitted from."""
        self._newest = None

    def positions(self, epoch: int) -> NDArray[np.float32]:
        """Return the positions of all samples [N, l]."""
        return self._known[epoch].positions

    def digest(self, epoch: int) -> str:
        """Return the digest of the data that an epoch was fitted to."""
        return self._known[epoch].digest

    def check_unchanged(self, epoch: int) -> None:
        """Raise RunError if the epoch has been recorded again since it was fitted."""
        if self._run.digest(epoch) != self._known[epoch].digest:
            raise RunError(
                f"Epoch {epoch} of {self._run.folder} was recorded anew after it was fitted. "
                "Fit the run again."
            )

    def _load(self, epoch: int) -> FittedEpoch:
        """Read an epoch, which was there when it was added."""
        _, digest, path, _ = self._known[epoch]
        try:
            return cache.read(path, self._method, self._run, epoch, digest)
        except cache.UnreadableFitError as error:
            raise RunError(f"{error} Fit the run again.") from error


class Maps(Mapping[int, Map]):
    """The map of each fitted epoch, read when it is asked for."""

    def __init__(self, fits: Fits) -> None:
        self._fits = fits

    def __getitem__(self, epoch: int) -> Map:
        return self._fits[epoch].map

    def __iter__(self) -> Iterator[int]:
        return iter(self._fits)

    def __len__(self) -> int:
        return len(self._fits)

    def __repr__(self) -> str:
        return f"Maps of epochs {list(self)}"
