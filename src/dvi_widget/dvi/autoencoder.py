"""The encoder φ and the decoder ψ as one pair of networks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn


class Autoencoder(nn.Module):
    """Encoder (h, w, …, w, l) and its mirror as decoder, ReLU between layers (DeepVisualInsight, §6).

    Representations are standardised: x is centred and divided by one number, both fixed when the network is
    built, so that neither the learning rate nor the balance of the losses depends on the classifier's units.

    Parameters
    ----------
    widths : sequence of int
        Sizes of the encoder's layers, h first and l last.
    centre : tensor [h]
        Subtracted from representations.
    scale : tensor []
        Divides them then.
    """

    centre: torch.Tensor
    scale: torch.Tensor

    def __init__(self, widths: Sequence[int], centre: torch.Tensor, scale: torch.Tensor) -> None:
        super().__init__()
        self.encoder = _perceptron(widths)
        self.decoder = _perceptron(widths[::-1])
        self.register_buffer("centre", centre)
        self.register_buffer("scale", scale)

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """φ: representations [n, h] to positions [n, l]."""
        y: torch.Tensor = self.encoder((x - self.centre) / self.scale)
        return y

    def decode(self, y: torch.Tensor) -> torch.Tensor:
        """ψ: positions [n, l] to representations [n, h]."""
        x: torch.Tensor = self.decoder(y) * self.scale + self.centre
        return x


def _perceptron(widths: Sequence[int]) -> nn.Sequential:
    """Build linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for first, second in pairwise(widths):
        layers += [nn.Linear(first, second, dtype=torch.float32, device="cpu"), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
