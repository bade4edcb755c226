"""The layout of a run's folder: manifest, samples, epochs, groups; which of them are whole and valid."""

from __future__ import annotations

import hashlib
import os
import re
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from dvi_widget.arrays import as_mask
from dvi_widget.files import (
    ASIDE,
    DamagedFileError,
    check_inside,
    open_array,
    read_json,
    remove,
    save_array,
    write_aside,
)
from dvi_widget.subject import parts
from dvi_widget.texts import is_blank, is_sendable

from .manifest import check_run

FORMAT = "dvi_widget run"
VERSION = 2

# Columns that every sample table has, of runs and of explorers: no group may have their names.
_COLUMNS = {"split", "label", "text", "prediction", "confidence", "correct", "selected", "shown"}
_EPOCH_FOLDER = re.compile(r"([0-9]{6,9})(?:\.([0-9]{1,9}))?")
_MAX_GROUP_NAME_BYTES = 200  # of its quoted name, as most file systems take 255
_MAX_LISTED_WEIGHTS = 5  # in an error

REPAIR = "Copy the run again, or record that epoch again with overwrite=True."

T = TypeVar("T")


class RunError(ValueError):
    """A folder is not a run that can be read, or a file in it is damaged; the message says what to do."""


def read(path: Path, reader: Callable[[Path], T]) -> T:
    """Read a file that a complete run has.

    Parameters
    ----------
    path
        The file.
    reader
        The function of `dvi_widget.files` that reads it.

    Raises
    ------
    RunError
        If it is missing or damaged; the message names the file.
    """
    try:
        return reader(path)
    except FileNotFoundError as error:
        raise RunError(f"{path} is missing; the run is damaged. {REPAIR}") from error
    except DamagedFileError as error:
        raise RunError(f"{error} {REPAIR}") from error
    except PermissionError as error:
        raise RunError(f"{path} cannot be read: permission denied. Change its permissions.") from error


def check_inside_run(folder: Path, *names: str) -> None:
    """Refuse a path in a run's folder to write to if a link leads out of the folder.

    Raises
    ------
    RunError
        The message names the link.
    """
    try:
        check_inside(folder, *names)
    except DamagedFileError as error:
        raise RunError(str(error)) from None


def check_there(folder: Path) -> None:
    """Refuse to write into a run that is not there any more.

    Raises
    ------
    RunError
        If the folder or its manifest was removed.
    """
    if not (folder / "run.json").exists():
        raise RunError(f"{folder} was removed or moved since it was opened. Open or record the run again.")


class Hold:
    """A run that this process records; see `hold`."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def __del__(self) -> None:
        os.close(self._handle)


_held: weakref.WeakValueDictionary[tuple[int, int], Hold] = weakref.WeakValueDictionary()


def hold(folder: Path) -> Hold | None:
    """Hold a run for recording, until the object that is returned is gone, or the process.

    Within a process a run may be held more than once, as by a cell that is run again. Where files cannot be
    locked, nothing is held.

    Raises
    ------
    RunError
        If another process holds the run.
    """
    try:
        import fcntl  # noqa: PLC0415 - it is not there on every system
    except ImportError:
        return None
    handle = os.open(folder / "run.json", os.O_RDONLY)
    about = os.fstat(handle)
    file = (about.st_dev, about.st_ino)
    if file in _held:
        os.close(handle)
        return _held[file]
    held = Hold(handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RunError(
            f"{folder} is being recorded by another process. Record into another folder, or end that process."
        ) from None
    except OSError:  # file systems over a network may know no locks
        return None
    _held[file] = held
    return held


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read ``run.json``.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    RunError
        If the folder is no run, or a run of a newer format.
    """
    if not folder.exists():
        raise FileNotFoundError(
            f"folder must be a recorded run; got {folder}, and there is no such folder. Record a run into it "
            "with dvi.Recorder."
        )
    if not folder.is_dir():
        raise RunError(f"folder must be a recorded run, which is a folder; got {folder}, which is a file.")
    if not os.path.lexists(folder / "run.json"):
        if is_unused(folder):
            raise RunError(
                f"{folder} holds no run yet: it is empty, or its recording was stopped before it began."
            )
        raise RunError(
            f"{folder} is not a recorded run: it has no run.json. Pass the folder that dvi.Recorder wrote."
        )
    manifest = read(folder / "run.json", read_json)
    if manifest.get("format") != FORMAT:
        raise RunError(f"{folder} is not a recorded run: its run.json is of another program.")
    version = manifest.get("version")
    if type(version) is not int or version < 1:
        raise RunError(f"{folder / 'run.json'} is damaged: version must be a whole number. {REPAIR}")
    if version > VERSION:
        raise RunError(
            f"{folder} was recorded in format {version}, by a newer dvi_widget; this one reads formats up to "
            f"{VERSION}. Update dvi_widget."
        )
    if version == 1 and "logits" in manifest:
        # Format 1 told logits and probabilities apart, and knew no sigmoids.
        manifest["outputs"] = "logits" if manifest.pop("logits") else "probabilities"
    try:
        check_run(folder / "run.json", manifest)
    except DamagedFileError as error:
        raise RunError(f"{error} {REPAIR}") from error
    return manifest


