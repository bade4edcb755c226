"""What tells a network, as it is now, from all others: the part of a map's key that the model makes."""

from __future__ import annotations

import enum
import functools
import hashlib
import itertools
import types
import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["digest", "model_key"]

_PROBES = 16  # entries of each weight looked at before a digest is believed
_DEPTH = 8  # containers within containers; a list may hold itself

_WEIGHTS: weakref.WeakKeyDictionary[nn.Module, tuple[Any, str]] = weakref.WeakKeyDictionary()

_VALUES = (
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    type(None),
    enum.Enum,
    np.generic,
    torch.dtype,
    torch.device,
)
_CODE = (type, types.FunctionType, types.BuiltinFunctionType)
# What every module has and what is looked at elsewhere, or put right before a forward pass.
_ELSEWHERE = {"_parameters", "_buffers", "_modules", "training"}
# Functions and types by number: an id may come again once its owner is gone.
_NUMBERED: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
_NUMBERS = itertools.count()


class _UnkeyableError(Exception):
    """A module holds something that may change unseen."""


def model_key(module: nn.Module) -> tuple[Any, ...] | None:
    """What tells a network, its weights, settings and hooks from all others; None where nothing does.

    Settings are the plain attributes of all its modules: numbers, strings, tensors, arrays, containers of
    these, and functions and types by identity. A network with attributes of other kinds has no key, for
    nobody can tell whether these have changed.
    """
    state = hashlib.blake2b(digest_size=16)
    try:
        for part in module.modules():
            own = {name: value for name, value in vars(part).items() if name not in _ELSEWHERE}
            state.update(repr((type(part), _plain(own, _DEPTH))).encode())
    except _UnkeyableError:
        return None
    return type(module), state.hexdigest(), _weights_digest(module)


def _plain(value: Any, depth: int) -> Any:
    """A value as something whose repr differs whenever the value does."""
    if isinstance(value, _VALUES):
        return type(value), value
    if isinstance(value, _CODE):
        return "code", _NUMBERED.setdefault(value, next(_NUMBERS))
    if isinstance(value, Tensor) and value.layout == torch.strided and not value.is_meta:
        return "tensor", value.dtype, tuple(value.shape), digest(value.detach().cpu())
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return "array", value.dtype, value.shape, hashlib.blake2b(value.tobytes(), digest_size=16).digest()
    if depth and isinstance(value, functools.partial):
        return "partial", *(_plain(part, depth - 1) for part in (value.func, value.args, value.keywords))
    if depth and isinstance(value, Mapping):
        return type(value), [(_plain(k, depth - 1), _plain(v, depth - 1)) for k, v in value.items()]
    if depth and isinstance(value, (tuple, list)):
        return type(value), [_plain(entry, depth - 1) for entry in value]
    if depth and isinstance(value, (set, frozenset)):
        return type(value), sorted(repr(_plain(entry, depth - 1)) for entry in value)
    raise _UnkeyableError


def _weights_digest(module: nn.Module) -> str:
    """Digest of all weights and buffers, computed anew only when they may have changed."""
    tensors = [*module.parameters(), *module.buffers()]
    stamp = tuple(
        (t.data_ptr(), 0 if t.is_inference() else t._version, _probed(t))  # noqa: SLF001
        for t in tensors
    )
    known = _WEIGHTS.get(module)
    if known is not None and known[0] == stamp:
        return known[1]
    state = hashlib.blake2b(digest_size=16)
    for t in tensors:
        state.update(_bytes(t.detach().cpu()))
    _WEIGHTS[module] = stamp, state.hexdigest()
    return state.hexdigest()


def _probed(tensor: Tensor) -> bytes:
    """A few entries, spread over the tensor: writes through .data move no version."""
    flat = tensor.detach().flatten()
    return _bytes(flat[:: max(1, flat.numel() // _PROBES)].cpu())


def digest(tensor: Tensor) -> bytes:
    """Digest of the values of a tensor on the CPU."""
    return hashlib.blake2b(_bytes(tensor), digest_size=16).digest()


def _bytes(tensor: Tensor) -> bytes:
    return tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes()
