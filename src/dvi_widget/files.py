"""Files that appear whole or not at all, and are checked when they are read. Nothing is pickled."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import secrets
import shutil
import stat
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from .arrays import blocks

# Ending of the names of what is still being written. Readers must not look at these.
ASIDE = ".aside"
# Files carry a digest of their content: JSON and tensors under this name, arrays behind their data.
CHECK = "dvi_widget check"
CHECK_BYTES = 16
_TRAILER = b"\ndvi_widget check\n"
_MAX_JSON_BYTES = 1 << 30
_MAX_SIDE = 1 << 48  # elements of an array


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
    """Remove a file or folder if it is there; of a link, not what it leads to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed process left half written in a folder."""
    for path in folder.glob(f"*{ASIDE}"):
        remove(path)


def check_inside(folder: Path, *parts: str) -> None:
    """Refuse a path in a folder if a link in it leads out: nothing outside is ever written or removed.

    Parameters
    ----------
    folder
        May be a link itself.
    parts
        Names below it; they need not be there.

    Raises
    ------
    DamagedFileError
        The message names the link.
    """
    path = folder
    for part in parts:
        path = path / part
        if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
            raise DamagedFileError(
                f"{path} is a link that leads out of {folder}, where nothing may be written. Replace it by "
                "the folder or file itself."
            )


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
    """Write JSON with a digest of itself to a new file (inside a `write_aside` block)."""
    checked = {**content, CHECK: _json_digest(content)}
    path.write_text(json.dumps(checked, indent=1, ensure_ascii=False, allow_nan=False), encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DamagedFileError
        If it holds something else, or was changed since `write_json` wrote it.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > _MAX_JSON_BYTES:
            raise DamagedFileError(
                f"{path} is damaged: it holds {size} bytes, which no file of its kind has."
            )
        try:
            content = json.loads(file.read().decode("utf-8"), parse_constant=_refuse_constant)
            check = content.pop(CHECK, None) if isinstance(content, dict) else None
            # This refuses lone surrogates too: they are no text, and could be neither written nor sent.
            digest = _json_digest(content)
        except (ValueError, RecursionError) as error:
            raise DamagedFileError(f"{path} is damaged: it does not hold JSON ({error}).") from error
    if not isinstance(content, dict):
        raise DamagedFileError(f"{path} is damaged: it holds {type(content).__name__}, not a JSON object.")
    if check not in (None, digest):
        raise DamagedFileError(
            f"{path} is damaged: it was changed after it was written. If you changed it yourself, remove "
            f"{CHECK!r} from it."
        )
    return content


def _json_digest(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8"), digest_size=CHECK_BYTES).hexdigest()


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading; a pipe or a device would never end.

    Raises
    ------
    FileNotFoundError, PermissionError
        If there is no such file, or it may not be read.
    DamagedFileError
        If it is no regular file.
    """
    try:
        # Opening a pipe would wait for somebody who writes into it.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        if path.is_dir() or error.errno in (errno.ENOTDIR, errno.ELOOP, errno.ENXIO):
            raise DamagedFileError(f"{path} is damaged: it is no file.") from error
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise DamagedFileError(f"{path} is damaged: it is no file.")
    return os.fdopen(handle, "rb")