def is_unused(folder: Path) -> bool:
    """Tell whether a folder is absent, empty, or holds only leftovers of a recording killed at its start."""
    if not folder.exists():
        return True
    if not folder.is_dir():
        return False
    return all(path.name.endswith(ASIDE) or _is_samples(path) for path in folder.iterdir())


def _is_samples(path: Path) -> bool:
    """Tell whether a folder holds recorded samples and nothing else."""
    ours = {"inputs", "inputs.npy", "labels.npy", "images.npy", "texts.json"}
    return path.name == "samples" and path.is_dir() and {file.name for file in path.iterdir()} <= ours


def inputs_path(samples: Path, key: Any) -> Path:
    """Return the file of the inputs in the folder of samples; of several, that of one."""
    return samples / "inputs.npy" if key is None else samples / "inputs" / f"{quote(str(key), safe='')}.npy"


def describe_inputs(inputs: Any) -> dict[str, Any]:
    """Describe inputs for ``run.json``: shape and dtype of one sample, or of each of its parts."""
    described = {
        key: {"shape": list(part.shape[1:]), "dtype": part.dtype.str} for key, part in parts(inputs).items()
    }
    if None in described:
        return described[None]
    return {
        "by": "name" if isinstance(inputs, dict) else "place",
        "parts": [{"name": str(key), **part} for key, part in described.items()],
    }


def open_inputs(samples: Path, described: dict[str, Any], n: int) -> Any:
    """Open the inputs of all n samples, memory-mapped, as ``run.json`` describes them."""

    def opened(key: Any, part: dict[str, Any]) -> NDArray[Any]:
        shape, dtype = (n, *part["shape"]), np.dtype(part["dtype"]).name
        return read(inputs_path(samples, key), lambda path: open_array(path, shape, (dtype,)))

    if "parts" not in described:
        return opened(None, described)
    arrays = {part["name"]: opened(part["name"], part) for part in described["parts"]}
    return arrays if described["by"] == "name" else tuple(arrays.values())


