"""Small networks for the saliency tests: the same weights behind ReLUs written in different ways."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - its usual name

CLASSES = 5


class Twin(nn.Module):
    """One network, its ReLUs called in the way that a subclass says."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2, 4, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 6, 3, padding=1)
        self.conv3 = nn.Conv2d(6, 6, 3, padding=1)
        self.linear = nn.Linear(6 * 4 * 4, CLASSES)

    def forward(self, x):
        x = F.max_pool2d(self.relu(0, self.bn1(self.conv1(x))), 2)
        x = self.relu(1, self.conv2(x))
        x = self.relu(2, self.conv3(x))
        return self.linear(x.flatten(1))

    def relu(self, i, x):
        raise NotImplementedError


class Modules(Twin):
    def __init__(self) -> None:
        super().__init__()
        self.relus = nn.ModuleList([nn.ReLU() for _ in range(3)])
        self.pool = nn.MaxPool2d(2)

    def forward(self, x):
        x = self.pool(self.relus[0](self.bn1(self.conv1(x))))
        return self.linear(self.relus[2](self.conv3(self.relus[1](self.conv2(x)))).flatten(1))


class Functional(Twin):
    def relu(self, i, x):
        return F.relu(x)


class InPlace(Twin):
    def relu(self, i, x):
        x.relu_()
        return x


class InPlaceFunction(Twin):
    def relu(self, i, x):
        return F.relu(x, inplace=True)


class Reused(Twin):
    def __init__(self) -> None:
        super().__init__()
        self.act = nn.ReLU(inplace=True)

    def relu(self, i, x):
        return self.act(x)


class Clamped(Twin):
    def relu(self, i, x):
        return (x.clamp(min=0), torch.clamp_min(x, 0), torch.maximum(x, torch.zeros(())))[i]


WRITINGS = [Functional, InPlace, InPlaceFunction, Reused, Clamped]


class Residual(nn.Module):
    """A block with a shortcut that is subsampled and padded with zero channels, as in ResNet-20."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2, 4, 3, padding=1)
        self.conv2 = nn.Conv2d(4, 8, 3, stride=2, padding=1)
        self.bn = nn.BatchNorm2d(8)
        self.linear = nn.Linear(8, CLASSES)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        shortcut = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2))
        return self.linear(F.relu(self.bn(self.conv2(x)) + shortcut).mean((2, 3)))


class Softened(nn.Module):
    """A network that gives probabilities."""

    def __init__(self, inner, scale=1.0) -> None:
        super().__init__()
        self.inner = inner
        self.scale = scale

    def forward(self, x):
        return F.softmax(self.inner(x) * self.scale, 1)


class Written(nn.Module):
    """Two convolutions and a linear layer, with whatever a test makes of them."""

    def __init__(self, forward, **modules) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2, 4, 3, padding=1)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.linear = nn.Linear(4, 3)
        self.written = forward
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, x):
        return self.written(self, x)


def seeded(model, seed=0):
    """The same weights for every network with the same layers, and a BatchNorm that does something."""
    generator = torch.Generator().manual_seed(seed)
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point():
            with torch.no_grad():
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.3)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_var is not None:
            module.running_var.abs_().add_(0.5)
            with torch.no_grad():
                module.weight.abs_().add_(0.5)
    return model.eval()


def pictures(n=6, seed=1, size=8):
    return torch.randn(n, 2, size, size, generator=torch.Generator().manual_seed(seed))


def linear_network(weight):
    """A network whose logits are W·x: [classes, C, H, W] weights, no bias."""
    layer = nn.Linear(weight[0].numel(), len(weight), bias=False)
    with torch.no_grad():
        layer.weight.copy_(weight.flatten(1))
    return nn.Sequential(nn.Flatten(), layer)