def open_array(
    path: Path,
    shape: tuple[int | None, ...],
    dtypes: tuple[str, ...],
    digest: Literal["ignored", "compared", "demanded"] = "ignored",
) -> NDArray[Any]:
    """Open an ``.npy`` file as a memory-mapped array, read-only.

    Parameters
    ----------
    path
        The file.
    shape
        The shape that it must have; None where any size will do.
    dtypes
        Names of those that it may have.
    digest
        Whether to read it all and compare it with its digest, if it has one or in any case.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DamagedFileError
        If it is not an array, truncated, or of another shape or dtype, or was changed.
    """
    # One open file for header, size and map: another process may replace it meanwhile.
    with open_regular(path) as file:
        size, dtype = read_header(path, file)
        if dtype.name not in dtypes:
            raise DamagedFileError(f"{path} is damaged: its dtype is {dtype}, not {' or '.join(dtypes)}.")
        if len(size) != len(shape) or any(
            wanted not in (None, side) for wanted, side in zip(shape, size, strict=True)
        ):
            expected = ", ".join("any" if side is None else str(side) for side in shape)
            raise DamagedFileError(f"{path} is damaged: its shape is {size}, not ({expected}).")
        start, held = file.tell(), os.fstat(file.fileno()).st_size
        needed = start + dtype.itemsize * math.prod(size)
        if held < needed:
            raise DamagedFileError(f"{path} is truncated: it holds {held} of {needed} bytes.")
        file.seek(needed)
        trailer = file.read(len(_TRAILER) + CHECK_BYTES)
        array = np.empty(size, dtype) if needed == start else _mapped(file, dtype, start, size)
    if digest == "demanded" or (digest == "compared" and trailer.startswith(_TRAILER)):
        state = hashlib.blake2b(digest_size=CHECK_BYTES)
        for block in blocks(array):
            state.update(block.tobytes())
        if trailer != _TRAILER + state.digest():
            raise DamagedFileError(f"{path} is damaged: it was changed after it was written.")
    return array


# Each map keeps a file open, and notebooks leave many readers of one run behind: they share its maps.
_maps: weakref.WeakValueDictionary[tuple[Any, ...], np.memmap[Any, Any]] = weakref.WeakValueDictionary()


def _mapped(file: BinaryIO, dtype: np.dtype[Any], start: int, size: tuple[int, ...]) -> NDArray[Any]:
    """Map a file's array into memory, unless somebody holds that map already."""
    about = os.fstat(file.fileno())
    key = (about.st_dev, about.st_ino, about.st_mtime_ns, about.st_size, dtype.str, start, size)
    array = _maps.get(key)
    if array is None:
        array = _maps[key] = np.memmap(file, dtype, "r", start, size)
    return array


def read_header(path: Path, file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Read the shape and dtype of an array that we may have written, from the start of its ``.npy`` file.

    Raises
    ------
    DamagedFileError
        If it is no such file, or holds what we never write, such as Python objects.
    """
    try:
        version = np.lib.format.read_magic(file)
        new = version > (1, 0)
        read = np.lib.format.read_array_header_2_0 if new else np.lib.format.read_array_header_1_0
        size, fortran, dtype = read(file)
    # Headers are Python literals: parsing a damaged one raises errors of numpy, ast and tokenize.
    except Exception as error:
        raise DamagedFileError(f"{path} is damaged: it is not a whole .npy file ({error}).") from error
    whole = all(type(side) is int and 0 <= side < _MAX_SIDE for side in size)
    if not whole or math.prod(size) >= _MAX_SIDE:
        raise DamagedFileError(f"{path} is damaged: its shape is {size}, which no array of ours has.")
    if fortran or dtype.kind not in "fiub" or dtype.shape or not dtype.isnative:
        kind = "Python objects" if dtype.hasobject else "columns first" if fortran else f"dtype {dtype}"
        raise DamagedFileError(f"{path} is damaged: it holds {kind}, which we never write.")
    return size, dtype


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array and its digest (inside a `write_aside` block)."""
    save_rows(path, array.shape, array.dtype, blocks(array))


def save_rows(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], rows: Iterable[NDArray[Any]]) -> None:
    """Write an array that comes in blocks of rows, and its digest (inside a `write_aside` block).

    Not through a memory map: on a full disk that ends the process instead of raising.
    """
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    state = hashlib.blake2b(digest_size=CHECK_BYTES)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for block in rows:
            content = block.astype(dtype, copy=False).tobytes()
            state.update(content)
            file.write(content)
        # Whatever follows an array is of no concern to those who read .npy files.
        file.write(_TRAILER + state.digest())
