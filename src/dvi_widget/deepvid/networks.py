"""The encoder and decoder networks of the variational auto-encoder (DeepVID, §7.1, Fig. 8)."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Convolutional", "Dense"]

# Below this mean squared error, of values between 0 and 1, a reconstruction gets no better likelihood.
_MIN_SQUARED_ERROR = 1e-8
# Where layers are made, whatever the process's defaults.
_PLACE: dict[str, Any] = {"dtype": torch.float32, "device": "cpu"}


class Dense(nn.Module):
    """Fully connected layers both ways, with a Bernoulli likelihood (Fig. 8, left).

    Parameters
    ----------
    shape : (C, H, W)
        Of a picture.
    latent : int
        Dimensions of the latent space.
    hidden : tuple of int
        Widths of the layers from a picture to its latent vector; the decoder mirrors them.
    """

    def __init__(self, shape: tuple[int, int, int], latent: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        values = math.prod(shape)
        self.encoder = nn.Sequential(nn.Flatten(), *_connected((values, *hidden, 2 * latent)))
        self.decoder = nn.Sequential(*_connected((latent, *hidden[::-1], values)))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance of q(z|x), [n, latent] both."""
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, z: Tensor) -> Tensor:
        """Return the logits of pictures, [n, values]."""
        decoded: Tensor = self.decoder(z)
        return decoded

    def error(self, logits: Tensor, x: Tensor) -> Tensor:
        """Return −log p(x|z) of a Bernoulli distribution per value, summed over the batch."""
        return functional.binary_cross_entropy_with_logits(logits, x.flatten(1), reduction="sum")


class Convolutional(nn.Module):
    """Convolutions that halve the picture, and their mirror, with a Gaussian likelihood (Fig. 8, right).

    Parameters
    ----------
    shape : (C, H, W)
        Of a picture.
    latent : int
        Dimensions of the latent space.
    channels : tuple of int
        Channels of the convolutions.
    """

    def __init__(self, shape: tuple[int, int, int], latent: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape
        factor = 2 ** len(channels)
        rows, columns = (math.ceil(size / factor) for size in shape[1:])
        self.padded = (rows * factor, columns * factor)
        self.grid = (channels[-1], rows, columns)
        down: list[nn.Module] = []
        up: list[nn.Module] = []
        for before, after in zip((shape[0], *channels), channels, strict=False):
            down += [nn.Conv2d(before, after, 4, 2, 1, **_PLACE), nn.ReLU()]
            up = [nn.ReLU(), nn.ConvTranspose2d(after, before, 4, 2, 1, **_PLACE), *up]
        values = math.prod(self.grid)
        self.encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(values, 2 * latent, **_PLACE))
        self.widen = nn.Linear(latent, values, **_PLACE)
        self.decoder = nn.Sequential(*up)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance of q(z|x), [n, latent] both."""
        right, below = self.padded[1] - self.shape[2], self.padded[0] - self.shape[1]
        mean, log_variance = self.encoder(functional.pad(x, (0, right, 0, below))).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, z: Tensor) -> Tensor:
        """Return the logits of pictures, [n, C, H, W]."""
        decoded: Tensor = self.decoder(self.widen(z).reshape(-1, *self.grid))
        return decoded[:, :, : self.shape[1], : self.shape[2]]

    def error(self, logits: Tensor, x: Tensor) -> Tensor:
        """Return −log p(x|z) of a Gaussian at the batch's best variance, up to a constant."""
        squared_error = functional.mse_loss(logits.sigmoid(), x)
        return 0.5 * x.numel() * squared_error.clamp_min(_MIN_SQUARED_ERROR).log()


def _connected(widths: tuple[int, ...]) -> list[nn.Module]:
    """Return fully connected layers from width to width, with ReLUs between them."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after, **_PLACE), nn.ReLU()]
    return layers[:-1]
