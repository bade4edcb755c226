"""Borrowing a network: its modes, buffers and random state come back as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain

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
    for tensor in chain(model.parameters(), model.buffers()):
        if tensor.is_floating_point():
            return tensor.device, tensor.dtype
    return torch.device("cpu"), torch.float32


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode for a block; then restore modes, buffers and random state.

    Autocast around the block does not reach into it: what is recorded has the weights' own precision. A
    network that switches autocast on in its own forward keeps doing so. Compiled networks run as written.

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
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng([device] if device.type == "cuda" else []))
        for kind in {"cpu", device.type} - {"meta"}:
            stack.enter_context(torch.autocast(kind, enabled=False))
        if any(_is_compiled(module) for module in modules) and hasattr(torch.compiler, "set_stance"):
            # Compiled code neither calls hooks on submodules nor takes rules.
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        try:
            # The attribute, not eval(): a network may override train() with side effects.
            _switch(modules, [False] * len(modules))
            yield
        finally:
            _switch(modules, modes)
            with torch.no_grad():
                for (module, name, b), (old, version) in zip(buffers, saved, strict=True):
                    if b is not None and old is not None and b._version != version:  # noqa: SLF001
                        b.copy_(old)
                    module._buffers[name] = b  # noqa: SLF001


def _switch(modules: list[nn.Module], modes: list[bool]) -> None:
    """Set modes that differ: setting an attribute of a module is slow."""
    for module, mode in zip(modules, modes, strict=True):
        if module.training != mode:
            module.training = mode


def _is_compiled(module: nn.Module) -> bool:
    """Whether a module was compiled by `torch.compile`, or in place by its own `compile`."""
    # Where attributes lie, because a module looks slowly for those that it lacks.
    return "_orig_mod" in module._modules or vars(module).get("_compiled_call_impl") is not None  # noqa: SLF001