def digest(*arrays: NDArray[Any]) -> str:
    """Compute a digest of the shapes, dtypes and contents of arrays, the same on every machine."""
    state = hashlib.blake2b(digest_size=16)
    for array in arrays:
        state.update(f"{array.dtype.str}{array.shape}".encode())
        rows = max(1, 2**24 // max(1, array[:1].nbytes))
        for start in range(0, len(array), rows):
            state.update(array[start : start + rows].tobytes())
    return state.hexdigest()


def epoch_folders(folder: Path) -> dict[int, Path]:
    """List the folders of the complete epochs, in order.

    An epoch that is recorded again gets a folder with the next generation number (``000005``, ``000005.1``,
    …) beside the old one, which is then removed. The greatest generation is valid.
    """
    newest: dict[int, tuple[int, str]] = {}
    epochs = folder / "epochs"
    names = os.listdir(epochs) if epochs.is_dir() else ()  # noqa: PTH208 - many, and paths are slow to make
    for name in names:
        match = _EPOCH_FOLDER.fullmatch(name)
        if match and match[1] == f"{int(match[1]):06d}":
            epoch, generation = int(match[1]), int(match[2] or 0)
            if generation >= newest.get(epoch, (0, name))[0]:
                newest[epoch] = (generation, name)
    return {epoch: epochs / newest[epoch][1] for epoch in sorted(newest)}


def next_epoch_folder(folder: Path, epoch: int) -> Path:
    """Choose the folder to write an epoch to, whether it has been recorded or not."""
    current = epoch_folders(folder).get(epoch)
    if current is None:
        return folder / "epochs" / f"{epoch:06d}"
    match = _EPOCH_FOLDER.fullmatch(current.name)
    assert match
    return folder / "epochs" / f"{epoch:06d}.{int(match[2] or 0) + 1}"


def remove_old_generations(folder: Path) -> None:
    """Remove epochs which have been recorded again."""
    valid = set(epoch_folders(folder).values())
    for path in (folder / "epochs").glob("*"):
        if _EPOCH_FOLDER.fullmatch(path.name) and path not in valid:
            aside = path.with_name(path.name + ASIDE)
            path.replace(aside)
            remove(aside)


def group_path(folder: Path, name: str) -> Path:
    """Return the file of a group, whose name is the group's name, quoted."""
    return folder / "groups" / f"{quote(name, safe=' ')}.npy"


def group_names(folder: Path) -> list[str]:
    """List the names of the recorded groups, sorted."""
    names = []
    for path in (folder / "groups").glob("*.npy"):
        name = unquote(path.stem)
        if is_blank(name) or name in _COLUMNS or group_path(folder, name) != path:
            raise RunError(f"{path} is damaged: no group has this name. Rename or remove the file.")
        names.append(name)
    return sorted(names)


def write_group(folder: Path, name: str, mask: Any, n_train: int, n_test: int) -> None:
    """Check and write a group (see `Run.add_group`)."""
    checked = check_group(name, mask, n_train, n_test)
    flags = np.zeros(n_train + n_test, bool)
    flags[: len(checked)] = checked
    check_there(folder)
    check_inside_run(folder, "groups")
    with write_aside(group_path(folder, name)) as aside:
        save_array(aside, flags)


def check_group(name: str, mask: Any, n_train: int, n_test: int) -> NDArray[np.bool_]:
    """Check a group's name and mask, and return the mask [n_train] or [n_train + n_test]."""
    if not isinstance(name, str) or is_blank(name):
        raise TypeError(f"the name of a group must be a string that is not blank; got {name!r}.")
    if not is_sendable(name):
        raise ValueError(f"the name of a group must hold whole characters; got {name!r}.")
    if name in _COLUMNS:
        raise ValueError(
            f"the name of a group must not be that of a column of every sample table; got {name!r}."
        )
    if len(quote(name, safe=" ")) > _MAX_GROUP_NAME_BYTES:
        raise ValueError(f"the name of a group must be short enough for a file; got {name[:20]!r}….")
    return as_mask(f"the mask of group {name!r}", mask, n_train, n_train + n_test)


def check_architecture(recorded: dict[str, Tensor], own: dict[str, Tensor]) -> None:
    """Refuse a network whose weights do not have the recorded names and shapes."""
    check_shapes(*({name: tuple(t.shape) for name, t in weights.items()} for weights in (recorded, own)))


def check_shapes(recorded: dict[str, tuple[int, ...]], own: dict[str, tuple[int, ...]]) -> None:
    """Refuse names and shapes of weights other than the recorded ones."""
    missing = sorted(name for name in recorded if name not in own)
    added = sorted(name for name in own if name not in recorded)
    reshaped = sorted(name for name in recorded if name in own and recorded[name] != own[name])
    if not (missing or added or reshaped):
        return
    differences = []
    if missing:
        differences.append(f"without {', '.join(missing[:_MAX_LISTED_WEIGHTS])}")
    if added:
        differences.append(f"with {', '.join(added[:_MAX_LISTED_WEIGHTS])}")
    differences += [
        f"with {name} of shape {own[name]} instead of {recorded[name]}"
        for name in reshaped[:_MAX_LISTED_WEIGHTS]
    ]
    raise RunError(f"model must be of the recorded architecture; got one {', '.join(differences)}.")
