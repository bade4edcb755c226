"""Files of a run: written aside and renamed, checked when opened, never pickled."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import safetensors
import safetensors.torch
from numpy.typing import NDArray
from torch import Tensor

FORMAT = "dvi_widget run"
VERSION = 1

_ASIDE = ".aside"
# What sample tables, of runs and of explorers, have anyway.
_COLUMNS = {"split", "label", "prediction", "confidence", "correct", "selected", "shown"}
_EPOCH = re.compile(r"^(\d{6,})(?:\.(\d+))?$")


class RunError(ValueError):
    """A folder is no run that can be read, or a file of it is damaged; the message says what to do."""


@contextmanager
def write_aside(path: Path) -> Iterator[Path]:
    """A file or folder that appears whole or not at all.

    Yields a path beside ``path`` to write a file to, or to make a folder at. When the block ends, all of it
    is flushed to the disk and renamed to ``path``: a file replaces an older one, a folder must not be there
    yet. If the block fails, what it wrote is removed; if the process is killed, it stays under a name ending
    in ``.aside``, which no reader looks at and `remove_leftovers` clears.

    Parameters
    ----------
    path
        Where it shall appear; its parent folder is made if missing.

    Raises
    ------
    OSError
        If it cannot be written; ``path`` is then as before.
    """
    _make(path.parent)
    aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}{_ASIDE}")
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
    """Make a folder and those above it, and bring their names to the disk."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        _flush(path.parent)


def remove(path: Path) -> None:
    """Remove a file or folder if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed process left half written in a folder."""
    for path in folder.glob(f"*{_ASIDE}"):
        remove(path)


def _flush(path: Path) -> None:
    """Bring a file or a folder's list of names to the disk."""
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


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON to a new file (inside a `write_aside` block)."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False), encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; `RunError` if it is missing or is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(f"{path} is missing; the run is damaged") from error
    except ValueError as error:
        raise RunError(f"{path} is damaged: it does not hold JSON ({error})") from error
    if not isinstance(content, dict):
        raise RunError(f"{path} is damaged: it should hold a JSON object, not {type(content).__name__}")
    return content


def read_manifest(folder: Path) -> dict[str, Any]:
    """The contents of ``run.json``.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    RunError
        If the folder is no run, or a run of a newer format.
    """
    if not folder.exists():
        raise FileNotFoundError(f"{folder}: there is no such folder; record a run into it with dvi.Recorder")
    if not folder.is_dir():
        raise RunError(f"{folder} is a file; a run is a folder, as dvi.Recorder writes it")
    if not (folder / "run.json").exists():
        if is_unused(folder):
            raise RunError(
                f"{folder} holds no run yet: it is empty or its recording was stopped before it began"
            )
        raise RunError(
            f"{folder} is not a recorded run: it has no run.json; pass the folder given to dvi.Recorder"
        )
    manifest = read_json(folder / "run.json")
    if manifest.get("format") != FORMAT:
        raise RunError(f"{folder} is not a recorded run: its run.json is of another program")
    version = manifest.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise RunError(
            f"{folder} was recorded in format {version}, by a newer dvi_widget; this one reads formats up to "
            f"{VERSION}: update dvi_widget"
        )
    return manifest


def check_place(folder: Path) -> None:
    """Refuse a place where no folder can be made or written.

    Raises
    ------
    NotADirectoryError, PermissionError
        The message names what is in the way.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if there != folder and not there.is_dir():
        raise NotADirectoryError(f"folder: {there} is a file, so there can be no folder {folder}")
    if there.is_dir() and not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(f"folder: permission denied to write in {there}; record to another place")


def is_unused(folder: Path) -> bool:
    """Whether a folder is absent, empty, or holds only what a recording killed at its start has left."""
    if not folder.exists():
        return True
    if not folder.is_dir():
        return False
    return all(path.name.endswith(_ASIDE) or _is_samples(path) for path in folder.iterdir())


def _is_samples(path: Path) -> bool:
    """Whether a folder holds recorded samples and nothing else."""
    ours = {"inputs.npy", "labels.npy", "images.npy"}
    return path.name == "samples" and path.is_dir() and {file.name for file in path.iterdir()} <= ours


def open_array(path: Path, shape: tuple[int | None, ...]) -> NDArray[Any]:
    """A memory-mapped array, read-only.

    Parameters
    ----------
    path
        An ``.npy`` file.
    shape
        What its shape must be; None where any size will do.

    Raises
    ------
    RunError
        If it is missing, not an array, truncated, or of another shape; the message names the file.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise RunError(f"{path} is missing; the run is damaged") from error
    # One open file for header, size and map: the epoch may be recorded again meanwhile.
    with file:
        try:
            version = np.lib.format.read_magic(file)
            new = version > (1, 0)
            read = np.lib.format.read_array_header_2_0 if new else np.lib.format.read_array_header_1_0
            found, fortran, dtype = read(file)
        except ValueError as error:
            raise RunError(f"{path} is damaged: it is not a whole .npy file ({error})") from error
        if dtype.hasobject or fortran:
            kind = "objects" if dtype.hasobject else "columns first"
            raise RunError(f"{path} is damaged: it holds {kind}, which no run does")
        start, size = file.tell(), os.fstat(file.fileno()).st_size
        needed = start + dtype.itemsize * int(np.prod(found))
        if size < needed:
            raise RunError(
                f"{path} is truncated: {size} of {needed} bytes are there; record its epoch again with "
                "overwrite=True, or copy the run again"
            )
        if len(found) != len(shape) or any(w not in (None, f) for w, f in zip(shape, found, strict=True)):
            wanted = ", ".join("any" if size is None else str(size) for size in shape)
            raise RunError(f"{path} is damaged: its shape is {found}, the run says ({wanted})")
        if needed == start:
            return np.empty(found, dtype)
        array: NDArray[Any] = np.memmap(file, dtype, "r", start, found)
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
    # Not by save_file: what it writes only the owner may read, whatever the umask.
    path.write_bytes(safetensors.torch.save(own, header))


