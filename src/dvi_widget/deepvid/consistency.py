"""The feature-consistency loss: a network should respond alike to a picture and its reconstruction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from dvi_widget.subject import evaluating

__all__ = ["compared_layers", "inconsistency"]

_LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
_MIN_ENERGY = 1e-12  # mean squared activation that a layer's difference is divided by, at least


def compared_layers(network: nn.Module) -> list[nn.Module]:
    """Return the layers whose outputs are compared: convolutions and linear layers."""
    return [module for module in network.modules() if isinstance(module, _LAYERS)]


def inconsistency(network: nn.Module, x: Tensor, decoded: Tensor) -> Tensor:
    """Return the relative squared difference of activations, averaged over layers (Hou et al. 2017).

    Parameters
    ----------
    network
        Runs in evaluation mode and is left as it was.
    x, decoded : tensor [n, C, H, W]
        Pictures and reconstructions, on the scale of the network. Gradients flow to `decoded` alone.

    Returns
    -------
    tensor []
    """
    with _recorded(network) as outputs:
        network(torch.cat([x, decoded]))
    terms = []
    for activations in outputs:
        original, copy = activations.chunk(2)
        original = original.detach()
        energy = original.square().mean().clamp_min(_MIN_ENERGY)
        terms.append((copy - original).square().mean() / energy)
    return torch.stack(terms).mean()


@contextmanager
def _recorded(network: nn.Module) -> Iterator[list[Tensor]]:
    """Record the outputs of the compared layers, in evaluation mode; the modes are restored."""
    outputs: list[Tensor] = []
    handles = [
        layer.register_forward_hook(lambda _, __, output: outputs.append(output))
        for layer in compared_layers(network)
    ]
    try:
        with evaluating(network):
            yield outputs
    finally:
        for handle in handles:
            handle.remove()
