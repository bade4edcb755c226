"""The ResNet-20 that lies beside the CIFAR-10 pictures, and a few of these pictures as it takes them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Block(nn.Module):
    """Two convolutions and a shortcut without weights."""

    def __init__(self, entering: int, leaving: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(entering, leaving, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(leaving)
        self.conv2 = nn.Conv2d(leaving, leaving, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(leaving)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's maps; all ReLUs are functions."""
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.stride > 1:
            missing = (y.shape[1] - x.shape[1]) // 2
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, missing, missing))
        return F.relu(y + x)


class ResNet20(nn.Module):
    """ResNet-20 (He et al. 2016, §4.2, n = 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(Block(16, 16, 1), Block(16, 16, 1), Block(16, 16, 1))
        self.layer2 = nn.Sequential(Block(16, 32, 2), Block(32, 32, 1), Block(32, 32, 1))
        self.layer3 = nn.Sequential(Block(32, 64, 2), Block(64, 64, 1), Block(64, 64, 1))
        self.linear = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [n, 10] of normalised pictures [n, 3, 32, 32]."""
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.linear(x.mean((2, 3)))  # type: ignore[no-any-return]


class Normalised(nn.Module):
    """A network that takes pictures in [0, 1]."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(_MEAN).view(3, 1, 1))
        self.register_buffer("deviation", torch.tensor(_STD).view(3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits of pictures [n, 3, H, W]."""
        return self.network((x - self.mean) / self.deviation)  # type: ignore[no-any-return]


def trained(data: Path) -> ResNet20:
    """Return the network with its weights, in evaluation mode."""
    model = ResNet20()
    model.load_state_dict(load_file(data / "cifar10" / "resnet20.safetensors"))
    return model.eval()


def pictures(data: Path, per_class: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the first test pictures of each class, in [0, 1], [n, 3, 32, 32], and their classes."""
    found: dict[str, list[NDArray[np.uint8]]] = {name: [] for name in CLASSES}
    with tarfile.open(data / "cifar10" / "cifar10-jpg.tar.xz", "r|xz") as archive:
        for member in archive:
            parts = member.name.split("/")
            if parts[0] != "test" or not member.isfile() or len(found[parts[1]]) == per_class:
                continue
            file = archive.extractfile(member)
            assert file is not None
            found[parts[1]].append(np.asarray(Image.open(io.BytesIO(file.read())).convert("RGB")))
    x = np.concatenate([np.stack(found[name]) for name in CLASSES]).transpose(0, 3, 1, 2)
    scaled: NDArray[np.float32] = x.astype(np.float32) / np.float32(255)
    return scaled, np.repeat(np.arange(len(CLASSES), dtype=np.int64), per_class)


def normalised(x: NDArray[np.float32]) -> Tensor:
    """Return pictures in [0, 1] as the network takes them."""
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (_MEAN, _STD))
    return (torch.from_numpy(x) - mean) / std
