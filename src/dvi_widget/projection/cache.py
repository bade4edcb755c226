"""The cache of fitted maps in the run's folder, each under a key of its settings and its data."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dvi_widget import files
from dvi_widget.arrays import warn
from dvi_widget.runs import Run
from dvi_widget.weights import load_tensors, save_tensors

from .checkpoint import STORED_SEARCHES, Checkpoint
from .method import Map, Method


@dataclass(frozen=True)
class FittedEpoch:
    """The fit of one epoch.

    Attributes
    ----------
    map : Map
        The fitted projection.
    positions : float32 [N, l]
        Positions of the run's samples, training samples first.
    searched : mapping of str to int32 [n, k]
        Neighbours found while fitting (see `Checkpoint.searched`).
    digest : str
        Digest of the recorded data it was fitted to (see `Run.digest`).
    """

    map: Map
    positions: NDArray[np.float32]
    searched: Mapping[str, NDArray[np.int32]]
    digest: str


class UnreadableFitError(Exception):
    """The file of a fitted epoch is gone or damaged."""


def key(method: Method, seed: int, epoch: int, digest: str, previous: str) -> str:
    """Digest the settings, and the data of this epoch and of all epochs before that it was started from."""
    parts = [method.key(), seed, epoch, digest, previous]
    text = json.dumps(parts, sort_keys=True, default=lambda number: number.item())  # numpy's numbers
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def joint_key(run: Run, epochs: Sequence[int]) -> str:
    """Digest the data of all epochs, for a method whose every map depends on all of them."""
    text = json.dumps([[epoch, run.digest(epoch)] for epoch in epochs])
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def path_of(run: Run, method: Method, epoch: int, key: str) -> Path:
    """Return the file of a map."""
    return run.maps / f"{method.key()['method']}-{epoch:06d}-{key}.safetensors"


def load(path: Path, method: Method, run: Run, epoch: int, digest: str) -> FittedEpoch | None:
    """Load a fit; None if there is none, or, with a warning, if its file is damaged."""
    if not os.path.lexists(path):
        return None
    try:
        return read(path, method, run, epoch, digest)
    except UnreadableFitError as error:
        warn(f"{error} Its epoch is fitted again.")
        return None


def read(path: Path, method: Method, run: Run, epoch: int, digest: str) -> FittedEpoch:
    """Read a fit.

    Raises
    ------
    UnreadableFitError
        If there is none, or its file is damaged.
    """
    try:
        tensors = load_tensors(path, map=path.stem)
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        positions = _of_all(run, arrays.pop("positions"))
        searched = {name: arrays.pop(name) for name in STORED_SEARCHES if name in arrays}
        fitted = method.load(arrays, positions[: run.n_train], lambda: Checkpoint(run, epoch, searched))
    except files.DamagedFileError as error:
        raise UnreadableFitError(str(error)) from error
    # Whatever a method makes of arrays that are not its own: the map can be had again.
    except Exception as error:
        raise UnreadableFitError(f"{path} is damaged ({type(error).__name__}: {error}).") from error
    return FittedEpoch(fitted, positions, searched, digest)


def _of_all(run: Run, positions: NDArray[np.float32]) -> NDArray[np.float32]:
    """Refuse positions that are not those of a run's samples."""
    if positions.shape[:1] != (run.n_train + run.n_test,) or positions.dtype != np.float32:
        raise ValueError(f"positions of shape {positions.shape}")
    return positions


def store(path: Path, fitted: FittedEpoch) -> bool:
    """Store a fit, whole or not at all; warn, and return False, if the run's folder can't be written."""
    arrays = {"positions": fitted.positions, **fitted.searched, **fitted.map.arrays()}
    try:
        files.check_inside(path.parents[1], path.parent.name)
        with files.write_aside(path) as aside:
            tensors = {name: torch.from_numpy(np.ascontiguousarray(v)) for name, v in arrays.items()}
            save_tensors(aside, tensors, {"map": path.stem})
    except (OSError, files.DamagedFileError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        warn(
            f"Fitted maps can't be kept in {path.parent} ({reason}) and will have to be "
            "fitted again. Copy the run's folder to a place that can be written to keep them."
        )
        return False
    return True
