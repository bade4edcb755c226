"""Recording a training that is over, from the checkpoints it saved."""

from __future__ import annotations

import copy
import glob
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dvi_widget import files
from dvi_widget.arrays import check_path, check_whole
from dvi_widget.progress import progress_bar
from dvi_widget.subject import unwrapped
from dvi_widget.weights import load_tensors

from . import storage
from .reading import Run
from .recording import Recorder

_EPOCH = re.compile(r"epoch[^0-9]{0,2}(\d+)", re.IGNORECASE)
_NUMBER = re.compile(r"\d+")
# Names under which trainers keep the weights in a checkpoint.
_WEIGHTS = ("state_dict", "model_state_dict", "model", "module", "net", "network", "weights")
# Files of weights in a checkpoint folder of Hugging Face, the safer first.
_FOLDER_FILES = ("model.safetensors", "pytorch_model.bin")
_MARKS = ("_orig_mod.",)  # that compiling leaves in names


def record_checkpoints(
    folder: str | Path,
    model: nn.Module,
    checkpoints: str | Path | Mapping[int, str | Path],
    *,
    train: Any,
    test: Any = None,
    **recording: Any,
) -> Run:
    """Record a training that is over, from the checkpoints it saved.

    A checkpoint is a file of safetensors, a file that ``torch.save`` wrote (read with ``weights_only=True``:
    nothing in it is run), or a folder of Hugging Face. The weights may lie anywhere in it, under a prefix
    too, as Lightning and wrappers for several devices write them. An interrupted call is continued by the
    same call: recorded epochs are not recorded again.

    Parameters
    ----------
    folder
        As for `Recorder`.
    model
        A network of the saved architecture, with any weights. It is not changed.
    checkpoints
        A pattern, such as ``"ckpt/*.pt"`` or ``"out/checkpoint-*"``, whose files are ordered by the epoch in
        their names, or by the last number in these; or a mapping of epochs to paths.
    train, test, **recording
        As for `Recorder`: ``classes`` and so on.

    Returns
    -------
    Run
        The recorded run, with the network.

    Raises
    ------
    FileNotFoundError
        If there is no such checkpoint.
    ValueError
        If a checkpoint can't be read, or holds other weights than the network has, or names give no distinct
        epochs; also as for `Recorder`. The epochs before it are recorded.
    TypeError
        As for `Recorder`.

    Examples
    --------
    >>> torch.save(model.state_dict(), "epoch-3.pt")
    >>> record_checkpoints("runs/old", model, "epoch-*.pt", train=(x, y), classes=names).epochs
    [3]
    """
    place = check_path("folder", folder)
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch module; got {type(model).__name__}.")
    paths = _by_epoch(checkpoints)
    network = copy.deepcopy(unwrapped(model))
    done = [] if storage.is_unused(place) else list(storage.epoch_folders(place))
    # A run is continued from the weights of its last epoch.
    last = done[-1] if done and done[-1] in paths else next(iter(paths))
    load_weights(network, paths[last])
    recorder = Recorder(place, network, train=train, test=test, **recording)
    missing = [epoch for epoch in paths if epoch not in recorder.epochs]
    for epoch in progress_bar(missing, desc="recording checkpoints", unit="checkpoint", leave=False):
        load_weights(network, paths[epoch])
        recorder.capture(epoch)
    return Run(place, model=model)


