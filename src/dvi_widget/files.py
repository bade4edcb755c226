"""Files that appear whole or not at all, and are checked when they are read. Nothing is pickled."""

from __future__ import annotations

import json
import math
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
from numpy.typing import NDArray
from torch import Tensor

# Ending of the names of what is still being written. Readers must not look at these.
ASIDE = ".aside"


class DamagedFileError(ValueError):
    """A file does not hold what it should: it is truncated, or of another kind. The message names it."""


@contextmanager
def write_aside(path: Path) -> Iterator[Path]:
    """Write a file or folder that appears whole or not at all.

    Yields a path beside ``path`` to write a file to, or to make a folder at. When the block ends, all of it
    is flushed to the disk and renamed to ``path``: a file replaces an older one, a folder must not be there
    yet. If the block raises, what it wrote is removed; if the process is killed, it stays under a name that
    ends in `ASIDE`, and `remove_leftovers` removes it.

    Parameters
    ----------
    path
        The path at which it appears; its parent folder is made if missing.

    Raises
    ------
    OSError
        If it cannot be written; ``path`` is then as before.
    """
    _make(path.parent)
    aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}{ASIDE}")
    try:
        yield aside
        for file in sorted(aside.rglob("*")) if aside.is_dir() else []:
            _flush(file)
        _flush(aside)
        aside.replace(path)
    except BaseException:
        remove(aside)
        raise
    _flush(path.parent)


def _make(folder: Path) -> None:
    """Make a folder and those above it, and flush their names to the disk."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        _flush(path.parent)


def _flush(path: Path) -> None:
    """Flush a file, or a folder's list of names, to the disk."""
    if path.is_dir():
        if os.name == "nt":
            return
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    else:
        with path.open("rb+") as file:
            os.fsync(file.fileno())


def remove(path: Path) -> None:
    """Remove a file or folder if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed process left half written in a folder."""
    for path in folder.glob(f"*{ASIDE}"):
        remove(path)


def check_place(name: str, folder: Path) -> None:
    """Refuse a place where no folder can be made, or nothing written in it.

    Parameters
    ----------
    name
        Name of the argument, for the error.
    folder
        The place; it need not be there yet.

    Raises
    ------
    NotADirectoryError, PermissionError
        The message names what is in the way.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if there != folder and not there.is_dir():
        raise NotADirectoryError(f"{name} must be a place for a folder; got {folder}, but {there} is a file.")
    if there.is_dir() and not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(
            f"{name} must be a place that can be written; got {folder}, and permission denied in {there}. "
            "Choose another one."
        )


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON to a new file (inside a `write_aside` block)."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False), encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DamagedFileError
        If it holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DamagedFileError(f"{path} is damaged: it does not hold JSON ({error}).") from error
    if not isinstance(content, dict):
        raise DamagedFileError(f"{path} is damaged: it holds {type(content).__name__}, not a JSON object.")
    return content


def open_array(path: Path, shape: tuple[int | None, ...]) -> NDArray[Any]:
    """Open an ``.npy`` file as a memory-mapped array, read-only.

    Parameters
    ----------
    path
        The file.
    shape
        The shape that it must have; None where any size will do.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DamagedFileError
        If it is not an array, truncated, or of another shape.
    """
    # One open file for header, size and map: another process may replace it meanwhile.
    with path.open("rb") as file:
        try:
            version = np.lib.format.read_magic(file)
            new = version > (1, 0)
            read = np.lib.format.read_array_header_2_0 if new else np.lib.format.read_array_header_1_0
            size, fortran, dtype = read(file)
        except ValueError as error:
            raise DamagedFileError(f"{path} is damaged: it is not a whole .npy file ({error}).") from error
        if dtype.hasobject or fortran:
            kind = "Python objects" if dtype.hasobject else "columns first"
            raise DamagedFileError(f"{path} is damaged: it holds {kind}, which we never write.")
        start, held = file.tell(), os.fstat(file.fileno()).st_size
        needed = start + dtype.itemsize * math.prod(size)
        if held < needed:
            raise DamagedFileError(f"{path} is truncated: it holds {held} of {needed} bytes.")
        if len(size) != len(shape) or any(
            side < 0 or wanted not in (None, side) for wanted, side in zip(shape, size, strict=True)
        ):
            expected = ", ".join("any" if side is None else str(side) for side in shape)
            raise DamagedFileError(f"{path} is damaged: its shape is {size}, not ({expected}).")
        if needed == start:
            return np.empty(size, dtype)
        array: NDArray[Any] = np.memmap(file, dtype, "r", start, size)
        return array


def save_rows(
    path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], blocks: Iterable[NDArray[Any]]
) -> None:
    """Write an array that comes in blocks of rows (inside a `write_aside` block).

    Not through a memory map: on a full disk that ends the process instead of raising.
    """
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            file.write(block.astype(dtype, copy=False).tobytes())


def save_tensors(path: Path, tensors: Mapping[str, Tensor], header: dict[str, str] | None = None) -> None:
    """Write tensors as safetensors (tied ones once per name), inside a `write_aside` block."""
    own = {name: t.detach().cpu().clone().contiguous() for name, t in tensors.items()}
    # Not by save_file, whose files only the owner may read, whatever the umask.
    path.write_bytes(safetensors.torch.save(own, header))


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read tensors from a safetensors file.

    Raises
    ------
    FileNotFoundError, PermissionError
        If there is no such file, or it may not be read.
    DamagedFileError
        If it holds something else.
    """
    check_readable(path)
    try:
        tensors: dict[str, Tensor] = safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        raise DamagedFileError(f"{path} is damaged: it is not a whole safetensors file ({error}).") from error
    return tensors


def check_readable(path: Path) -> None:
    """Raise what opening the file raises; safetensors reports an unreadable file as a missing one.

    Raises
    ------
    FileNotFoundError, PermissionError
        If there is no such file, or it may not be read.
    """
    with path.open("rb"):
        pass
