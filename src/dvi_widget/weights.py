"""Weights on disk: tensors as safetensors with a digest, checked when they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from .files import CHECK, CHECK_BYTES, DamagedFileError, open_regular

# The types of tensors that NumPy has, as safetensors writes them.
_TYPES_OF_NUMPY = frozenset({"F64", "F32", "F16", "I64", "I32", "I16", "I8", "U8", "BOOL"})


def save_tensors(path: Path, tensors: Mapping[str, Tensor], header: dict[str, str] | None = None) -> None:
    """Write tensors as safetensors with a digest (tied ones once per name), inside a `write_aside` block."""
    own = {name: t.detach().cpu().clone().contiguous() for name, t in tensors.items()}
    # Not by save_file, whose files only the owner may read, whatever the umask.
    texts = header or {}
    path.write_bytes(safetensors.torch.save(own, {**texts, CHECK: _tensor_digest(own, texts)}))


def load_tensors(path: Path, **header: str) -> dict[str, Tensor]:
    """Read tensors from a safetensors file.

    Parameters
    ----------
    path
        The file.
    **header
        What its header must hold, if `save_tensors` wrote it.

    Raises
    ------
    FileNotFoundError, PermissionError
        If there is no such file, or it may not be read.
    DamagedFileError
        If it holds something else, or was changed since `save_tensors` wrote it.
    """
    tensors, found = load_tensors_and_header(path)
    if found and not header.items() <= found.items():
        raise DamagedFileError(f"{path} is damaged: it is the file of something else.")
    return tensors


def load_tensors_and_header(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read tensors from a safetensors file, and the texts in its header; errors as for `load_tensors`."""
    # safetensors reports an unreadable file as a missing one, and waits for pipes.
    open_regular(path).close()
    try:
        # Read as tensors of torch, each loses some memory, which thousands of epochs add up.
        with safetensors.safe_open(path, "np") as file:
            header = dict(file.metadata() or {})
            types = {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118 - no mapping
            known = [name for name, kind in types.items() if kind in _TYPES_OF_NUMPY]
            tensors = {name: torch.from_numpy(file.get_tensor(name)) for name in known}
        if len(tensors) < len(types):
            # Older versions of safetensors make tensors on the process's default device.
            with torch.device("cpu"), safetensors.safe_open(path, "pt") as file:
                tensors |= {name: file.get_tensor(name) for name in types.keys() - tensors.keys()}
    except (safetensors.SafetensorError, OSError, ValueError, RuntimeError, OverflowError, KeyError) as error:
        raise DamagedFileError(f"{path} is damaged: it is not a whole safetensors file ({error}).") from error
    check = header.pop(CHECK, None)
    if check is not None and check != _tensor_digest(tensors, header):
        raise DamagedFileError(f"{path} is damaged: it was changed after it was written.")
    return tensors, header


def _tensor_digest(tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> str:
    state = hashlib.blake2b(repr(sorted(header.items())).encode("utf-8"), digest_size=CHECK_BYTES)
    for name in sorted(tensors):
        tensor = tensors[name]
        state.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        state.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return state.hexdigest()