def _by_epoch(checkpoints: Any) -> dict[int, Path]:
    """Return the paths of the checkpoints by epoch, in order."""
    if isinstance(checkpoints, Mapping):
        named = {
            check_whole("an epoch of checkpoints", epoch): check_path("checkpoints", path)
            for epoch, path in checkpoints.items()
        }
        absent = [path for path in named.values() if not path.exists()]
        if absent or not named:
            raise FileNotFoundError(
                f"checkpoints must be there; got {absent[0] if absent else 'none'}, which does not exist."
            )
        return dict(sorted(named.items()))
    pattern = str(check_path("checkpoints", checkpoints))
    paths = [Path(path) for path in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207 - also absolute
    if not paths:
        raise FileNotFoundError(
            f"checkpoints must match files or folders; got {pattern}, which matches none."
        )
    numbers = [_number(path) for path in paths]
    known = [number for number in numbers if number is not None]
    if len(set(known)) < len(paths):
        unclear = next(p for p, n in zip(paths, numbers, strict=True) if n is None or numbers.count(n) > 1)
        raise ValueError(
            f"checkpoints must have an epoch of their own in each name; got {unclear.name}. Pass a mapping "
            "of epochs to paths instead."
        )
    return dict(sorted(zip(known, paths, strict=True)))


def _number(path: Path) -> int | None:
    """Return the epoch in a name, else its last number."""
    stem = path.name if path.is_dir() else path.stem
    epoch = _EPOCH.search(stem)
    numbers = _NUMBER.findall(stem)
    return int(epoch[1]) if epoch else (int(numbers[-1]) if numbers else None)


def load_weights(model: nn.Module, path: Path) -> None:
    """Load the weights of a checkpoint into a network.

    Raises
    ------
    ValueError
        If it can't be read, or does not hold all of the network's weights.
    """
    saved = _read(path)
    own = {name: value for name, value in model.state_dict().items() if isinstance(value, Tensor)}
    weights = _matching(saved, own)
    ties = {name for name in own if name not in weights and _tied(name, own, weights)}
    try:
        wanted = {name: value for name, value in own.items() if name not in ties}
        storage.check_architecture({name: weights[name] for name in weights if name in own}, wanted)
    except storage.RunError as error:
        found = ", ".join(list(saved)[:5])
        raise ValueError(
            f"checkpoint must hold the network's weights; got {path} ({error}) Its names: {found}."
        ) from None
    model.load_state_dict({name: weights[name] for name in own if name in weights}, strict=False)


def _read(path: Path) -> dict[str, Tensor]:
    """Read the weights of a checkpoint, by the names it has for them."""
    if path.is_dir():
        index = path / "model.safetensors.index.json"
        shards = sorted(set(files.read_json(index)["weight_map"].values())) if index.exists() else []
        names = shards or [name for name in _FOLDER_FILES if (path / name).exists()][:1]
        if not names:
            raise ValueError(
                f"checkpoint must be a file, or a folder with {' or '.join(_FOLDER_FILES)}; got {path} "
                "without."
            )
        weights: dict[str, Tensor] = {}
        for name in names:
            weights |= _read(path / Path(name).name)
        return weights
    if path.suffix == ".safetensors":
        return load_tensors(path)
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = str(error).strip().partition("\n")[0].partition(". ")[0]
        raise ValueError(
            f"checkpoint must hold weights alone; got {path}, which can't be read without running what is in "
            f"it ({type(error).__name__}: {reason[:120]}). Save model.state_dict() of it, or safetensors."
        ) from error
    weights = _weights_in(saved)
    if not weights:
        kind = (
            f"{type(saved).__name__} of {', '.join(map(str, list(saved)[:5]))}"
            if isinstance(saved, Mapping)
            else type(saved).__name__
        )
        raise ValueError(
            f"checkpoint must hold weights by name; got {path}, a {kind}. Save model.state_dict()."
        )
    return weights


def _weights_in(saved: Any) -> dict[str, Tensor]:
    """Return the weights in a checkpoint: at its top, or under one of their usual names."""
    if not isinstance(saved, Mapping):
        return {}
    for name in _WEIGHTS:
        inner = _weights_in(saved.get(name))
        if inner:
            return inner
    return {str(name): value for name, value in saved.items() if isinstance(value, Tensor)}


def _matching(saved: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return saved weights under the network's names, without the prefix that a wrapper gave them."""
    plain = dict(saved)
    for mark in _MARKS:
        plain = {name.replace(mark, ""): value for name, value in plain.items()}
    first = next((name for name in own if any(saved_as.endswith(name) for saved_as in plain)), None)
    if first is None:
        return plain
    prefixes = sorted({name[: -len(first)] for name in plain if name.endswith(first)}, key=len)
    candidates = [
        {name[len(prefix) :]: value for name, value in plain.items() if name.startswith(prefix)}
        for prefix in prefixes
    ]
    return max(
        candidates,
        key=lambda weights: sum(
            name in own and own[name].shape == value.shape for name, value in weights.items()
        ),
    )


def _tied(name: str, own: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> bool:
    """Whether a weight is another name of one that was saved, or a counter that says nothing."""
    if name.endswith("num_batches_tracked"):
        return True
    place = own[name].data_ptr()
    return any(other in weights and own[other].data_ptr() == place for other in own if other != name)
