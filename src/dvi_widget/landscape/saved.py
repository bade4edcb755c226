"""A landscape in one file: what the explorer shows of it, read again without the engine, the run or torch."""

from __future__ import annotations

import json
import math
import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvi_widget.files import DamagedFileError, open_regular, read_header, write_aside
from dvi_widget.progress import progress_bar

from .canvas import Canvas
from .source import KnowsLogits

if TYPE_CHECKING:
    from .frames import Landscape

L = TypeVar("L", bound="Landscape")

SUFFIX = ".dvi"
_FORMAT = "dvi_widget landscape"
_VERSION = 1
_DESCRIPTION = "landscape.json"
_MAX_BYTES = 1 << 33  # of all arrays: a file that declares more is not read
_MAX_DESCRIPTION_BYTES = 1 << 28
_NUMBERS = "fiub"  # kinds of columns that are kept as arrays
# What a file holds can be wrong in every way: zlib, zipfile, JSON and Landscape itself say how.
_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError),
    *(LookupError, AttributeError, TypeError, ValueError, RuntimeError, OverflowError),
)


class SavedLogits:
    """The source of a landscape that was read from a file: it knows the logits of each epoch, and no more.

    Parameters
    ----------
    logits : dict of int to float32 [N, C]
        By epoch.
    """

    def __init__(self, logits: Mapping[int, NDArray[np.float32]]) -> None:
        self._logits = logits

    def logits(self, epoch: int) -> NDArray[np.float32]:
        """Return the logits of all samples [N, C]."""
        return self._logits[epoch]


def meant(path: str | os.PathLike[str]) -> bool:
    """Tell by its ending whether a path is that of a saved landscape."""
    return Path(path).suffix.lower() == SUFFIX


def save(landscape: Landscape, path: str | os.PathLike[str]) -> Path:
    """Write a landscape to one file (see `Landscape.save`)."""
    target = Path(path).expanduser().absolute()
    if not target.parent.is_dir():
        raise FileNotFoundError(f"path must lie in a folder; there is no {target.parent}. Create it first.")
    arrays: dict[str, NDArray[Any]] = {}
    for frame in progress_bar(landscape, desc="Collecting the landscape", unit="epoch"):
        arrays[f"positions/{frame.epoch}"] = frame.positions
        arrays[f"predictions/{frame.epoch}"] = frame.predictions
        arrays[f"confidence/{frame.epoch}"] = frame.confidence
        if frame.paintable and frame.positions.shape[1] == 2:
            for name, part in frame.canvas._asdict().items():
                arrays[f"{name}/{frame.epoch}"] = part
        if isinstance(landscape.source, KnowsLogits):
            arrays[f"logits/{frame.epoch}"] = np.asarray(landscape.source.logits(frame.epoch), np.float32)
    if landscape.images is not None:
        arrays["images"] = np.asarray(landscape.images)
    columns: list[dict[str, Any]] = []
    for number, (name, column) in enumerate(landscape.samples.items()):
        values = column.to_numpy()
        if values.dtype.kind in _NUMBERS:
            arrays[f"columns/{number}"] = values
            columns.append({"name": str(name)})
        else:
            known = column.astype(object).where(column.notna(), None)
            texts = [None if value is None else str(value) for value in known]
            columns.append({"name": str(name), "texts": texts})
    for number, name in enumerate(landscape.scalars):
        arrays[f"scalars/{number}"] = landscape.scalars[name].to_numpy(np.float64)
    description = {
        "format": _FORMAT,
        "version": _VERSION,
        "epochs": landscape.epochs,
        "classes": landscape.classes,
        "extent": [float(side) for side in landscape.extent],
        "resolution": landscape.resolution,
        "name": landscape.name,
        "columns": columns,
        "scalars": [str(name) for name in landscape.scalars],
        "arrays": {name: {"shape": array.shape, "dtype": array.dtype.name} for name, array in arrays.items()},
    }
    with write_aside(target) as aside, zipfile.ZipFile(aside, "x", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_DESCRIPTION, json.dumps(description, ensure_ascii=False, allow_nan=False))
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
    return target


def load(landscape_type: type[L], path: Path) -> L:
    """Read what `save` wrote (see `Landscape.load`)."""
    try:
        opened = open_regular(path)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"path must be a file that Landscape.save wrote; there is none at {path}."
        ) from None
    with opened as file:
        try:
            with zipfile.ZipFile(file) as archive:
                description = _description(path, archive)
                arrays = {
                    name: _array(path, archive, name, shape, dtype)
                    for name, (shape, dtype) in _declared(path, description).items()
                }
            return _landscape(landscape_type, description, arrays)
        except DamagedFileError:
            raise
        except _ERRORS as error:
            raise DamagedFileError(
                f"{path} is damaged: it does not hold a whole landscape ({error}). Save it again."
            ) from error


