"""Borrowing a network: its modes, buffers and random state come back as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the network inside torch's wrappers for several devices and for compilation."""
    while True:
        if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            model = model.module
        elif isinstance(getattr(model, "_orig_mod", None), nn.Module):
            model = model._orig_mod  # type: ignore[assignment]  # noqa: SLF001
        else:
            return model


def home(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Return the device and floating dtype of a network: those of its first floating weight or buffer."""
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point():
            return tensor.device, tensor.dtype
    return torch.device("cpu"), torch.float32


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode for a block; then restore modes, buffers and random state.

    Parameters
    ----------
    model
        The network. Whether gradients are computed is left to the caller.
    """
    modules = list(model.modules())
    modes = [module.training for module in modules]
    buffers = [(module, name, b) for module in modules for name, b in module._buffers.items()]  # noqa: SLF001
    saved = [(None, 0) if b is None else (b.clone(), b._version) for *_, b in buffers]  # noqa: SLF001
    device, _ = home(model)
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        try:
            # The attribute, not eval(): a network may override train() with side effects.
            for module in modules:
                module.training = False
            yield
        finally:
            for module, mode in zip(modules, modes, strict=True):
                module.training = mode
            with torch.no_grad():
                for (module, name, b), (old, version) in zip(buffers, saved, strict=True):
                    if b is not None and old is not None and b._version != version:  # noqa: SLF001
                        b.copy_(old)
                    module._buffers[name] = b  # noqa: SLF001