def check_readable(path: Path) -> None:
    """Raise what opening a file raises: safetensors says of one that may not be read that there is none.

    Raises
    ------
    FileNotFoundError, PermissionError
        If there is no such file, or it may not be read.
    """
    with path.open("rb"):
        pass


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read tensors from safetensors; `RunError` naming the file if it is missing or damaged."""
    try:
        check_readable(path)
        tensors: dict[str, Tensor] = safetensors.torch.load_file(path)
    except FileNotFoundError as error:
        raise RunError(f"{path} is missing; the run is damaged") from error
    except safetensors.SafetensorError as error:
        raise RunError(f"{path} is damaged: it is not a whole safetensors file ({error})") from error
    return tensors


def digest(*arrays: NDArray[Any]) -> str:
    """A digest of arrays' shapes, types and contents, the same on every machine."""
    state = hashlib.blake2b(digest_size=16)
    for array in arrays:
        state.update(f"{array.dtype.str}{array.shape}".encode())
        rows = max(1, 2**24 // max(1, array[:1].nbytes))
        for start in range(0, len(array), rows):
            state.update(array[start : start + rows].tobytes())
    return state.hexdigest()


def epoch_folders(folder: Path) -> dict[int, Path]:
    """Folders of the complete epochs in order.

    An epoch recorded again stands beside the old one under the next generation number (``000005``,
    ``000005.1``, …) until the old one is removed: the greatest is valid.
    """
    newest: dict[int, tuple[int, str]] = {}
    epochs = folder / "epochs"
    names = os.listdir(epochs) if epochs.is_dir() else ()  # noqa: PTH208 - many, and paths are slow to make
    for name in names:
        match = _EPOCH.match(name)
        if match:
            epoch, generation = int(match[1]), int(match[2] or 0)
            if generation >= newest.get(epoch, (0, name))[0]:
                newest[epoch] = (generation, name)
    return {epoch: epochs / newest[epoch][1] for epoch in sorted(newest)}


def next_epoch_folder(folder: Path, epoch: int) -> Path:
    """Where an epoch, recorded or not, is to be written now."""
    current = epoch_folders(folder).get(epoch)
    if current is None:
        return folder / "epochs" / f"{epoch:06d}"
    match = _EPOCH.match(current.name)
    assert match
    return folder / "epochs" / f"{epoch:06d}.{int(match[2] or 0) + 1}"


def remove_old_generations(folder: Path) -> None:
    """Remove epochs which have been recorded again."""
    valid = set(epoch_folders(folder).values())
    for path in (folder / "epochs").glob("*"):
        if _EPOCH.match(path.name) and path not in valid:
            aside = path.with_name(path.name + _ASIDE)
            path.replace(aside)
            remove(aside)


def group_path(folder: Path, name: str) -> Path:
    """File of a group; its name says the group's name."""
    return folder / "groups" / f"{quote(name, safe=' ')}.npy"


def group_names(folder: Path) -> list[str]:
    """Names of the recorded groups, sorted."""
    return sorted(unquote(path.stem) for path in (folder / "groups").glob("*.npy"))


def write_group(folder: Path, name: str, mask: Any, n_train: int, n_test: int) -> None:
    """Check and write a group (see `Run.add_group`)."""
    check_group(name, mask, n_train, n_test)
    flags = np.zeros(n_train + n_test, bool)
    flags[: len(mask)] = np.asarray(mask)
    with write_aside(group_path(folder, name)) as aside, aside.open("wb") as file:
        np.save(file, flags, allow_pickle=False)


def check_group(name: str, mask: Any, n_train: int, n_test: int) -> None:
    """Refuse a group whose name or mask will not do."""
    if not isinstance(name, str) or not name.strip():
        raise TypeError(f"groups: a group's name must be a string that is not blank, got {name!r}")
    if name in _COLUMNS:
        raise ValueError(f"groups: {name!r} is a column of every sample table; give the group another name")
    if len(quote(name, safe=" ")) > 200:
        raise ValueError(f"groups: the name {name[:20]!r}… is too long to be a file's name; shorten it")
    array = mask.detach().cpu().numpy() if isinstance(mask, Tensor) else np.asarray(mask)
    if array.dtype != np.bool_:
        raise TypeError(
            f"groups: the mask of {name!r} holds {array.dtype}; one bool per sample is needed (a mask, not "
            "indices)"
        )
    if array.shape not in ((n_train,), (n_train + n_test,)):
        raise ValueError(
            f"groups: the mask of {name!r} has shape {array.shape}; it must be [{n_train}] (training "
            f"samples) or [{n_train + n_test}] (training, then test samples)"
        )


def check_architecture(recorded: dict[str, Tensor], own: dict[str, Tensor]) -> None:
    """Refuse a network whose weights do not have the recorded names and shapes."""
    missing = sorted(name for name in recorded if name not in own)
    added = sorted(name for name in own if name not in recorded)
    reshaped = sorted(n for n in recorded if n in own and recorded[n].shape != own[n].shape)
    if not (missing or added or reshaped):
        return
    found = []
    if missing:
        found.append(f"it lacks {', '.join(missing[:5])}")
    if added:
        found.append(f"the recorded one has no {', '.join(added[:5])}")
    if reshaped:
        shapes = (f"{n} is {tuple(own[n].shape)}, recorded {tuple(recorded[n].shape)}" for n in reshaped[:5])
        found.append("; ".join(shapes))
    raise RunError(f"model: not of the recorded architecture: {'; '.join(found)}")