def _description(path: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    """Read the description, and refuse a file of something else or of a newer version."""
    if _DESCRIPTION not in archive.namelist():
        raise DamagedFileError(f"{path} must be written by Landscape.save; it holds no {_DESCRIPTION}.")
    if archive.getinfo(_DESCRIPTION).file_size > _MAX_DESCRIPTION_BYTES:
        raise DamagedFileError(f"{path} is damaged: its description is too long to be one.")
    content = json.loads(archive.read(_DESCRIPTION).decode("utf-8"))
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise DamagedFileError(f"{path} must be written by Landscape.save; it is a file of something else.")
    if content.get("version") != _VERSION:
        raise DamagedFileError(
            f"{path} must be of version {_VERSION}; got {content.get('version')!r}. Install the newest "
            "dvi_widget to read it."
        )
    return content


def _declared(path: Path, description: Mapping[str, Any]) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """List the arrays that a file declares, and refuse more than fits into memory before any is read."""
    declared = {
        str(name): (tuple(int(side) for side in about["shape"]), np.dtype(str(about["dtype"])))
        for name, about in description["arrays"].items()
    }
    needed = sum(math.prod(shape) * dtype.itemsize for shape, dtype in declared.values())
    if needed > _MAX_BYTES or any(min(shape, default=0) < 0 for shape, _ in declared.values()):
        raise DamagedFileError(f"{path} is damaged: it declares {needed:,} bytes of arrays.")
    return declared


def _array(
    path: Path, archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Read one array, which must be what the description says, and no byte more."""
    with archive.open(f"{name}.npy") as member:
        found = read_header(path, member)
        if found != (shape, dtype):
            raise DamagedFileError(
                f"{path} is damaged: its {name} is {found[1]} {found[0]}, not {dtype} {shape}."
            )
        content = _exactly(member, math.prod(shape) * dtype.itemsize)
    if content is None:
        raise DamagedFileError(f"{path} is damaged: its {name} holds other bytes than it declares.")
    return np.frombuffer(content, dtype).reshape(shape)


def _exactly(member: IO[bytes], size: int) -> bytes | None:
    """Read so many bytes, or None if there are fewer or more. At the end, zipfile compares the checksum."""
    content = member.read(size)
    return content if len(content) == size and not member.read(1) else None


def _landscape(
    landscape_type: type[L], description: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> L:
    """Build the landscape; it checks by itself that everything fits together."""
    epochs = [int(epoch) for epoch in description["epochs"]]
    samples = pd.DataFrame(
        {
            column["name"]: column["texts"] if "texts" in column else arrays[f"columns/{number}"].copy()
            for number, column in enumerate(description["columns"])
        }
    )
    logits = {epoch: arrays[f"logits/{epoch}"] for epoch in epochs if f"logits/{epoch}" in arrays}
    shape = len(samples), len(description["classes"])
    if logits and {array.shape for array in logits.values()} != {shape}:
        raise ValueError(f"logits must have the shape {shape} at every epoch")
    landscape = landscape_type(
        epochs,
        [arrays[f"positions/{epoch}"] for epoch in epochs],
        [arrays[f"predictions/{epoch}"] for epoch in epochs],
        [arrays[f"confidence/{epoch}"] for epoch in epochs],
        classes=description["classes"],
        samples=samples,
        images=arrays.get("images"),
        source=SavedLogits(logits) if len(logits) == len(epochs) else None,
        resolution=description["resolution"],
        name=str(description["name"]),
        scalars=pd.DataFrame(
            {name: arrays[f"scalars/{number}"] for number, name in enumerate(description["scalars"])},
            index=epochs,
        ),
    )
    x0, x1, y0, y1 = map(float, description["extent"])
    if not (math.isfinite(x0 + x1 + y0 + y1) and x0 < x1 and y0 < y1):
        raise ValueError(f"extent must be x0 < x1 and y0 < y1; got {description['extent']}")
    landscape.extent = x0, x1, y0, y1
    for frame in landscape:
        if f"classes/{frame.epoch}" in arrays:
            frame.restore(Canvas(*(arrays[f"{name}/{frame.epoch}"] for name in Canvas._fields)))
    return landscape
